package socketio

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley/socketio/engineio"
)

// A recovery remembers, for a while, what was sent in a namespace, and to whom, and what those who lost their connection had.
// Its lock is taken before the namespace's, and is held while events are sent: what clients get is in the order of offsets.
type recovery struct {
	nsp  *Namespace
	opts RecoveryOptions

	mu        sync.Mutex
	seq       uint64 // of the newest event
	forgotten uint64 // of the newest that is not in the log any more
	log       []logged
	bytes     int
	sessions  map[string]*pastSession // by pid
	oldest    []loss                  // of those, in the order in which they were noted; some may be gone, or lost again since
	present   map[string]*Socket      // those that are connected, by pid
}

// A logged event is one that may have to be sent again.
type logged struct {
	seq     uint64
	at      time.Time
	rooms   []string // none: to everyone
	except  []string
	packets []engineio.Packet
	bytes   int
}

// A pastSession is what a client has that lost its connection.
type pastSession struct {
	id, pid string
	rooms   []string
	socket  *Socket // whose it was; nil: its functions have all returned, and data is known
	data    any
	lost    time.Time
	after   uint64 // up to where events had been sent before it came first
	from    uint64 // up to where it says that it has got
}

// A loss is when a client lost its connection.
type loss struct {
	pid string
	at  time.Time
}

func newRecovery(n *Namespace, opts RecoveryOptions) *recovery {
	if opts.MaxDisconnection == 0 {
		opts.MaxDisconnection = defaultMaxDisconnection
	}
	if opts.MaxBytes == 0 {
		opts.MaxBytes = defaultRecoveryBytes
	}
	if opts.MaxSessions == 0 {
		opts.MaxSessions = defaultRecoverySessions
	}
	return &recovery{nsp: n, opts: opts, sessions: make(map[string]*pastSession), present: make(map[string]*Socket)}
}

// loggedOverhead is what an event in the log takes besides its bytes, about.
const loggedOverhead = 256

// offset is how an event is called that clients know.
func offset(seq uint64) string { return strconv.FormatUint(seq, 36) }

// emit sends an event to one socket.
func (r *recovery) emit(s *Socket, h header, event string, args []any) error {
	b := BroadcastOperator{nsp: r.nsp, rooms: []string{s.id}}
	err := error(nil)
	sent := r.broadcast(&b, h, event, args, func() []*Socket {
		if !s.Connected() {
			err = ErrDisconnected
			return nil
		}
		return []*Socket{s}
	})
	if sent != nil {
		return sent
	}
	return err
}

// broadcast sends an event, and notes it. targets returns to whom; nil means whom b means.
func (r *recovery) broadcast(b *BroadcastOperator, h header, event string, args []any, targets func() []*Socket) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	enc, err := encode(nil, h, event, args, offset(r.seq+1))
	if err != nil {
		return err
	}
	r.seq++
	to := []*Socket(nil)
	if targets != nil {
		to = targets()
	} else {
		to = b.targets()
	}
	if !h.hasID { // nobody waits for the acknowledgement of one that comes later
		r.note(b, enc)
	}
	b.sendAll(enc, to)
	return nil
}

// note adds an event to the log. mu is held.
func (r *recovery) note(b *BroadcastOperator, enc encoding) {
	entry := logged{
		seq: r.seq, at: time.Now(), rooms: b.rooms, except: b.except, packets: enc.prepare(), bytes: loggedOverhead + len(enc.text),
	}
	if b.sender != nil {
		entry.except = append(slices.Clip(entry.except), b.sender.id)
	}
	for _, a := range enc.attachments {
		entry.bytes += len(a)
	}
	r.log = append(r.log, entry)
	r.bytes += entry.bytes
	r.forget()
}

// forget lets go of what is too old, or too much. mu is held.
func (r *recovery) forget() {
	limit := time.Now().Add(-r.opts.MaxDisconnection)
	n := 0
	for n < len(r.log) && (r.bytes > r.opts.MaxBytes || r.log[n].at.Before(limit)) {
		r.bytes -= r.log[n].bytes
		r.forgotten = r.log[n].seq
		n++
	}
	r.log = slices.Delete(r.log, 0, n)
	n = 0
	for n < len(r.oldest) {
		head := r.oldest[n]
		if past := r.sessions[head.pid]; past != nil && past.lost.Equal(head.at) {
			if len(r.sessions) <= r.opts.MaxSessions && !head.at.Before(limit) {
				break
			}
			delete(r.sessions, head.pid)
		}
		n++
	}
	r.oldest = slices.Delete(r.oldest, 0, n)
}

