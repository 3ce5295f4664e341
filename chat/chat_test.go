package chat_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
)

func TestNames(t *testing.T) {
	bubble(t, chat.Limits{}, func(t *testing.T, c *chat.Chat) {
		for given, want := range map[string]string{
			"ann":                        "ann",
			"  bob\t":                    "bob",
			"e\u0301va":                  "\u00e9va", // brought to NFC
			"名前":                         "名前",
			"\U0001f469\u200d\U0001f4bb": "\U0001f469\u200d\U0001f4bb", // joiners make emoji
			strings.Repeat("x", 40):      strings.Repeat("x", 40),
			"<b>&":                       "<b>&",
		} {
			cl := connect(t, c)
			defer cl.Close()
			if got := must[chat.HelloAck](cl, chat.Request{Type: "hello", Name: given}).User.Name; got != want {
				t.Errorf("%q became %q, want %q", given, got, want)
			}
		}
		for _, name := range []string{"", "   ", "\u200b", strings.Repeat("x", 41), "a\x00b", "a\nb", "a\u202eb", "a\u2028b", "a\u0085b",
			"ann\u200b", "ann\u200d", "a\u200dnn", "\u200dann", "ann\ufe0f", "a\u034fnn", "\u3164", "\u115f", "\U000e0061nn"} {
			cl := connect(t, c)
			defer cl.Close()
			cl.refuse(parley.CodeInvalid, chat.Request{Type: "hello", Name: name})
			if cl.ended || cl.Greeted() {
				t.Errorf("%q: ended %v, greeted %v", name, cl.ended, cl.Greeted())
			}
		}
	})
}

func TestHelloBelievesOneThing(t *testing.T) {
	bubble(t, chat.Limits{}, func(t *testing.T, c *chat.Chat) {
		cl := connect(t, c)
		defer cl.Close()
		for _, req := range []chat.Request{{Type: "ping"}, {Type: "dance"}, text("lobby", "1")} {
			cl.refuse(parley.CodeUnauthorized, req)
		}
		cl.refuse(parley.CodeInvalid, chat.Request{Type: "hello", Name: "ann", Session: "x"})
		ack := must[chat.HelloAck](cl, chat.Request{Type: "hello", Name: "ann"})
		cl.refuse(parley.CodeConflict, chat.Request{Type: "hello", Name: "ann"})

		again := connect(t, c)
		defer again.Close()
		if got := must[chat.HelloAck](again, chat.Request{Type: "hello", Session: string(ack.Session)}); got.User != ack.User || got.Session != ack.Session {
			t.Errorf("the session is of %v, want %v", got.User, ack.User)
		}
		for _, req := range []chat.Request{{Type: "hello", Session: "guess"}, {Type: "hello", Token: "guess"}} {
			bad := connect(t, c)
			defer bad.Close()
			bad.refuse(parley.CodeUnauthorized, req)
			if bad.ending.Code != parley.CloseCredentials {
				t.Errorf("ended with %d", bad.ending.Code)
			}
		}
	})
}

func TestPublishRate(t *testing.T) {
	limits := chat.DefaultLimits
	limits.PublishRate, limits.PublishBurst = 10, 5
	bubble(t, limits, func(t *testing.T, c *chat.Chat) {
		cl := guest(t, c, "ann")
		defer cl.Close()
		must[chat.JoinAck](cl, chat.Request{Type: "join", Room: "lobby"})
		for i := range 5 {
			must[chat.PublishAck](cl, text("lobby", fmt.Sprint(i)))
		}
		for i := range 100 { // who waits as told is never late and never ended
			e := cl.refuse(parley.CodeRateLimited, text("lobby", fmt.Sprint("w", i)))
			if e.RetryAfter <= 0 || e.RetryAfter > time.Second {
				t.Fatalf("retry after %v", e.RetryAfter)
			}
			time.Sleep(e.RetryAfter)
			must[chat.PublishAck](cl, text("lobby", fmt.Sprint("w", i)))
			time.Sleep(time.Second)
			for k := range 5 {
				must[chat.PublishAck](cl, text("lobby", fmt.Sprint("x", i, "-", k)))
			}
		}
		if cl.ended {
			t.Fatalf("ended: %+v", cl.ending)
		}
		// Who goes on all the same is ended after ten seconds.
		start := time.Now()
		for i := 0; !cl.ended; i++ {
			cl.do(text("lobby", fmt.Sprint("f", i)))
			time.Sleep(20 * time.Millisecond)
		}
		if d := time.Since(start); d < 10*time.Second || d > 11*time.Second || cl.ending.Code != parley.CloseRate {
			t.Errorf("ended after %v with %d", d, cl.ending.Code)
		}
	})
}

