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
	People
	Rooms
	Log

	// Close waits for what is under way and gives up the store.
	Close() error
}

// People is the part of a [Store] that knows who there is.
type People interface {
	// CreateGuest stores a new user of role [Guest] and a session of theirs.
	// Where user.Name is in use (comparing without regard to case, see
	// [NameKey]) the user gets it with the lowest number that is free behind
	// it, "ann 2", cut to [MaxUserName] characters; the answer says which.
	CreateGuest(ctx context.Context, user User, session SessionHash, now time.Time) (User, error)
	// CreateAccount stores a new user with a password. A name in use is
	// CodeConflict. The ticket, which must be one that invites, is used once in
	// the same moment; one that is not good (any more) is CodeNotFound. Where it
	// is nil, the user becomes the first admin; if there is one, that is
	// CodeConflict.
	CreateAccount(ctx context.Context, user User, password string, ticket *SessionHash, now time.Time) error
	// ExternalUser returns the user whom another system (issuer) knows as
	// subject: a new one, with user's id and name, numbered as a guest's if in
	// use, where there is none. One who was removed is CodeUnauthorized.
	ExternalUser(ctx context.Context, issuer, subject string, user User, now time.Time) (Account, error)

	// HasAdmin reports whether there is an admin who is not removed.
	HasAdmin(ctx context.Context) (bool, error)
	// Account returns a person, or CodeNotFound. Those removed are found.
	Account(ctx context.Context, user string) (Account, error)
	// Password returns the person of a name and what SetPassword stored, or
	// CodeUnauthorized where there is none, or none with a password.
	Password(ctx context.Context, name string) (a Account, password string, err error)
	// SetPassword replaces a password, or sets the first of a user whom another
	// system vouches for. It ends all sessions of the user but keep, which may
	// be nil, and the tickets that would reset the password. A guest's is
	// CodeInvalid, an absent or removed user's CodeNotFound.
	SetPassword(ctx context.Context, user, password string, keep *SessionHash) error
	// ResetPassword is SetPassword for whoever has the ticket; it returns whose
	// it was. A ticket that does not reset a password, or is not good (any
	// more), is CodeNotFound.
	ResetPassword(ctx context.Context, ticket SessionHash, password string, now time.Time) (User, error)
	// SetRole makes a person an admin, or ordinary again, which ends the tickets
	// that they made. The role of the last admin stays (CodeConflict), and a
	// guest's (CodeInvalid). An absent or removed user is CodeNotFound.
	SetRole(ctx context.Context, user string, role Role) error
	// RemoveUser ends a person's sessions, memberships and password for good,
	// and the tickets by them or for them. What they said stays, under their
	// name, which stays taken, and so does a direct room to the other of the
	// two. The last admin cannot be removed (CodeConflict), who is absent is
	// CodeNotFound, and removing once more does nothing.
	RemoveUser(ctx context.Context, user string, now time.Time) error
	// FindPeople returns those who are not removed and whose name begins with
	// prefix, by name, then those of whom a later word does, by that word, at
	// most limit. Case and accents do not count.
	FindPeople(ctx context.Context, prefix string, limit int) ([]Account, error)
	// Standing returns what those of the users may who are there and not removed,
	// so that a node can hold it against who is connected to it. Sessions are
	// those that are good at now ([SessionLife]).
	Standing(ctx context.Context, users []string, now time.Time) (map[string]Standing, error)
	// SetSeen notes when people were here last, never back; who is absent is
	// passed over.
	SetSeen(ctx context.Context, seen map[string]time.Time) error

	// CreateSession stores a session of a user who is not removed
	// (CodeUnauthorized).
	CreateSession(ctx context.Context, user string, session SessionHash, now time.Time) error
	// UserBySession returns whose session it is, or CodeUnauthorized: it is
	// unknown, ended, or was not used for [SessionLife]. It notes now as the
	// time it was last used, to the hour, so that it may live an hour longer.
	UserBySession(ctx context.Context, session SessionHash, now time.Time) (Account, error)
	// EndSession ends one session, or does nothing.
	EndSession(ctx context.Context, session SessionHash) error
	// EndSessions ends all sessions of a user but keep, which may be nil.
	EndSessions(ctx context.Context, user string, keep *SessionHash) error

	// CreateTicket stores a ticket. An absent or removed By or Reset is
	// CodeNotFound, a guest's Reset or Uses below 1 CodeInvalid.
	CreateTicket(ctx context.Context, t Ticket) error
	// Ticket returns a ticket that is good at now, or CodeNotFound.
	Ticket(ctx context.Context, hash SessionHash, now time.Time) (Ticket, error)
	// Tickets lists those that are good at now, the newest first.
	Tickets(ctx context.Context, now time.Time) ([]Ticket, error)
	// DeleteTicket revokes a ticket by its ID; one that is not there is no error.
	DeleteTicket(ctx context.Context, id string) error
}

