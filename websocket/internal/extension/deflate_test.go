package extension

import (
	"fmt"
	"strings"
	"testing"
)

// plain is permessage-deflate without any parameter.
var plain = Deflate{ServerMaxWindowBits: 15, ClientMaxWindowBits: 15}

func TestAccept(t *testing.T) {
	const pmd = "permessage-deflate"
	for _, tc := range []struct {
		offer  string
		want   Deflate
		answer string // "": declined
		agreed Deflate
	}{
		{offer: ""},
		{offer: "x-webkit-deflate-frame, permessage-bzip2"},
		{offer: "Permessage-Deflate"},
		{offer: pmd, answer: pmd, agreed: plain},
		{offer: "foo, " + pmd, answer: pmd, agreed: plain},
		{offer: pmd + "; client_max_window_bits", answer: pmd, agreed: plain}, // Chromium's
		{offer: pmd + "; server_no_context_takeover; client_no_context_takeover",
			answer: pmd + "; server_no_context_takeover; client_no_context_takeover", agreed: Deflate{true, true, 15, 15}},
		{offer: pmd + "; server_max_window_bits=15; client_max_window_bits=15", answer: pmd + "; server_max_window_bits=15", agreed: plain},
		{offer: pmd + "; server_max_window_bits=8; client_max_window_bits=8",
			answer: pmd + "; server_max_window_bits=8; client_max_window_bits=8", agreed: Deflate{false, false, 8, 8}},
		{offer: pmd + `; server_max_window_bits="10"`, answer: pmd + "; server_max_window_bits=10", agreed: Deflate{false, false, 10, 15}},

		// What the server wishes, whether the offer speaks of it or not.
		{offer: pmd, want: Deflate{true, true, 9, 15},
			answer: pmd + "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9", agreed: Deflate{true, true, 9, 15}},
		{offer: pmd + "; server_max_window_bits=12; client_max_window_bits", want: Deflate{false, false, 10, 11},
			answer: pmd + "; server_max_window_bits=10; client_max_window_bits=11", agreed: Deflate{false, false, 10, 11}},
		{offer: pmd + "; server_max_window_bits=9; client_max_window_bits=9", want: Deflate{false, false, 10, 11},
			answer: pmd + "; server_max_window_bits=9; client_max_window_bits=9", agreed: Deflate{false, false, 9, 9}},
		// A client that does not say it can limit its window must not be told to.
		{offer: pmd, want: Deflate{ClientMaxWindowBits: 11}, answer: pmd + "; client_no_context_takeover", agreed: Deflate{false, true, 15, 15}},

		// The first offer that can be met.
		{offer: pmd + "; server_max_window_bits=7, " + pmd + "; server_max_window_bits=9, " + pmd,
			answer: pmd + "; server_max_window_bits=9", agreed: Deflate{false, false, 9, 15}},
		{offer: pmd + "; unknown, " + pmd, answer: pmd, agreed: plain},
	} {
		offers, err := Parse([]string{tc.offer})
		if err != nil {
			t.Fatalf("%q: %v", tc.offer, err)
		}
		agreed, answer, ok := Accept(offers, tc.want)
		if ok != (tc.answer != "") || answer != tc.answer || agreed != tc.agreed {
			t.Errorf("%q, wanting %+v:\n got %q, %+v, %v\nwant %q, %+v", tc.offer, tc.want, answer, agreed, ok, tc.answer, tc.agreed)
		}
	}
}

// wrong are lists of parameters that are wrong in an offer and in an answer.
var wrong = []string{
	"unknown", "unknown=1", "Server_no_context_takeover", "server_no_context_takeover=1", `client_no_context_takeover=""`, "client_no_context_takeover=true",
	"server_max_window_bits", "server_max_window_bits=7", "server_max_window_bits=16", "server_max_window_bits=08", "server_max_window_bits=",
	`server_max_window_bits=""`, "server_max_window_bits=010", "server_max_window_bits=+9", "server_max_window_bits=-9", "server_max_window_bits=9.0",
	"server_max_window_bits=0x9", "server_max_window_bits=99999999999999999999", "server_max_window_bits=nine",
	"client_max_window_bits=7", "client_max_window_bits=16", "client_max_window_bits=08", "client_max_window_bits=", `client_max_window_bits=""`,
	"server_no_context_takeover; server_no_context_takeover", "client_no_context_takeover; client_no_context_takeover",
	"server_max_window_bits=10; server_max_window_bits=10", "client_max_window_bits=10; client_max_window_bits=11",
}

