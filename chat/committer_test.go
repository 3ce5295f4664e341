package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
)

// gate is a store whose Append waits until the test opens it, once a batch.
type gate struct {
	parley.Store // none: a committer appends, and nothing else
	arrived      chan []parley.Draft
	open         chan error // what Append fails with, or nil
	last         int64
}

func newGate() *gate {
	return &gate{arrived: make(chan []parley.Draft), open: make(chan error)}
}

// Append numbers the drafts; those whose id is "bad" are refused.
func (g *gate) Append(ctx context.Context, batch []parley.Draft) ([]parley.Appended, error) {
	g.arrived <- batch
	select {
	case err := <-g.open:
		if err != nil {
			return nil, err
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	results := make([]parley.Appended, len(batch))
	for i, d := range batch {
		if d.ID == "bad" {
			results[i].Err = parley.ErrNotFound()
			continue
		}
		g.last++
		results[i] = parley.Appended{Seq: g.last, Time: d.Time, Stored: true}
	}
	return results, nil
}

// pass lets one batch through, with err as its outcome, and returns its ids.
func (g *gate) pass(err error) string {
	ids := draftIDs(<-g.arrived)
	g.open <- err
	return ids
}

func draftIDs(batch []parley.Draft) string {
	var ids []string
	for _, d := range batch {
		ids = append(ids, d.ID)
	}
	return strings.Join(ids, " ")
}

// outcomes collects what drafts are told, in order.
type outcomes struct {
	mu   sync.Mutex
	told []string
}

// of returns a callback that notes the outcome of the draft: "a=1" where it got
// seq 1, "a:not_found" where it was refused.
func (o *outcomes) of(id string) func(parley.Appended) {
	return func(a parley.Appended) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if a.Err != nil {
			o.told = append(o.told, fmt.Sprintf("%s:%s", id, parley.ErrorCode(a.Err)))
		} else {
			o.told = append(o.told, fmt.Sprintf("%s=%d", id, a.Seq))
		}
	}
}

func (o *outcomes) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.told, " ")
}

func draft(id string) parley.Draft {
	return parley.Draft{Room: parley.Lobby, ID: id, Kind: parley.KindText, Body: json.RawMessage(`{"text":"hi"}`)}
}

func submit(t *testing.T, c *chat.Committer, o *outcomes, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := c.Submit(draft(id), o.of(id)); err != nil {
			t.Fatalf("Submit(%s): %v", id, err)
		}
	}
}

func closeCommitter(t *testing.T, c *chat.Committer) {
	t.Helper()
	if err := c.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestCommitterGathersWhileACommitIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, told := newGate(), &outcomes{}
		c := chat.NewCommitter(g, chat.CommitterOptions{})
		submit(t, c, told, "a")
		synctest.Wait() // a is on its way alone
		submit(t, c, told, "b", "c", "d")
		want(t, "first batch", g.pass(nil), "a")
		want(t, "second batch", g.pass(nil), "b c d")
		closeCommitter(t, c)
		want(t, "told", told.String(), "a=1 b=2 c=3 d=4")
		want(t, "stats", c.Stats(), chat.CommitterStats{Batches: 2, Drafts: 4})
	})
}

func TestCommitterBoundsABatch(t *testing.T) {
	for name, test := range map[string]struct {
		options chat.CommitterOptions
		want    []string
	}{
		"in drafts": {chat.CommitterOptions{MaxBatch: 2}, []string{"b c", "d e", "f"}},
		"in bytes":  {chat.CommitterOptions{MaxBatchBytes: 2*len(`{"text":"hi"}`) + 1}, []string{"b c", "d e", "f"}},
		"but one draft always goes": {chat.CommitterOptions{MaxBatchBytes: 1},
			[]string{"b", "c", "d", "e", "f"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, told := newGate(), &outcomes{}
				c := chat.NewCommitter(g, test.options)
				submit(t, c, told, "a")
				synctest.Wait()
				submit(t, c, told, "b", "c", "d", "e", "f")
				g.pass(nil)
				var got []string
				for range test.want {
					got = append(got, g.pass(nil))
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("batches %q, want %q", got, test.want)
				}
				closeCommitter(t, c)
				want(t, "told", told.String(), "a=1 b=2 c=3 d=4 e=5 f=6")
			})
		})
	}
}

func TestCommitterTellsARefusedDraftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, told := newGate(), &outcomes{}
		c := chat.NewCommitter(g, chat.CommitterOptions{})
		submit(t, c, told, "a")
		synctest.Wait()
		submit(t, c, told, "b", "bad", "c")
		g.pass(nil)
		g.pass(nil)
		closeCommitter(t, c)
		want(t, "told", told.String(), "a=1 b=2 bad:not_found c=3")
	})
}

func TestCommitterTellsUnavailableWhenAppendFails(t *testing.T) {
	disk := errors.New("disk on fire")
	for name, failure := range map[string]error{
		"with a cause of its own":   disk,
		"with an error for clients": &parley.Error{Code: parley.CodeUnavailable, Message: "full", Err: disk},
		"with another code":         &parley.Error{Code: parley.CodeInternal, Message: "oops", Err: disk},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, told := newGate(), &outcomes{}
				c := chat.NewCommitter(g, chat.CommitterOptions{})
				cause := make(chan error, 1)
				if err := c.Submit(draft("a"), func(a parley.Appended) { cause <- a.Err }); err != nil {
					t.Fatal(err)
				}
				g.pass(failure)
				err := <-cause
				if !errors.Is(err, disk) || parley.ErrorCode(err) != parley.CodeUnavailable {
					t.Errorf("told %v, want CodeUnavailable with its cause", err)
				}
				submit(t, c, told, "b")
				g.pass(nil)
				closeCommitter(t, c)
				want(t, "after it", told.String(), "b=1")
			})
		})
	}
}

func TestCommitterRefusesWhenItsQueueIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, told := newGate(), &outcomes{}
		big := draft("big")
		big.Body = make(json.RawMessage, 30_000)
		c := chat.NewCommitter(g, chat.CommitterOptions{MaxQueued: 70_000})
		for _, id := range []string{"a", "b"} {
			if err := c.Submit(big, told.of(id)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait() // what is being committed counts too
		err := c.Submit(big, func(parley.Appended) { t.Error("told of what was not taken") })
		if e := parley.AsError(err); e == nil || e.Code != parley.CodeUnavailable || e.RetryAfter <= 0 {
			t.Fatalf("Submit to a full queue: %v, want CodeUnavailable with RetryAfter", err)
		}
		submit(t, c, told, "small")
		g.pass(nil)
		g.pass(nil)
		synctest.Wait()
		if err := c.Submit(big, told.of("c")); err != nil {
			t.Errorf("after the queue was emptied: %v", err)
		}
		g.pass(nil)
		closeCommitter(t, c)
		want(t, "told", told.String(), "a=1 b=2 small=3 c=4")
	})
}

func TestCommitterSubmitsFromACallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, told := newGate(), &outcomes{}
		c := chat.NewCommitter(g, chat.CommitterOptions{})
		if err := c.Submit(draft("a"), func(a parley.Appended) {
			told.of("a")(a)
			submit(t, c, told, "b")
		}); err != nil {
			t.Fatal(err)
		}
		g.pass(nil)
		want(t, "second batch", g.pass(nil), "b")
		closeCommitter(t, c)
		want(t, "told", told.String(), "a=1 b=2")
	})
}

func TestCommitterGoesOnAfterACallbackPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, told := newGate(), &outcomes{}
		var log strings.Builder
		c := chat.NewCommitter(g, chat.CommitterOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err := c.Submit(draft("a"), func(parley.Appended) { panic("slipped") }); err != nil {
			t.Fatal(err)
		}
		submit(t, c, told, "b")
		for !strings.HasSuffix(g.pass(nil), "b") { // a may go alone
		}
		closeCommitter(t, c)
		want(t, "told", told.String(), "b=2")
		if !strings.Contains(log.String(), "slipped") {
			t.Errorf("the log says nothing of it: %q", log.String())
		}
	})
}

func TestCommitterCloseCommitsWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, told := newGate(), &outcomes{}
		c := chat.NewCommitter(g, chat.CommitterOptions{MaxBatch: 1})
		submit(t, c, told, "a", "b")
		closed := make(chan error)
		go func() { closed <- c.Close(t.Context()) }()
		synctest.Wait()
		err := c.Submit(draft("late"), func(parley.Appended) { t.Error("told of what was not taken") })
		if e := parley.AsError(err); e == nil || e.Code != parley.CodeUnavailable || e.RetryAfter <= 0 {
			t.Errorf("Submit after Close: %v, want CodeUnavailable with RetryAfter", err)
		}
		g.pass(nil)
		g.pass(nil)
		want(t, "Close", <-closed, nil)
		want(t, "told", told.String(), "a=1 b=2")
		closeCommitter(t, c) // once more is no harm
	})
}

func TestCommitterCloseGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, told := newGate(), &outcomes{}
		c := chat.NewCommitter(g, chat.CommitterOptions{MaxBatch: 1})
		submit(t, c, told, "a", "b")
		<-g.arrived
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		want(t, "Close", c.Close(ctx), context.Canceled)
		<-g.arrived // b, which finds its context ended
		closeCommitter(t, c)
		want(t, "told", told.String(), "a:unavailable b:unavailable")
	})
}

// TestCommitterUnderLoad is for the race detector: many submit, and each is
// told once, in the order in which it submitted.
func TestCommitterUnderLoad(t *testing.T) {
	const publishers, each = 16, 200
	c := chat.NewCommitter(instant{}, chat.CommitterOptions{MaxBatch: 7, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	var wg sync.WaitGroup
	told := make([][]string, publishers)
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprint(i)
				if err := c.Submit(draft(id), func(parley.Appended) { told[p] = append(told[p], id) }); err != nil {
					t.Error(err)
				}
				c.Stats()
			}
		})
	}
	wg.Wait()
	closeCommitter(t, c)
	for p := range told {
		for i, id := range told[p] {
			if id != fmt.Sprint(i) {
				t.Fatalf("publisher %d was told of %s in place %d", p, id, i)
			}
		}
		want(t, "told", len(told[p]), each)
	}
	want(t, "drafts", c.Stats().Drafts, publishers*each)
}

// instant takes everything.
type instant struct{ parley.Store }

func (instant) Append(_ context.Context, batch []parley.Draft) ([]parley.Appended, error) {
	return make([]parley.Appended, len(batch)), nil
}

// Whoever submits goes on at once, and is told later.
func ExampleCommitter() {
	committer := chat.NewCommitter(instant{}, chat.CommitterOptions{})
	err := committer.Submit(draft("a1"), func(a parley.Appended) {
		if a.Err != nil {
			fmt.Println("not stored:", a.Err)
			return
		}
		fmt.Println("stored")
	})
	if err != nil {
		fmt.Println("too much at once:", err)
	}
	if err := committer.Close(context.Background()); err != nil {
		fmt.Println("the disk hangs:", err)
	}
	// Output: stored
}
