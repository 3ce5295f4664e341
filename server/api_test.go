package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/websocket"
)

func TestTheFirstVisitorBecomesTheAdminOnce(t *testing.T) {
	base := startServer(t, options{noGuests: true, setup: "first", config: server.Config{SignIns: server.SignIns{Accounts: true}}})
	b := newBrowser(t, base)
	if c := b.get("GET", "/api/config", ""); c["setup"] != true || c["guests"] != false || c["accounts"] != true || c["user"] != nil {
		t.Errorf("before: %v", c)
	}
	b.refused(404, "not_found", "POST", "/api/setup", `{"token":"guess","name":"eve","password":"correct horse"}`)
	b.refused(404, "not_found", "POST", "/api/signup", `{"ticket":"first","name":"eve","password":"correct horse"}`)
	b.refused(400, "invalid", "POST", "/api/setup", `{"token":"first","name":"ann","password":"short"}`)
	b.refused(400, "invalid", "POST", "/api/setup", `{"token":"first","name":" ","password":"correct horse"}`)
	me := b.get("POST", "/api/setup", `{"token":"first","name":"ann","password":"correct horse"}`)
	if me["name"] != "ann" || me["role"] != "admin" || me["password"] != true {
		t.Errorf("the admin is %v", me)
	}
	if c := b.get("GET", "/api/config", ""); c["setup"] != false || c["user"].(map[string]any)["name"] != "ann" {
		t.Errorf("after: %v", c)
	}
	newBrowser(t, base).refused(404, "not_found", "POST", "/api/setup", `{"token":"first","name":"eve","password":"correct horse"}`)
}

func TestInvitesAreUsedUp(t *testing.T) {
	base, ann := accounts(t)
	link := ann.get("POST", "/api/invites", `{"uses":2}`)["link"].(string)
	address, ticket, ok := strings.Cut(link, "#invite=")
	if !ok || address != base+"/" {
		t.Fatalf("the link is %s", link)
	}
	ben, cat, dan := newBrowser(t, base), newBrowser(t, base), newBrowser(t, base)
	if got := ben.get("POST", "/api/ticket", `{"ticket":"`+ticket+`"}`); got["kind"] != "invite" || got["by"].(map[string]any)["name"] != "ann" {
		t.Errorf("the ticket is %v", got)
	}
	form := func(name string) string {
		return fmt.Sprintf(`{"ticket":%q,"name":%q,"password":"correct horse"}`, ticket, name)
	}
	ben.get("POST", "/api/signup", form("ben"))
	cat.refused(409, "conflict", "POST", "/api/signup", form("BEN"))
	cat.get("POST", "/api/signup", form("cat"))
	dan.refused(404, "not_found", "POST", "/api/signup", form("dan"))
	dan.refused(404, "not_found", "POST", "/api/ticket", `{"ticket":"`+ticket+`"}`)

	ben.refused(404, "not_found", "POST", "/api/invites", `{}`)
	ann.refused(400, "invalid", "POST", "/api/invites", `{"uses":1001}`)
	ann.refused(400, "invalid", "POST", "/api/invites", `{"days":91}`)
	made := ann.get("POST", "/api/invites", `{}`)
	if n := len(ann.get("GET", "/api/invites", "")["invites"].([]any)); n != 1 {
		t.Errorf("%d invites are good, want 1", n)
	}
	ann.get("DELETE", "/api/invites/"+made["id"].(string), "")
	if n := len(ann.get("GET", "/api/invites", "")["invites"].([]any)); n != 0 {
		t.Errorf("%d invites are good, want none", n)
	}
}

