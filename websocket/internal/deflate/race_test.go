//go:build race

package deflate

// raceEnabled: sync.Pool throws away some of what it is given, so that allocations cannot be counted.
const raceEnabled = true
