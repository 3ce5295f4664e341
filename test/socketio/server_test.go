package socketio

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/socketio"
	"github.com/seed-4a326f83/parley/socketio/engineio"
)

// A site is a server that can be started anew at its address.
type site struct {
	t        *testing.T
	addr     string
	recovery bool

	mu   sync.Mutex
	io   *socketio.Server
	http *http.Server
}

func startSite(t *testing.T, recovery bool) *site {
	t.Helper()
	s := &site{t: t, addr: "127.0.0.1:0", recovery: recovery}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *site) start() {
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Error(err)
		return
	}
	opts := &socketio.Options{Logger: slog.New(slog.DiscardHandler)} // it would tell of the panic that is asked for
	if s.recovery {
		opts.Recovery = &socketio.RecoveryOptions{}
	}
	io := socketio.NewServer(opts)
	s.prepare(io)
	server := &http.Server{Handler: io}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addr, s.io, s.http = l.Addr().String(), io, server
	go server.Serve(l)
}

func (s *site) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.io.Close()
	s.http.Close()
}

// prepare sets what the clients' scripts count on.
func (s *site) prepare(io *socketio.Server) {
	io.Use(func(socket *socketio.Socket) error {
		var auth struct{ Token string }
		if err := json.Unmarshal(socket.Handshake().Auth, &auth); err != nil {
			return err
		}
		if auth.Token == "bad" {
			return &socketio.ConnectError{Message: "not you", Data: map[string]int{"code": 42}}
		}
		socket.Data = auth.Token
		return nil
	})
	io.On("connection", func(socket *socketio.Socket) {
		socket.Emit("welcome", socket.Data)
		socket.On("echo", func(e *socketio.Event) { e.Ack(e.Values()...) })
		socket.On("back", func(e *socketio.Event) { socket.Emit("back", e.Values()...) })
		socket.On("ask", func(e *socketio.Event) { // within the handler: the answer must come through
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			answer, err := socket.EmitWithAck(ctx, "question", 1, []byte{1, 2, 3})
			if err != nil {
				s.t.Error(err)
			}
			e.Ack(answer.Values()...)
		})
		socket.On("never", func(e *socketio.Event) {
			_, err := socket.Timeout(time.Millisecond).EmitWithAck(context.Background(), "unanswered")
			e.Ack(err == socketio.ErrTimeout)
		})
		socketio.OnAck(socket, "join", func(room string) (bool, error) {
			socket.Join(room)
			return true, nil
		})
		socketio.OnAck(socket, "leave", func(room string) (bool, error) {
			socket.Leave(room)
			return true, nil
		})
		socketio.OnAck(socket, "say", func(p struct{ How, Room, Text string }) (bool, error) {
			switch p.How {
			case "to":
				return true, socket.To(p.Room).Emit("said", p.Text)
			case "in":
				return true, io.In(p.Room).Emit("said", p.Text, []byte(p.Text))
			case "except":
				return true, io.Except(p.Room).Emit("said", p.Text)
			case "broadcast":
				return true, socket.Broadcast().Emit("said", p.Text)
			default:
				return true, io.Emit("said", p.Text)
			}
		})
		socketio.OnAck(socket, "poll", func(room string) (int, error) { // asks all in the room
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			answers, err := io.In(room).EmitWithAck(ctx, "vote")
			if err != nil {
				return 0, err
			}
			sum := 0
			for _, a := range answers {
				var n int
				if err := a.Decode(0, &n); err != nil {
					return 0, err
				}
				sum += n
			}
			return sum, nil
		})
		s.count(socket)
		socket.On("kick", func(*socketio.Event) { socket.Disconnect(true) })
		socket.On("drop", func(*socketio.Event) { socket.Conn().Close() })
		socket.On("leave me", func(*socketio.Event) { socket.Disconnect(false) })
		socket.On("panic", func(*socketio.Event) { panic("as asked") })
		socket.On("restart", func(*socketio.Event) {
			go func() {
				s.stop()
				s.start()
			}()
		})
		socket.OnError(func(err error) { s.t.Error(err) })
	})
	admin := io.Of("/admin")
	admin.On("connection", func(socket *socketio.Socket) {
		socket.On("echo", func(e *socketio.Event) { e.Ack(e.Values()...) })
	})
}

// count sends and receives many events, whose order is checked on either side.
func (s *site) count(socket *socketio.Socket) {
	next, wrong := 0, 0
	socketio.On(socket, "number", func(n int) {
		if n != next {
			wrong++
		}
		next = n + 1
	})
	socket.On("counted", func(e *socketio.Event) { e.Ack(next, wrong) })
	socketio.On(socket, "count", func(n int) {
		go func() {
			for i := range n {
				socket.Emit("number", i)
				if i%100 == 0 { // as long as the upgrade takes, and not only before
					time.Sleep(time.Millisecond)
				}
			}
		}()
	})
	socket.On("transport", func(e *socketio.Event) { e.Ack(socket.Conn().Transport() == engineio.WebSocket) })
}
