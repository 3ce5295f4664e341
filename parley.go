// Package parley holds the words of Parley: people, rooms, messages, what may
// go wrong, and the two contracts that everything else is built from, [Store]
// and [Bus].
//
// It imports the standard library alone. Every other package is named after
// the one thing it wraps: sqlite keeps a [Store], hub delivers an [Event] to
// whoever listens, chat says what the words mean, server puts them on the wire.
//
// The way of a message: a gateway in server decodes it, chat says whether it
// may be, chat's committer hands a group of them to the Store, which numbers
// and commits it; then the ack leaves, the Bus carries the news, and each
// node's hub delivers it.
//
// Values of this package are plain data: safe to share between goroutines as
// long as nobody changes them.
package parley

// The bounds of the protocol. They are the same on every installation, so that
// a client may rely on them; rates, which are not, are told in hello's ack.
const (
	// MaxBody is the longest body of a message, in bytes of compact JSON.
	MaxBody = 64 << 10
	// MaxSignal is the longest body of a signal, in bytes of compact JSON.
	MaxSignal = 4 << 10
	// MaxMessageID is the longest id a client may give a message, in bytes.
	MaxMessageID = 64
	// MaxUserName is the longest name of a person, in characters.
	MaxUserName = 40
	// MaxRoomID is the longest id of a room, in bytes.
	MaxRoomID = 64

	// MaxRoomName and MaxTopic are the longest name and topic of a room, in
	// characters.
	MaxRoomName = 60
	MaxTopic    = 250

	// HistoryDefault and HistoryMax are how many messages a page of history
	// holds where the client does not say, and at most.
	HistoryDefault = 50
	HistoryMax     = 200
	// PageBytes bounds the messages of one answer, in bytes of JSON.
	PageBytes = 512 << 10
	// MaxEmoji is how many different emoji one message may have beside it, and
	// MaxReactors how many of those who put one there are named.
	MaxEmoji    = 20
	MaxReactors = 20
	// MaxMentions is how many people one message can mention.
	MaxMentions = 20
	// MaxListed is how many people a join or a presence answer names; its
	// count goes on.
	MaxListed = 100
	// MaxCounted is up to where unread messages are counted: there may be a
	// million in each of a thousand rooms, and nobody reads that number.
	MaxCounted = 100
	// MaxSearchWords is how many words one can look for at once.
	MaxSearchWords = 64
	// MaxBulkJoin is how many rooms one join may name.
	MaxBulkJoin = 200
)

// Lobby is the room that always exists.
const Lobby = "lobby"
