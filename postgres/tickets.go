package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-4a326f83/parley"
)

// CreateTicket implements [parley.Store].
func (s *Store) CreateTicket(ctx context.Context, ticket parley.Ticket) error {
	return s.write(ctx, func(t *tx) error {
		var by, reset any
		if err := lockPeople(t, ticket.By, ticket.Reset); err != nil {
			return err
		}
		if ticket.By != "" {
			p, err := personOf(t, ticket.By)
			if err != nil {
				return err
			}
			by = p.num
		}
		if ticket.Reset != "" {
			p, err := personOf(t, ticket.Reset)
			switch {
			case err != nil:
				return err
			case p.role == parley.Guest:
				return errGuestPassword()
			}
			reset = p.num
		}
		if ticket.Uses < 1 {
			return parley.Errorf(parley.CodeInvalid, "a link can be used at least once")
		}
		_, err := t.exec(`INSERT INTO tickets (hash, id, by, reset, uses, expires) VALUES ($1, $2, $3, $4, $5, $6)`,
			ticket.Hash[:], ticket.ID, by, reset, int64(ticket.Uses), ticket.Expires.UnixMilli())
		return err
	})
}

const ticketQuery = `SELECT t.num, t.hash, t.id, coalesce(b.id, ''), coalesce(r.id, ''), t.uses, t.expires
	FROM tickets t LEFT JOIN users b ON b.num = t.by LEFT JOIN users r ON r.num = t.reset WHERE `

// Ticket implements [parley.Store].
func (s *Store) Ticket(ctx context.Context, hash parley.SessionHash, now time.Time) (parley.Ticket, error) {
	list, err := s.tickets(ctx, ticketQuery+`t.hash = $1 AND t.expires > $2`, hash[:], now.UnixMilli())
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
	list, err := s.tickets(ctx, ticketQuery+`t.expires > $1`, now.UnixMilli())
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
	err := s.each(ctx, query, args, func(rows pgx.Rows) (bool, error) {
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
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`DELETE FROM tickets WHERE id = $1`, id)
		return err
	})
}

func errTicket() error {
	return parley.Errorf(parley.CodeNotFound, "this link is not good, or not any more; ask for another")
}

// A ticketRow is a ticket that is about to be used; 0 is none.
type ticketRow struct{ num, reset, uses int64 }

// goodTicket returns a ticket that is good, or CodeNotFound, and keeps others
// from using it meanwhile.
func goodTicket(t *tx, hash parley.SessionHash, now time.Time) (ticketRow, error) {
	var row ticketRow
	found, err := t.row(`SELECT num, coalesce(reset, 0), uses FROM tickets WHERE hash = $1 AND expires > $2 FOR UPDATE`,
		[]any{hash[:], now.UnixMilli()}, &row.num, &row.reset, &row.uses)
	if err == nil && !found {
		err = errTicket()
	}
	return row, err
}

// spend uses a ticket once, and tidies away those whose time is over.
func (row ticketRow) spend(t *tx, now time.Time) error {
	if row.num == 0 {
		return nil
	}
	query := `UPDATE tickets SET uses = uses - 1 WHERE num = $1`
	if row.uses == 1 {
		query = `DELETE FROM tickets WHERE num = $1`
	}
	if _, err := t.exec(query, row.num); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM tickets WHERE num IN (SELECT num FROM tickets WHERE expires <= $1 FOR UPDATE SKIP LOCKED)`, now.UnixMilli())
	return err
}
