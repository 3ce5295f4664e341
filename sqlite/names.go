package sqlite

import (
	"database/sql/driver"
	"strings"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/words"
)

// freeName returns the name, or the name with the lowest number behind it that
// is free.
func freeName(c *conn, name string) (string, error) {
	if taken, err := nameTaken(c, name); err != nil || !taken {
		return name, err
	}
	for digits, low, high := int64(1), 2, 10; ; digits, low, high = digits+1, high, high*10 {
		base := strings.TrimRight(parley.NameKey(parley.NumberedName(name, low)), "0123456789")
		next := int64(low)
		if _, err := c.row(`SELECT next FROM numbered_names WHERE base = ? AND digits = ?`,
			[]driver.Value{base, digits}, &next); err != nil {
			return "", err
		}
		free := ""
		for ; free == "" && next < int64(high); next++ {
			candidate := parley.NumberedName(name, int(next))
			taken, err := nameTaken(c, candidate)
			if err != nil {
				return "", err
			}
			if !taken {
				free = candidate
			}
		}
		if _, err := c.exec(`INSERT INTO numbered_names (base, digits, next) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET next = excluded.next WHERE next <> excluded.next`, base, digits, next); err != nil {
			return "", err
		}
		if free != "" {
			return free, nil
		}
	}
}

func nameTaken(c *conn, name string) (bool, error) {
	var one int64
	return c.row(`SELECT 1 FROM users WHERE key = ?`, []driver.Value{parley.NameKey(name)}, &one)
}

// spell has something be found by its name; query is an INSERT of later, part
// and num.
func spell(c *conn, query string, num int64, name string) error {
	whole, later := words.Parts(name)
	if _, err := c.exec(query, int64(0), whole, num); err != nil {
		return err
	}
	for _, part := range later {
		if _, err := c.exec(query, int64(1), part, num); err != nil {
			return err
		}
	}
	return nil
}

const (
	spellUser = `INSERT INTO user_words (later, part, user) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	spellRoom = `INSERT INTO room_words (later, part, room) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
)

// spellNames has whoever was there before migration 3 be found.
func spellNames(c *conn) error {
	for query, insert := range map[string]string{
		`SELECT num, name FROM users`:                       spellUser,
		`SELECT num, name FROM rooms WHERE kind = 'public'`: spellRoom,
	} {
		var num int64
		var name string
		if err := c.each(query, nil, []any{&num, &name}, func() (bool, error) {
			return true, spell(c, insert, num, name)
		}); err != nil {
			return err
		}
	}
	return nil
}
