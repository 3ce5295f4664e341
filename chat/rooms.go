package chat

import (
	"context"

	"github.com/seed-4a326f83/parley"
)

func checkRoom(id string) error {
	if !parley.ValidRoomID(id) {
		return parley.Errorf(parley.CodeInvalid, "room must be an id: 1 to %d of a-z, 0-9 and -, not beginning with -", parley.MaxRoomID)
	}
	return nil
}

// checkMember says why the user may not read or signal in the room.
func (s *Session) checkMember(ctx context.Context, room string) error {
	if s.hub.Member(room) {
		return nil
	}
	return s.stillMember(ctx, room)
}

// stillMember says why what was read of a room is not for the user any more: the
// hub hears of who is put out a little later than the store.
func (s *Session) stillMember(ctx context.Context, room string) error {
	_, member, err := s.chat.store.Room(ctx, room, s.hub.User().ID)
	if err == nil && !member {
		err = parley.ErrNotJoined(room)
	}
	return err
}

func (s *Session) rooms(ctx context.Context, reply Reply) {
	rooms, err := s.chat.store.Rooms(ctx, s.hub.User().ID)
	if err != nil {
		reply(nil, err)
		return
	}
	reply(RoomsAck{list(rooms)}, nil)
}

func (s *Session) leave(ctx context.Context, req *Request, reply Reply) {
	if err := checkRoom(req.Room); err != nil {
		reply(nil, err)
		return
	}
	room, member, err := s.chat.store.Room(ctx, req.Room, s.hub.User().ID)
	if err == nil && member {
		err = s.chat.store.Leave(ctx, req.Room, s.hub.User().ID)
	}
	if err != nil {
		reply(nil, err)
		return
	}
	if member {
		s.hub.Leave(req.Room) // at once; the user's other connections hear of it
		s.chat.tell(ctx, parley.News{Member: &parley.Member{User: s.hub.User().ID, Room: room, Left: true, Origin: s.hub.ID()}})
		if room.Kind == parley.Private { // where somebody may have become its admin
			s.chat.tell(ctx, parley.News{Room: &room})
		}
	}
	reply(Done{}, nil)
}

func (s *Session) history(ctx context.Context, req *Request, reply Reply) {
	r := parley.Range{Limit: parley.HistoryDefault, Reader: s.hub.User().ID}
	err := checkRoom(req.Room)
	switch {
	case err != nil:
	case (req.Before == nil) == (req.After == nil):
		err = parley.Errorf(parley.CodeInvalid, "history needs before or after, a seq, and not both")
	case req.Limit != nil && *req.Limit < 1:
		err = parley.Errorf(parley.CodeInvalid, "limit must be 1 to %d", parley.HistoryMax)
	default:
		err = s.checkMember(ctx, req.Room)
	}
	if err != nil {
		reply(nil, err)
		return
	}
	if req.Limit != nil {
		r.Limit = int(min(*req.Limit, parley.HistoryMax))
	}
	if req.Before != nil {
		r.From, r.Backward = *req.Before, true
	} else {
		r.From = *req.After
	}
	page, err := s.chat.store.History(ctx, req.Room, r)
	if err == nil {
		err = s.stillMember(ctx, req.Room)
	}
	if err != nil {
		reply(nil, err)
		return
	}
	reply(HistoryAck{list(page.Messages), page.More}, nil)
}

func (s *Session) presence(ctx context.Context, req *Request, reply Reply) {
	err := checkRoom(req.Room)
	if err == nil {
		err = s.stillMember(ctx, req.Room)
	}
	if err != nil {
		reply(nil, err)
		return
	}
	users, count := s.chat.hub.Present(req.Room, parley.MaxListed)
	reply(PresenceAck{list(users), count}, nil)
}

func (s *Session) direct(ctx context.Context, req *Request, reply Reply) {
	if req.User == "" {
		reply(nil, parley.Errorf(parley.CodeInvalid, "direct needs user, the id of the other"))
		return
	}
	now := s.chat.now()
	if wait := s.take(joining, now); wait > 0 {
		reply(nil, s.limited(now, wait, "open direct rooms"))
		return
	}
	room, created, err := s.chat.store.DirectRoom(ctx, s.hub.User().ID, req.User, parley.NewRoomID(), now)
	if err != nil {
		reply(nil, err)
		return
	}
	if created {
		s.chat.tell(ctx, parley.News{Member: &parley.Member{User: s.hub.User().ID, Room: room}})
		room.Name = s.hub.User().Name // each of the two sees the other's name
		s.chat.tell(ctx, parley.News{Member: &parley.Member{User: req.User, Room: room}})
	}
	reply(DirectAck{room.ID}, nil)
}

func (s *Session) read(ctx context.Context, req *Request, reply Reply) {
	err := checkRoom(req.Room)
	if err == nil && (req.Seq == nil || *req.Seq < 0) {
		err = parley.Errorf(parley.CodeInvalid, "read needs seq, how far you have read")
	}
	if err != nil {
		reply(nil, err)
		return
	}
	seq, moved, err := s.chat.store.SetRead(ctx, req.Room, s.hub.User().ID, *req.Seq)
	if err != nil {
		reply(nil, err)
		return
	}
	if moved {
		s.chat.tell(ctx, parley.News{Read: &parley.ReadMark{User: s.hub.User().ID, Room: req.Room, Seq: seq, Origin: s.hub.ID()}})
	}
	reply(Done{}, nil)
}

// list returns s, or an empty list for nil: JSON's [] rather than null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
