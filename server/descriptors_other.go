//go:build !unix

package server

// maxDescriptors returns how many sockets we trust the process with where the
// system sets no number.
func maxDescriptors() int { return 16384 }
