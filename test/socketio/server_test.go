package socketio

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/seed-4a326f83/parley/socketio"
	"github.com/seed-4a326f83/parley/socketio/engineio"
)

// A site is a server that can be started anew at its address. Besides what Socket.IO clients ask for it has the files of the
// page in which the browser's client runs.
type site struct {
	t        *testing.T
	door     *door
	recovery bool

	mu   sync.Mutex
	io   *socketio.Server
	http *http.Server
	over bool // the test is: nothing may be told it any more
}

func startSite(t *testing.T, recovery bool) *site {
	t.Helper()
	d, err := newDoor()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, door: d, recovery: recovery}
	s.start()
	t.Cleanup(func() {
		d.close()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.over = true
		s.stop()
	})
	return s
}

func (s *site) url() string { return "http://" + s.door.addr() }

// start starts the server. mu is held, or nobody else has the site.
func (s *site) start() {
	opts := &socketio.Options{Logger: slog.New(slog.DiscardHandler)} // it would tell of the panic that is asked for
	if s.recovery {
		opts.Recovery = &socketio.RecoveryOptions{}
		opts.Engine.OriginPatterns = []string{"127.0.0.1:*"} // the page is of another
	}
	s.io = socketio.NewServer(opts)
	s.prepare(s.io)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", s.io)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>Socket.IO</title>")
	})
	mux.HandleFunc("/{file}", servePage)
	s.http = &http.Server{Handler: mux}
	go s.http.Serve(s.door.open())
}

func (s *site) stop() {
	s.io.Close()
	s.http.Close()
}

// restart ends all connections, and starts a server that knows nothing of them.
func (s *site) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.stop()
	s.start()
}

// fail fails the test, if it is not over.
func (s *site) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.t.Error(err)
	}
}

// servePage serves the conversation, and the clients' bundles for browsers by the names of their modules.
func servePage(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	if module, ok := strings.CutSuffix(name, ".js"); ok {
		name = filepath.Join("../node_modules", module, "dist/socket.io.js")
	}
	content, err := os.ReadFile(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/javascript")
	w.Write(content)
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
	socketio.On(socket, "count", func(n int) { go s.send(socket, n) })
	socket.On("transport", func(e *socketio.Event) { e.Ack(socket.Conn().Transport() == engineio.WebSocket) })
}

// send sends numbers as long as the upgrade takes, and not only before: some with each answer of the client.
func (s *site) send(socket *socketio.Socket, n int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i := range n {
		if err := socket.Emit("number", i); err != nil {
			s.fail(err)
			return
		}
		if i%500 == 0 {
			socket.EmitWithAck(ctx, "so far")
		}
	}
}
