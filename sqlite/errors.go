package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-4a326f83/parley"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// failure turns an error of the driver into what the callers of a Store expect:
// CodeUnavailable where trying again can help, and otherwise the error itself,
// which is a fault of ours or of the file's.
func failure(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*parley.Error](err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return canceled(err)
	}
	switch resultCode(err) {
	case 0:
		return err // says itself what it is about
	case lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_READONLY, lib.SQLITE_BUSY, lib.SQLITE_LOCKED,
		lib.SQLITE_NOMEM, lib.SQLITE_CANTOPEN, lib.SQLITE_PROTOCOL, lib.SQLITE_INTERRUPT:
		return unavailable(err)
	}
	return fmt.Errorf("sqlite: %w", err)
}

// unavailable says that nothing was stored, or that it is not known.
func unavailable(err error) error {
	message := "the server cannot store or read anything just now; send it again, with the same id"
	switch resultCode(err) {
	case lib.SQLITE_FULL:
		message = "the server's disk is full; tell its administrator, and send it again later, with the same id"
	case lib.SQLITE_READONLY:
		message = "the server may not write to its disk; tell its administrator, and send it again later, with the same id"
	}
	return &parley.Error{Code: parley.CodeUnavailable, Message: message, Err: err}
}

// canceled says that the caller stopped waiting before anything was done.
func canceled(err error) error {
	return &parley.Error{Code: parley.CodeUnavailable, Message: "it took too long; try again, and send a message again with the same id", Err: err}
}

func errClosed() error {
	return parley.Errorf(parley.CodeUnavailable, "the server is stopping; send it again soon, with the same id")
}

// resultCode returns SQLite's primary result code, or 0 where err is none of
// its errors.
func resultCode(err error) int {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// isNoTransaction reports whether a ROLLBACK failed because there was nothing
// to roll back, for which SQLite has no code but the general one.
func isNoTransaction(err error) bool { return resultCode(err) == lib.SQLITE_ERROR }
