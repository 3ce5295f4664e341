package sqlite_test

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/storetest"
)

// BenchmarkCreateGuest makes guests who all want the same name, many at once:
// the time of each must not grow with their number (-benchtime 1000x, 20000x).
func BenchmarkCreateGuest(b *testing.B) {
	s := open(b, newFile(b))
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			guest(b, s, "ann", parley.NewSessionToken())
		}
	})
}

// BenchmarkSetRead is 64 members reading on, each in a closed loop: they share
// commits.
func BenchmarkSetRead(b *testing.B) {
	const members = 64
	s := open(b, newFile(b))
	users := make([]parley.User, members)
	for i := range users {
		users[i] = guest(b, s, "ann", parley.NewSessionToken())
		join(b, s, "tea", users[i])
	}
	fill(b, s, users[0], max(b.N/members+1, 1))
	b.SetParallelism(members / 2) // of GOMAXPROCS
	var next atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		user := users[next.Add(1)%members]
		for seq := int64(1); pb.Next(); seq++ {
			if _, _, err := s.SetRead(b.Context(), "tea", user.ID, seq); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkHistory reads a page of 50 from a log of 100,000.
func BenchmarkHistory(b *testing.B) {
	s := open(b, newFile(b))
	ann := guest(b, s, "ann", parley.NewSessionToken())
	join(b, s, "tea", ann)
	fill(b, s, ann, 100_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.History(b.Context(), "tea", parley.Range{From: int64(i * 7919 % 100_000), Limit: 50}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRooms counts what is unread in a room where that is much.
func BenchmarkRooms(b *testing.B) {
	for _, unread := range []int{0, 1000, 100_000} {
		b.Run(fmt.Sprintf("unread=%d", unread), func(b *testing.B) {
			s := open(b, newFile(b))
			ann, ben := guest(b, s, "ann", parley.NewSessionToken()), guest(b, s, "ben", parley.NewSessionToken())
			join(b, s, "tea", ann)
			join(b, s, "tea", ben)
			fill(b, s, ann, unread)
			for b.Loop() {
				rooms, err := s.Rooms(b.Context(), ben.ID)
				if err != nil || rooms[0].Unread != int64(min(unread, parley.MaxCounted)) {
					b.Fatal(rooms, err)
				}
			}
		})
	}
}

// BenchmarkThousandRooms lists the rooms of somebody who is in a thousand, with
// so many lines unread in each.
func BenchmarkThousandRooms(b *testing.B) {
	for _, unread := range []int{0, 10, 200} {
		b.Run(fmt.Sprintf("unread=%d", unread), func(b *testing.B) {
			s := open(b, newFile(b))
			ann, ben := guest(b, s, "ann", parley.NewSessionToken()), guest(b, s, "ben", parley.NewSessionToken())
			say := storetest.Vocabulary()
			for i := range 1000 {
				room := fmt.Sprint("room-", i)
				join(b, s, room, ann)
				join(b, s, room, ben)
				var drafts []parley.Draft
				for n := range unread {
					drafts = append(drafts, parley.Draft{
						Room: room, User: ann, ID: fmt.Sprint("m", n), Kind: parley.KindText, Time: now,
						Body: json.RawMessage(fmt.Sprintf(`{"text":%q}`, say(10))),
					})
				}
				must(s.Append(b.Context(), drafts))(b)
			}
			for b.Loop() {
				rooms, err := s.Rooms(b.Context(), ben.ID)
				if err != nil || len(rooms) != 1000 || rooms[0].Unread != int64(min(unread, parley.MaxCounted)) {
					b.Fatal(len(rooms), err)
				}
			}
		})
	}
}

func BenchmarkSearch(b *testing.B) { storetest.BenchmarkSearch(b, open(b, newFile(b))) }

// fill says n lines of ordinary length.
func fill(b *testing.B, s parley.Store, u parley.User, n int) {
	b.Helper()
	const batch = 1000
	for done := 0; done < n; done += batch {
		var drafts []parley.Draft
		for i := done; i < min(done+batch, n); i++ {
			drafts = append(drafts, parley.Draft{
				Room: "tea", User: u, ID: fmt.Sprint("m", i), Kind: parley.KindText, Time: now,
				Body: json.RawMessage(`{"text":"the quick brown fox jumps over the lazy dog, and back again"}`),
			})
		}
		must(s.Append(b.Context(), drafts))(b)
	}
}