func TestUserSharesTheRateOfThreeConnections(t *testing.T) {
	limits := chat.DefaultLimits
	limits.PublishRate, limits.PublishBurst = 1, 2
	bubble(t, limits, func(t *testing.T, c *chat.Chat) {
		first := connect(t, c)
		defer first.Close()
		session := string(must[chat.HelloAck](first, chat.Request{Type: "hello", Name: "ann"}).Session)
		must[chat.JoinAck](first, chat.Request{Type: "join", Room: "lobby"})
		for i := range 3 {
			cl := connect(t, c)
			defer cl.Close()
			must[chat.HelloAck](cl, chat.Request{Type: "hello", Session: session})
			for k := range 2 {
				must[chat.PublishAck](cl, text("lobby", fmt.Sprint(i, "-", k)))
			}
		}
		first.refuse(parley.CodeRateLimited, text("lobby", "one more"))
	})
}

func TestSignalAndJoinRates(t *testing.T) {
	limits := chat.DefaultLimits
	limits.SignalRate, limits.SignalBurst = 1, 3
	bubble(t, limits, func(t *testing.T, c *chat.Chat) {
		cl := guest(t, c, "ann")
		defer cl.Close()
		for i := range limits.JoinBurst {
			must[chat.JoinAck](cl, chat.Request{Type: "join", Room: fmt.Sprint("room-", i)})
		}
		e := cl.refuse(parley.CodeRateLimited, chat.Request{Type: "join", Room: "one-more"})
		must[chat.JoinAck](cl, chat.Request{Type: "join", Room: "room-0"}) // coming back is free
		time.Sleep(e.RetryAfter)
		must[chat.JoinAck](cl, chat.Request{Type: "join", Room: "one-more"})

		signal := chat.Request{Type: "signal", Room: "room-0", Kind: "typing"}
		for range 3 {
			must[chat.Done](cl, signal)
		}
		cl.refuse(parley.CodeRateLimited, signal)
	})
}

func TestTooManyConnectionsOfAUser(t *testing.T) {
	limits := chat.DefaultLimits
	limits.Connections = 2
	bubble(t, limits, func(t *testing.T, c *chat.Chat) {
		one := connect(t, c)
		hello := chat.Request{Type: "hello", Session: string(must[chat.HelloAck](one, chat.Request{Type: "hello", Name: "ann"}).Session)}
		two, three := connect(t, c), connect(t, c)
		must[chat.HelloAck](two, hello)
		three.refuse(parley.CodeUnavailable, hello)
		if three.ending.Code != parley.CloseConnections {
			t.Errorf("ended with %d", three.ending.Code)
		}
		three.Close()
		one.Close()
		four := connect(t, c)
		must[chat.HelloAck](four, hello)
		four.Close()
		two.Close()
		time.Sleep(2 * time.Minute) // the account is forgotten; the session is not
		five := connect(t, c)
		must[chat.HelloAck](five, hello)
		five.Close()
	})
}

func TestTooManyErrors(t *testing.T) {
	bubble(t, chat.Limits{}, func(t *testing.T, c *chat.Chat) {
		cl := guest(t, c, "ann")
		defer cl.Close()
		for range 200 { // slowly: for ever
			cl.refuse(parley.CodeUnknownType, chat.Request{Type: "dance"})
			time.Sleep(250 * time.Millisecond)
		}
		if cl.ended {
			t.Fatal("ended for errors at 4 a second")
		}
		time.Sleep(11 * time.Second)
		for i := range 50 {
			if cl.ended {
				t.Fatalf("ended after %d errors", i)
			}
			cl.refuse(parley.CodeInvalid, chat.Request{Type: "join", Room: "No"})
		}
		if cl.ending.Code != parley.ClosePolicy {
			t.Errorf("ended %v with %d after 50 errors", cl.ended, cl.ending.Code)
		}
	})
}

