package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// A Frame is anything the server says; the fields that it lacks are zero.
type Frame struct {
	Type       string          `json:"type"`
	Ref        int             `json:"ref"`
	Code       json.RawMessage `json:"code"` // a string in an error, a number in a bye
	Text       string          `json:"message"`
	RetryAfter int             `json:"retry_after"` // ms
	Message
	Session   string    `json:"session"`
	User      User      `json:"user"`
	Last      int64     `json:"last"`
	Messages  []Message `json:"messages"`
	More      bool      `json:"more"`
	Recovered *bool     `json:"recovered"`
	Online    bool      `json:"online"`
	Count     int       `json:"count"`

	Raw []byte    `json:"-"`
	At  time.Time `json:"-"` // when it came
}

// Refused is an answer of type error.
type Refused struct {
	Code       string
	RetryAfter time.Duration
	Raw        string
}

func (e *Refused) Error() string { return "the server answered " + e.Raw }

// A Wire is a connection in the plain framing, over a WebSocket implementation
// that is not ours. One goroutine uses it.
type Wire struct {
	conn   *websocket.Conn
	frames chan Frame    // in the order in which they came; closed at the end
	err    error         // why it ended, once frames is closed
	ended  chan struct{} // closed by close
	close  func()
	ref    int
	// Within is after how long without an answer Call fails.
	Within time.Duration
	// Event is given what comes while an answer is awaited, and is none.
	Event func(Frame)
}

// answerTime is after how long without an answer a client tries elsewhere. The
// machine may be busy: this costs a connection, and nothing else.
const answerTime = 5 * time.Second

// Dial connects to the node at addr, host and port, without saying hello.
func Dial(addr string) (*Wire, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	conn, _, err := websocket.Dial(ctx, "ws://"+addr+"/ws", &websocket.DialOptions{
		Subprotocols: []string{"parley.v1.json"},
		HTTPClient:   &http.Client{Transport: transport},
	})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(4 << 20)
	w := &Wire{conn: conn, frames: make(chan Frame, 1<<12), ended: make(chan struct{}), Within: answerTime, Event: func(Frame) {}}
	w.close = sync.OnceFunc(func() {
		close(w.ended)
		conn.CloseNow()
	})
	go w.read()
	return w, nil
}

func (w *Wire) read() {
	defer close(w.frames)
	for {
		_, data, err := w.conn.Read(context.Background())
		if err != nil {
			w.err = err
			return
		}
		f := Frame{Raw: data, At: time.Now()}
		if err := json.Unmarshal(data, &f); err != nil {
			w.err = fmt.Errorf("no frame of the protocol: %.200q: %w", data, err)
			w.conn.CloseNow()
			return
		}
		select {
		case w.frames <- f:
		case <-w.ended:
			return
		}
	}
}

// Close ends the connection without a word. Doing so again does nothing.
func (w *Wire) Close() { w.close() }

// Send sends a request and returns the ref that its answer will carry.
func (w *Wire) Send(req map[string]any) (ref int, err error) {
	w.ref++
	req["ref"] = w.ref
	data, err := json.Marshal(req)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	return w.ref, w.conn.Write(ctx, websocket.MessageText, data)
}

var errNoAnswer = errors.New("no answer in time")

// Call sends a request and waits for its ack; an error answer is a [*Refused].
func (w *Wire) Call(req map[string]any) (Frame, error) {
	ref, err := w.Send(req)
	if err != nil {
		return Frame{}, err
	}
	timeout := time.NewTimer(w.Within)
	defer timeout.Stop()
	for {
		select {
		case f, ok := <-w.frames:
			switch {
			case !ok:
				return Frame{}, fmt.Errorf("the connection ended: %w", w.err)
			case f.Ref == ref:
				return f, refusal(f)
			default:
				w.Event(f)
			}
		case <-timeout.C:
			return Frame{}, errNoAnswer
		}
	}
}

// Next waits for something that is no answer, for as long as within.
func (w *Wire) Next(within time.Duration) (Frame, error) {
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	select {
	case f, ok := <-w.frames:
		if !ok {
			return f, fmt.Errorf("the connection ended: %w", w.err)
		}
		return f, nil
	case <-timeout.C:
		return Frame{}, fmt.Errorf("nothing came in %s", within)
	}
}

func refusal(f Frame) error {
	if f.Type != "error" {
		return nil
	}
	var code string
	json.Unmarshal(f.Code, &code)
	return &Refused{Code: code, RetryAfter: time.Duration(f.RetryAfter) * time.Millisecond, Raw: string(f.Raw)}
}