func TestSigningInAndOut(t *testing.T) {
	base, ann := accounts(t)
	phone := newBrowser(t, base)
	phone.refused(401, "unauthorized", "GET", "/api/me", "")
	phone.refused(401, "unauthorized", "POST", "/api/signin", `{"name":"ann","password":"wrong horse"}`)
	phone.refused(401, "unauthorized", "POST", "/api/signin", `{"name":"nobody","password":"correct horse"}`)
	phone.get("POST", "/api/signin", `{"name":"ANN","password":"correct horse"}`)
	if me := phone.get("GET", "/api/me", ""); me["name"] != "ann" {
		t.Errorf("signed in as %v", me)
	}
	desk, pocket := ann.socket(`{"type":"hello"}`), phone.socket(`{"type":"hello"}`)
	phone.get("POST", "/api/signout", `{}`)
	pocket.ends(parley.CloseRemoved)
	phone.refused(401, "unauthorized", "GET", "/api/me", "")
	ann.get("GET", "/api/me", "")

	phone.get("POST", "/api/signin", `{"name":"ann","password":"correct horse"}`)
	pocket = phone.socket(`{"type":"hello"}`)
	ann.refused(400, "invalid", "POST", "/api/me/password", `{"old":"wrong horse","new":"battery staple"}`)
	ann.get("POST", "/api/me/password", `{"old":"correct horse","new":"battery staple"}`)
	pocket.ends(parley.CloseRemoved)
	phone.refused(401, "unauthorized", "GET", "/api/me", "")
	desk.barrier() // it is still open
	phone.get("POST", "/api/signin", `{"name":"ann","password":"battery staple"}`)
	phone.get("POST", "/api/signout", `{"everywhere":true}`)
	desk.ends(parley.CloseRemoved)
	ann.refused(401, "unauthorized", "GET", "/api/me", "")
}

func TestASessionIsNeverOneThatTheBrowserBrought(t *testing.T) {
	base, ann := accounts(t)
	u, _ := url.Parse(base)
	planted := &http.Cookie{Name: "parley", Value: "planted-by-somebody-else", Path: "/"}
	victim := newBrowser(t, base)
	victim.client.Jar.SetCookies(u, []*http.Cookie{planted})
	victim.refused(401, "unauthorized", "GET", "/api/me", "")
	victim.get("POST", "/api/signin", `{"name":"ann","password":"correct horse"}`)
	if got := victim.client.Jar.Cookies(u); len(got) != 1 || got[0].Value == planted.Value {
		t.Errorf("the session is %v", got)
	}
	if got, old := victim.client.Jar.Cookies(u)[0].Value, ann.client.Jar.Cookies(u)[0].Value; got == old {
		t.Error("two sign-ins share a session")
	}
}

func TestGuessingPasswordsIsSlowed(t *testing.T) {
	base, _ := accounts(t)
	b := newBrowser(t, base)
	wrong, limited := 0, 0
	for range 10 {
		switch status, answer := b.call("POST", "/api/signin", `{"name":"ann","password":"wrong horse"}`); status {
		case 401:
			wrong++
		case 429:
			limited++
			if !strings.Contains(answer, `"retry_after":`) {
				t.Errorf("answered %s", answer)
			}
		default:
			t.Fatalf("answered %d %s", status, answer)
		}
	}
	if wrong < 5 || limited == 0 { // exactly 5 on a machine that makes 10 guesses within 10 s
		t.Errorf("%d wrong and %d refused, want 5 and 5", wrong, limited)
	}
}

