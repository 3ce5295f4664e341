//go:build unix

package server

import "golang.org/x/sys/unix"

// maxDescriptors returns how many file descriptors the process may have.
func maxDescriptors() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // the smallest that systems start a process with
	}
	return int(min(uint64(limit.Cur), 1<<30))
}
