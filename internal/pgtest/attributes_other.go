//go:build unix && !linux

package pgtest

import "syscall"

// attributes has a program run as somebody else, where there is a credential. It
// outlives us when we are killed: only Linux ends it.
func attributes(credential *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: credential, Setpgid: true}
}