func TestWhatIsRefused(t *testing.T) {
	bubble(t, chat.Limits{}, func(t *testing.T, c *chat.Chat) {
		cl := guest(t, c, "ann")
		defer cl.Close()
		must[chat.JoinAck](cl, chat.Request{Type: "join", Room: "lobby"})
		other := guest(t, c, "bob")
		defer other.Close()
		must[chat.JoinAck](other, chat.Request{Type: "join", Room: "theirs"})
		body := func(n int) json.RawMessage {
			return json.RawMessage(`{"text":"` + strings.Repeat("x", n-len(`{"text":""}`)) + `"}`)
		}
		with := func(change func(*chat.Request)) chat.Request {
			r := text("lobby", "ok")
			change(&r)
			return r
		}
		about := func(kind, body string) chat.Request {
			return with(func(r *chat.Request) {
				r.Kind, r.Target, r.Body = kind, ptr(int64(1)), json.RawMessage(body)
				if body == "" {
					r.Body = nil
				}
			})
		}
		for _, test := range []struct {
			what string
			code parley.Code
			req  chat.Request
		}{
			{"no room", parley.CodeInvalid, with(func(r *chat.Request) { r.Room = "" })},
			{"bad room", parley.CodeInvalid, with(func(r *chat.Request) { r.Room = "-x" })},
			{"absent room", parley.CodeNotFound, with(func(r *chat.Request) { r.Room = "absent" })},
			{"room not joined", parley.CodeNotJoined, with(func(r *chat.Request) { r.Room = "theirs" })},
			{"no id", parley.CodeInvalid, with(func(r *chat.Request) { r.ID = "" })},
			{"long id", parley.CodeInvalid, with(func(r *chat.Request) { r.ID = strings.Repeat("x", 65) })},
			{"id not ASCII", parley.CodeInvalid, with(func(r *chat.Request) { r.ID = "é" })},
			{"id with a control character", parley.CodeInvalid, with(func(r *chat.Request) { r.ID = "a\x7f" })},
			{"no body", parley.CodeInvalid, with(func(r *chat.Request) { r.Body = nil })},
			{"text of null", parley.CodeInvalid, with(func(r *chat.Request) { r.Body = json.RawMessage("null") })},
			{"text without text", parley.CodeInvalid, with(func(r *chat.Request) { r.Body = json.RawMessage(`{"words":"hi"}`) })},
			{"empty text", parley.CodeInvalid, with(func(r *chat.Request) { r.Body = json.RawMessage(`{"text":""}`) })},
			{"text in capitals", parley.CodeInvalid, with(func(r *chat.Request) { r.Body = json.RawMessage(`{"TEXT":"hi"}`) })},
			{"text a number", parley.CodeInvalid, with(func(r *chat.Request) { r.Body = json.RawMessage(`{"text":1}`) })},
			{"body too large", parley.CodeTooLarge, with(func(r *chat.Request) { r.Body = body(parley.MaxBody + 1) })},
			{"unknown kind", parley.CodeInvalid, with(func(r *chat.Request) { r.Kind = "song" })},
			{"kind of a later version", parley.CodeInvalid, with(func(r *chat.Request) { r.Kind = parley.KindFile })},
			{"edit of nothing", parley.CodeInvalid, with(func(r *chat.Request) { r.Kind = parley.KindEdit })},
			{"edit of no number", parley.CodeInvalid, with(func(r *chat.Request) { r.Kind = parley.KindEdit; r.Target = ptr(int64(0)) })},
			{"edit to nothing", parley.CodeInvalid, about(parley.KindEdit, `{"text":""}`)},
			{"edit of what is not there", parley.CodeNotFound, about(parley.KindEdit, `{"text":"hi"}`)},
			{"delete of what is not there", parley.CodeNotFound, about(parley.KindDelete, ``)},
			{"reaction with nothing", parley.CodeInvalid, about(parley.KindReaction, `{}`)},
			{"reaction with a word", parley.CodeInvalid, about(parley.KindReaction, `{"emoji":"yes"}`)},
			{"reaction that cannot be seen", parley.CodeInvalid, about(parley.KindReaction, `{"emoji":"\u200d"}`)},
			{"reaction with two lines", parley.CodeInvalid, about(parley.KindReaction, `{"emoji":"+\n1"}`)},
			{"reaction too long", parley.CodeInvalid, about(parley.KindReaction, `{"emoji":"`+strings.Repeat("👍", 17)+`"}`)},
			{"reaction to what is not there", parley.CodeNotFound, about(parley.KindReaction, `{"emoji":"👍"}`)},
			{"kind x-", parley.CodeInvalid, with(func(r *chat.Request) { r.Kind = "x-" })},
			{"target of a text", parley.CodeInvalid, with(func(r *chat.Request) { r.Target = ptr(int64(1)) })},
			{"signal without kind", parley.CodeInvalid, chat.Request{Type: "signal", Room: "lobby"}},
			{"signal in a bad room", parley.CodeInvalid, chat.Request{Type: "signal", Room: "", Kind: "typing"}},
			{"signal not joined", parley.CodeNotJoined, chat.Request{Type: "signal", Room: "theirs", Kind: "typing"}},
			{"signal too large", parley.CodeTooLarge, chat.Request{Type: "signal", Room: "lobby", Kind: "typing", Body: body(parley.MaxSignal + 1)}},
			{"history of nothing", parley.CodeInvalid, chat.Request{Type: "history", Room: "lobby"}},
			{"history both ways", parley.CodeInvalid, chat.Request{Type: "history", Room: "lobby", Before: ptr(int64(1)), After: ptr(int64(1))}},
			{"history of none", parley.CodeInvalid, chat.Request{Type: "history", Room: "lobby", After: ptr(int64(0)), Limit: ptr(int64(0))}},
			{"history not joined", parley.CodeNotJoined, chat.Request{Type: "history", Room: "theirs", After: ptr(int64(0))}},
			{"history absent", parley.CodeNotFound, chat.Request{Type: "history", Room: "absent", After: ptr(int64(0))}},
			{"presence not joined", parley.CodeNotJoined, chat.Request{Type: "presence", Room: "theirs"}},
			{"presence in a bad room", parley.CodeInvalid, chat.Request{Type: "presence", Room: "THEIRS"}},
			{"read without seq", parley.CodeInvalid, chat.Request{Type: "read", Room: "lobby"}},
			{"read backwards", parley.CodeInvalid, chat.Request{Type: "read", Room: "lobby", Seq: ptr(int64(-1))}},
			{"read not joined", parley.CodeNotJoined, chat.Request{Type: "read", Room: "theirs", Seq: ptr(int64(1))}},
			{"leave absent", parley.CodeNotFound, chat.Request{Type: "leave", Room: "absent"}},
			{"leave a bad room", parley.CodeInvalid, chat.Request{Type: "leave", Room: "a b"}},
			{"direct to nobody", parley.CodeInvalid, chat.Request{Type: "direct"}},
			{"join both", parley.CodeInvalid, chat.Request{Type: "join", Room: "lobby", Rooms: map[string]*int64{}}},
			{"join nothing", parley.CodeInvalid, chat.Request{Type: "join"}},
		} {
			if _, err := cl.do(test.req); parley.ErrorCode(err) != test.code {
				t.Errorf("%s: %v, want %s", test.what, err, test.code)
			}
			time.Sleep(time.Second) // below the rate of errors that ends a connection
		}
		must[chat.PublishAck](cl, with(func(r *chat.Request) { r.Body = body(parley.MaxBody) }))
		if ack := must[chat.JoinAck](cl, chat.Request{Type: "join", Room: "lobby"}); ack.Last != 1 {
			t.Errorf("last is %d: something refused was stored", ack.Last)
		}
	})
}

