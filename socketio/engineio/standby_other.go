//go:build !linux

package engineio

// rest has the connection be watched without a goroutine of its own, which needs Linux.
func (*parked) rest() bool { return false }

// rise ends what rest began, and reports whether it did.
func (*parked) rise() bool { return false }
