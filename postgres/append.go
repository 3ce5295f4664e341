package postgres

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/seed-4a326f83/parley"
)

// Append implements [parley.Store]. It takes two round trips: the first locks
// the rooms and asks all that decides about the drafts, the second stores what
// was decided, and commits.
func (s *Store) Append(ctx context.Context, batch []parley.Draft) ([]parley.Appended, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	var results []parley.Appended
	err := s.writeIn(ctx, s.appends, func(t *tx) error {
		a := newAppending(batch)
		if err := a.ask(t); err != nil {
			return err
		}
		a.decide()
		results = a.results
		return a.store(t)
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// Keys of what the database is asked about once, however many drafts are about
// it. Rooms and users are by their ids.
type (
	inRoom  struct{ room, user string }
	entry   struct{ room, user, id string }
	message struct {
		room string
		seq  int64
	}
	called struct{ room, key string }
)

// An appending is a batch on its way into the log. The numbers that it gives
// hold for this transaction alone: one that outlived a failed commit would leave
// a hole.
type appending struct {
	batch   []parley.Draft
	results []parley.Appended
	said    []string // the texts, and how the index has them
	spelled []string

	places    list[inRoom, place]
	stored    list[entry, parley.Appended]
	targets   list[message, *target]
	mentioned list[called, int64] // the number of a member of that name
	documents []int64             // numbers for the texts

	rooms map[string]*growth // those that have got more, by id
	grown []*growth
	put   rows
	texts texts
	then  pgx.Batch // what takes effect after the entries are there
}

// A place is where a user publishes, and what they are there.
type place struct {
	room, user int64 // our numbers; user is 0 where there is none
	kind       parley.RoomKind
	archived   bool
	last       int64
	member     bool
	admin      bool // of the room or of the installation
}

// A growth is by how much a room grows in a batch.
type growth struct{ room, last, by int64 }

// rows are the entries to be stored, a slice a column.
type rows struct {
	room, seq, person, time, target, document []int64
	id, kind                                  []string
	counts                                    []bool
	body                                      [][]byte
}

// texts are those of the entries that can be searched, a slice a column.
type texts struct {
	num, room, seq, time []int64
	words                []string
}

// A list is keys to ask for, each once, and the answers.
type list[K comparable, V any] struct {
	keys    []K
	answers map[K]V
}

func (l *list[K, V]) want(k K) {
	if l.answers == nil {
		l.answers = map[K]V{}
	}
	if _, asked := l.answers[k]; !asked {
		var none V
		l.answers[k] = none
		l.keys = append(l.keys, k)
	}
}

// newAppending notes what is to be asked.
func newAppending(batch []parley.Draft) *appending {
	a := &appending{
		batch: batch, results: make([]parley.Appended, len(batch)), rooms: map[string]*growth{},
		said: make([]string, len(batch)), spelled: make([]string, len(batch)),
	}
	for i := range batch {
		d := &batch[i]
		if !storable(d.Room) || !storable(d.User.ID) || !storable(d.ID) || !storable(d.Kind) {
			a.results[i].Err = parley.Errorf(parley.CodeInvalid, "an id or a kind has a character that cannot be kept; leave it out")
			continue
		}
		a.places.want(inRoom{d.Room, d.User.ID})
		a.stored.want(entry{d.Room, d.User.ID, d.ID})
		if d.Target != 0 {
			a.targets.want(message{d.Room, d.Target})
		}
		if d.Kind == parley.KindText || d.Kind == parley.KindEdit {
			a.said[i] = parley.TextOf(d.Body)
			a.spelled[i] = spell(a.said[i])
			for names := range parley.Mentions(a.said[i]) {
				for _, name := range names {
					if storable(name) {
						a.mentioned.want(called{d.Room, name})
					}
				}
			}
		}
	}
	return a
}

// storable reports whether PostgreSQL takes a string as a text.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// ask begins the transaction, locks the rooms and learns what decides about the
// drafts. What is asked after the locks is as it will be at the commit.
func (a *appending) ask(t *tx) error {
	var b pgx.Batch
	b.Queue(begin)
	var locked []string
	for at := range a.places.answers {
		locked = append(locked, at.room)
	}
	b.Queue(`SELECT FROM rooms WHERE id = ANY ($1) ORDER BY num FOR NO KEY UPDATE`, locked)
	a.askPlaces(&b)
	a.askStored(&b)
	a.askTargets(&b)
	a.askMentioned(&b)
	texts := 0
	for i := range a.batch {
		if a.batch[i].Kind == parley.KindText {
			texts++
		}
	}
	if texts > 0 {
		b.Queue(`SELECT nextval('documents_num_seq') FROM generate_series(1, $1)`, texts).Query(func(rows pgx.Rows) (err error) {
			a.documents, err = pgx.CollectRows(rows, pgx.RowTo[int64])
			return err
		})
	}
	return t.conn.SendBatch(t.ctx, &b).Close()
}

func (a *appending) askPlaces(b *pgx.Batch) {
	var rooms, users []string
	for _, k := range a.places.keys {
		rooms, users = append(rooms, k.room), append(users, k.user)
	}
	var n int64
	var p place
	b.Queue(`SELECT k.n, r.num, coalesce(u.num, 0), r.kind, r.archived, r.last, m.person IS NOT NULL, coalesce('admin' IN (m.role, u.role), false)
		FROM unnest($1::text[], $2::text[]) WITH ORDINALITY k (room, person, n) JOIN rooms r ON r.id = k.room
		LEFT JOIN users u ON u.id = k.person LEFT JOIN members m ON m.person = u.num AND m.room = r.num`, rooms, users).
		Query(each(func() error {
			a.places.answers[a.places.keys[n-1]] = p
			return nil
		}, &n, &p.room, &p.user, &p.kind, &p.archived, &p.last, &p.member, &p.admin))
}

func (a *appending) askStored(b *pgx.Batch) {
	var rooms, users, ids []string
	for _, k := range a.stored.keys {
		rooms, users, ids = append(rooms, k.room), append(users, k.user), append(ids, k.id)
	}
	var n, seq, ms int64
	b.Queue(`SELECT k.n, x.seq, x.time
		FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY k (room, person, id, n) JOIN rooms r ON r.id = k.room JOIN users u ON u.id = k.person
		CROSS JOIN LATERAL (SELECT seq, time FROM messages WHERE person = u.num AND room = r.num AND id = k.id LIMIT 1) x`, rooms, users, ids).
		Query(each(func() error {
			a.stored.answers[a.stored.keys[n-1]] = parley.Appended{Seq: seq, Time: fromMillis(ms)}
			return nil
		}, &n, &seq, &ms))
}

func (a *appending) askMentioned(b *pgx.Batch) {
	if len(a.mentioned.keys) == 0 {
		return
	}
	var rooms, names []string
	for _, k := range a.mentioned.keys {
		rooms, names = append(rooms, k.room), append(names, k.key)
	}
	var n, user int64
	b.Queue(`SELECT k.n, x.person FROM unnest($1::text[], $2::text[]) WITH ORDINALITY k (room, name, n) JOIN rooms r ON r.id = k.room
		CROSS JOIN LATERAL (SELECT person FROM members WHERE room = r.num AND key = k.name LIMIT 1) x`, rooms, names).
		Query(each(func() error {
			a.mentioned.answers[a.mentioned.keys[n-1]] = user
			return nil
		}, &n, &user))
}

// each scans the rows of a query of a batch, one after the other, into dest.
func each(do func() error, dest ...any) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, dest, do)
		return err
	}
}

