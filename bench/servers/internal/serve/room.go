package serve

import "sync"

// A Room is whom a broadcast goes to. It may be used from any number of goroutines. The zero Room is empty.
type Room[C comparable] struct {
	mu      sync.RWMutex
	members []C
	place   map[C]int
}

// Join adds c.
func (r *Room[C]) Join(c C) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.place == nil {
		r.place = make(map[C]int)
	}
	r.place[c] = len(r.members)
	r.members = append(r.members, c)
}

// Leave removes c, if it is there.
func (r *Room[C]) Leave(c C) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, ok := r.place[c]
	if !ok {
		return
	}
	last := len(r.members) - 1
	r.members[i] = r.members[last]
	r.place[r.members[i]] = i
	var none C
	r.members[last] = none
	r.members = r.members[:last]
	delete(r.place, c)
}

// Each calls f with each member. What joins or leaves waits meanwhile, and other calls of Each do not.
func (r *Room[C]) Each(f func(c C)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, c := range r.members {
		f(c)
	}
}
