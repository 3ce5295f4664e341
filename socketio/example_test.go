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

func ExampleBroadcastOperator() {
	io := socketio.NewServer(nil)
	others := io.To("red", "blue").Except("muted") // may be kept
	others.Emit("score", 3, 1)
	others.Volatile().Emit("position", 12.5) // dropped for those who are behind

	answers, err := others.Timeout(5*time.Second).EmitWithAck(context.Background(), "ready?")
	if err != nil {
		log.Printf("%d are ready; of the others: %v", len(answers), err)
	}
}

func ExampleRecoveryOptions() {
	io := socketio.NewServer(&socketio.Options{
		Recovery: &socketio.RecoveryOptions{MaxDisconnection: time.Minute},
	})
	io.On("connection", func(socket *socketio.Socket) {
		if socket.Recovered() {
			return // it has its rooms, its Data, and what it missed
		}
		socket.Join("news")
	})
}

func ExampleArgs() {
	io := socketio.NewServer(nil)
	io.On("connection", func(socket *socketio.Socket) {
		socket.On("upload", func(e *socketio.Event) {
			var name string
			var data []byte
			if err := e.Scan(&name, &data); err != nil {
				e.Ack(map[string]string{"error": err.Error()})
				return
			}
			e.Ack(map[string]int{"bytes": len(data)})
		})
	})
}
