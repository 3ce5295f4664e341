package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/seed-4a326f83/parley"
)

// A target is an entry that drafts of a batch are about: as it is, and then as
// the drafts before have made it.
type target struct {
	author   int64
	kind     string
	counts   bool
	deleted  bool
	document int64
	emoji    map[string]*pile
}

// A pile is who put one emoji beside a message: how many, and who of those whose
// reactions are in the batch.
type pile struct {
	count int64
	of    map[int64]bool
}

func (a *appending) askTargets(b *pgx.Batch) {
	if len(a.targets.keys) == 0 {
		return
	}
	var rooms []string
	var seqs []int64
	for _, k := range a.targets.keys {
		rooms, seqs = append(rooms, k.room), append(seqs, k.seq)
	}
	var n int64
	var t target
	b.Queue(`SELECT k.n, x.person, x.kind, x.counts, x.deleted IS NOT NULL, coalesce(x.document, 0)
		FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY k (room, seq, n) JOIN rooms r ON r.id = k.room
		CROSS JOIN LATERAL (SELECT * FROM messages WHERE room = r.num AND seq = k.seq LIMIT 1) x`, rooms, seqs).
		Query(each(func() error {
			found := t
			a.targets.answers[a.targets.keys[n-1]] = &found
			return nil
		}, &n, &t.author, &t.kind, &t.counts, &t.deleted, &t.document))

	reactors := list[string, bool]{}
	for i := range a.batch {
		if d := &a.batch[i]; d.Kind == parley.KindReaction && a.results[i].Err == nil {
			reactors.want(d.User.ID)
		}
	}
	if len(reactors.keys) == 0 {
		return
	}
	var emoji []byte
	var count int64
	var of []int64
	b.Queue(`SELECT k.n, x.emoji, count(*), coalesce(array_agg(x.person) FILTER (WHERE x.person IN (SELECT num FROM users WHERE id = ANY ($3))), '{}')
		FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY k (room, seq, n) JOIN rooms r ON r.id = k.room
		JOIN reactions x ON x.room = r.num AND x.seq = k.seq GROUP BY k.n, x.emoji`, rooms, seqs, reactors.keys).
		Query(each(func() error {
			if t := a.targets.answers[a.targets.keys[n-1]]; t != nil {
				p := t.pile(string(emoji))
				p.count = count
				for _, person := range of {
					p.of[person] = true
				}
			}
			return nil
		}, &n, &emoji, &count, &of))
}

// pile returns the pile of an emoji, which may be empty.
func (t *target) pile(emoji string) *pile {
	p := t.emoji[emoji]
	if p == nil {
		if t.emoji == nil {
			t.emoji = map[string]*pile{}
		}
		p = &pile{of: map[int64]bool{}}
		t.emoji[emoji] = p
	}
	return p
}

// checkTarget says why a draft may not be about its target.
func (a *appending) checkTarget(at *place, d *parley.Draft) error {
	t := a.targets.answers[message{d.Room, d.Target}]
	if t == nil {
		t = &target{}
	}
	own := t.author == at.user
	switch {
	case !t.counts || t.deleted:
		return parley.Errorf(parley.CodeNotFound, "there is no message %d here, or not any more; check target", d.Target)
	case d.Kind == parley.KindEdit && (!own || t.kind != parley.KindText):
		return parley.Errorf(parley.CodeNotFound, "message %d is not a text of yours; only its author can change it", d.Target)
	case d.Kind == parley.KindDelete && !own && !at.admin:
		return parley.Errorf(parley.CodeNotFound, "message %d is not yours; only its author and admins can delete it", d.Target)
	case d.Kind == parley.KindReaction:
		return t.oneEmojiMore(d)
	}
	return nil
}

// oneEmojiMore refuses a reaction for which there is no room beside its target.
func (t *target) oneEmojiMore(d *parley.Draft) error {
	emoji, remove := parley.EmojiOf(d.Body)
	if remove {
		return nil
	}
	others := 0
	for e, p := range t.emoji {
		if e != emoji && p.count > 0 {
			others++
		}
	}
	if others >= parley.MaxEmoji {
		return parley.Errorf(parley.CodeInvalid, "a message has at most %d different emoji beside it; use one that is there", parley.MaxEmoji)
	}
	return nil
}

const insertDocuments = `INSERT INTO documents (num, room, seq, time, words)
	SELECT num, room, seq, time, words::tsvector FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[]) x (num, room, seq, time, words)`

// add has a text be found, which is spelled as spell does.
func (x *texts) add(num, room, user, seq, time int64, spelled string) {
	x.num, x.room, x.seq, x.time = append(x.num, num), append(x.room, room), append(x.seq, seq), append(x.time, time)
	x.words = append(x.words, vector(room, user, spelled))
}