// Rooms is the part of a [Store] that knows which rooms there are and who is in
// them.
//
// Where by is asked for, it is the user who does it, who must be a member
// (CodeNotJoined for a public room, else CodeNotFound) and, where said so, an
// admin of the room or of the installation (CodeConflict). An admin of the
// installation needs no membership in a public room, and sees no other one.
type Rooms interface {
	// Room returns a room that user may see, and whether user is a member of
	// it. A room that is absent or not for user is CodeNotFound. The name of a
	// [Direct] room is, to each of the two, the other's, here and below.
	Room(ctx context.Context, room, user string) (r Room, member bool, err error)
	// Heads returns those of the rooms that are there, as they are now, for nodes
	// to see what they missed. A direct room has no name here.
	Heads(ctx context.Context, rooms []string) (map[string]Room, error)
	// MemberOf returns the rooms that user is a member of, in no order.
	MemberOf(ctx context.Context, user string) ([]Room, error)
	// Rooms returns the same by name, with how far user has read each. Unread
	// and Mentions are counted up to [MaxCounted].
	Rooms(ctx context.Context, user string) ([]Membership, error)
	// FindRooms returns public rooms whose name begins with prefix, by name,
	// then those of which a later word does, by that word, at most limit;
	// archived ones only where user is a member. Case and accents do not count.
	FindRooms(ctx context.Context, user, prefix string, limit int) ([]RoomOffer, error)
	// CreateRoom makes a room of kind [Public] or [Private] (CodeInvalid), whose
	// first member and admin is user. An id in use is CodeConflict, an absent or
	// removed user CodeUnauthorized.
	CreateRoom(ctx context.Context, room Room, user string, now time.Time) error
	// ChangeRoom renames a room, sets its topic, archives it or brings it back,
	// and returns it. Admins only. A direct room is CodeInvalid, and the lobby
	// cannot be archived (CodeInvalid).
	ChangeRoom(ctx context.Context, room, by string, change RoomChange) (Room, error)
	// Join makes user a member, with everything said so far as read, and
	// returns the room and whether that is new. An absent room is made, public,
	// named by its id and with user as admin, where create says so, and
	// CodeNotFound otherwise; a room not for user is CodeNotFound, and an absent
	// or removed user CodeUnauthorized. An archived room is joined to be read.
	Join(ctx context.Context, room, user string, create bool, now time.Time) (r Room, joined bool, err error)
	// AddMember makes other a member, as Join does, and returns the room and
	// whether that is new. An absent or removed other is CodeNotFound, a direct
	// room CodeInvalid.
	AddMember(ctx context.Context, room, by, other string, now time.Time) (r Room, joined bool, err error)
	// RemoveMember ends other's membership, and returns whether there was one.
	// Admins only, or by is other. A direct room is CodeInvalid. Where the only
	// admin of a room goes, here, by Leave or by RemoveUser, whoever has been a
	// member for the longest becomes one; the lobby needs none.
	RemoveMember(ctx context.Context, room, by, other string) (removed bool, err error)
	// SetRoomRole makes a member an admin of the room, or takes that away.
	// Admins only; who is no member is CodeNotFound, a direct room CodeInvalid.
	// That of the only admin stays (CodeConflict), save in the lobby.
	SetRoomRole(ctx context.Context, room, by, other string, role Role) error
	// Members returns members by name, after the one so named, at most limit.
	Members(ctx context.Context, room, by, after string, limit int) ([]RoomMember, error)
	// Leave ends a membership; ending what is not is no error. A room of
	// kind [Direct] cannot be left (CodeInvalid).
	Leave(ctx context.Context, room, user string) error
	// DirectRoom returns the one room of two users, which it makes with
	// fresh as its id where there is none yet, both being members, and whether
	// it did. An absent or removed other is CodeNotFound, such a user
	// CodeUnauthorized; oneself is CodeInvalid.
	DirectRoom(ctx context.Context, user, other, fresh string, now time.Time) (r Room, created bool, err error)
	// SetRead moves how far user has read the room up to seq, never back and
	// never past the room's last, and returns where it is then and whether that
	// moved it. Not a member: CodeNotJoined, or CodeNotFound as in Room.
	SetRead(ctx context.Context, room, user string, seq int64) (read int64, moved bool, err error)
}

