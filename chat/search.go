package chat

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-4a326f83/parley"
)

const (
	maxQuery   = 500 // characters
	searchPage = 20
)

// Search finds texts in by's rooms: all words of the query, with what narrows it
// down (from:, in:, before:, after:) among them. It goes on from the cursor of
// the hits before; 0: from the newest.
func (c *Chat) Search(ctx context.Context, by Caller, query string, cursor int64) (parley.Hits, error) {
	if n := utf8.RuneCountInString(query); n > maxQuery {
		return parley.Hits{}, parley.Errorf(parley.CodeInvalid, "a search has at most %d characters, yours has %d", maxQuery, n)
	}
	if cursor < 0 {
		return parley.Hits{}, parley.Errorf(parley.CodeInvalid, "cursor must be that of an answer")
	}
	s := parley.Search{Reader: by.ID, Limit: searchPage, Cursor: cursor}
	for _, t := range terms(query) {
		nobody, err := c.narrow(ctx, by, &s, t)
		if err != nil || nobody {
			return parley.Hits{Messages: []parley.Message{}}, err
		}
	}
	if len(s.Words) == 0 && s.From == "" && s.Room == "" && s.After.IsZero() && s.Before.IsZero() {
		return parley.Hits{}, parley.Errorf(parley.CodeInvalid, "say what to look for: words, from:name, in:room, before: or after: a day such as 2026-11-20")
	}
	hits, err := c.store.Search(ctx, s)
	hits.Messages = list(hits.Messages)
	return hits, err
}

// narrow adds one term, and reports whether nothing can be found with it: that
// there is no such person or room is no more than that, to whoever may not know.
func (c *Chat) narrow(ctx context.Context, by Caller, s *parley.Search, t term) (nothing bool, err error) {
	switch t.field {
	case "":
		s.Words = append(s.Words, t.text)
	case "from":
		s.From, err = c.userNamed(ctx, by, t.text)
		return s.From == "", err
	case "in":
		s.Room, err = c.roomNamed(ctx, by, t.text)
		return s.Room == "", err
	case "before", "after":
		at, err := time.Parse(time.DateOnly, t.text)
		if err != nil {
			return false, parley.Errorf(parley.CodeInvalid, "%s: needs a day such as 2026-11-20, not %q", t.field, clip(t.text))
		}
		if t.field == "before" {
			s.Before = at
		} else {
			s.After = at
		}
	}
	return false, nil
}

func (c *Chat) userNamed(ctx context.Context, by Caller, name string) (string, error) {
	if name == "me" {
		return by.ID, nil
	}
	people, err := c.store.FindPeople(ctx, name, listMax)
	for _, p := range people {
		if parley.NameKey(p.Name) == parley.NameKey(name) || p.ID == name {
			return p.ID, nil
		}
	}
	if len(people) == 1 {
		return people[0].ID, nil
	}
	return "", err
}

func (c *Chat) roomNamed(ctx context.Context, by Caller, name string) (string, error) {
	rooms, err := c.store.MemberOf(ctx, by.ID)
	for _, r := range rooms {
		if r.ID == name {
			return r.ID, nil
		}
	}
	for _, r := range rooms {
		if parley.NameKey(r.Name) == parley.NameKey(name) {
			return r.ID, nil
		}
	}
	return "", err
}

// A term is a word or several in quotes, or such behind a field.
type term struct{ field, text string }

// terms takes a query apart. A quote that is not closed goes to the end.
func terms(query string) (all []term) {
	for {
		query = strings.TrimLeftFunc(query, unicode.IsSpace)
		if query == "" {
			return all
		}
		var t term
		for _, field := range []string{"from", "in", "before", "after"} {
			if len(query) > len(field) && query[len(field)] == ':' && strings.EqualFold(query[:len(field)], field) {
				t.field, query = field, query[len(field)+1:]
				break
			}
		}
		if rest, ok := strings.CutPrefix(query, `"`); ok {
			t.text, query, _ = strings.Cut(rest, `"`)
		} else {
			end := strings.IndexFunc(query, unicode.IsSpace)
			if end < 0 {
				end = len(query)
			}
			t.text, query = query[:end], query[end:]
		}
		if t.text = strings.TrimSpace(t.text); t.text != "" {
			all = append(all, t)
		}
	}
}
