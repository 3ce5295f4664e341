package storetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
)

// Vocabulary returns a way to make lines of n words, which are about as frequent,
// as long and as much alike in how they begin as those of English.
func Vocabulary() func(n int) string {
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
func BenchmarkSearch(b *testing.B, s parley.Store) {
	member := func(room string) parley.User {
		u, err := s.CreateGuest(b.Context(), parley.User{ID: parley.NewUserID(), Name: "ann"}, parley.NewSessionToken().Hash(), now)
		if err == nil {
			_, _, err = s.Join(b.Context(), room, u.ID, true, now)
		}
		if err != nil {
			b.Fatal(err)
		}
		return u
	}
	ann, ben, cat := member("tea"), member("tea"), member("quiet")
	say := Vocabulary()
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
		if _, err := s.Append(b.Context(), drafts); err != nil {
			b.Fatal(err)
		}
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
