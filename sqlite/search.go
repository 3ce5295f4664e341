package sqlite

import (
	"context"
	"errors"

	"github.com/seed-4a326f83/parley"
)

// Search implements [parley.Store].
func (s *Store) Search(ctx context.Context, q parley.Search) (parley.Hits, error) {
	return parley.Hits{}, errors.New("sqlite: not indexed yet")
}