func TestAnAdminResetsAPassword(t *testing.T) {
	_, ann := accounts(t)
	ben, id := invited(t, ann, "ben")
	socket := ben.socket(`{"type":"hello"}`)
	ben.refused(404, "not_found", "POST", "/api/people/"+id+"/reset", `{}`)
	link := ann.get("POST", "/api/people/"+id+"/reset", `{}`)["link"].(string)
	_, ticket, _ := strings.Cut(link, "#reset=")
	lost := newBrowser(t, ann.base)
	if got := lost.get("POST", "/api/ticket", `{"ticket":"`+ticket+`"}`); got["kind"] != "reset" || got["user"].(map[string]any)["name"] != "ben" {
		t.Errorf("the ticket is %v", got)
	}
	lost.refused(404, "not_found", "POST", "/api/signup", `{"ticket":"`+ticket+`","name":"eve","password":"correct horse"}`)
	if me := lost.get("POST", "/api/reset", `{"ticket":"`+ticket+`","password":"battery staple"}`); me["name"] != "ben" {
		t.Errorf("signed in as %v", me)
	}
	socket.ends(parley.CloseRemoved)
	ben.refused(401, "unauthorized", "GET", "/api/me", "")
	ben.refused(404, "not_found", "POST", "/api/reset", `{"ticket":"`+ticket+`","password":"battery staple"}`)
	ben.refused(401, "unauthorized", "POST", "/api/signin", `{"name":"ben","password":"correct horse"}`)
	ben.get("POST", "/api/signin", `{"name":"ben","password":"battery staple"}`)
}

func TestWhoIsRemovedIsOutAtOnce(t *testing.T) {
	_, ann := accounts(t)
	ben, id := invited(t, ann, "ben")
	var socks []*side
	for _, f := range append(framings, plain) {
		socks = append(socks, ben.socketOver(f, `{"type":"hello"}`))
	}
	ben.refused(404, "not_found", "DELETE", "/api/people/"+id, "")
	ann.get("DELETE", "/api/people/"+id, "")
	for _, s := range socks {
		s.ends(parley.CloseRemoved)
	}
	ben.refused(401, "unauthorized", "GET", "/api/me", "")
	ben.refused(401, "unauthorized", "POST", "/api/signin", `{"name":"ben","password":"correct horse"}`)
	if _, resp, err := ben.dial(http.Header{"Origin": {ben.base}}); err == nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("an upgrade: %v, %v; want 401", resp, err)
	}
	me := ann.get("GET", "/api/me", "")["id"].(string)
	ann.refused(409, "conflict", "DELETE", "/api/people/"+me, "")
	ann.refused(409, "conflict", "POST", "/api/people/"+me+"/role", `{"role":""}`)
	ann.refused(400, "invalid", "POST", "/api/people/"+me+"/role", `{"role":"king"}`)
}

func TestCallsThatAnotherSiteCausedAreRefused(t *testing.T) {
	base, ann := accounts(t)
	for _, test := range []struct {
		name   string
		header http.Header
		want   int
	}{
		{"own", http.Header{"Origin": {base}, "Content-Type": {"application/json"}}, 200},
		{"another origin", http.Header{"Origin": {"https://evil.example"}, "Content-Type": {"application/json"}}, 404},
		{"no origin", http.Header{"Content-Type": {"application/json"}}, 400},
		{"null", http.Header{"Origin": {"null"}, "Content-Type": {"application/json"}}, 404},
		{"a form's content", http.Header{"Origin": {base}, "Content-Type": {"text/plain"}}, 400},
		{"no content type", http.Header{"Origin": {base}}, 400},
	} {
		ann.header = test.header
		if status, answer := ann.call("POST", "/api/invites", `{}`); status != test.want {
			t.Errorf("%s: %d %s, want %d", test.name, status, answer, test.want)
		}
	}
	for _, test := range []struct {
		name   string
		header http.Header
		want   int
	}{
		{"no origin", http.Header{}, 403},
		{"another origin", http.Header{"Origin": {"https://evil.example"}}, 403},
		{"own", http.Header{"Origin": {base}}, 101},
	} {
		conn, resp, err := ann.dial(test.header)
		if conn != nil {
			conn.CloseNow()
		}
		if resp == nil || resp.StatusCode != test.want {
			t.Errorf("an upgrade, %s: %v, %v; want %d", test.name, resp, err, test.want)
		}
	}
}

