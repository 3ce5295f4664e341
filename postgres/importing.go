package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-4a326f83/parley"
)

// A Source is a store whose every row can be read, with the tables and columns
// that migrations make. Where one has a different name for what we call person,
// it knows it as that too. Nobody may change it while it is read.
type Source interface {
	// Count returns how many rows a table has.
	Count(ctx context.Context, table string) (int64, error)
	// Rows calls do with those columns of every row of a table: int64, string,
	// []byte, or nil. The slice is do's until the next call.
	Rows(ctx context.Context, table string, columns []string, do func(row []any) error) error
}

// Progress is told how many rows of a table of how many are copied, every
// thousand, and once all are.
type Progress func(table string, done, all int64)

// copied are the tables and their columns, those before that others refer to.
// documents are left out: what words a text has, each store says in its own way.
var copied = []struct {
	table   string
	columns []string
}{
	{"users", []string{"num", "id", "name", "key", "role", "password", "created", "seen", "removed"}},
	{"numbered_names", []string{"base", "digits", "next"}},
	{"identities", []string{"issuer", "subject", "person"}},
	{"sessions", []string{"hash", "person", "created", "seen"}},
	{"tickets", []string{"num", "hash", "id", "by", "reset", "uses", "expires"}},
	{"rooms", []string{"num", "id", "name", "kind", "topic", "archived", "first", "last", "created", "low", "high"}},
	{"members", []string{"room", "person", "key", "role", "read", "joined"}},
	{"messages", []string{"room", "seq", "person", "id", "kind", "counts", "time", "body", "target", "edited", "deleted", "document"}},
	{"reactions", []string{"room", "seq", "emoji", "person", "entry"}},
	{"mentions", []string{"person", "room", "seq"}},
	{"user_words", []string{"later", "part", "person"}},
	{"room_words", []string{"later", "part", "room"}},
}

// documentsTable is the one that is filled from the texts.
const documentsTable = "documents"

// Columns that a Source has in another type.
var (
	booleans = map[string]bool{"archived": true, "counts": true}
	binaries = map[string]bool{"body": true, "emoji": true}
)