// fold has an entry that is about to be stored take effect.
func (a *appending) fold(at *place, i int, seq, document int64) {
	d, text := &a.batch[i], a.said[i]
	if d.Kind == parley.KindText {
		a.texts.add(document, at.room, at.user, seq, d.Time.UnixMilli(), a.spelled[i])
		a.mention(at, d.Room, text, seq)
		return
	}
	t := a.targets.answers[message{d.Room, d.Target}]
	if t == nil {
		return // it has none
	}
	switch d.Kind {
	case parley.KindEdit:
		a.then.Queue(`UPDATE messages SET edited = $3 WHERE room = $1 AND seq = $2`, at.room, d.Target, seq)
		a.then.Queue(`DELETE FROM mentions WHERE room = $1 AND seq = $2`, at.room, d.Target)
		a.then.Queue(`UPDATE documents SET words = $2::text::tsvector WHERE num = $1`, t.document, vector(at.room, at.user, a.spelled[i]))
		a.mention(at, d.Room, text, d.Target)
	case parley.KindDelete:
		a.wipe(at, t, d.Target, seq)
	case parley.KindReaction:
		emoji, remove := parley.EmojiOf(d.Body)
		p := t.pile(emoji)
		switch {
		case remove && p.of[at.user]:
			delete(p.of, at.user)
			p.count--
			a.then.Queue(`DELETE FROM reactions WHERE room = $1 AND seq = $2 AND emoji = $3 AND person = $4`, at.room, d.Target, []byte(emoji), at.user)
		case !remove && !p.of[at.user]:
			p.of[at.user] = true
			p.count++
			a.then.Queue(`INSERT INTO reactions (room, seq, emoji, person, entry) VALUES ($1, $2, $3, $4, $5)`, at.room, d.Target, []byte(emoji), at.user, seq)
		}
	}
}

// wipe forgets what a deleted message and its edits said, for good.
func (a *appending) wipe(at *place, t *target, message, seq int64) {
	t.deleted, t.emoji = true, nil
	a.then.Queue(`UPDATE messages SET body = '{}', deleted = $3, document = NULL WHERE room = $1 AND seq = $2`, at.room, message, seq)
	a.then.Queue(`UPDATE messages SET body = '{}' WHERE room = $1 AND target = $2 AND kind = 'edit'`, at.room, message)
	a.then.Queue(`DELETE FROM reactions WHERE room = $1 AND seq = $2`, at.room, message)
	a.then.Queue(`DELETE FROM mentions WHERE room = $1 AND seq = $2`, at.room, message)
	if t.document != 0 {
		a.then.Queue(`DELETE FROM documents WHERE num = $1`, t.document)
	}
}

// mention notes which members of the room a text names; seq is the message that
// is to be shown to them.
func (a *appending) mention(at *place, room, text string, seq int64) {
	for names := range parley.Mentions(text) {
		for _, name := range names {
			user := a.mentioned.answers[called{room, name}]
			if user == 0 {
				continue
			}
			if user != at.user {
				a.then.Queue(`INSERT INTO mentions (person, room, seq) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, user, at.room, seq)
			}
			break // the longest is meant
		}
	}
}

// addReactions puts the reactions beside the messages of a page.
func (s *Store) addReactions(ctx context.Context, room int64, page []parley.Message, reader string) error {
	if len(page) == 0 {
		return nil
	}
	low, high := page[0].Seq, page[len(page)-1].Seq
	const query = `SELECT x.seq, x.emoji, u.id, u.name FROM reactions x JOIN users u ON u.num = x.person
		WHERE x.room = $1 AND x.seq BETWEEN $2 AND $3 ORDER BY x.seq, x.entry`
	return s.each(ctx, query, []any{room, low, high}, func(rows pgx.Rows) (bool, error) {
		var seq int64
		var emoji []byte
		var user parley.User
		if err := rows.Scan(&seq, &emoji, &user.ID, &user.Name); err != nil {
			return false, err
		}
		addReaction(&page[seq-low].Reactions, string(emoji), user, reader)
		return true, nil
	})
}

func addReaction(list *[]parley.Reaction, emoji string, user parley.User, reader string) {
	i := 0
	for i < len(*list) && (*list)[i].Emoji != emoji {
		i++
	}
	if i == len(*list) {
		*list = append(*list, parley.Reaction{Emoji: emoji})
	}
	r := &(*list)[i]
	r.Count++
	r.Mine = r.Mine || user.ID == reader
	if len(r.Users) < parley.MaxReactors {
		r.Users = append(r.Users, user)
	}
}
