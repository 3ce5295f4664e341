package hub

import (
	"slices"
	"strings"
)

// places are the rooms that a session has to do with, by id. Most sessions have
// one or two, for which a map would be ten times as large.
type places []place

// A place is a room, and the session's subscription, or nil where its user is a
// member of the room but has not joined it on this connection.
type place struct {
	room *room
	sub  *Subscription
}

// find returns where a room is, or would be.
func (p places) find(id string) (at int, found bool) {
	return slices.BinarySearchFunc(p, id, func(p place, id string) int { return strings.Compare(p.room.info.ID, id) })
}

// get returns a place, or the zero one.
func (p places) get(id string) place {
	if at, found := p.find(id); found {
		return p[at]
	}
	return place{}
}

// set puts a place where it belongs, instead of one that is there.
func (p *places) set(new place) {
	at, found := p.find(new.room.info.ID)
	if found {
		(*p)[at] = new
		return
	}
	*p = slices.Insert(*p, at, new)
}

// remove takes a place out and returns it, or the zero one.
func (p *places) remove(id string) place {
	at, found := p.find(id)
	if !found {
		return place{}
	}
	old := (*p)[at]
	*p = slices.Delete(*p, at, at+1)
	return old
}
