package cluster

import "syscall"

// childAttributes has a child die with this program, even if that is killed, and
// not hear the Ctrl-C that is meant for it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
