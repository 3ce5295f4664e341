package socketio

// A room is a set of sockets. The lock of its namespace guards it.
type room struct {
	members map[*Socket]struct{}
	list    []*Socket // the same; nil: it is to be made anew
}

func (r *room) add(s *Socket) {
	if r.members == nil {
		r.members = make(map[*Socket]struct{})
	}
	r.members[s] = struct{}{}
	r.list = nil
}

func (r *room) remove(s *Socket) {
	delete(r.members, s)
	r.list = nil
}

// sockets returns the members, in a slice that does not change.
func (r *room) sockets() []*Socket {
	if r.list == nil {
		r.list = make([]*Socket, 0, len(r.members))
		for s := range r.members {
			r.list = append(r.list, s)
		}
	}
	return r.list
}

func (r *room) has(s *Socket) bool {
	if r == nil {
		return false
	}
	_, ok := r.members[s]
	return ok
}