// Log is the part of a [Store] that keeps what was said.
type Log interface {
	// Append numbers the drafts, in order, each within its room, and commits
	// them to disk together. The results stand in the order of the drafts: a
	// draft that is refused has its error there and does not keep the others
	// from being stored; a draft that was stored before (same user, room and
	// id, for good, also within one batch, and though it would be refused now)
	// gets the seq and time it got then, and Stored false. An error of Append
	// itself means that no draft was stored, or that it is unknown
	// (CodeUnavailable).
	//
	// A draft's room must be known to its user (CodeNotFound), joined
	// (CodeNotJoined) and not archived (CodeConflict). A Target must be the seq
	// of an entry that counts ([Counts]) in the room and was not deleted; of an
	// edit, a text of the user's own; of a delete, a message of the user's own,
	// or any where the user is an admin of the room or of the installation
	// (CodeNotFound). A reaction that would be one emoji too many ([MaxEmoji])
	// is CodeInvalid.
	//
	// What an edit, a delete or a reaction says is folded into its target, for
	// History. A delete wipes the target's body and those of its edits. Who a
	// text names ([Mentions]) and is a member of the room is mentioned.
	Append(ctx context.Context, batch []Draft) ([]Appended, error)
	// History returns a page of a room's log, ascending. It does not ask whether
	// the reader may: see Room.
	History(ctx context.Context, room string, r Range) (Page, error)
	// Search returns texts that have all words, in rooms that the reader is a
	// member of, in the opposite of the order in which they were appended. It
	// finds them as they are now: what was changed by its new text, what was
	// deleted not at all. A From or Room that is absent or not for the reader
	// has no hits.
	Search(ctx context.Context, s Search) (Hits, error)
}

// A Standing is what a user may at a moment, both in no order.
type Standing struct {
	Sessions []SessionHash // that are good
	Rooms    []string      // the ids of those that the user is a member of
}

// A Search says what texts are looked for. Empty fields ask for nothing.
type Search struct {
	Reader string // the user who looks; required
	// Words must all be in a text: each is looked for as the beginning of a
	// word, and one with several words in it as these words in a row, of which
	// the last is a beginning. One or two letters of an alphabet are the whole
	// word. Case, accents and punctuation do not count. In scripts that put no
	// space between words, any part is found, and so is an emoji; each of their
	// characters counts as a word, of which there are at most [MaxSearchWords]
	// (CodeInvalid). Where there are Words but nothing in them that could be
	// found, there are no hits.
	Words         []string
	From          string    // the user who said it
	Room          string    // where
	After, Before time.Time // when: at or after, and before
	Limit         int       // 1 to [HistoryMax]; beyond, the nearer of the two holds
	Cursor        int64     // of the Hits before; 0: from the newest
}

// Hits are texts that were found, the newest first: about [PageBytes] of them
// at most, but one where there is one. Their Reactions are not told.
type Hits struct {
	Messages []Message
	Cursor   int64 // where to go on; 0: there is no more
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