func TestBadCalls(t *testing.T) {
	_, ann := accounts(t)
	ann.refused(404, "not_found", "GET", "/api/nothing", "")
	ann.refused(404, "not_found", "PUT", "/api/me", "{}")
	ann.refused(400, "invalid", "POST", "/api/rooms", `x`)
	ann.refused(400, "invalid", "POST", "/api/rooms", `[]`)
	ann.refused(400, "invalid", "POST", "/api/rooms", `{"name":1}`)
	ann.refused(400, "invalid", "POST", "/api/rooms", `{"name":"a","kind":"direct"}`)
	ann.refused(400, "invalid", "POST", "/api/rooms", `{"name":"a\u0000b"}`)
	ann.refused(400, "invalid", "POST", "/api/rooms", `{"name":"`+strings.Repeat("x", parley.MaxRoomName+1)+`"}`)
	ann.refused(413, "too_large", "POST", "/api/rooms", `{"name":"`+strings.Repeat("x", 65<<10)+`"}`)
	ann.refused(400, "invalid", "GET", "/api/people?limit=x", "")
	ann.refused(400, "invalid", "GET", "/api/people?limit=-1", "")
	ann.refused(400, "invalid", "GET", "/api/search", "")
	ann.refused(400, "invalid", "GET", "/api/search?q=before:yesterday", "")
	ann.refused(400, "invalid", "GET", "/api/search?q="+strings.Repeat("x", 501), "")
	ann.refused(400, "invalid", "GET", "/api/search?q=x&cursor=-1", "")
	if status, answer := ann.call("POST", "/api/me/password", `{"old":"`+strings.Repeat("x", 300)+`","new":"ann"}`); status != 400 {
		t.Errorf("a password that is the name: %d %s", status, answer)
	}
}

func TestCallsAreBounded(t *testing.T) {
	s := newServer(t, options{verify: tokens})
	s.StopCallClock()
	h := httptest.NewServer(s)
	defer h.Close()
	b := newBrowser(t, h.URL)
	b.header = http.Header{"Authorization": {"Bearer good.of.ann"}}
	for range 60 {
		b.get("GET", "/api/me", "")
	}
	b.refused(429, "rate_limited", "GET", "/api/me", "")
	b.header = http.Header{"Authorization": {"Bearer good.of.ben"}}
	b.get("GET", "/api/me", "")
}

// tokens believes "good.of.NAME" for an hour and says of "old.of.NAME" that it has
// expired.
func tokens(_ context.Context, token string) (parley.Claims, error) {
	kind, name, _ := strings.Cut(token, ".of.")
	switch kind {
	case "good":
		return parley.Claims{Issuer: "them", Subject: name, Name: name, Expires: time.Now().Add(time.Hour)}, nil
	case "old":
		return parley.Claims{}, &parley.Error{Code: parley.CodeUnauthorized, Message: "expired", Err: parley.ErrExpired}
	}
	return parley.Claims{}, parley.Errorf(parley.CodeUnauthorized, "not believed")
}

