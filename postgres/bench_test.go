//go:build unix

package postgres_test

import (
	"testing"

	"github.com/seed-4a326f83/parley/internal/storetest"
)

func BenchmarkSearch(b *testing.B) { storetest.BenchmarkSearch(b, open(b, newDatabase(b))) }
