package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-4a326f83/parley"
)

var guestTests = []contract{
	{"CreateGuest gives the name that was asked for", func(f *fixture) {
		asked := parley.User{ID: parley.NewUserID(), Name: "Ann"}
		got, err := f.CreateGuest(f.Context(), asked, parley.NewSessionToken().Hash(), now)
		f.wantCode("CreateGuest", err, "")
		want(f, "user", got, asked)
	}},
	{"CreateGuest numbers a name in use with the lowest number that is free", func(f *fixture) {
		for _, name := range []struct{ asked, got string }{
			{"ann", "ann"}, {"ann", "ann 2"}, {"ann", "ann 3"},
			{"ben 2", "ben 2"}, {"ben", "ben"}, {"ben", "ben 3"}, {"ben", "ben 4"},
			{"ben 2", "ben 2 2"}, {"ben 2", "ben 2 3"},
		} {
			want(f, "name for "+name.asked, f.guest(name.asked).Name, name.got)
		}
	}},
	{"CreateGuest skips a number whose name someone else has", func(f *fixture) {
		f.guest("ann")
		f.guest("ann") // ann 2
		f.guest("ann 3")
		f.guest("ann 10")
		var got []string
		for range 8 {
			got = append(got, f.guest("ann").Name)
		}
		want(f, "names", strings.Join(got, ","), "ann 4,ann 5,ann 6,ann 7,ann 8,ann 9,ann 11,ann 12")
	}},
	{"CreateGuest compares names without regard to case", func(f *fixture) {
		for _, name := range []struct{ asked, got string }{
			{"Ann", "Ann"}, {"ANN", "ANN 2"}, {"ann", "ann 3"},
			{"Åsa", "Åsa"}, {"åSA", "åSA 2"},
			{"ΣΊΣΥΦΟΣ", "ΣΊΣΥΦΟΣ"}, {"Σίσυφος", "Σίσυφος 2"},
		} {
			want(f, "name for "+name.asked, f.guest(name.asked).Name, name.got)
		}
	}},
	{"CreateGuest cuts a numbered name to 40 characters", func(f *fixture) {
		long := strings.Repeat("é", 40)
		f.guest(long)
		for n := 2; n <= 12; n++ {
			number := fmt.Sprint(" ", n)
			want(f, "name", f.guest(long).Name, long[:2*(40-len(number))]+number)
		}
		spaced := strings.Repeat("e", 36) + " fgh"
		f.guest(spaced)
		want(f, "cut at a space", f.guest(spaced).Name, strings.Repeat("e", 36)+" f 2")
		other := strings.Repeat("é", 38) + "zz"
		f.guest(other)
		want(f, "another name cut to the same", f.guest(other).Name, strings.Repeat("é", 37)+" 13")
	}},
	{"CreateGuest gives two thousand of one name their numbers", func(f *fixture) {
		const workers, each = 50, 40
		var names [workers][]string
		together(workers, func(w int) {
			for range each {
				names[w] = append(names[w], f.guest("Guest").Name)
			}
		})
		var wanted []string
		for n := range workers * each {
			if n == 0 {
				wanted = append(wanted, "Guest")
			} else {
				wanted = append(wanted, fmt.Sprint("Guest ", n+1))
			}
		}
		got := slices.Concat(names[:]...)
		slices.Sort(got)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			f.Errorf("the names are not those of 1 to %d: %q", workers*each, got)
		}
	}},
	{"UserBySession returns whose session it is", func(f *fixture) {
		token := parley.NewSessionToken()
		ann, err := f.CreateGuest(f.Context(), parley.User{ID: parley.NewUserID(), Name: "ann"}, token.Hash(), now)
		f.wantCode("CreateGuest", err, "")
		f.guest("ben")
		for _, at := range []time.Time{now, now, now.Add(3 * time.Hour), now.Add(-3 * time.Hour), now.Add(4 * time.Hour)} {
			got, err := f.UserBySession(f.Context(), token.Hash(), at)
			f.wantCode("UserBySession", err, "")
			want(f, "user", got.User, ann)
		}
	}},
	{"UserBySession refuses a session that is not known", func(f *fixture) {
		f.guest("ann")
		_, err := f.UserBySession(f.Context(), parley.NewSessionToken().Hash(), now)
		f.wantCode("UserBySession", err, parley.CodeUnauthorized)
	}},
	{"UserBySession knows many sessions at once", func(f *fixture) {
		together(20, func(i int) {
			token := parley.NewSessionToken()
			u, err := f.CreateGuest(f.Context(), parley.User{ID: parley.NewUserID(), Name: "ann"}, token.Hash(), now)
			f.wantCode("CreateGuest", err, "")
			got, err := f.UserBySession(f.Context(), token.Hash(), now.Add(time.Duration(i)*time.Hour))
			f.wantCode("UserBySession", err, "")
			want(f, "user", got.User, u)
		})
	}},
}