func TestAcceptDeclinesWrongOffers(t *testing.T) {
	for _, params := range append(wrong, "client_max_window_bits; client_max_window_bits", "client_max_window_bits; client_max_window_bits=9") {
		offers, err := Parse([]string{permessageDeflate + "; " + params})
		if err != nil {
			t.Fatalf("%q: %v", params, err)
		}
		if agreed, answer, ok := Accept(offers, Deflate{}); ok || answer != "" || agreed != (Deflate{}) {
			t.Errorf("%q: %q, %+v", params, answer, agreed)
		}
		offers = append(offers, Extension{Name: permessageDeflate})
		if _, answer, ok := Accept(offers, Deflate{}); !ok || answer != permessageDeflate {
			t.Errorf("%q, then one that is right: %q, %v", params, answer, ok)
		}
	}
}

func TestOffer(t *testing.T) {
	for _, tc := range []struct {
		want  Deflate
		offer string
	}{
		{Deflate{}, "permessage-deflate; client_max_window_bits"},
		{plain, "permessage-deflate; client_max_window_bits"},
		{Deflate{true, true, 10, 9}, "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9"},
		{Deflate{ServerMaxWindowBits: 99, ClientMaxWindowBits: 1}, "permessage-deflate; client_max_window_bits=8"},
	} {
		if got := Offer(tc.want); got != tc.offer {
			t.Errorf("%+v: %q", tc.want, got)
		}
	}
}

func TestCheck(t *testing.T) {
	const pmd = "permessage-deflate"
	for _, tc := range []struct {
		fields []string
		want   Deflate
		agreed Deflate // its zero value: no compression
	}{
		{},
		{fields: []string{""}},
		{fields: []string{pmd}, agreed: plain},
		{fields: []string{pmd + "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=8"},
			agreed: Deflate{true, true, 9, 8}},
		{fields: []string{pmd + `; server_max_window_bits="10"`}, agreed: Deflate{false, false, 10, 15}},
		{fields: []string{pmd + "; server_max_window_bits=10"}, want: Deflate{ServerMaxWindowBits: 10}, agreed: Deflate{false, false, 10, 15}},
		{fields: []string{pmd + "; server_max_window_bits=9"}, want: Deflate{ServerMaxWindowBits: 10}, agreed: Deflate{false, false, 9, 15}},
		// Hints of the client hold without the server's word; the server may even name more.
		{fields: []string{pmd}, want: Deflate{ClientMaxWindowBits: 10, ClientNoContextTakeover: true}, agreed: Deflate{false, true, 15, 10}},
		{fields: []string{pmd + "; client_max_window_bits=12"}, want: Deflate{ClientMaxWindowBits: 10}, agreed: Deflate{false, false, 15, 10}},
		{fields: []string{pmd + "; client_max_window_bits=9"}, want: Deflate{ClientMaxWindowBits: 10}, agreed: Deflate{false, false, 15, 9}},
	} {
		agreed, ok, err := Check(tc.fields, tc.want)
		if err != nil || agreed != tc.agreed || ok != (tc.agreed != Deflate{}) {
			t.Errorf("%q, wanting %+v: %+v, %v, %v", tc.fields, tc.want, agreed, ok, err)
		}
	}
}

