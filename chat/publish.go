package chat

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/seed-4a326f83/parley"
)

// publishMessage puts a message on its way to disk; the answer comes once it is
// there, from the committer.
func (s *Session) publishMessage(req *Request, reply Reply) {
	if err := checkPublish(req); err != nil {
		reply(nil, err)
		return
	}
	now := s.chat.now()
	if wait := s.take(publishing, now); wait > 0 {
		reply(nil, s.limited(now, wait, "publish"))
		return
	}
	draft := parley.Draft{
		Room: req.Room,
		User: *s.hub.User(),
		ID:   req.ID,
		Kind: req.Kind,
		Body: req.Body,
		Time: now.UTC().Truncate(time.Millisecond),
	}
	chat := s.chat
	err := chat.committer.Submit(draft, func(a parley.Appended) {
		if a.Err != nil {
			reply(nil, a.Err)
			return
		}
		reply(PublishAck{a.Seq, parley.Time{Time: a.Time}}, nil)
		if a.Stored {
			// Waits while the bus is full, and the committer with it: the one
			// place where publishing is slowed to what delivering keeps up with.
			chat.tell(context.Background(), parley.News{Message: &parley.Message{
				Room: draft.Room, Seq: a.Seq, ID: draft.ID, From: draft.User, Time: a.Time,
				Kind: draft.Kind, Body: draft.Body, Target: draft.Target,
			}})
		}
	})
	if err != nil {
		reply(nil, err)
	}
}

// checkPublish says what is wrong with a publish, and fills in its kind.
func checkPublish(req *Request) error {
	if err := checkRoom(req.Room); err != nil {
		return err
	}
	if !validMessageID(req.ID) {
		return parley.Errorf(parley.CodeInvalid, "publish needs an id of your own, of 1 to %d printable ASCII characters", parley.MaxMessageID)
	}
	if req.Kind == "" {
		req.Kind = parley.KindText
	}
	if req.Body == nil {
		return parley.Errorf(parley.CodeInvalid, "publish needs a body")
	}
	if len(req.Body) > parley.MaxBody {
		return parley.Errorf(parley.CodeTooLarge, "a body has at most %d bytes, yours has %d; send less, or in parts", parley.MaxBody, len(req.Body))
	}
	switch {
	case req.Kind == parley.KindText:
		if textOf(req.Body) == "" {
			return parley.Errorf(parley.CodeInvalid, `the body of a text is {"text":"..."}, and not empty`)
		}
	case !validAppKind(req.Kind):
		return parley.Errorf(parley.CodeInvalid, "this server takes messages of kind text and x-..., not %q", clip(req.Kind))
	}
	if req.Target != nil {
		return parley.Errorf(parley.CodeInvalid, "a message of kind %s has no target", clip(req.Kind))
	}
	return nil
}

// textOf returns the text of a text message's body, or "" where it has none. A
// struct would not do: encoding/json takes "TEXT" for "text".
func textOf(body json.RawMessage) (text string) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || json.Unmarshal(fields["text"], &text) != nil {
		return ""
	}
	return text
}

// sendSignal passes a signal to those who listen now.
func (s *Session) sendSignal(ctx context.Context, req *Request, reply Reply) {
	switch {
	case checkRoom(req.Room) != nil:
		reply(nil, checkRoom(req.Room))
		return
	case !validSignalKind(req.Kind):
		reply(nil, parley.Errorf(parley.CodeInvalid, "signal needs a kind, of 1 to 64 of a-z, 0-9, - and _"))
		return
	case len(req.Body) > parley.MaxSignal:
		reply(nil, parley.Errorf(parley.CodeTooLarge, "the body of a signal has at most %d bytes, yours has %d", parley.MaxSignal, len(req.Body)))
		return
	}
	now := s.chat.now()
	if wait := s.take(signalling, now); wait > 0 {
		reply(nil, s.limited(now, wait, "signal"))
		return
	}
	if err := s.checkMember(ctx, req.Room); err != nil {
		reply(nil, err)
		return
	}
	body := req.Body
	if body == nil {
		body = json.RawMessage("{}")
	}
	s.chat.tell(ctx, parley.News{Signal: &parley.Signal{
		Room: req.Room, From: *s.hub.User(), Kind: req.Kind, Body: body, Origin: s.hub.ID(),
	}})
	reply(Done{}, nil)
}

func validMessageID(id string) bool {
	if id == "" || len(id) > parley.MaxMessageID {
		return false
	}
	return strings.IndexFunc(id, func(r rune) bool { return r < 0x20 || r > 0x7e }) < 0
}

func validAppKind(kind string) bool {
	rest, ok := strings.CutPrefix(kind, parley.KindApp)
	return ok && validSignalKind(rest)
}

func validSignalKind(kind string) bool {
	if kind == "" || len(kind) > 64 {
		return false
	}
	return strings.IndexFunc(kind, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0
}
