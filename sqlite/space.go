package sqlite

import (
	"github.com/seed-4a326f83/parley"
)

// reserve is how many bytes of the disk are left alone: with less free, nothing
// is appended. What is appended already can then still be read, signed in to and
// checkpointed, and the disk's owner has room to tidy up in.
const reserve = 64 << 20

// checkSpace refuses to append while the disk is nearly full. It asks each time,
// so it recovers by itself; where the system does not say, it is not nearly full.
func (s *Store) checkSpace() error {
	free, err := s.free()
	if err != nil || free >= reserve {
		return nil
	}
	return parley.Errorf(parley.CodeUnavailable,
		"the server's disk is nearly full; tell its administrator, and send it again later, with the same id")
}
