package engineio_test

import (
	"log"
	"net/http"

	"github.com/seed-4a326f83/parley/socketio/engineio"
	"github.com/seed-4a326f83/parley/websocket"
)

// An echo sends messages back, as what they came.
type echo struct{}

func (echo) OnOpen(*engineio.Session)                   {}
func (echo) OnClose(*engineio.Session, engineio.Reason) {}

func (echo) OnMessage(s *engineio.Session, typ websocket.MessageType, data []byte) {
	if typ == websocket.MessageText {
		s.Send(engineio.Text(data))
	} else {
		s.Send(engineio.Binary(data))
	}
}

func Example() {
	server := engineio.NewServer(nil, echo{})
	http.Handle("/engine.io/", server)
	log.Fatal(http.ListenAndServe("127.0.0.1:3000", nil))
}

func ExampleRefusal() {
	engineio.NewServer(&engineio.Options{
		AllowRequest: func(r *http.Request) (any, error) {
			user, _, ok := r.BasicAuth()
			if !ok {
				return nil, &engineio.Refusal{Status: http.StatusUnauthorized, Code: engineio.Forbidden, Message: "Sign in first"}
			}
			return user, nil // which is Session.Value
		},
	}, echo{})
}
