// Package test drives the real parley binary from outside, as its users do: Go,
// Node and Python programs that share no code with it, Chromium, a network that
// breaks, and kill -9.
//
// Package chaos judges whatever breaks while people talk; package cluster breaks
// installations of several nodes, their engines and their links.
//
// It is a module of its own, so that nobody who uses Parley inherits the
// partners it is tested against. Environment:
//
//	PARLEY_BINARY  test this binary instead of building cmd/parley
//	PARLEY_RACE    1 builds cmd/parley with the race detector
//	PARLEY_SEED    replay a run of TestKill or TestStopUnderLoad with the seed
//	               that it printed: the same messages and waits
//	CHROMIUM       the browser to drive, /usr/bin/chromium if unset
package test