func TestTokensComeEveryWay(t *testing.T) {
	base := startServer(t, options{verify: tokens})
	b := newBrowser(t, base)
	b.header = http.Header{"Authorization": {"Bearer good.of.ann"}, "Content-Type": {"application/json"}}
	me := b.get("GET", "/api/me", "")
	if me["name"] != "ann" || me["password"] != false {
		t.Errorf("the bearer is %v", me)
	}
	hello := func(conn *websocket.Conn, err error, hello string) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseNow()
		if got := conn.Subprotocol(); got != server.PlainProtocol {
			t.Errorf("the subprotocol is %q", got)
		}
		conn.Write(t.Context(), websocket.MessageText, []byte(hello))
		_, answer, err := conn.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return string(answer)
	}
	want := `{"type":"ack","ref":1,"user":{"id":"` + me["id"].(string) + `","name":"ann"},"heartbeat"`
	conn, _, err := b.dial(http.Header{"Authorization": {"Bearer good.of.ann"}})
	if got := hello(conn, err, `{"type":"hello","ref":1}`); !strings.HasPrefix(got, want) {
		t.Errorf("by header: %s", got)
	}
	conn, _, err = b.dial(http.Header{"Origin": {base}}, "parley.token.good.of.ann")
	if got := hello(conn, err, `{"type":"hello","ref":1}`); !strings.HasPrefix(got, want) {
		t.Errorf("by subprotocol: %s", got)
	}
	conn, _, err = b.dial(http.Header{"Origin": {base}})
	if got := hello(conn, err, `{"type":"hello","ref":1,"token":"good.of.ann"}`); !strings.HasPrefix(got, want) {
		t.Errorf("by hello: %s", got)
	}
	conn, _, err = b.dial(http.Header{"Authorization": {"Bearer good.of.ann"}})
	if got := hello(conn, err, `{"type":"hello","ref":1,"name":"eve"}`); !strings.Contains(got, `"code":"invalid"`) {
		t.Errorf("another name beside a token: %s", got)
	}
	for _, token := range []string{"bad.of.ann", "old.of.ann", "x"} {
		for _, header := range []http.Header{{"Authorization": {"Bearer " + token}}, {"Sec-WebSocket-Protocol": {"parley.token." + token}}} {
			req, _ := http.NewRequestWithContext(t.Context(), "GET", base+"/ws", nil)
			req.Header = header
			resp, err := http.DefaultClient.Do(req)
			if err != nil || resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("%v: %v, %v; want 401", header, resp, err)
			}
		}
	}
	for token, code := range map[string]int{"bad.of.ann": parley.CloseCredentials, "old.of.ann": parley.CloseExpired} {
		conn, _, err := b.dial(http.Header{"Origin": {base}})
		if err != nil {
			t.Fatal(err)
		}
		s := newSide(t, conn)
		s.send(websocket.MessageText, `{"type":"hello","token":"`+token+`"}`)
		s.ends(websocket.StatusCode(code))
	}
}

func TestATokenThatExpiresIsRenewedOrEndsTheSession(t *testing.T) {
	bubble(t, options{verify: tokens}, func(t *testing.T, b *bubbleServer) {
		s := newSide(t, b.dial())
		defer s.conn.CloseNow()
		say := func(text, want string) {
			t.Helper()
			s.send(websocket.MessageText, text)
			if got := <-s.incoming; !strings.Contains(got, want) {
				t.Errorf("%s: %s, want %s", text, got, want)
			}
		}
		say(`{"type":"hello","ref":1,"token":"good.of.ann"}`, `"type":"ack"`)
		time.Sleep(50 * time.Minute)
		say(`{"type":"hello","ref":2,"token":"good.of.bob"}`, `"code":"conflict"`)
		say(`{"type":"hello","ref":3,"token":"good.of.ann"}`, `"type":"ack"`)
		renewed := time.Now()
		if got := <-s.incoming; !strings.HasPrefix(got, `{"type":"bye","code":4501`) {
			t.Errorf("in the end: %s", got)
		}
		if took := time.Since(renewed); took != time.Hour {
			t.Errorf("it was good for %v", took)
		}
		s.ends(parley.CloseExpired)
	})
}

func TestCookiesOverTLS(t *testing.T) {
	h := httptest.NewTLSServer(newServer(t, options{noGuests: true, setup: "first", config: server.Config{SignIns: server.SignIns{Accounts: true}}}))
	defer h.Close()
	b := newBrowser(t, h.URL)
	b.client.Transport = h.Client().Transport
	b.get("POST", "/api/setup", `{"token":"first","name":"ann","password":"correct horse"}`)
	req, _ := http.NewRequestWithContext(t.Context(), "POST", h.URL+"/api/signin", strings.NewReader(`{"name":"ann","password":"correct horse"}`))
	req.Header = b.header
	resp, err := h.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	c := resp.Cookies()[0]
	if c.Name != "__Host-parley" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("the cookie is %+v", c)
	}
}
