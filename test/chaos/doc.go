// Package chaos is the oracle for every fault that the tests cause, and the
// clients that it listens to.
//
// A [Crew] of clients talks in some rooms through any number of nodes. Each
// client does what docs/protocol.md asks of one: after a lost connection it goes
// to any node, resumes its rooms from where it stopped reading, and sends again,
// with the same id, what has no ack. Each keeps a [Log]: what it said, what was
// acked, and every message that it saw. [Judge] holds the logs against the
// history that the nodes tell in the end.
//
// What a run draws (who talks where and when, where clients go, when a test
// causes its fault) comes from one seed, which [Seed] prints and PARLEY_SEED
// replays. What the machine adds, which goroutine runs first, no seed holds.
package chaos