// decide says of each draft what becomes of it, in their order.
func (a *appending) decide() {
	for i := range a.batch {
		if a.results[i].Err == nil {
			a.results[i] = a.add(i)
		}
	}
}

// add numbers one draft.
func (a *appending) add(i int) parley.Appended {
	d := &a.batch[i]
	key := entry{d.Room, d.User.ID, d.ID}
	// What was stored once keeps its answer, though it would be refused now.
	if first := a.stored.answers[key]; first.Seq != 0 {
		return first
	}
	at := a.places.answers[inRoom{d.Room, d.User.ID}]
	refusal := at.refuse(d.Room)
	if refusal == nil && d.Target != 0 {
		refusal = a.checkTarget(&at, d)
	}
	if refusal != nil {
		return parley.Appended{Err: refusal}
	}
	g := a.rooms[d.Room]
	if g == nil {
		g = &growth{room: at.room, last: at.last}
		a.rooms[d.Room] = g
		a.grown = append(a.grown, g)
	}
	g.last++
	g.by++
	a.enter(&at, i, g.last)
	a.stored.answers[key] = parley.Appended{Seq: g.last, Time: d.Time}
	return parley.Appended{Seq: g.last, Time: d.Time, Stored: true}
}

// refuse says why a user may not publish in a room.
func (at *place) refuse(room string) error {
	switch {
	case at.room == 0 || !at.member && at.kind != parley.Public:
		return parley.ErrNotFound()
	case !at.member:
		return parley.ErrNotJoined(room)
	case at.archived:
		return parley.Errorf(parley.CodeConflict, "this room is archived and nothing more can be said in it; ask one of its admins to bring it back")
	}
	return nil
}

