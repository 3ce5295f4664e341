package chat

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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
	if req.Target != nil {
		draft.Target = *req.Target
	}
	err := chat.committer.Submit(draft, func(a parley.Appended) {
		if a.Err != nil {
			reply(nil, a.Err)
			return
		}
		reply(PublishAck{a.Seq, parley.Time{Time: a.Time}}, nil)
		chat.cluster.changed(draft.Room, a.Seq)
		if !a.Stored { // whether it was told then, is not known
			chat.cluster.follower.miss(draft.Room, a.Seq)
		} else {
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
	if req.Body == nil && req.Kind == parley.KindDelete {
		req.Body = json.RawMessage(`{}`)
	}
	if req.Body == nil {
		return parley.Errorf(parley.CodeInvalid, "publish needs a body")
	}
	if len(req.Body) > parley.MaxBody {
		return parley.Errorf(parley.CodeTooLarge, "a body has at most %d bytes, yours has %d; send less, or in parts", parley.MaxBody, len(req.Body))
	}
	switch {
	case req.Kind == parley.KindText:
		if parley.TextOf(req.Body) == "" {
			return parley.Errorf(parley.CodeInvalid, `the body of a text is {"text":"..."}, and not empty`)
		}
	case req.Kind == parley.KindEdit || req.Kind == parley.KindDelete || req.Kind == parley.KindReaction:
		return checkChange(req)
	case !validAppKind(req.Kind):
		return parley.Errorf(parley.CodeInvalid, "this server takes messages of kind text, edit, delete, reaction and x-..., not %q", clip(req.Kind))
	}
	if req.Target != nil {
		return parley.Errorf(parley.CodeInvalid, "a message of kind %s has no target", clip(req.Kind))
	}
	return nil
}

// checkChange says what is wrong with a publish that is about another message.
func checkChange(req *Request) error {
	switch {
	case req.Target == nil || *req.Target < 1:
		return parley.Errorf(parley.CodeInvalid, "a message of kind %s needs target, the seq of the message it is about", req.Kind)
	case req.Kind == parley.KindEdit && parley.TextOf(req.Body) == "":
		return parley.Errorf(parley.CodeInvalid, `the body of an edit is {"text":"..."}, the whole new text, and not empty; to take a message away, delete it`)
	case req.Kind == parley.KindReaction:
		if emoji, _ := parley.EmojiOf(req.Body); !validEmoji(emoji) {
			return parley.Errorf(parley.CodeInvalid, `the body of a reaction is {"emoji":"...","remove":true}; remove takes it away again, and an emoji has at most %d bytes`, maxEmoji)
		}
	}
	return nil
}

// maxEmoji is the longest emoji, in bytes: a family of four with skin colours
// has 41.
const maxEmoji = 64

// validEmoji reports whether a reaction may show s: whatever can be seen and is
// no text.
func validEmoji(s string) bool {
	return s != "" && len(s) <= maxEmoji && strings.IndexFunc(s, visible) >= 0 &&
		strings.IndexFunc(s, func(r rune) bool {
			return unicode.IsLetter(r) || unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError
		}) < 0
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
