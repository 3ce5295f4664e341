package sqlite

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"

	lib "modernc.org/sqlite/lib"
)

// A faultyConn is a connection some of whose statements fail.
type faultyConn struct {
	driver.Conn
	before, after func(query string) error // instead of it; although it was done
}

func (c *faultyConn) Prepare(query string) (driver.Stmt, error) {
	st, err := c.Conn.Prepare(query)
	return &faultyStmt{st, c, query}, err
}

type faultyStmt struct {
	driver.Stmt
	conn  *faultyConn
	query string
}

func (s *faultyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if s.conn.before != nil {
		if err := s.conn.before(s.query); err != nil {
			return nil, err
		}
	}
	res, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	if err == nil && s.conn.after != nil {
		err = s.conn.after(s.query)
	}
	return res, err
}

func (s *faultyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

// A world is a store with somebody in a room.
type world struct {
	*testing.T
	*Store
	ann parley.User
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "parley.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{T: t, Store: s}
	w.ann, err = s.CreateGuest(t.Context(), parley.User{ID: parley.NewUserID(), Name: "ann"}, parley.SessionHash{1}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Join(t.Context(), parley.Lobby, w.ann.ID, false, time.Now()); err != nil {
		t.Fatal(err)
	}
	return w
}

// breaks makes the statements of the writing connection fail, until it is
// replaced by another.
func (w *world) breaks(before, after func(query string) error) {
	w.writer.mu.Lock() // nothing runs, and nothing starts
	defer w.writer.mu.Unlock()
	for w.writer.running {
		w.writer.idle.Wait()
	}
	c := w.writer.conn
	for _, st := range c.prepared {
		st.Close()
	}
	clear(c.prepared)
	if f, ok := c.Conn.(*faultyConn); ok {
		f.before, f.after = before, after
		return
	}
	c.Conn = &faultyConn{c.Conn, before, after}
}

func (w *world) say(id string, bytes int) (parley.Appended, error) {
	body := json.RawMessage(fmt.Sprintf("%q", fmt.Sprintf("%0*d", bytes, 0)))
	results, err := w.Append(w.Context(), []parley.Draft{
		{Room: parley.Lobby, User: w.ann, ID: id, Kind: parley.KindText, Body: body, Time: time.UnixMilli(1e12).UTC()},
	})
	if err != nil {
		return parley.Appended{}, err
	}
	return results[0], results[0].Err
}

// said checks that a message is stored now with that seq, or was before.
func (w *world) said(id string, seq int64, stored bool) {
	w.Helper()
	a, err := w.say(id, 10)
	if err != nil || a.Seq != seq || a.Stored != stored {
		w.Errorf("saying %s: %+v, %v; want seq %d, stored %v", id, a, err, seq, stored)
	}
}

func (w *world) unavailable(what string, err, cause error) {
	w.Helper()
	if parley.ErrorCode(err) != parley.CodeUnavailable || !errors.Is(err, cause) {
		w.Errorf("%s: %v, want CodeUnavailable because of %v", what, err, cause)
	}
}

func failing(at string, err error) func(string) error {
	return func(query string) error {
		if query == at {
			return err
		}
		return nil
	}
}

var errDisk = errors.New("the disk is on fire")

func TestAppendAfterACommitThatFailed(t *testing.T) {
	w := newWorld(t)
	w.said("a", 1, true)
	w.breaks(failing("COMMIT", errDisk), nil)
	for range 3 {
		_, err := w.say("b", 10)
		w.unavailable("Append", err, errDisk)
	}
	w.breaks(nil, nil)
	w.said("c", 2, true)
	w.said("b", 3, true)
	w.said("a", 1, false)
}

func TestAppendAfterACommitOfUnknownOutcome(t *testing.T) {
	w := newWorld(t)
	w.breaks(nil, failing("COMMIT", errDisk))
	_, err := w.say("a", 10)
	w.unavailable("Append", err, errDisk)
	w.breaks(nil, nil)
	w.said("b", 2, true)
	w.said("a", 1, false)
}

func TestWriterReplacesAConnectionThatCannotRollBack(t *testing.T) {
	w := newWorld(t)
	w.said("a", 1, true)
	broken := func(query string) error {
		if query == "COMMIT" || query == "ROLLBACK" {
			return errDisk
		}
		return nil
	}
	w.breaks(broken, nil)
	_, err := w.say("b", 10)
	w.unavailable("Append", err, errDisk)
	w.said("c", 2, true)
	w.said("b", 3, true)
}

func TestWriterGoesOnWhenATransactionCannotBegin(t *testing.T) {
	w := newWorld(t)
	w.breaks(failing("BEGIN IMMEDIATE", errDisk), nil)
	_, err := w.say("a", 10)
	w.unavailable("Append", err, errDisk)
	w.breaks(nil, nil)
	w.said("a", 1, true)
}

// TestWriterForgetsWhatWasRolledBack makes a room, joins it and writes to it in
// one transaction, which is undone.
func TestWriterForgetsWhatWasRolledBack(t *testing.T) {
	w := newWorld(t)
	var commits atomic.Int64
	w.breaks(func(query string) error {
		if query == "COMMIT" && commits.Add(1) == 2 {
			return errDisk
		}
		return nil
	}, nil)
	release := w.hold() // the first commit
	joining, saying := make(chan error), make(chan error)
	go func() {
		_, _, err := w.Join(w.Context(), "tea", w.ann.ID, true, time.Now())
		joining <- err
	}()
	w.waitQueued(1)
	batch := []parley.Draft{{Room: "tea", User: w.ann, ID: "a", Kind: parley.KindText, Body: json.RawMessage(`1`), Time: time.Now()}}
	go func() {
		_, err := w.Append(w.Context(), batch)
		saying <- err
	}()
	w.waitQueued(2)
	release()
	w.unavailable("Join", <-joining, errDisk)
	w.unavailable("Append", <-saying, errDisk)
	results, err := w.Append(w.Context(), batch)
	if err != nil || parley.ErrorCode(results[0].Err) != parley.CodeNotFound {
		t.Errorf("writing to a room that was undone: %+v, %v", results, err)
	}
}

func TestDiskFullRecoversByItself(t *testing.T) {
	w := newWorld(t)
	pages := func(limit int64) {
		t.Helper()
		if err := w.writer.do(w.Context(), func(c *conn) error {
			var n int64
			_, err := c.row("PRAGMA page_count", nil, &n)
			return errors.Join(err, c.script(fmt.Sprint("PRAGMA max_page_count = ", n+limit)))
		}); err != nil {
			t.Fatal(err)
		}
	}
	pages(40)
	stored := int64(0)
	var err error
	for i := 0; err == nil && i < 100; i++ {
		if _, err = w.say(fmt.Sprint(i), 10_000); err == nil {
			stored++
		}
	}
	if stored == 0 || resultCode(err) != lib.SQLITE_FULL {
		t.Fatalf("after %d messages: %v, want a full disk", stored, err)
	}
	for i := range 5 {
		_, err := w.say(fmt.Sprint("full-", i), 100_000)
		w.unavailable("Append to a full disk", err, err)
	}
	if page, err := w.History(w.Context(), parley.Lobby, parley.Range{Limit: 100}); err != nil || page.Last != stored || int64(len(page.Messages)) != stored {
		t.Errorf("reading on a full disk: %d of %d messages, %v", len(page.Messages), page.Last, err)
	}
	pages(1000)
	w.said("full-0", stored+1, true)
	w.said("0", 1, false)
	w.said("more", stored+2, true)
}

// waitQueued returns when n writes wait behind the one under way.
func (w *world) waitQueued(n int) {
	for queued := -1; queued != n; runtime.Gosched() {
		w.writer.mu.Lock()
		queued = len(w.writer.queue)
		w.writer.mu.Unlock()
	}
}

// hold keeps the writer busy until release is called.
func (w *world) hold() (release func()) {
	busy, released, ended := make(chan bool), make(chan bool), make(chan error)
	go func() {
		ended <- w.writer.do(w.Context(), func(*conn) error {
			busy <- true
			<-released
			return nil
		})
	}()
	<-busy
	return func() {
		w.Helper()
		close(released)
		if err := <-ended; err != nil {
			w.Error(err)
		}
	}
}

func TestWriterGathersWhatWaits(t *testing.T) {
	w := newWorld(t)
	var commits atomic.Int64
	w.breaks(nil, func(query string) error {
		if query == "COMMIT" {
			commits.Add(1)
		}
		return nil
	})
	release := w.hold()
	refusal := parley.ErrNotFound()
	note := func(base string) func(*conn) error {
		return func(c *conn) error {
			_, err := c.exec(`INSERT INTO numbered_names (base, digits, next) VALUES (?, 1, 2)`, base)
			return err
		}
	}
	writes := []func(*conn) error{
		note("a"),
		func(*conn) error { return refusal },
		note("b"),
		func(c *conn) error { return errors.Join(note("undone")(c), errDisk) },
		note("a"), // breaks a constraint
		note("c"),
	}
	errs := make(chan error, len(writes))
	results := make([]error, len(writes))
	for i, write := range writes {
		go func() {
			results[i] = w.writer.do(w.Context(), write)
			errs <- results[i]
		}()
		w.waitQueued(i + 1)
	}
	release()
	for range writes {
		<-errs
	}
	for i, err := range results {
		var ok bool
		switch i {
		case 1:
			ok = errors.Is(err, refusal)
		case 3:
			ok = errors.Is(err, errDisk)
		case 4:
			ok = resultCode(err) == lib.SQLITE_CONSTRAINT && parley.ErrorCode(err) == parley.CodeInternal
		default:
			ok = err == nil
		}
		if !ok {
			t.Errorf("write %d: %v", i, err)
		}
	}
	if n := commits.Load(); n != 2 {
		t.Errorf("%d commits, want one for the write that was held and one for all the rest", n)
	}
	bases := ""
	if _, err := w.reads.row(t.Context(), `SELECT group_concat(base, '') FROM (SELECT base FROM numbered_names ORDER BY base)`, nil, &bases); err != nil || bases != "abc" {
		t.Errorf("stored: %q, %v; want abc", bases, err)
	}
}

func TestWriterWaitsNoLongerThanTheContext(t *testing.T) {
	w := newWorld(t)
	release := w.hold()
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error)
	go func() {
		waiting <- w.writer.do(ctx, func(*conn) error {
			t.Error("it ran though nobody waited for it")
			return nil
		})
	}()
	w.waitQueued(1)
	cancel()
	w.unavailable("waiting", <-waiting, context.Canceled)
	release()
	w.said("a", 1, true)
}

func TestWriterEndsWhatItHasBegun(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := w.writer.do(ctx, func(c *conn) error {
		cancel()
		_, err := c.exec(`INSERT INTO numbered_names (base, digits, next) VALUES ('a', 1, 2)`)
		return err
	})
	if err != nil {
		t.Errorf("a write whose context ended under it: %v", err)
	}
	var n int
	if _, err := w.reads.row(t.Context(), `SELECT count(*) FROM numbered_names`, nil, &n); err != nil || n != 1 {
		t.Errorf("%d stored, %v; want 1", n, err)
	}
	w.said("a", 1, true)
}
