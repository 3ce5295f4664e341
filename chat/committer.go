package chat

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4a326f83/parley"
)

// CommitterOptions bound a [Committer]. The zero value is good.
type CommitterOptions struct {
	// MaxBatch and MaxBatchBytes bound what is committed together, in drafts
	// and in bytes of their bodies; 0 is 512 and 4 MiB. A batch has at least
	// one draft, whatever its size.
	MaxBatch      int
	MaxBatchBytes int
	// MaxQueued bounds the memory of the drafts that wait or are being
	// committed, in bytes; 0 is 64 MiB.
	MaxQueued int
	// Logger hears of callbacks that panic; nil is slog.Default().
	Logger *slog.Logger
}

const (
	defaultMaxBatch      = 512
	defaultMaxBatchBytes = 4 << 20
	defaultMaxQueued     = 64 << 20

	// draftOverhead is about what a draft takes in memory beside its body.
	draftOverhead = 512
	// retryUnavailable is when a client may come again after a full queue or a
	// restart.
	retryUnavailable = time.Second
)

// A Committer hands drafts to the [parley.Store] in batches: what is submitted
// while one batch is on its way to disk goes there in the next one, together.
// A lone draft leaves at once; the more there are, the fewer syncs each costs.
//
// All methods are safe for concurrent use.
type Committer struct {
	store parley.Store
	o     CommitterOptions
	ctx   context.Context // ends when Close gives up
	abort context.CancelFunc
	ended chan struct{}

	mu      sync.Mutex
	wake    sync.Cond // something waits, or closed
	waiting queue
	bytes   int // of waiting and of what is being committed
	closed  bool

	batches, drafts atomic.Int64
}

// queue is drafts and, beside each, whom to tell: apart, so that a piece of it
// is a batch as it stands.
type queue struct {
	drafts []parley.Draft
	dones  []func(parley.Appended)
}

// NewCommitter starts a committer, which runs until [Committer.Close].
func NewCommitter(store parley.Store, o CommitterOptions) *Committer {
	if o.MaxBatch == 0 {
		o.MaxBatch = defaultMaxBatch
	}
	if o.MaxBatchBytes == 0 {
		o.MaxBatchBytes = defaultMaxBatchBytes
	}
	if o.MaxQueued == 0 {
		o.MaxQueued = defaultMaxQueued
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	c := &Committer{store: store, o: o, ended: make(chan struct{})}
	c.wake.L = &c.mu
	c.ctx, c.abort = context.WithCancel(context.Background())
	go c.run()
	return c
}

// Submit queues a draft and returns at once; it never waits for the disk. done
// is told later, exactly once, what became of it: stored, refused, or
// CodeUnavailable. Calls of done come one at a time, in the order of Submit, so
// those of one room come in the order of seq; while one runs, the drafts behind
// it wait. done may call Submit.
//
// Where the queue is full or the committer closed, Submit returns an error of
// CodeUnavailable with RetryAfter, and done is not called.
func (c *Committer) Submit(d parley.Draft, done func(parley.Appended)) error {
	size := draftOverhead + len(d.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return &parley.Error{
			Code: parley.CodeUnavailable, RetryAfter: retryUnavailable,
			Message: "the server is restarting; send it again soon, with the same id",
		}
	}
	if c.bytes+size > c.o.MaxQueued {
		return &parley.Error{
			Code: parley.CodeUnavailable, RetryAfter: retryUnavailable,
			Message: "more is being said than the server's disk can take; send it again soon, with the same id",
		}
	}
	c.bytes += size
	c.waiting.drafts = append(c.waiting.drafts, d)
	c.waiting.dones = append(c.waiting.dones, done)
	c.wake.Signal()
	return nil
}

// Close takes no more drafts, waits until those that are queued are committed
// and told of, and ends the committer. When ctx ends first it returns ctx's
// error: what the store has not begun to write is then told CodeUnavailable.
// Closing again waits likewise.
func (c *Committer) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	c.wake.Signal()
	c.mu.Unlock()
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		c.abort()
		return ctx.Err()
	}
}

// CommitterStats counts what a committer has done.
type CommitterStats struct {
	Batches int64 // calls of Store.Append, each of which is one commit
	Drafts  int64 // drafts in them
}

// Stats returns the counts so far. It costs next to nothing.
func (c *Committer) Stats() CommitterStats {
	return CommitterStats{Batches: c.batches.Load(), Drafts: c.drafts.Load()}
}

func (c *Committer) run() {
	defer close(c.ended)
	defer c.abort()
	var q, spare queue
	for {
		c.mu.Lock()
		for len(c.waiting.drafts) == 0 && !c.closed {
			c.wake.Wait()
		}
		q, c.waiting = c.waiting, spare
		c.mu.Unlock()
		if len(q.drafts) == 0 {
			return
		}
		for at := 0; at < len(q.drafts); {
			end, size := c.batch(q.drafts, at)
			c.commit(q.drafts[at:end], q.dones[at:end])
			c.mu.Lock()
			c.bytes -= size
			c.mu.Unlock()
			at = end
		}
		spare = q.emptied()
	}
}

// batch returns where the batch ends that begins at at, and what it counts for
// in the bytes of the queue.
func (c *Committer) batch(drafts []parley.Draft, at int) (end, size int) {
	bodies := 0
	for end = at; end < len(drafts) && end-at < c.o.MaxBatch; end++ {
		n := len(drafts[end].Body)
		if end > at && bodies+n > c.o.MaxBatchBytes {
			break
		}
		bodies += n
		size += n + draftOverhead
	}
	return end, size
}

// commit stores a batch and tells each of its drafts.
func (c *Committer) commit(drafts []parley.Draft, dones []func(parley.Appended)) {
	results, err := c.store.Append(c.ctx, drafts)
	c.batches.Add(1)
	c.drafts.Add(int64(len(drafts)))
	if err != nil {
		failed := unknown(err)
		for _, done := range dones {
			c.tell(done, parley.Appended{Err: failed})
		}
		return
	}
	for i, done := range dones {
		c.tell(done, results[i])
	}
}

// tell calls done. A panic in it is one message's mishap: the messages behind
// it are other people's, so it is logged and they go on.
func (c *Committer) tell(done func(parley.Appended), a parley.Appended) {
	defer func() {
		if p := recover(); p != nil {
			c.o.Logger.Error("telling the outcome of a message panicked", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	done(a)
}

// unknown is what a draft is told when its whole batch failed. It may have been
// stored nevertheless, and a resend with the same id is told so.
func unknown(err error) error {
	if parley.ErrorCode(err) == parley.CodeUnavailable {
		return err
	}
	return &parley.Error{
		Code: parley.CodeUnavailable, Message: "it could not be stored, or that is not known; send it again, with the same id",
		Err: err,
	}
}

// emptied returns the queue's memory for use again, without what was in it; of
// a rush, which may be long in coming again, it keeps none.
func (q queue) emptied() queue {
	const keep = 4 * defaultMaxBatch
	if cap(q.drafts) > keep {
		return queue{}
	}
	clear(q.drafts)
	clear(q.dones)
	return queue{q.drafts[:0], q.dones[:0]}
}