func TestDirectRoomIsOfTwo(t *testing.T) {
	bubble(t, chat.Limits{}, func(t *testing.T, c *chat.Chat) {
		ann, bob, eve := connect(t, c), guest(t, c, "bob"), guest(t, c, "eve")
		defer ann.Close()
		defer bob.Close()
		defer eve.Close()
		annID := must[chat.HelloAck](ann, chat.Request{Type: "hello", Name: "ann"}).User.ID
		room := must[chat.DirectAck](bob, chat.Request{Type: "direct", User: annID}).Room
		if told := ann.told("room"); len(told) != 1 || !strings.Contains(told[0], room) {
			t.Errorf("ann was told %q of the room %s", told, room)
		}
		if again := must[chat.DirectAck](bob, chat.Request{Type: "direct", User: annID}).Room; again != room {
			t.Errorf("another room, %s, the second time", again)
		}
		for _, cl := range []*client{ann, bob} {
			must[chat.JoinAck](cl, chat.Request{Type: "join", Room: room})
		}
		must[chat.PublishAck](bob, text(room, "1"))
		if told := ann.told("message"); len(told) != 1 {
			t.Errorf("ann was told %q", told)
		}
		// To others it is as if it were not there, in every word.
		for _, req := range []chat.Request{
			{Type: "join", Room: room}, {Type: "leave", Room: room}, text(room, "2"),
			{Type: "signal", Room: room, Kind: "typing"}, {Type: "history", Room: room, After: ptr(int64(0))},
			{Type: "presence", Room: room}, {Type: "read", Room: room, Seq: ptr(int64(1))},
		} {
			_, got := eve.do(req)
			if req.Type != "join" { // which makes a room that is absent
				req.Room = "no-such-room"
				if _, want := eve.do(req); got == nil || want == nil || got.Error() != want.Error() {
					t.Errorf("%s: %v, but of an absent room %v", req.Type, got, want)
				}
			}
			if parley.ErrorCode(got) != parley.CodeNotFound {
				t.Errorf("%s: %v", req.Type, got)
			}
		}
		bob.refuse(parley.CodeInvalid, chat.Request{Type: "leave", Room: room})
	})
}