// find returns what the client that wants to connect had before, if that is still known, and nothing that it missed is
// forgotten. Nobody else finds it from then on. A client may be back before it is known here that it was away: stale is the
// socket that it had then, which has left the namespace, and is to be ended.
func (r *recovery) find(s *Socket) (past *pastSession, stale *Socket) {
	var auth struct {
		PID    string  `json:"pid"`
		Offset *string `json:"offset"`
	}
	if json.Unmarshal(s.auth, &auth) != nil || auth.PID == "" {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	limit := time.Now().Add(-r.opts.MaxDisconnection)
	if known := r.sessions[auth.PID]; known != nil && !known.lost.Before(limit) {
		found := *known
		past = &found
	} else if stale = r.present[auth.PID]; stale != nil && stale.client != s.client && stale.mayReturn() {
		past = r.past(stale)
	} else {
		return nil, nil
	}
	past.from = past.after
	if auth.Offset != nil {
		seq, err := strconv.ParseUint(*auth.Offset, 36, 64)
		if err != nil || seq > r.seq {
			return nil, nil
		}
		past.from = max(seq, past.after) // what came before is not theirs: offsets can be guessed, or be of a session before
	}
	if !r.covers(past) {
		return nil, nil
	}
	delete(r.sessions, auth.PID)
	if stale != nil {
		delete(r.present, auth.PID)
		r.nsp.forget(stale)
	}
	return past, stale
}

// mayReturn reports whether the socket was not disconnected on purpose.
func (s *Socket) mayReturn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == connected || s.state == lost
}

// covers reports whether nothing is forgotten that past would have to be sent. mu is held.
func (r *recovery) covers(past *pastSession) bool { return past.from >= r.forgotten }

// putBack undoes find.
func (r *recovery) putBack(past *pastSession) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions[past.pid] = past
	r.oldest = append(r.oldest, loss{past.pid, past.lost})
}

// resend sends a client what it missed. mu is held.
func (r *recovery) resend(s *Socket, past *pastSession) {
	first, _ := slices.BinarySearchFunc(r.log, past.from+1, func(e logged, seq uint64) int { return cmp.Compare(e.seq, seq) })
	for _, e := range r.log[first:] {
		if e.reaches(past) {
			s.session.Send(e.packets...)
		}
	}
}

// reaches reports whether the event was for a client.
func (e *logged) reaches(past *pastSession) bool {
	isIn := func(room string) bool { return room == past.id || slices.Contains(past.rooms, room) }
	return (len(e.rooms) == 0 || slices.ContainsFunc(e.rooms, isIn)) && !slices.ContainsFunc(e.except, isIn)
}

// remember keeps what a socket has that is about to be disconnected, if it may come back and has not yet. mu is held.
func (r *recovery) remember(s *Socket, reason Reason) {
	if r.present[s.pid] != s {
		return
	}
	delete(r.present, s.pid)
	switch reason {
	case ClientDisconnect, ServerDisconnect, HandlerPanic, engineio.ParseError:
		return
	}
	past := r.past(s)
	r.sessions[s.pid] = past
	r.oldest = append(r.oldest, loss{s.pid, past.lost})
	r.forget()
}

// past returns what a socket has. mu is held.
func (r *recovery) past(s *Socket) *pastSession {
	r.nsp.mu.Lock()
	rooms := slices.Clone(s.rooms)
	r.nsp.mu.Unlock()
	return &pastSession{id: s.id, pid: s.pid, rooms: rooms, socket: s, lost: time.Now(), after: s.since}
}

// settle notes the data of a socket that has been disconnected, whose functions have all returned.
func (r *recovery) settle(s *Socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if past := r.sessions[s.pid]; past != nil && past.socket == s {
		past.socket, past.data = nil, s.Data
	}
	close(s.told)
}

// handlersTime is how long a client that comes back waits for the functions of the socket that it had.
const handlersTime = 10 * time.Second

// await waits until the data is known, and reports whether it is: not if the client is gone again, or waits for too long.
func (p *pastSession) await(gone <-chan struct{}) (known bool) {
	if p.socket == nil {
		return true
	}
	late := time.NewTimer(handlersTime)
	defer late.Stop()
	select {
	case <-p.socket.told:
		p.socket, p.data = nil, p.socket.Data
		return true
	case <-gone:
		return false
	case <-late.C:
		return false
	}
}
