//go:build !linux

package cluster

import "syscall"

// childAttributes has a child not hear the Ctrl-C that is meant for us. It
// outlives us when we are killed: only Linux ends it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
