package sqlite_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
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
			say := vocabulary()
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

// vocabulary returns a way to make lines of n words, which are about as frequent,
// as long and as much alike in how they begin as those of English.
func vocabulary() func(n int) string {
	chance := rand.New(rand.NewPCG(1, 2))
	common := strings.Fields("the of and to in is you that it he was for on are as with his they at be this have from or had by hot but some what there we can out other were all your when up use word how said an each she")
	letters := "ttttssssaaaaoooociiwwwbbbppphhhfffmmmdddrrreeelllnngguuvyjkq"
	words := common
	for len(words) < 20_000 {
		word := ""
		for range 3 + chance.IntN(8) {
			word += letters[chance.IntN(len(letters)):][:1]
		}
		words = append(words, word)
	}
	rank := rand.NewZipf(chance, 1.1, 3, uint64(len(words)-1))
	return func(n int) string {
		line := make([]string, n)
		for i := range line {
			line[i] = words[rank.Uint64()]
		}
		return strings.Join(line, " ")
	}
}

// BenchmarkSearch looks for things among 100,000 lines of one room.
func BenchmarkSearch(b *testing.B) {
	s := open(b, newFile(b))
	ann, ben, cat := guest(b, s, "ann", parley.NewSessionToken()), guest(b, s, "ben", parley.NewSessionToken()), guest(b, s, "cat", parley.NewSessionToken())
	for _, u := range []parley.User{ann, ben} {
		join(b, s, "tea", u)
	}
	join(b, s, "quiet", cat)
	say := vocabulary()
	const lines, batch = 100_000, 1000
	for done := 0; done < lines; done += batch {
		var drafts []parley.Draft
		for i := done; i < done+batch; i++ {
			d := parley.Draft{Room: "tea", User: ann, ID: fmt.Sprint("m", i), Kind: parley.KindText, Time: now.Add(time.Duration(i) * time.Second)}
			text := say(10)
			if i%10 == 0 {
				text += " 東京都に住んでいます"
			}
			if i%9999 == 0 {
				d.User, text = ben, text+" the 京都へ行く unheard-of"
			}
			d.Body = json.RawMessage(fmt.Sprintf(`{"text":%q}`, text))
			drafts = append(drafts, d)
		}
		must(s.Append(b.Context(), drafts))(b)
	}
	for _, test := range []struct {
		name  string
		found int
		parley.Search
	}{
		{"common", 50, parley.Search{Words: []string{"the"}}},
		{"rare", 11, parley.Search{Words: []string{"unheard"}}},
		{"short", 50, parley.Search{Words: []string{"of"}}},
		{"beginning", 50, parley.Search{Words: []string{"tha"}}},
		{"long-beginning", 50, parley.Search{Words: []string{"that"}}},
		{"common-and-rare", 11, parley.Search{Words: []string{"the", "of", "unheard"}}},
		{"three-common", 50, parley.Search{Words: []string{"the", "that", "and"}}},
		{"phrase", 50, parley.Search{Words: []string{"of the"}}},
		{"rare-phrase", 11, parley.Search{Words: []string{"the 京都へ行く"}}},
		{"Japanese", 50, parley.Search{Words: []string{"東京"}}},
		{"Japanese-rare", 11, parley.Search{Words: []string{"都へ"}}},
		{"by-somebody", 11, parley.Search{From: ben.ID, Words: []string{"the"}}},
		{"long-ago", 50, parley.Search{Words: []string{"the"}, Before: now.Add(2 * time.Hour)}},
		{"everything", 50, parley.Search{}},
		{"everything-long-ago", 50, parley.Search{Before: now.Add(2 * time.Hour)}},
		{"elsewhere", 0, parley.Search{Reader: cat.ID, Words: []string{"the"}}},
	} {
		b.Run(test.name, func(b *testing.B) {
			test.Limit = 50
			if test.Reader == "" {
				test.Reader = ann.ID
			}
			for b.Loop() {
				hits, err := s.Search(b.Context(), test.Search)
				if err != nil || len(hits.Messages) < min(test.found, 1) || len(hits.Messages) > test.found {
					b.Fatal(len(hits.Messages), err)
				}
			}
		})
	}
}

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
