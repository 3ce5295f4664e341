package sqlite

// A place is where a member publishes: our numbers of the room and the user.
type place struct{ room, user int64 }

// places remembers who is a member of which room, by their ids, since most of
// those who publish have done so before, and to look it up costs as much as to
// store the message. It knows members of rooms that are open, and belongs to the connection that
// writes, which sees every change: whatever ends a membership or closes a room
// must forget it here, and a rollback forgets all.
type places map[[2]string]place

// maxPlaces bounds the memory of places to some megabytes.
const maxPlaces = 1 << 15

func (p places) get(room, user string) (place, bool) {
	at, ok := p[[2]string{room, user}]
	return at, ok
}

func (p places) put(room, user string, at place) {
	if len(p) >= maxPlaces {
		clear(p)
	}
	p[[2]string{room, user}] = at
}

func (p places) forget(room, user string) { delete(p, [2]string{room, user}) }
