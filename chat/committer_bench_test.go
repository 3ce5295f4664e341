package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/sqlite"
)

// BenchmarkCommitter publishes on SQLite in a closed loop: each publisher
// sends its next message when it has the ack of the last one. They are spread
// over eight rooms, as people are.
//
// A batch is one commit and a commit is one fsync of the write-ahead log. Moving
// the log into the database now and then adds some. Counted with
//
//	strace -f -c -e trace=fsync,fdatasync
//
// over 20,000 messages there are 1.01, 1.15 and 1.3 fsyncs a batch with 1, 64
// and 512 publishers, whose batches grow: 1.01, 0.036 and 0.0045 a message.
func BenchmarkCommitter(b *testing.B) {
	for _, publishers := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("publishers=%d", publishers), func(b *testing.B) { benchCommitter(b, publishers) })
	}
}

func benchCommitter(b *testing.B, publishers int) {
	ctx := context.Background()
	store, err := sqlite.Open(ctx, filepath.Join(b.TempDir(), "parley.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	committer := chat.NewCommitter(store, chat.CommitterOptions{})
	users := make([]parley.User, publishers)
	for i := range users {
		users[i], err = store.CreateGuest(ctx, parley.User{ID: parley.NewUserID(), Name: "ann"}, parley.NewSessionToken().Hash(), time.Now())
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := store.Join(ctx, room(i), users[i].ID, true, time.Now()); err != nil {
			b.Fatal(err)
		}
	}

	b.ReportAllocs()
	b.ResetTimer()
	var turn atomic.Int64
	var wg sync.WaitGroup
	for i, user := range users {
		wg.Go(func() {
			acks := make(chan parley.Appended, 1)
			body := json.RawMessage(`{"text":"the quick brown fox jumps over the lazy dog, and back again"}`)
			for n := turn.Add(1); n <= int64(b.N); n = turn.Add(1) {
				d := parley.Draft{
					Room: room(i), User: user, ID: fmt.Sprint("m", n), Kind: parley.KindText,
					Body: body, Time: time.Now().UTC().Truncate(time.Millisecond),
				}
				if err := committer.Submit(d, func(a parley.Appended) { acks <- a }); err != nil {
					b.Error(err)
					return
				}
				if a := <-acks; a.Err != nil || !a.Stored {
					b.Errorf("%+v", a)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	if err := committer.Close(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
	b.ReportMetric(float64(committer.Stats().Batches)/float64(b.N), "batches/msg")
}

func room(publisher int) string { return fmt.Sprint("room-", publisher%8) }
