package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/seed-4a326f83/parley/socketio"
	"github.com/seed-4a326f83/parley/socketio/engineio"
)

func Example() {
	io := socketio.NewServer(nil)
	io.On("connection", func(socket *socketio.Socket) {
		socket.Join("lobby")
		socket.On("say", func(e *socketio.Event) {
			socket.To("lobby").Emit("said", socket.ID(), e.Raw(0))
			e.Ack("ok")
		})
		socket.OnDisconnect(func(reason socketio.Reason) {
			io.To("lobby").Emit("left", socket.ID())
		})
	})
	http.Handle("/socket.io/", io)
	log.Fatal(http.ListenAndServe("127.0.0.1:3000", nil))
}

func ExampleOn() {
	type move struct{ X, Y int }
	io := socketio.NewServer(nil)
	io.On("connection", func(socket *socketio.Socket) {
		socketio.On(socket, "move", func(m move) {
			socket.Volatile().Broadcast().Emit("moved", socket.ID(), m)
		})
		socketio.OnAck(socket, "distance", func(m move) (int, error) { return m.X + m.Y, nil })
	})
}

func ExampleNamespace_Use() {
	io := socketio.NewServer(&socketio.Options{
		Engine: engineio.Options{
			OriginPatterns: []string{"https://example.com"},
			// The HTTP request is seen here alone...
			AllowRequest: func(r *http.Request) (any, error) { return r.Header.Get("X-Forwarded-For"), nil },
		},
	})
	io.Of("/admin").Use(func(socket *socketio.Socket) error {
		// ...and what the client sends to sign in, with what was kept of the request, here.
		var auth struct{ Token string }
		if err := json.Unmarshal(socket.Handshake().Auth, &auth); err != nil {
			return err
		}
		if auth.Token != "secret" {
			return &socketio.ConnectError{Message: "sign in first", Data: map[string]any{"code": "unauthorized"}}
		}
		socket.Data = fmt.Sprint("an admin at ", socket.Value())
		return nil
	})
}

func ExampleSocket_EmitWithAck() {
	io := socketio.NewServer(nil)
	io.On("connection", func(socket *socketio.Socket) {
		answer, err := socket.Timeout(5*time.Second).EmitWithAck(context.Background(), "who are you?")
		if errors.Is(err, socketio.ErrTimeout) {
			socket.Disconnect(true)
			return
		}
		var name string
		if err == nil && answer.Decode(0, &name) == nil {
			socket.Join("named " + name)
		}
	})
}

func ExampleNamespace_Prepare() {
	io := socketio.NewServer(nil)
	var mine []*socketio.Socket // a room of one's own
	news, err := io.Prepare("news", map[string]string{"text": "hello"})
	if err != nil {
		log.Fatal(err)
	}
	for _, socket := range mine {
		socket.EmitPrepared(news)
		if socket.Conn().Queued() > 64<<10 {
			socket.Disconnect(true) // it is too slow for us
		}
	}
}
