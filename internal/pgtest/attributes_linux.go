package pgtest

import "syscall"

// attributes has a program run as somebody else, where there is a credential, and
// end at once when we do.
func attributes(credential *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: credential, Pdeathsig: syscall.SIGQUIT, Setpgid: true}
}
