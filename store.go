package parley

import (
	"context"
	"encoding/json"
	"time"
)

// A Store keeps what must not be lost: people, their sessions, rooms, members,
// how far each has read, and the log of every room. It is the truth; a [Bus]
// only carries news of it.
//
// All methods may be called by any number of goroutines at once. Errors that a
// client should hear are [*Error]; where the outcome of a write is unknown, or
// the store cannot be reached or is full, its code is [CodeUnavailable].
// internal/storetest is the test suite that every Store passes.
type Store interface {
	// CreateGuest stores a new user and a session of theirs. Where user.Name is
	// in use (comparing without regard to case, see [NameKey]) the user gets it
	// with the lowest number that is free behind it, "ann 2", cut to
	// [MaxUserName] characters; the answer says which.
	CreateGuest(ctx context.Context, user User, session SessionHash, now time.Time) (User, error)
	// UserBySession returns whose session it is, or CodeUnauthorized. It notes
	// now as the time it was last used, to the hour.
	UserBySession(ctx context.Context, session SessionHash, now time.Time) (User, error)

	// Room returns a room that user may see, and whether user is a member of
	// it. A room that is absent or not for user is CodeNotFound. The name of a
	// [Direct] room is, to each of the two, the other's, here and below.
	Room(ctx context.Context, room, user string) (r Room, member bool, err error)
	// MemberOf returns the rooms that user is a member of, in no order.
	MemberOf(ctx context.Context, user string) ([]Room, error)
	// Rooms returns the same by name, with how far user has read each. Unread
	// and Mentions are counted up to [MaxCounted].
	Rooms(ctx context.Context, user string) ([]Membership, error)
	// Join makes user a member, with everything said so far as read, and
	// returns the room and whether that is new. An absent room is made, public
	// and named by its id, where create says so, and CodeNotFound otherwise; a
	// room not for user is CodeNotFound, and an absent user CodeUnauthorized.
	Join(ctx context.Context, room, user string, create bool, now time.Time) (r Room, joined bool, err error)
	// Leave ends a membership; ending what is not is no error. A room of
	// kind [Direct] cannot be left (CodeInvalid).
	Leave(ctx context.Context, room, user string) error
	// DirectRoom returns the one room of two users, which it makes with
	// fresh as its id where there is none yet, both being members, and whether
	// it did. An absent other is CodeNotFound; oneself is CodeInvalid.
	DirectRoom(ctx context.Context, user, other, fresh string, now time.Time) (r Room, created bool, err error)
	// SetRead moves how far user has read the room up to seq, never back and
	// never past the room's last, and returns where it is then and whether that
	// moved it. Not a member: CodeNotJoined, or CodeNotFound as in Room.
	SetRead(ctx context.Context, room, user string, seq int64) (read int64, moved bool, err error)

	// Append numbers the drafts, in order, each within its room, and commits
	// them to disk together. The results stand in the order of the drafts: a
	// draft that is refused has its error there and does not keep the others
	// from being stored; a draft that was stored before (same user, room and
	// id, for good, also within one batch, and though it would be refused now)
	// gets the seq and time it got then, and Stored false. An error of Append
	// itself means that no draft was stored, or that it is unknown
	// (CodeUnavailable).
	//
	// A draft's room must be known to its user (CodeNotFound) and joined
	// (CodeNotJoined). A Target must be the seq of an entry that counts
	// ([Counts]) in the room and was not deleted; of an edit, a text of the
	// user's own; of a delete, a message of the user's own (CodeNotFound). A
	// reaction that would be one emoji too many ([MaxEmoji]) is CodeInvalid.
	//
	// What an edit, a delete or a reaction says is folded into its target, for
	// History. A delete wipes the target's body and those of its edits. Who a
	// text names ([Mentions]) and is a member of the room is mentioned.
	Append(ctx context.Context, batch []Draft) ([]Appended, error)
	// History returns a page of a room's log, ascending. It does not ask whether
	// the reader may: see Room.
	History(ctx context.Context, room string, r Range) (Page, error)

	// Close waits for what is under way and gives up the store.
	Close() error
}

// A Draft is a message that is not numbered yet.
type Draft struct {
	Room   string
	User   User // the name goes into the message event; the log knows the id
	ID     string
	Kind   string
	Body   json.RawMessage // compact JSON, at most [MaxBody] bytes
	Target int64           // 0: none
	Time   time.Time       // UTC, whole milliseconds
}

// Appended is what became of one draft.
type Appended struct {
	Seq    int64
	Time   time.Time
	Stored bool // false: it had been stored before, or Err
	Err    error
}

// A Range chooses a page of a room's log: up to Limit messages and about Bytes
// bytes ([Message.Size]), but at least one message where there is one, with
// seq > From going up, or with seq < From going down where Backward.
type Range struct {
	From     int64
	Backward bool
	Limit    int // 1 to [HistoryMax]; beyond, the nearer of the two holds
	Bytes    int // 0: [PageBytes]

	Reader string // the user for whom [Reaction.Mine] is told; "": nobody
}

// A Page is a piece of a room's log, ascending. First and Last are the room's
// ([Room]) at the same moment.
type Page struct {
	Messages    []Message
	More        bool // there is more in the direction of the Range
	First, Last int64
}
