package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/seed-4a326f83/parley"
)

// The SQLSTATE codes that say what to do next.
const (
	stateSerialization = "40001"
	stateDeadlock      = "40P01"
	stateUnique        = "23505"
	stateNoLock        = "55P03"
	stateReadOnly      = "25006"
	stateDiskFull      = "53100"
	stateCharacter     = "22021"
	stateNoDatabase    = "3D000"
	stateBadPassword   = "28P01"
	stateNotAllowed    = "28000"
	stateNotOwner      = "42501"
)

// failure turns an error of a connection into what the callers of a Store
// expect: CodeUnavailable where trying again can help, and otherwise the error
// itself, which is a fault of ours or of the database's.
func (s *Store) failure(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*parley.Error](err); ok {
		return err
	}
	if s.closed.Load() {
		return errClosed()
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return canceled(err)
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return unavailable(err) // of the network
	}
	switch {
	case pg.Code == stateCharacter:
		return &parley.Error{Code: parley.CodeInvalid, Message: "it has a character that cannot be kept; leave it out", Err: err}
	case pg.Code == stateSerialization, pg.Code == stateDeadlock, pg.Code == stateNoLock, pg.Code == stateReadOnly,
		strings.HasPrefix(pg.Code, "08"), // connection
		strings.HasPrefix(pg.Code, "53"), // resources
		strings.HasPrefix(pg.Code, "57"), // shutting down, starting, timeouts
		strings.HasPrefix(pg.Code, "58"), // system
		pg.Code == "25P03":               // idle in a transaction
		return unavailable(err)
	}
	return fmt.Errorf("postgres: %w", err)
}

// unavailable says that nothing was stored, or that it is not known.
func unavailable(err error) error {
	message := "the server cannot store or read anything just now; send it again, with the same id"
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == stateDiskFull {
		message = "the database's disk is full; tell its administrator, and send it again later, with the same id"
	}
	return &parley.Error{Code: parley.CodeUnavailable, Message: message, Err: err}
}

// canceled says that the caller stopped waiting, or we did.
func canceled(err error) error {
	return &parley.Error{Code: parley.CodeUnavailable, Message: "it took too long; try again, and send a message again with the same id", Err: err}
}

func errClosed() error {
	return parley.Errorf(parley.CodeUnavailable, "the server is stopping; send it again soon, with the same id")
}

// state returns the SQLSTATE of an error, or "" where it is none of the
// database's.
func state(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

// openError says what is wrong with a database that was named, without the
// password.
func openError(config *pgx.ConnConfig, err error) error {
	hint := ""
	switch code := state(err); {
	case code == stateNoDatabase:
		hint = "; make it first: createdb " + config.Database
	case code == stateBadPassword || code == stateNotAllowed:
		hint = fmt.Sprintf("; check the user %q and the password", config.User)
	case code == stateNotOwner:
		hint = fmt.Sprintf("; make the user its owner: ALTER DATABASE %s OWNER TO %s", config.Database, config.User)
	case code == "" && isConnectError(err):
		hint = "; check that it runs, and the address"
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		err = pg // without the tries before it, such as TLS where the server has none
	}
	return fmt.Errorf("opening %s: %w%s", whereOf(config), err, hint)
}

func isConnectError(err error) bool {
	_, ok := errors.AsType[*pgconn.ConnectError](err)
	return ok
}