func TestResuming(t *testing.T) {
	limits := chat.DefaultLimits
	limits.PublishRate = 0
	bubble(t, limits, func(t *testing.T, c *chat.Chat) {
		ann := guest(t, c, "ann")
		defer ann.Close()
		must[chat.JoinAck](ann, chat.Request{Type: "join", Room: "lobby"})
		for i := range 300 {
			must[chat.PublishAck](ann, text("lobby", fmt.Sprint(i)))
		}
		for _, test := range []struct {
			since       *int64
			first, last int64 // of the messages
			more        bool
			recovered   string
		}{
			{nil, 251, 300, true, ""},
			{ptr(int64(0)), 1, 200, true, "true"},
			{ptr(int64(100)), 101, 300, false, "true"},
			{ptr(int64(299)), 300, 300, false, "true"},
			{ptr(int64(300)), 0, 0, false, "true"},
			{ptr(int64(301)), 251, 300, true, "false"},
			{ptr(int64(-1)), 251, 300, true, "false"},
		} {
			ack := must[chat.JoinAck](ann, chat.Request{Type: "join", Room: "lobby", Since: test.since})
			var first, last int64
			if n := len(ack.Messages); n > 0 {
				first, last = ack.Messages[0].Seq, ack.Messages[n-1].Seq
				if last-first != int64(n-1) {
					t.Errorf("since %v: holes", test.since)
				}
			}
			recovered := ""
			if ack.Recovered != nil {
				recovered = fmt.Sprint(*ack.Recovered)
			}
			if first != test.first || last != test.last || ack.More != test.more || recovered != test.recovered || ack.First != 1 || ack.Last != 300 {
				t.Errorf("since %v: %d to %d of %d to %d, more %v, recovered %q", test.since, first, last, ack.First, ack.Last, ack.More, recovered)
			}
		}
	})
}

