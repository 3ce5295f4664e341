package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"time"

	"github.com/seed-4a326f83/parley"
)

// CreateTicket implements [parley.Store].
func (s *Store) CreateTicket(ctx context.Context, t parley.Ticket) error {
	return s.writer.do(ctx, func(c *conn) error {
		var by, reset driver.Value
		if t.By != "" {
			p, err := personOf(c, t.By)
			if err != nil {
				return err
			}
			by = p.num
		}
		if t.Reset != "" {
			p, err := personOf(c, t.Reset)
			switch {
			case err != nil:
				return err
			case p.role == parley.Guest:
				return errGuestPassword()
			}
			reset = p.num
		}
		if t.Uses < 1 {
			return parley.Errorf(parley.CodeInvalid, "a link can be used at least once")
		}
		_, err := c.exec(`INSERT INTO tickets (hash, id, by, reset, uses, expires) VALUES (?, ?, ?, ?, ?, ?)`,
			t.Hash[:], t.ID, by, reset, int64(t.Uses), t.Expires.UnixMilli())
		return err
	})
}

const ticketQuery = `SELECT t.num, t.hash, t.id, ifnull(b.id, ''), ifnull(r.id, ''), t.uses, t.expires
	FROM tickets t LEFT JOIN users b ON b.num = t.by LEFT JOIN users r ON r.num = t.reset WHERE `

// Ticket implements [parley.Store].
func (s *Store) Ticket(ctx context.Context, hash parley.SessionHash, now time.Time) (parley.Ticket, error) {
	list, err := s.tickets(ctx, ticketQuery+`t.hash = ? AND t.expires > ?`, hash[:], now.UnixMilli())
	switch {
	case err != nil:
		return parley.Ticket{}, err
	case len(list) == 0:
		return parley.Ticket{}, errTicket()
	}
	return list[0].Ticket, nil
}

// Tickets implements [parley.Store].
func (s *Store) Tickets(ctx context.Context, now time.Time) ([]parley.Ticket, error) {
	list, err := s.tickets(ctx, ticketQuery+`t.expires > ?`, now.UnixMilli())
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b listedTicket) int { return cmp.Compare(b.num, a.num) })
	var tickets []parley.Ticket
	for _, t := range list {
		tickets = append(tickets, t.Ticket)
	}
	return tickets, nil
}

type listedTicket struct {
	parley.Ticket
	num int64
}

func (s *Store) tickets(ctx context.Context, query string, args ...any) ([]listedTicket, error) {
	var list []listedTicket
	err := s.reads.each(ctx, query, args, func(rows *sql.Rows) (bool, error) {
		var t listedTicket
		var hash []byte
		var expires int64
		err := rows.Scan(&t.num, &hash, &t.ID, &t.By, &t.Reset, &t.Uses, &expires)
		copy(t.Hash[:], hash)
		t.Expires = fromMillis(expires)
		list = append(list, t)
		return true, err
	})
	return list, err
}

// DeleteTicket implements [parley.Store].
func (s *Store) DeleteTicket(ctx context.Context, id string) error {
	return s.writer.do(ctx, func(c *conn) error {
		_, err := c.exec(`DELETE FROM tickets WHERE id = ?`, id)
		return err
	})
}

func errTicket() error {
	return parley.Errorf(parley.CodeNotFound, "this link is not good, or not any more; ask for another")
}

// A ticketRow is a ticket that is about to be used; 0 is none.
type ticketRow struct{ num, reset, uses int64 }

// goodTicket returns a ticket that is good, or CodeNotFound.
func goodTicket(c *conn, hash parley.SessionHash, now time.Time) (ticketRow, error) {
	var t ticketRow
	found, err := c.row(`SELECT num, ifnull(reset, 0), uses FROM tickets WHERE hash = ? AND expires > ?`,
		[]driver.Value{hash[:], now.UnixMilli()}, &t.num, &t.reset, &t.uses)
	if err == nil && !found {
		err = errTicket()
	}
	return t, err
}

// spend uses a ticket once, and tidies away those whose time is over.
func (t ticketRow) spend(c *conn, now time.Time) error {
	if t.num == 0 {
		return nil
	}
	query := `UPDATE tickets SET uses = uses - 1 WHERE num = ?`
	if t.uses == 1 {
		query = `DELETE FROM tickets WHERE num = ?`
	}
	if _, err := c.exec(query, t.num); err != nil {
		return err
	}
	_, err := c.exec(`DELETE FROM tickets WHERE expires <= ?`, now.UnixMilli())
	return err
}