func TestCheckFailsTheConnection(t *testing.T) {
	type answer struct {
		fields []string
		want   Deflate
	}
	answers := []answer{
		{fields: []string{"foo"}},
		{fields: []string{"permessage-deflate, permessage-deflate"}},
		{fields: []string{"permessage-deflate", "foo"}},
		{fields: []string{"permessage-deflate;"}},
		{fields: []string{"permessage-deflate; client_max_window_bits"}}, // section 7.1.2.2: only an offer has no value
		{fields: []string{"permessage-deflate"}, want: Deflate{ServerNoContextTakeover: true}},
		{fields: []string{"permessage-deflate"}, want: Deflate{ServerMaxWindowBits: 14}},
		{fields: []string{"permessage-deflate; server_max_window_bits=11"}, want: Deflate{ServerMaxWindowBits: 10}},
	}
	for _, params := range wrong {
		answers = append(answers, answer{fields: []string{"permessage-deflate; " + params}})
	}
	for _, a := range answers {
		if agreed, ok, err := Check(a.fields, a.want); err == nil || ok || agreed != (Deflate{}) {
			t.Errorf("%q, wanting %+v: %+v, %v, %v", a.fields, a.want, agreed, ok, err)
		}
	}
}

// TestBothRolesAgree lets every wish of a client meet every wish of a server.
func TestBothRolesAgree(t *testing.T) {
	var wishes []Deflate
	for _, flags := range []int{0, 1, 2, 3} {
		for server := 8; server <= 15; server++ {
			for client := 8; client <= 15; client++ {
				wishes = append(wishes, Deflate{flags&1 != 0, flags&2 != 0, server, client})
			}
		}
	}
	for _, client := range wishes {
		offers, err := Parse([]string{Offer(client)})
		if err != nil {
			t.Fatal(err)
		}
		for _, server := range wishes {
			atServer, answer, ok := Accept(offers, server)
			if !ok {
				t.Fatalf("%+v declined %q", server, Offer(client))
			}
			atClient, ok, err := Check([]string{answer}, client)
			want := Deflate{
				client.ServerNoContextTakeover || server.ServerNoContextTakeover, client.ClientNoContextTakeover || server.ClientNoContextTakeover,
				min(client.ServerMaxWindowBits, server.ServerMaxWindowBits), min(client.ClientMaxWindowBits, server.ClientMaxWindowBits),
			}
			if err != nil || !ok || atServer != want || atClient != want {
				t.Fatalf("client %+v, server %+v, answer %q: the server has %+v, the client %+v, %v, %v", client, server, answer, atServer, atClient, ok, err)
			}
		}
	}
}

// FuzzNegotiate holds the answers to any offer against the rules for answers.
func FuzzNegotiate(f *testing.F) {
	for _, params := range wrong {
		f.Add("permessage-deflate; "+params+", permessage-deflate; server_max_window_bits=9; client_max_window_bits", byte(0x9c), byte(1))
	}
	f.Fuzz(func(t *testing.T, field string, bits, flags byte) {
		want := Deflate{flags&1 != 0, flags&2 != 0, int(bits >> 4), int(bits & 0xf)}
		Check([]string{field}, want) // for panics alone
		offers, err := Parse([]string{field})
		if err != nil {
			return
		}
		agreed, answer, ok := Accept(offers, want)
		if !ok {
			return
		}
		// An answer is right by itself, for a client that made no demands.
		got, ok, err := Check([]string{answer}, Deflate{})
		if err != nil || !ok || got != agreed {
			t.Fatalf("%q answered with %q: agreed %+v, read as %+v, %v, %v", field, answer, agreed, got, ok, err)
		}
		if strings.Contains(answer, clientMaxWindowBits) && !strings.Contains(field, clientMaxWindowBits) {
			t.Fatalf("%q answered with %q", field, answer)
		}
	})
}

func ExampleAccept() {
	offers, _ := Parse([]string{"permessage-deflate; server_max_window_bits=10; client_max_window_bits"})
	agreed, answer, ok := Accept(offers, Deflate{ClientMaxWindowBits: 12})
	fmt.Println(ok, answer)
	fmt.Println(1<<agreed.ServerMaxWindowBits, 1<<agreed.ClientMaxWindowBits)
	// Output:
	// true permessage-deflate; server_max_window_bits=10; client_max_window_bits=12
	// 1024 4096
}