func TestBulkJoinSharesOneAnswer(t *testing.T) {
	limits := chat.Limits{}
	limits.Connections = 1 // and no rates
	bubble(t, limits, func(t *testing.T, c *chat.Chat) {
		ann := guest(t, c, "ann")
		defer ann.Close()
		rooms := map[string]*int64{"Not An Id": nil}
		big := json.RawMessage(`"` + strings.Repeat("x", parley.MaxBody-2) + `"`)
		for i := range 30 {
			room := fmt.Sprintf("room-%02d", i)
			rooms[room] = ptr(int64(0))
			must[chat.JoinAck](ann, chat.Request{Type: "join", Room: room})
			must[chat.PublishAck](ann, chat.Request{Type: "publish", Room: room, ID: "1", Kind: "x-big", Body: big})
		}
		ack := must[chat.JoinsAck](ann, chat.Request{Type: "join", Rooms: rooms})
		if len(ack.Rooms) != len(rooms) {
			t.Fatalf("%d rooms of %d", len(ack.Rooms), len(rooms))
		}
		bytes, cut := 0, 0
		for _, r := range ack.Rooms {
			switch r := r.(type) {
			case chat.JoinRefused:
				if r.Room != "Not An Id" || r.Error.Code != parley.CodeInvalid {
					t.Errorf("refused: %+v", r)
				}
			case chat.JoinAck:
				for _, m := range r.Messages {
					bytes += m.Size()
				}
				if r.More != (len(r.Messages) == 0) {
					t.Errorf("%s: more %v with %d messages", r.Room, r.More, len(r.Messages))
				}
				if r.More {
					cut++
				}
			}
		}
		if bytes > parley.PageBytes+parley.MaxBody+1024 || cut == 0 {
			t.Errorf("%d bytes in one answer, %d rooms cut", bytes, cut)
		}
		many := make(map[string]*int64)
		for i := range parley.MaxBulkJoin + 1 {
			many[fmt.Sprint(i)] = nil
		}
		ann.refuse(parley.CodeInvalid, chat.Request{Type: "join", Rooms: many})
	})
}

func TestMessagesAreChanged(t *testing.T) {
	bubble(t, chat.Limits{}, func(t *testing.T, c *chat.Chat) {
		ann, ben := guest(t, c, "ann"), guest(t, c, "ben")
		for _, cl := range []*client{ann, ben} {
			must[chat.JoinAck](cl, chat.Request{Type: "join", Room: "lobby"})
		}
		about := func(id, kind string, target int64, body string) chat.Request {
			return chat.Request{Type: "publish", Room: "lobby", ID: id, Kind: kind, Target: ptr(target), Body: json.RawMessage(body)}
		}
		must[chat.PublishAck](ann, text("lobby", "1"))
		must[chat.PublishAck](ann, text("lobby", "2"))
		must[chat.PublishAck](ann, about("3", parley.KindEdit, 1, `{"text":"hi @ben"}`))
		must[chat.PublishAck](ben, about("4", parley.KindReaction, 1, `{"emoji":"👍"}`))
		must[chat.PublishAck](ann, chat.Request{Type: "publish", Room: "lobby", ID: "5", Kind: parley.KindDelete, Target: ptr(int64(2))})
		ben.refuse(parley.CodeNotFound, about("6", parley.KindEdit, 1, `{"text":"mine now"}`))
		ben.refuse(parley.CodeNotFound, about("7", parley.KindDelete, 1, `{}`))

		if told := ben.told(parley.EventMessage); len(told) != 5 || !strings.Contains(told[2], `"kind":"edit","body":{"text":"hi @ben"},"target":1`) {
			t.Errorf("ben was told %q", told)
		}
		log := must[chat.HistoryAck](ben, chat.Request{Type: "history", Room: "lobby", After: ptr(int64(0))}).Messages
		if got, _ := json.Marshal(log[0]); !strings.HasSuffix(string(got), `"body":{"text":"hi @ben"},"edited":true,"reactions":[{"emoji":"👍","count":1,"users":[{"id":"`+log[3].From.ID+`","name":"ben"}],"mine":true}]}`) {
			t.Errorf("the first message is %s", got)
		}
		if got, _ := json.Marshal(log[1]); !strings.HasSuffix(string(got), `"body":{},"deleted":true}`) {
			t.Errorf("the second message is %s", got)
		}
		if rooms := must[chat.RoomsAck](ben, chat.Request{Type: "rooms"}).Rooms; rooms[0].Unread != 1 || rooms[0].Mentions != 1 {
			t.Errorf("ben has %+v", rooms[0])
		}
	})
}
