package postgres

import (
	"strings"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/words"
)

// freeName returns the name, or the name with the lowest number behind it that
// is free.
func freeName(t *tx, name string) (string, error) {
	// Others who want the same name would find the same one free.
	if err := t.lock("name " + parley.NameKey(name)); err != nil {
		return "", err
	}
	if taken, err := nameTaken(t, name); err != nil || !taken {
		return name, err
	}
	for digits, low, high := int64(1), 2, 10; ; digits, low, high = digits+1, high, high*10 {
		base := strings.TrimRight(parley.NameKey(parley.NumberedName(name, low)), "0123456789")
		next := int64(low)
		if _, err := t.row(`SELECT next FROM numbered_names WHERE base = $1 AND digits = $2`,
			[]any{base, digits}, &next); err != nil {
			return "", err
		}
		free := ""
		for ; free == "" && next < int64(high); next++ {
			candidate := parley.NumberedName(name, int(next))
			taken, err := nameTaken(t, candidate)
			if err != nil {
				return "", err
			}
			if !taken {
				free = candidate
			}
		}
		if _, err := t.exec(`INSERT INTO numbered_names (base, digits, next) VALUES ($1, $2, $3)
			ON CONFLICT (base, digits) DO UPDATE SET next = excluded.next WHERE numbered_names.next <> excluded.next`, base, digits, next); err != nil {
			return "", err
		}
		if free != "" {
			return free, nil
		}
	}
}

func nameTaken(t *tx, name string) (bool, error) {
	var one int64
	return t.row(`SELECT 1 FROM users WHERE key = $1`, []any{parley.NameKey(name)}, &one)
}

// spellName has something be found by its name; query is one of those below.
func spellName(t *tx, query string, num int64, name string) error {
	whole, later := words.Parts(name)
	_, err := t.exec(query, num, whole, later)
	return err
}

const (
	spellUser = `INSERT INTO user_words (person, later, part) SELECT $1::bigint, 0::smallint, $2::text UNION ALL SELECT $1, 1, unnest($3::text[]) ON CONFLICT DO NOTHING`
	spellRoom = `INSERT INTO room_words (room, later, part) SELECT $1::bigint, 0::smallint, $2::text UNION ALL SELECT $1, 1, unnest($3::text[]) ON CONFLICT DO NOTHING`
)
