package storetest

import (
	"fmt"
	"time"

	"github.com/seed-4a326f83/parley"
)

// ticket stores a ticket, which is good once and for an hour unless t says
// otherwise.
func (f *fixture) ticket(t parley.Ticket) parley.Ticket {
	f.Helper()
	t.Hash, t.ID = parley.NewSessionToken().Hash(), parley.NewRoomID()
	if t.Uses == 0 {
		t.Uses = 1
	}
	if t.Expires.IsZero() {
		t.Expires = now.Add(time.Hour)
	}
	f.wantCode("CreateTicket", f.CreateTicket(f.Context(), t), "")
	return t
}

var ticketTests = []contract{
	{"Ticket and Tickets return those that are good, the newest first", func(f *fixture) {
		ann, ben := f.admin("ann"), f.account("ben")
		made := []parley.Ticket{
			f.ticket(parley.Ticket{By: ann.ID, Uses: 3, Expires: now.Add(2 * time.Hour)}),
			f.ticket(parley.Ticket{By: ann.ID, Reset: ben.ID, Expires: now.Add(time.Millisecond)}),
			f.ticket(parley.Ticket{Expires: now}),
			f.ticket(parley.Ticket{}),
		}
		for i, t := range made {
			got, err := f.Ticket(f.Context(), t.Hash, now)
			if i == 2 {
				f.wantCode("an expired one", err, parley.CodeNotFound)
				continue
			}
			f.wantCode("Ticket", err, "")
			want(f, "ticket", got, t)
		}
		list, err := f.Tickets(f.Context(), now)
		f.wantCode("Tickets", err, "")
		want(f, "tickets", len(list), 3)
		for i, j := range []int{3, 1, 0} {
			want(f, "ticket", list[i], made[j])
		}
		_, err = f.Ticket(f.Context(), parley.NewSessionToken().Hash(), now)
		f.wantCode("an unknown one", err, parley.CodeNotFound)
	}},
	{"Tickets says how often one can still be used", func(f *fixture) {
		invite := f.ticket(parley.Ticket{Uses: 2})
		for _, left := range []int{1, 0} {
			f.wantCode("CreateAccount", f.CreateAccount(f.Context(), parley.User{ID: parley.NewUserID(), Name: fmt.Sprint("ann-", left)}, "x", &invite.Hash, now), "")
			list, err := f.Tickets(f.Context(), now)
			f.wantCode("Tickets", err, "")
			want(f, "tickets", len(list), left)
			if left > 0 {
				want(f, "uses", list[0].Uses, left)
			}
		}
	}},
	{"CreateTicket refuses what cannot be used", func(f *fixture) {
		gus, ben := f.guest("gus"), f.account("ben")
		f.remove(ben)
		for what, t := range map[string]struct {
			parley.Ticket
			code parley.Code
		}{
			"by nobody":        {parley.Ticket{By: parley.NewUserID(), Uses: 1}, parley.CodeNotFound},
			"by who was there": {parley.Ticket{By: ben.ID, Uses: 1}, parley.CodeNotFound},
			"for nobody":       {parley.Ticket{Reset: parley.NewUserID(), Uses: 1}, parley.CodeNotFound},
			"for a guest":      {parley.Ticket{Reset: gus.ID, Uses: 1}, parley.CodeInvalid},
			"for no use":       {parley.Ticket{}, parley.CodeInvalid},
		} {
			t.Hash, t.ID, t.Expires = parley.NewSessionToken().Hash(), parley.NewRoomID(), now.Add(time.Hour)
			f.wantCode(what, f.CreateTicket(f.Context(), t.Ticket), t.code)
		}
	}},
	{"DeleteTicket revokes a ticket", func(f *fixture) {
		gone, stays := f.ticket(parley.Ticket{}), f.ticket(parley.Ticket{})
		for range 2 {
			f.wantCode("DeleteTicket", f.DeleteTicket(f.Context(), gone.ID), "")
			_, err := f.Ticket(f.Context(), gone.Hash, now)
			f.wantCode("the one", err, parley.CodeNotFound)
			_, err = f.Ticket(f.Context(), stays.Hash, now)
			f.wantCode("the other", err, "")
		}
	}},
}
