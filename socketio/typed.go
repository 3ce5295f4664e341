package socketio

// On has f called with the first argument of each event of that name, decoded as json.Unmarshal does. An event whose argument
// is none of T goes to the functions of OnError.
//
//	socketio.On(socket, "move", func(m Move) { ... })
func On[T any](s *Socket, event string, f func(T)) {
	s.On(event, func(e *Event) {
		var v T
		if err := e.Decode(0, &v); err != nil {
			s.fail(err)
			return
		}
		f(v)
	})
}

// OnAck is On for events that want an acknowledgement: it is what f returns. If f returns an error, or the argument is none of
// T, no acknowledgement is sent, and the functions of OnError are called; the client waits until its own timeout. An error that it
// is to be told belongs into R.
//
//	socketio.OnAck(socket, "add", func(p Pair) (int, error) { return p.A + p.B, nil })
func OnAck[T, R any](s *Socket, event string, f func(T) (R, error)) {
	s.On(event, func(e *Event) {
		var v T
		err := e.Decode(0, &v)
		var r R
		if err == nil {
			r, err = f(v)
		}
		if err == nil && e.WantsAck() {
			err = e.Ack(r)
		}
		if err != nil {
			s.fail(err)
		}
	})
}
