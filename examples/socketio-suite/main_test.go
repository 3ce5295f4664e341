package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/internal/memnet"
	"github.com/seed-4a326f83/parley/websocket"
)

// The tables below hold the program against what the protocols' documents ask of a server. They run in the time of
// testing/synctest: heartbeats of 300 ms are never missed because a machine is slow.

const (
	pingInterval = 300 * time.Millisecond
	pingTimeout  = 200 * time.Millisecond
)

// A step is something that is done, or that must happen.
type step func(c *client)

// A client goes through steps, with one session.
type client struct {
	t    *testing.T
	http *http.Client
	path string
	sid  string
	ws   *websocket.Conn
	poll chan answer // of the poll that waits
	stop func()      // aborts it
}

type answer struct {
	status int
	text   string
	err    error
}

func inBubble(t *testing.T, path string, steps []step) {
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Minute) }) // until what was left open has timed out
		c := &client{t: t, http: memnet.Serve(t, newHandler()), path: path}
		for _, s := range steps {
			s(c)
		}
		if c.ws != nil {
			c.ws.CloseNow()
		}
	})
}

func (c *client) request(method, query, body string) (status int, text string) {
	c.t.Helper()
	req, err := http.NewRequest(method, "http://localhost"+c.path+"?"+query, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func (c *client) dial(query string) (*websocket.Conn, error) {
	ws, _, err := websocket.Dial(context.Background(), "ws://localhost"+c.path+"?"+query, &websocket.DialOptions{
		HTTPClient: c.http, KeepaliveInterval: -1,
	})
	return ws, err
}

func (c *client) read() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	typ, data, err := c.ws.Read(ctx)
	if typ == websocket.MessageBinary {
		return "!" + string(data), err
	}
	return string(data), err
}

// refused is a request that is answered 400.
func refused(method, query string) step {
	return func(c *client) {
		c.t.Helper()
		if status, text := c.request(method, query, ""); status != 400 {
			c.t.Fatalf("%s %s was answered %d %s", method, query, status, text)
		}
	}
}

// refusedWS is a WebSocket that is not opened.
func refusedWS(query string) step {
	return func(c *client) {
		c.t.Helper()
		if _, err := c.dial(query); err == nil {
			c.t.Fatalf("%s was opened", query)
		}
	}
}

// opens begins a session by polling or by WebSocket.
func opens(transport, upgrades string) step {
	return func(c *client) {
		c.t.Helper()
		var packet string
		query := "EIO=4&transport=" + transport
		if transport == "polling" {
			_, packet = c.request("GET", query, "")
		} else {
			var err error
			if c.ws, err = c.dial(query); err != nil {
				c.t.Fatal(err)
			}
			if packet, err = c.read(); err != nil {
				c.t.Fatal(err)
			}
		}
		var h struct{ SID string }
		if packet == "" || json.Unmarshal([]byte(packet[1:]), &h) != nil || h.SID == "" {
			c.t.Fatalf("came %q", packet)
		}
		want := `0{"sid":"` + h.SID + `","upgrades":[` + upgrades + `],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}`
		if packet != want {
			c.t.Fatalf("came %s, want %s", packet, want)
		}
		c.sid = h.SID
	}
}

var (
	polling = opens("polling", `"websocket"`)
	webSock = opens("websocket", "")
)

func posts(body string, status int, answer string) step {
	return func(c *client) {
		c.t.Helper()
		got, text := c.request("POST", "EIO=4&transport=polling&sid="+c.sid, body)
		if got != status || answer != "" && text != answer {
			c.t.Fatalf("%q was answered %d %q", body, got, text)
		}
	}
}

func polls(status int, answer string) step {
	return func(c *client) {
		c.t.Helper()
		got, text := c.request("GET", "EIO=4&transport=polling&sid="+c.sid, "")
		if got != status || answer != "" && text != answer {
			c.t.Fatalf("a poll was answered %d %q, want %d %q", got, text, status, answer)
		}
	}
}

// waits begins a poll to which there is no answer yet.
func waits(c *client) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c.t.Cleanup(cancel)
	poll := make(chan answer, 1)
	go func() {
		req, err := http.NewRequestWithContext(ctx, "GET", "http://localhost"+c.path+"?EIO=4&transport=polling&sid="+c.sid, nil)
		if err != nil {
			poll <- answer{err: err}
			return
		}
		resp, err := c.http.Do(req)
		if err != nil {
			poll <- answer{err: err}
			return
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		poll <- answer{resp.StatusCode, string(data), err}
	}()
	c.poll, c.stop = poll, cancel
	synctest.Wait()
	if len(poll) > 0 {
		c.t.Fatalf("the poll did not wait: %+v", <-poll)
	}
}

// aborts aborts the poll that waits.
func aborts(c *client) {
	c.t.Helper()
	c.stop()
	synctest.Wait()
	if a := <-c.poll; a.err == nil {
		c.t.Fatalf("the poll was answered: %+v", a)
	}
}

// ended waits for the answer to the poll that waits.
func ended(text string) step {
	return func(c *client) {
		c.t.Helper()
		if a := <-c.poll; a != (answer{200, text, nil}) {
			c.t.Fatalf("the poll that waited was answered %+v, want %q", a, text)
		}
	}
}

// upgrades opens the WebSocket that is to take over.
func upgrades(c *client) {
	c.t.Helper()
	var err error
	if c.ws, err = c.dial("EIO=4&transport=websocket&sid=" + c.sid); err != nil {
		c.t.Fatal(err)
	}
}

// secondIsClosed opens another WebSocket for the session.
func secondIsClosed(c *client) {
	c.t.Helper()
	ws, err := c.dial("EIO=4&transport=websocket&sid=" + c.sid)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, _, err := ws.Read(context.Background()); websocket.CloseStatus(err) == -1 {
		c.t.Fatal(err)
	}
}

// sends sends messages; those that begin with "!" are binary.
func sends(texts ...string) step {
	return func(c *client) {
		c.t.Helper()
		for _, text := range texts {
			typ := websocket.MessageText
			data, binary := strings.CutPrefix(text, "!")
			if binary {
				typ = websocket.MessageBinary
			}
			if err := c.ws.Write(context.Background(), typ, []byte(data)); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

func comes(texts ...string) step {
	return func(c *client) {
		c.t.Helper()
		for _, want := range texts {
			if got, err := c.read(); err != nil || got != want {
				c.t.Fatalf("came %q, %v; want %q", got, err, want)
			}
		}
	}
}

// connected waits for the answer to a CONNECT.
func connected(prefix string) step {
	return func(c *client) {
		c.t.Helper()
		got, err := c.read()
		var welcome map[string]string
		body, ok := strings.CutPrefix(got, prefix)
		if err != nil || !ok || json.Unmarshal([]byte(body), &welcome) != nil || len(welcome) != 1 || welcome["sid"] == "" {
			c.t.Fatalf("came %q, %v", got, err)
		}
	}
}

// apartFrom waits for what must not come together with what came before: the suite's client would lose it.
func apartFrom(text string) step {
	return func(c *client) {
		c.t.Helper()
		begun := time.Now()
		comes(text)(c)
		if time.Since(begun) == 0 {
			c.t.Fatalf("%s came together with what came before", text)
		}
	}
}

// ends waits for the server to close.
func ends(within time.Duration) step {
	return func(c *client) {
		c.t.Helper()
		begun := time.Now()
		for {
			if _, err := c.read(); err != nil {
				break
			}
		}
		if d := time.Since(begun); d > within {
			c.t.Fatalf("it took %v", d)
		}
	}
}

func sleeps(d time.Duration) step { return func(*client) { time.Sleep(d) } }

// engine is what both paths must do.
var engine = map[string][]step{
	"polling handshake":   {polling},
	"websocket handshake": {webSock},
	"EIO": {
		refused("GET", "transport=polling"), refused("GET", "EIO=abc&transport=polling"), refused("GET", "EIO=3&transport=polling"),
		refusedWS("transport=websocket"), refusedWS("EIO=abc&transport=websocket"), refusedWS("EIO=3&transport=websocket"),
	},
	"transport": {refused("GET", "EIO=4"), refused("GET", "EIO=4&transport=abc"), refusedWS("EIO=4"), refusedWS("EIO=4&transport=abc")},
	"method":    {refused("POST", "EIO=4&transport=polling"), refused("PUT", "EIO=4&transport=polling")},
	"polling heartbeat": {
		polling, polls(200, "2"), posts("3", 200, "ok"), polls(200, "2"), posts("3", 200, "ok"), polls(200, "2"), posts("3", 200, "ok"),
	},
	"polling timeout":                 {polling, sleeps(pingInterval + pingTimeout), polls(400, "")},
	"websocket heartbeat":             {webSock, comes("2"), sends("3"), comes("2"), sends("3"), comes("2"), sends("3")},
	"websocket timeout":               {webSock, ends(pingInterval + pingTimeout)},
	"polling close":                   {polling, posts("1", 200, "ok"), polls(200, "6"), polls(400, "")}, // the first may have been overtaken
	"polling close under a poll":      {polling, waits, posts("1", 200, "ok"), ended("6"), polls(400, "")},
	"two polls":                       {polling, waits, polls(400, ""), ended("1"), polls(400, "")},
	"aborted poll":                    {polling, waits, aborts, polls(400, "")},
	"websocket close":                 {webSock, sends("1"), ends(0)},
	"upgrade":                         {polling, upgrades, sends("2probe"), comes("3probe"), polls(200, "6"), sends("5"), comes("2")},
	"upgrade without a poll":          {polling, upgrades, sends("2probe"), comes("3probe"), sends("5"), comes("2")},
	"polling after upgrade":           {polling, upgrades, sends("2probe", "5"), polls(400, ""), comes("3probe", "2")},
	"another websocket after upgrade": {polling, upgrades, sends("2probe", "5"), comes("3probe"), secondIsClosed, comes("2")},
}

func TestEngine(t *testing.T) {
	for _, path := range []string{"/engine.io/", "/socket.io/"} {
		for name, steps := range engine {
			t.Run(path+" "+name, func(t *testing.T) { inBubble(t, path, steps) })
		}
	}
}

func TestEcho(t *testing.T) {
	for name, steps := range map[string][]step{
		"one packet":      {polling, posts("4hello", 200, "ok"), polls(200, "4hello")},
		"several packets": {polling, posts("4test1\x1e4test2\x1e4test3", 200, "ok"), polls(200, "4test1\x1e4test2\x1e4test3")},
		"binary":          {polling, posts("4hello\x1ebAQIDBA==", 200, "ok"), polls(200, "4hello\x1ebAQIDBA==")},
		"bad payload":     {polling, posts("abc", 400, ""), polls(400, "")},
		"text frame":      {webSock, sends("4hello"), comes("4hello")},
		"binary frame":    {webSock, sends("!\x01\x02\x03\x04"), comes("!\x01\x02\x03\x04")},
		"bad frame":       {webSock, sends("abc"), ends(0)},
		"after upgrade":   {polling, upgrades, sends("2probe"), comes("3probe"), polls(200, "6"), sends("5", "4hello"), comes("4hello")},
		"after upgrade and poll": {
			polling, upgrades, sends("2probe"), comes("3probe"), sends("5"), polls(400, ""), sends("4hello"), comes("4hello"),
		},
		"after upgrade and another websocket": {
			polling, upgrades, sends("2probe"), comes("3probe"), sends("5"), secondIsClosed, sends("4hello"), comes("4hello"),
		},
	} {
		t.Run(name, func(t *testing.T) { inBubble(t, "/engine.io/", steps) })
	}
}

func TestSocketIO(t *testing.T) {
	connect := func(c *client) {
		for _, s := range []step{webSock, sends("40"), connected("40"), apartFrom(`42["auth",{}]`)} {
			s(c)
		}
	}
	for name, steps := range map[string][]step{
		"connect":              {connect},
		"with a payload":       {webSock, sends(`40{"token":"123"}`), connected("40"), apartFrom(`42["auth",{"token":"123"}]`)},
		"another namespace":    {webSock, sends("40/custom,"), connected("40/custom,"), apartFrom(`42/custom,["auth",{}]`)},
		"there, with payload":  {webSock, sends(`40/custom,{"token":"abc"}`), connected("40/custom,"), apartFrom(`42/custom,["auth",{"token":"abc"}]`)},
		"no such namespace":    {webSock, sends("40/random"), comes(`44/random,{"message":"Invalid namespace"}`)},
		"bad handshake":        {webSock, sends("4abc"), ends(0)},
		"no handshake":         {webSock, comes("2"), sends("3"), comes("2"), sends("3"), comes("2"), sends("3"), ends(100 * time.Millisecond)},
		"disconnect":           {connect, sends("41"), comes("2")},
		"leaves one namespace": {connect, sends("40/custom"), connected("40/custom,"), apartFrom(`42/custom,["auth",{}]`), sends("41/custom", `42["message","to main"]`), comes(`42["message-back","to main"]`)},
		"event":                {connect, sends(`42["message",1,"2",{"3":[true]}]`), comes(`42["message-back",1,"2",{"3":[true]}]`)},
		"binary event": {
			connect, sends(`452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "!\x01\x02\x03", "!\x04\x05\x06"),
			comes(`452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "!\x01\x02\x03", "!\x04\x05\x06"),
		},
		"ack": {connect, sends(`42456["message-with-ack",1,"2",{"3":[false]}]`), comes(`43456[1,"2",{"3":[false]}]`)},
		"binary ack": {
			connect, sends(`452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "!\x01\x02\x03", "!\x04\x05\x06"),
			comes(`462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "!\x01\x02\x03", "!\x04\x05\x06"),
		},
		"unknown type": {connect, sends("4abc"), ends(0)},
		"bad payload":  {connect, sends("42{}"), ends(0)},
		"bad ack id":   {connect, sends(`42abc["message-with-ack",1]`), ends(0)},
	} {
		t.Run(name, func(t *testing.T) { inBubble(t, "/socket.io/", steps) })
	}
}
