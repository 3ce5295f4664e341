package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/seed-4a326f83/parley/postgres"
)

// TestServersOfOtherLanguages is one that ends a connection in Russian.
func TestServersOfOtherLanguages(t *testing.T) {
	for severity, lost := range map[string]bool{"FATAL": true, "PANIC": true, "ERROR": false} {
		err := &pgconn.PgError{Severity: "ВАЖНО", SeverityUnlocalized: severity, Code: "57P01"}
		if postgres.ConnectionLost(err) != lost {
			t.Errorf("%s: taken for lost: %t", severity, !lost)
		}
	}
}
