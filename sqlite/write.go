package sqlite

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/seed-4a326f83/parley"
)

// maxGroup bounds how many writes share a commit, and so how long the first of
// them waits for the last.
const maxGroup = 512

// A writer runs writes one after another on the one connection that may. Those
// that wait while a commit is under way go into the next one together: joining,
// reading on and signing in then cost a share of a sync each, and appending
// waits for one of them at most.
type writer struct {
	open func() (*conn, error)

	mu      sync.Mutex
	queue   []*write
	running bool       // a goroutine is at work on the queue
	idle    *sync.Cond // running ended
	closed  bool

	conn *conn // of that goroutine; nil after it was given up as broken
}

// A write is one caller's part of a transaction.
type write struct {
	// do makes the changes. It may be called again after its changes were
	// undone. A *[parley.Error] is a refusal, which must come before the first
	// change, since the others' changes are committed; after any other error
	// the whole transaction is undone.
	do   func(*conn) error
	err  error
	done chan struct{}
}

// start opens the connection and runs the first write.
func (w *writer) start(first func(*conn) error) error {
	w.idle = sync.NewCond(&w.mu)
	if err := w.do(context.Background(), first); err != nil {
		return errors.Join(err, w.stop())
	}
	return nil
}

// do runs the write in a transaction and returns when that is on disk. Waiting
// for its turn ends with ctx; the write itself does not.
func (w *writer) do(ctx context.Context, do func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return canceled(err)
	}
	self := &write{do: do, done: make(chan struct{})}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return errClosed()
	}
	w.queue = append(w.queue, self)
	if !w.running {
		w.running = true
		go w.run()
	}
	w.mu.Unlock()

	select {
	case <-self.done:
		return self.err
	case <-ctx.Done():
	}
	w.mu.Lock()
	if i := slices.Index(w.queue, self); i >= 0 {
		w.queue = slices.Delete(w.queue, i, i+1)
		w.mu.Unlock()
		return canceled(ctx.Err())
	}
	w.mu.Unlock()
	<-self.done
	return self.err
}

// run works until nothing waits.
func (w *writer) run() {
	for {
		w.mu.Lock()
		n := min(len(w.queue), maxGroup)
		if n == 0 {
			w.running = false
			w.idle.Broadcast()
			w.mu.Unlock()
			return
		}
		group := slices.Clone(w.queue[:n])
		w.queue = slices.Delete(w.queue, 0, n)
		w.mu.Unlock()
		w.commit(group)
		for _, wr := range group {
			close(wr.done)
		}
	}
}

// commit runs the group and sets each one's err. One that fails for a reason of
// its own is left out, and the rest run again.
func (w *writer) commit(group []*write) {
	for rest := slices.Clone(group); len(rest) > 0; {
		culprit, err := w.try(rest)
		if err == nil {
			return
		}
		err = failure(err)
		if culprit >= 0 && parley.ErrorCode(err) != parley.CodeUnavailable {
			rest[culprit].err = err
			rest = slices.Delete(rest, culprit, culprit+1)
			continue
		}
		for _, wr := range rest {
			wr.err = err
		}
		return
	}
}

// try runs the group in one transaction. An error means that nothing of it was
// stored, or that a commit failed, and culprit is whose it was, or -1.
func (w *writer) try(group []*write) (culprit int, err error) {
	if w.conn == nil {
		if w.conn, err = w.open(); err != nil {
			return -1, unavailable(err)
		}
	}
	if _, err := w.conn.exec("BEGIN IMMEDIATE"); err != nil {
		w.rollback()
		return -1, unavailable(err)
	}
	for i, wr := range group {
		wr.err = wr.do(w.conn)
		if refusal := (*parley.Error)(nil); wr.err != nil && !errors.As(wr.err, &refusal) {
			w.rollback()
			return i, wr.err
		}
	}
	if _, err := w.conn.exec("COMMIT"); err != nil {
		w.rollback()
		return -1, unavailable(err)
	}
	return -1, nil
}

// rollback leaves the connection outside of any transaction. SQLite ends one by
// itself after some errors, a full disk among them; then there is none to end.
// A connection of which neither is sure is given up, and the next write opens
// another.
func (w *writer) rollback() {
	clear(w.conn.places) // what was read in a transaction that never was
	if _, err := w.conn.exec("ROLLBACK"); err != nil && !isNoTransaction(err) {
		w.conn.Close() // what it says of its end helps nobody
		w.conn = nil
	}
}

// stop waits for what is queued and closes the connection.
func (w *writer) stop() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for w.running {
		w.idle.Wait()
	}
	if w.conn == nil {
		return nil
	}
	err := w.conn.Close()
	w.conn = nil
	return err
}
