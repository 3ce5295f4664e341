package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"github.com/seed-4a326f83/parley"
)

// checkTarget says why a draft may not be about its target.
func (a *appending) checkTarget(at place, d *parley.Draft) (refusal, err error) {
	var author, counts, deleted int64
	var kind string
	if _, err := a.row(`SELECT user, kind, counts, deleted IS NOT NULL FROM messages WHERE room = ? AND seq = ?`,
		[]driver.Value{at.room, d.Target}, &author, &kind, &counts, &deleted); err != nil {
		return nil, err
	}
	own := author == at.user
	may := own
	if d.Kind == parley.KindDelete && !own {
		if may, err = a.mayDelete(at); err != nil {
			return nil, err
		}
	}
	switch {
	case counts == 0 || deleted != 0:
		return parley.Errorf(parley.CodeNotFound, "there is no message %d here, or not any more; check target", d.Target), nil
	case d.Kind == parley.KindEdit && (!own || kind != parley.KindText):
		return parley.Errorf(parley.CodeNotFound, "message %d is not a text of yours; only its author can change it", d.Target), nil
	case d.Kind == parley.KindDelete && !may:
		return parley.Errorf(parley.CodeNotFound, "message %d is not yours; only its author and admins can delete it", d.Target), nil
	case d.Kind == parley.KindReaction:
		return a.oneEmojiMore(at, d)
	}
	return nil, nil
}

// mayDelete reports whether a member may delete what others say.
func (a *appending) mayDelete(at place) (bool, error) {
	var one int64
	return a.row(`SELECT 1 FROM members m JOIN users u ON u.num = m.user
		WHERE m.user = ? AND m.room = ? AND (m.role = 'admin' OR u.role = 'admin')`, []driver.Value{at.user, at.room}, &one)
}

// oneEmojiMore refuses a reaction for which there is no room beside its target.
func (a *appending) oneEmojiMore(at place, d *parley.Draft) (refusal, err error) {
	emoji, remove := parley.EmojiOf(d.Body)
	if remove {
		return nil, nil
	}
	var others int64
	_, err = a.row(`SELECT count(DISTINCT emoji) FROM reactions WHERE room = ? AND seq = ? AND emoji <> ?`,
		[]driver.Value{at.room, d.Target, emoji}, &others)
	if err == nil && others >= parley.MaxEmoji {
		refusal = parley.Errorf(parley.CodeInvalid, "a message has at most %d different emoji beside it; use one that is there", parley.MaxEmoji)
	}
	return refusal, err
}

// fold has an entry that was just stored take effect.
func (a *appending) fold(at place, d *parley.Draft, seq int64) error {
	switch d.Kind {
	case parley.KindText:
		text := parley.TextOf(d.Body)
		if err := a.indexer.add(a.conn, at, seq, d.Time.UnixMilli(), text); err != nil {
			return err
		}
		return a.mention(at, text, seq)
	case parley.KindEdit:
		if _, err := a.exec(`UPDATE messages SET edited = ?3 WHERE room = ?1 AND seq = ?2`, at.room, d.Target, seq); err != nil {
			return err
		}
		if _, err := a.exec(`DELETE FROM mentions WHERE room = ? AND seq = ?`, at.room, d.Target); err != nil {
			return err
		}
		text := parley.TextOf(d.Body)
		if err := a.reindex(at, d.Target, text); err != nil {
			return err
		}
		return a.mention(at, text, d.Target)
	case parley.KindDelete:
		return a.wipe(at, d.Target, seq)
	case parley.KindReaction:
		emoji, remove := parley.EmojiOf(d.Body)
		if remove {
			_, err := a.exec(`DELETE FROM reactions WHERE room = ? AND seq = ? AND emoji = ? AND user = ?`, at.room, d.Target, emoji, at.user)
			return err
		}
		_, err := a.exec(`INSERT INTO reactions (room, seq, emoji, user, entry) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			at.room, d.Target, emoji, at.user, seq)
		return err
	}
	return nil
}

// wipe forgets what a deleted message and its edits said, for good.
func (a *appending) wipe(at place, message, seq int64) error {
	if err := a.unindex(at, message); err != nil {
		return err
	}
	for _, query := range []string{
		`UPDATE messages SET body = '{}', deleted = ?3, document = NULL WHERE room = ?1 AND seq = ?2`,
		`UPDATE messages SET body = '{}' WHERE room = ?1 AND target = ?2 AND kind = 'edit' AND ?3`,
		`DELETE FROM reactions WHERE room = ?1 AND seq = ?2 AND ?3`,
		`DELETE FROM mentions WHERE room = ?1 AND seq = ?2 AND ?3`,
	} {
		if _, err := a.exec(query, at.room, message, seq); err != nil {
			return err
		}
	}
	return nil
}

// mention notes which members of the room a text names; seq is the message that
// is to be shown to them.
func (a *appending) mention(at place, text string, seq int64) error {
	for names := range parley.Mentions(text) {
		for _, name := range names {
			var user int64
			found, err := a.row(`SELECT u.num FROM users u JOIN members m ON m.user = u.num AND m.room = ? WHERE u.key = ?`,
				[]driver.Value{at.room, name}, &user)
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			if user != at.user {
				if _, err := a.exec(`INSERT INTO mentions (user, room, seq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, user, at.room, seq); err != nil {
					return err
				}
			}
			break // the longest is meant
		}
	}
	return nil
}

// addReactions puts the reactions beside the messages of a page.
func (s *Store) addReactions(ctx context.Context, room int64, page []parley.Message, reader string) error {
	if len(page) == 0 {
		return nil
	}
	low, high := page[0].Seq, page[len(page)-1].Seq
	const query = `SELECT x.seq, x.emoji, u.id, u.name FROM reactions x JOIN users u ON u.num = x.user
		WHERE x.room = ? AND x.seq BETWEEN ? AND ? ORDER BY x.seq, x.entry`
	return s.reads.each(ctx, query, []any{room, low, high}, func(rows *sql.Rows) (bool, error) {
		var seq int64
		var emoji string
		var user parley.User
		if err := rows.Scan(&seq, &emoji, &user.ID, &user.Name); err != nil {
			return false, err
		}
		addReaction(&page[seq-low].Reactions, emoji, user, reader)
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
