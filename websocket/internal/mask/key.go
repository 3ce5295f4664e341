package mask

import (
	crand "crypto/rand"
	"math/rand/v2"
	"sync"
)

// generators holds ChaCha8 streams seeded by the operating system. RFC 6455 section 10.3 requires keys that nobody
// can predict; a system call for every frame would be the dearest part of a small write.
var generators = sync.Pool{New: func() any {
	var seed [32]byte
	crand.Read(seed[:]) // never fails: it ends the program when the system has no randomness
	return rand.NewChaCha8(seed)
}}

// NewKey returns a masking key of cryptographic strength. It is safe for concurrent use.
func NewKey() uint32 {
	g := generators.Get().(*rand.ChaCha8)
	key := uint32(g.Uint64())
	generators.Put(g)
	return key
}