// Import fills the empty database at url with all that the source has, under the
// same numbers, and checks that it is all there. It is one transaction: what
// fails or is interrupted leaves the database empty, and can be begun again.
// Until it ends, nodes that use the database wait. A database in which somebody
// is already is refused.
func Import(ctx context.Context, url string, source Source, progress Progress) error {
	config, err := parse(url)
	if err != nil {
		return err
	}
	connection := config.ConnConfig
	if err := migrate(ctx, connection, time.Now()); err != nil {
		return openError(connection, err)
	}
	conn, err := pgx.ConnectConfig(ctx, patient(connection))
	if err != nil {
		return openError(connection, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := syncCommits(ctx, conn); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(pgx.Tx) error {
		i := importing{tx{ctx, conn}, source, progress}
		if err := i.empty(); err != nil {
			return fmt.Errorf("%s: %w", whereOf(connection), err)
		}
		for _, c := range copied {
			if err := i.copy(c.table, c.columns); err != nil {
				return fmt.Errorf("copying %s: %w", c.table, err)
			}
		}
		if err := i.index(); err != nil {
			return fmt.Errorf("indexing the texts: %w", err)
		}
		if err := i.number(); err != nil {
			return err
		}
		return i.check()
	})
}

// importing is what Import does, in its transaction.
type importing struct {
	tx
	source   Source
	progress Progress
}

// empty refuses a database in which somebody is, and takes out the lobby that
// every new one has. Others wait from here on.
func (i *importing) empty() error {
	if _, err := i.exec(`LOCK TABLE users, rooms IN ACCESS EXCLUSIVE MODE`); err != nil {
		return err
	}
	var people, messages int64
	if _, err := i.row(`SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM messages)`, nil, &people, &messages); err != nil {
		return err
	}
	if people > 0 || messages > 0 {
		return fmt.Errorf("there are %d people and %d messages in it already; name an empty database", people, messages)
	}
	_, err1 := i.exec(`DELETE FROM room_words`)
	_, err2 := i.exec(`DELETE FROM rooms`)
	return cmp.Or(err1, err2)
}

// piece is how many rows are copied at once.
const piece = 1000

// copy copies a table, a piece at a time.
func (i *importing) copy(table string, columns []string) error {
	all, err := i.source.Count(i.ctx, table)
	if err != nil {
		return err
	}
	var rows [][]any
	done := int64(0)
	flush := func() error {
		n, err := i.conn.CopyFrom(i.ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
		done += n
		rows = rows[:0]
		i.progress(table, done, all)
		return err
	}
	if err := i.source.Rows(i.ctx, table, columns, func(row []any) error {
		mine := make([]any, len(row))
		for c, value := range row {
			switch v := value.(type) {
			case int64:
				mine[c] = v
				if booleans[columns[c]] {
					mine[c] = v != 0
				}
			case string:
				mine[c] = v
				if binaries[columns[c]] {
					mine[c] = []byte(v)
				}
			case []byte:
				mine[c] = append([]byte{}, v...)
			default:
				mine[c] = v
			}
		}
		if rows = append(rows, mine); len(rows) < piece {
			return nil
		}
		return flush()
	}); err != nil || len(rows) == 0 {
		return err
	}
	return flush()
}

// index has the texts be found, as they are now.
func (i *importing) index() error {
	var all int64
	if _, err := i.row(`SELECT count(document) FROM messages`, nil, &all); err != nil {
		return err
	}
	if _, err := i.exec(`DECLARE texts NO SCROLL CURSOR FOR SELECT m.document, m.room, m.seq, m.time, m.person, coalesce(e.body, m.body)
		FROM messages m LEFT JOIN messages e ON e.room = m.room AND e.seq = m.edited WHERE m.document IS NOT NULL ORDER BY m.document`); err != nil {
		return err
	}
	fetch := fmt.Sprintf(`FETCH %d FROM texts`, piece)
	for done := int64(0); ; {
		var x texts
		var document, room, seq, ms, person int64
		var body []byte
		rows, err := i.conn.Query(i.ctx, fetch)
		if err != nil {
			return err
		}
		if _, err := pgx.ForEachRow(rows, []any{&document, &room, &seq, &ms, &person, &body}, func() error {
			x.add(document, room, person, seq, ms, spell(parley.TextOf(json.RawMessage(body))))
			return nil
		}); err != nil {
			return err
		}
		if len(x.num) == 0 {
			_, err := i.exec(`CLOSE texts`)
			return err
		}
		if _, err := i.exec(insertDocuments, x.num, x.room, x.seq, x.time, x.words); err != nil {
			return err
		}
		done += int64(len(x.num))
		i.progress(documentsTable, done, all)
	}
}

// number has what comes later be numbered behind what is there.
func (i *importing) number() error {
	for _, table := range []string{"users", "tickets", "rooms", documentsTable} {
		if _, err := i.exec(`SELECT setval(pg_get_serial_sequence('` + table + `', 'num'), coalesce(max(num), 0) + 1, false) FROM ` + table); err != nil {
			return fmt.Errorf("numbering %s: %w", table, err)
		}
	}
	return nil
}

// check holds what was copied against the source, and the log of each room
// against what the room says of it.
func (i *importing) check() error {
	tables := []string{documentsTable}
	for _, c := range copied {
		tables = append(tables, c.table)
	}
	for _, table := range tables {
		theirs, err := i.source.Count(i.ctx, table)
		if err != nil {
			return err
		}
		var ours int64
		if _, err := i.row(`SELECT count(*) FROM `+table, nil, &ours); err != nil {
			return err
		}
		if ours != theirs {
			return fmt.Errorf("%s has %d rows, and %d of them arrived; nothing was changed", table, theirs, ours)
		}
	}
	var room string
	wrong, err := i.row(`SELECT r.id FROM rooms r LEFT JOIN (SELECT room, max(seq) AS last, count(*) AS n FROM messages GROUP BY room) m ON m.room = r.num
		WHERE r.last <> coalesce(m.last, r.first - 1) OR r.last - r.first + 1 <> coalesce(m.n, 0) LIMIT 1`, nil, &room)
	if err == nil && wrong {
		err = fmt.Errorf("the log of the room %q has a hole; nothing was changed", room)
	}
	return err
}
