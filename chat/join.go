package chat

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/hub"
)

// join subscribes the connection to one room, or to several.
func (s *Session) join(ctx context.Context, req *Request, reply Reply) {
	switch {
	case req.Room != "" && req.Rooms != nil:
		reply(nil, parley.Errorf(parley.CodeInvalid, "join needs room or rooms, not both"))
	case req.Rooms != nil:
		s.joinAll(ctx, req.Rooms, reply)
	default:
		ack, sub, err := s.joinRoom(ctx, req.Room, req.Since, parley.PageBytes)
		if err != nil {
			reply(nil, err)
			return
		}
		reply(ack, nil)
		sub.Release(ack.Last)
	}
}

// joinAll joins each room by itself: one that cannot be joined keeps no other
// from it. The rooms share the bytes of one answer.
func (s *Session) joinAll(ctx context.Context, rooms map[string]*int64, reply Reply) {
	if len(rooms) > parley.MaxBulkJoin {
		reply(nil, parley.Errorf(parley.CodeInvalid, "join names at most %d rooms, yours has %d; join the rest after", parley.MaxBulkJoin, len(rooms)))
		return
	}
	type joined struct {
		sub  *hub.Subscription
		last int64
	}
	var subs []joined
	var worst error // of what was refused, what counts against the client: once, however many rooms
	answers := make([]any, 0, len(rooms))
	budget := parley.PageBytes
	for i, room := range slices.Sorted(maps.Keys(rooms)) {
		ack, sub, err := s.joinRoom(ctx, room, rooms[room], shareable(budget/(len(rooms)-i)))
		if err != nil {
			answers = append(answers, JoinRefused{room, ErrorOf(err)})
			if _, ending := errors.AsType[*endingError](err); ending || worst == nil {
				worst = err
			}
			continue
		}
		if budget <= 0 && len(ack.Messages) > 0 { // every page has one message at least
			ack.Messages, ack.More = []parley.Message{}, true
		}
		for _, m := range ack.Messages {
			budget -= m.Size()
		}
		answers = append(answers, ack)
		subs = append(subs, joined{sub, ack.Last})
	}
	if ending, ok := s.Refused(worst); ok {
		reply(nil, &endingError{parley.AsError(worst), ending})
	} else {
		reply(JoinsAck{answers}, nil)
	}
	for _, j := range subs {
		j.sub.Release(j.last)
	}
}

// joinRoom makes the user a member and the connection a subscriber of a room,
// and reads what it missed, about so many bytes. The subscription is held: the
// caller answers, then releases it.
func (s *Session) joinRoom(ctx context.Context, id string, since *int64, bytes int) (JoinAck, *hub.Subscription, error) {
	if err := checkRoom(id); err != nil {
		return JoinAck{}, nil, err
	}
	room, err := s.becomeMember(ctx, id)
	if err != nil {
		return JoinAck{}, nil, err
	}
	// Subscribed first and read after: what is said in between is held, and
	// what the answer already has is not delivered again.
	sub, fresh := s.hub.Join(room)
	ack, err := s.catchUp(ctx, id, since, bytes)
	if err != nil {
		if fresh {
			s.hub.Unjoin(room)
		} else {
			sub.Release(0)
		}
		return JoinAck{}, nil, err
	}
	// Asked once it is subscribed: whoever is put out before is found to be, and
	// after, put out of what is there.
	if err := s.stillMember(ctx, id); err != nil {
		s.hub.Leave(id)
		return JoinAck{}, nil, err
	}
	users, count := s.chat.hub.Present(id, parley.MaxListed)
	ack.Users, ack.Count = list(users), count
	return ack, sub, nil
}

// becomeMember returns a room that the user is a member of, from now on if not
// before.
func (s *Session) becomeMember(ctx context.Context, id string) (parley.Room, error) {
	room, member, err := s.chat.store.Room(ctx, id, s.hub.User().ID)
	if member || err != nil && parley.ErrorCode(err) != parley.CodeNotFound {
		return room, err
	}
	now := s.chat.now()
	if wait := s.take(joining, now); wait > 0 {
		return parley.Room{}, s.limited(now, wait, "join new rooms")
	}
	room, joined, err := s.chat.store.Join(ctx, id, s.hub.User().ID, s.guest, now)
	if err != nil {
		return parley.Room{}, err
	}
	if joined {
		s.chat.tell(ctx, parley.News{Member: &parley.Member{User: s.hub.User().ID, Room: room, Origin: s.hub.ID()}})
	}
	return room, nil
}

// catchUp reads what a joining client is given: what came after since, or the
// latest where it has none, or none that can be gone on from.
func (s *Session) catchUp(ctx context.Context, id string, since *int64, bytes int) (JoinAck, error) {
	latest := parley.Range{From: math.MaxInt64, Backward: true, Limit: parley.HistoryDefault, Bytes: bytes}
	if since == nil {
		page, err := s.chat.shared.history(ctx, id, latest)
		return joinAck(id, page, nil), err
	}
	page, err := s.chat.shared.history(ctx, id, parley.Range{From: *since, Limit: parley.HistoryMax, Bytes: bytes})
	recovered := *since >= page.First-1 && *since <= page.Last
	if err == nil && !recovered {
		page, err = s.chat.shared.history(ctx, id, latest)
	}
	return joinAck(id, page, &recovered), err
}

func joinAck(id string, page parley.Page, recovered *bool) JoinAck {
	return JoinAck{
		Room: id, First: page.First, Last: page.Last,
		Messages: list(page.Messages), More: page.More, Recovered: recovered,
	}
}
