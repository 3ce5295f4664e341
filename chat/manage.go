package chat

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/seed-4a326f83/parley"
)

// NewRoom is a room to be made.
type NewRoom struct {
	Name, Topic string
	Kind        parley.RoomKind // "": public
}

// FindRooms returns public rooms whose name, or a word in it, begins with prefix.
func (c *Chat) FindRooms(ctx context.Context, by Caller, prefix string, limit int) ([]parley.RoomOffer, error) {
	rooms, err := c.store.FindRooms(ctx, by.ID, prefix, listLimit(limit))
	return list(rooms), err
}

// CreateRoom makes a room, whose first member and admin is by.
func (c *Chat) CreateRoom(ctx context.Context, by Caller, want NewRoom) (parley.Room, error) {
	name, err := cleanLine(want.Name, "a room's name", 1, parley.MaxRoomName)
	if err != nil {
		return parley.Room{}, err
	}
	topic, err := cleanLine(want.Topic, "a topic", 0, parley.MaxTopic)
	if err != nil {
		return parley.Room{}, err
	}
	if want.Kind == "" {
		want.Kind = parley.Public
	}
	if want.Kind != parley.Public && want.Kind != parley.Private {
		return parley.Room{}, parley.Errorf(parley.CodeInvalid, `kind is "public" or "private"; a direct room is opened by the word direct`)
	}
	if wait := c.mayJoin(by.ID); wait > 0 {
		return parley.Room{}, &parley.Error{Code: parley.CodeRateLimited, RetryAfter: wait, Message: "you make rooms too fast; wait a little"}
	}
	room := parley.Room{Name: name, Topic: topic, Kind: want.Kind}
	for _, room.ID = range roomIDs(name, want.Kind) {
		if err = c.store.CreateRoom(ctx, room, by.ID, c.now()); parley.ErrorCode(err) != parley.CodeConflict {
			break
		}
	}
	if err != nil {
		return parley.Room{}, err
	}
	c.tell(ctx, parley.News{Member: &parley.Member{User: by.ID, Room: room}})
	return room, nil
}

// roomIDs returns what a room of this name may have as its id. That of a private
// one does not give its name away, to whoever tries ids.
func roomIDs(name string, kind parley.RoomKind) []string {
	const tries = 9
	var ids []string
	if slug := slugOf(name); slug != "" && kind == parley.Public {
		ids = append(ids, slug)
		for n := 2; n <= tries; n++ {
			ids = append(ids, fmt.Sprintf("%s-%d", slug, n))
		}
	}
	return append(ids, parley.NewRoomID())
}

// slugOf spells a name as an id, or returns "" where nothing of it can be.
func slugOf(name string) string {
	const longest = 40 // and a number behind it
	var b strings.Builder
	dash := false
	for _, r := range norm.NFKD.String(strings.ToLower(name)) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteRune(r)
		case unicode.IsMark(r):
		default:
			dash = true
		}
		if b.Len() >= longest {
			break
		}
	}
	return b.String()
}

// cleanLine returns a line that somebody gave, as it is kept.
func cleanLine(s, what string, least, most int) (string, error) {
	s = strings.TrimSpace(norm.NFC.String(s))
	n := utf8.RuneCountInString(s)
	switch {
	case n < least || n > 0 && strings.IndexFunc(s, visible) < 0:
		return "", parley.Errorf(parley.CodeInvalid, "%s has at least %d characters that can be seen", what, max(least, 1))
	case n > most:
		return "", parley.Errorf(parley.CodeInvalid, "%s has at most %d characters, yours has %d", what, most, n)
	case strings.IndexFunc(s, disruptive) >= 0:
		return "", parley.Errorf(parley.CodeInvalid, "%s has no line breaks, control characters or any that cannot be seen; leave them out", what)
	}
	return s, nil
}

// ChangeRoom renames a room, sets its topic, archives it or brings it back.
func (c *Chat) ChangeRoom(ctx context.Context, by Caller, id string, change parley.RoomChange) (parley.Room, error) {
	if err := checkRoom(id); err != nil {
		return parley.Room{}, err
	}
	var err error
	if change.Name != nil {
		if *change.Name, err = cleanLine(*change.Name, "a room's name", 1, parley.MaxRoomName); err != nil {
			return parley.Room{}, err
		}
	}
	if change.Topic != nil {
		if *change.Topic, err = cleanLine(*change.Topic, "a topic", 0, parley.MaxTopic); err != nil {
			return parley.Room{}, err
		}
	}
	room, err := c.store.ChangeRoom(ctx, id, by.ID, change)
	if err == nil {
		c.tell(ctx, parley.News{Room: &room})
	}
	return room, err
}

// A Mate is a member of a room as the others see them.
type Mate struct {
	parley.RoomMember
	Online bool `json:"online"`
}

// Members returns a room's members by name, after the one so named, and whether
// there are more.
func (c *Chat) Members(ctx context.Context, by Caller, room, after string, limit int) (mates []Mate, more bool, err error) {
	if err := checkRoom(room); err != nil {
		return nil, false, err
	}
	limit = listLimit(limit)
	members, err := c.store.Members(ctx, room, by.ID, after, limit+1)
	if more = len(members) > limit; more {
		members = members[:limit]
	}
	mates = make([]Mate, len(members))
	for i, m := range members {
		mates[i] = Mate{m, c.hub.Online(m.ID)}
	}
	return mates, more, err
}

// AddMember makes other a member; any member may.
func (c *Chat) AddMember(ctx context.Context, by Caller, room, other string) error {
	if err := checkRoom(room); err != nil {
		return err
	}
	r, joined, err := c.store.AddMember(ctx, room, by.ID, other, c.now())
	if joined {
		c.tellMembers(ctx, by, room) // first, so that the new one is told once
		c.tell(ctx, parley.News{Member: &parley.Member{User: other, Room: r}})
	}
	return err
}

// SetRoomRole makes a member an admin of the room, or takes that away.
func (c *Chat) SetRoomRole(ctx context.Context, by Caller, room, other string, role parley.Role) error {
	if err := checkRoom(room); err != nil {
		return err
	}
	if role != parley.Admin && role != parley.Ordinary {
		return parley.Errorf(parley.CodeInvalid, `a role is "admin" or ""`)
	}
	err := c.store.SetRoomRole(ctx, room, by.ID, other, role)
	if err == nil {
		c.tellMembers(ctx, by, room)
	}
	return err
}

// RemoveMember ends other's membership.
func (c *Chat) RemoveMember(ctx context.Context, by Caller, room, other string) error {
	if err := checkRoom(room); err != nil {
		return err
	}
	r, _, err := c.store.Room(ctx, room, by.ID) // who leaves a private room does not see it any more
	if err != nil {
		return err
	}
	removed, err := c.store.RemoveMember(ctx, room, by.ID, other)
	if removed {
		c.tell(ctx, parley.News{Member: &parley.Member{User: other, Room: r, Left: true}})
		c.tell(ctx, parley.News{Room: &r})
	}
	return err
}

// tellMembers tells a room that its members, or what they are in it, changed by
// hand. Those who join by themselves are told of by their presence alone: in a
// large room they are many.
func (c *Chat) tellMembers(ctx context.Context, by Caller, room string) {
	if r, _, err := c.store.Room(ctx, room, by.ID); err == nil {
		c.tell(ctx, parley.News{Room: &r})
	}
}
