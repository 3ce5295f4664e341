// Package cluster starts an installation of several nodes on one machine: a
// PostgreSQL, a NATS server or cluster of them, and parley nodes, each a process
// that can be killed, stopped and started again. It is for tests and for trying;
// its own tests do to a cluster what befalls machines and networks, and have the
// oracle of package chaos judge.
//
// Whatever it starts ends with the program that started it, however that ends
// (on Linux). Environment of the tests:
//
//	PARLEY_BINARY  test this binary instead of building cmd/parley
//	PARLEY_RACE    1 builds cmd/parley with the race detector
//	PARLEY_SEED    replay the choices of a run with the seed that it printed
package cluster
