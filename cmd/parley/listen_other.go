//go:build !linux

package main

import (
	"syscall"
	"time"
)

// setUserTimeout does nothing: only Linux has a time-out per socket for what is
// not acknowledged. The heartbeat finds dead peers here too.
func setUserTimeout(syscall.RawConn, time.Duration) error { return nil }
