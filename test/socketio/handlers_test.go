package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/seed-4a326f83/parley/socketio"
)

// prepare sets what the conversations count on.
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
		socket.OnError(s.fail)
		socket.Emit("welcome", socket.Data)
		s.talk(socket)
		s.rooms(io, socket)
		s.count(socket)
		s.ends(socket)
	})
	io.Of("/admin").On("connection", func(socket *socketio.Socket) {
		socket.On("echo", func(e *socketio.Event) { e.Ack(e.Values()...) })
	})
}

// talk answers events, and asks.
func (s *site) talk(socket *socketio.Socket) {
	socket.On("echo", func(e *socketio.Event) { e.Ack(e.Values()...) })
	socket.On("back", func(e *socketio.Event) { socket.Emit("back", e.Values()...) })
	socket.On("ask", func(e *socketio.Event) { // within the handler: the answer must come through
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		answer, err := socket.EmitWithAck(ctx, "question", 1, []byte{1, 2, 3})
		if err != nil {
			s.fail(err)
			return
		}
		e.Ack(answer.Values()...)
	})
	socket.On("never", func(e *socketio.Event) {
		_, err := socket.Timeout(time.Millisecond).EmitWithAck(context.Background(), "unanswered")
		e.Ack(errors.Is(err, socketio.ErrTimeout))
	})
	socket.On("volatile", func(e *socketio.Event) {
		socket.Volatile().Emit("perhaps")
		e.Ack()
	})
	heard := false
	socket.On("hear", func(*socketio.Event) { heard = true })
	socket.On("heard", func(e *socketio.Event) { e.Ack(heard) })
}

// rooms sends to many.
func (s *site) rooms(io *socketio.Server, socket *socketio.Socket) {
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
	socketio.OnAck(socket, "poll in vain", func(room string) (bool, error) { // one of them does not answer
		_, err := io.In(room).Timeout(time.Millisecond).EmitWithAck(context.Background(), "vote")
		return errors.Is(err, socketio.ErrTimeout), nil
	})
}

// ends has the connection, or what is on it, end in all ways.
func (s *site) ends(socket *socketio.Socket) {
	socket.On("kick", func(*socketio.Event) { socket.Disconnect(true) })
	socket.On("leave me", func(*socketio.Event) { socket.Disconnect(false) })
	socket.On("panic", func(*socketio.Event) { panic("as asked") })
	socket.On("drop", func(*socketio.Event) { socket.Conn().Close() })
	socket.On("restart", func(*socketio.Event) { go s.restart() })
}