// enter puts an entry among those to be stored, and has it take effect.
func (a *appending) enter(at *place, i int, seq int64) {
	d := &a.batch[i]
	document := int64(0)
	if d.Kind == parley.KindText {
		document, a.documents = a.documents[0], a.documents[1:]
	}
	r := &a.put
	r.room, r.seq, r.person, r.time = append(r.room, at.room), append(r.seq, seq), append(r.person, at.user), append(r.time, d.Time.UnixMilli())
	r.target, r.document = append(r.target, d.Target), append(r.document, document)
	r.id, r.kind, r.counts, r.body = append(r.id, d.ID), append(r.kind, d.Kind), append(r.counts, parley.Counts(d.Kind)), append(r.body, d.Body)
	if t, asked := a.targets.answers[message{d.Room, seq}]; asked && t == nil {
		a.targets.answers[message{d.Room, seq}] = &target{author: at.user, kind: d.Kind, counts: parley.Counts(d.Kind), document: document}
	}
	a.fold(at, i, seq, document)
}

// store stores the entries and what they change, and commits.
func (a *appending) store(t *tx) error {
	var b pgx.Batch
	if r := &a.put; len(r.seq) > 0 {
		b.Queue(`INSERT INTO messages (room, seq, person, time, target, document, id, kind, counts, body)
			SELECT room, seq, person, time, nullif(target, 0), nullif(document, 0), id, kind, counts, body
			FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::boolean[], $10::bytea[])
			x (room, seq, person, time, target, document, id, kind, counts, body)`,
			r.room, r.seq, r.person, r.time, r.target, r.document, r.id, r.kind, r.counts, r.body)
		var rooms, by []int64
		for _, g := range a.grown {
			rooms, by = append(rooms, g.room), append(by, g.by)
		}
		b.Queue(`UPDATE rooms r SET last = r.last + g.by FROM unnest($1::bigint[], $2::bigint[]) g (room, by) WHERE r.num = g.room`, rooms, by)
		if x := &a.texts; len(x.num) > 0 {
			b.Queue(insertDocuments, x.num, x.room, x.seq, x.time, x.words)
		}
		b.QueuedQueries = append(b.QueuedQueries, a.then.QueuedQueries...)
	}
	b.Queue(`COMMIT`)
	return commitError(t.conn.SendBatch(t.ctx, &b).Close())
}
