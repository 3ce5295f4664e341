// Package socketio is a Socket.IO server (protocol 5, for clients of Socket.IO 3 and 4 in whatever language): events with
// acknowledgements and binary data, rooms, namespaces, over WebSocket and, where that does not get through, HTTP
// long-polling.
//
//	io := socketio.NewServer(nil)
//	io.On("connection", func(socket *socketio.Socket) {
//		socket.Join("lobby")
//		socket.On("say", func(e *socketio.Event) {
//			socket.To("lobby").Emit("said", socket.ID(), e.Raw(0))
//			e.Ack("ok")
//		})
//	})
//	http.Handle("/socket.io/", io)
//
// Names and meaning are those of Socket.IO's own server, in Go's habits: what fails returns an error, what waits takes a
// context, and arguments are decoded into Go's types (Args.Decode, On, OnAck).
//
// # Who may connect
//
// Namespace.Use is asked about each client, and sees what it gave to sign in. What it keeps in Socket.Data is there for the
// handlers:
//
//	io.Use(func(socket *socketio.Socket) error {
//		var auth struct{ Name string } // of io(url, {auth: {name: "ann"}})
//		if err := json.Unmarshal(socket.Handshake().Auth, &auth); err != nil || auth.Name == "" {
//			return &socketio.ConnectError{Message: "say who you are"} // a connect_error there
//		}
//		socket.Data = auth.Name
//		return nil
//	})
//
// # Binary data
//
// A []byte, as an argument or anywhere in an any, goes as binary data; in structs it must be Binary. What comes can be decoded
// into either.
//
// # Slow clients
//
// Emit never waits. What a client does not take waits in memory, up to Options.Engine.SendLimit, beyond which the client is
// disconnected. Volatile events are dropped instead of waiting. Socket.Conn tells how much waits.
//
// # Limits on what clients send
//
// A message has at most Options.Engine.MaxPayload bytes; a packet has at most 10,000 arguments, its name among them, and 10
// attachments, each named by one placeholder; the id of an acknowledgement is at most 2^53, and a namespace's name has at most 256
// bytes. The connection of a client that sends anything else is closed. A handshake whose URI and header fields have more than
// 32 KiB is answered 431, as they are kept. While handlers and middlewares take their time, about 256 KiB of what a client sends
// wait for them, and beyond that it is not read from.
//
// # Pages of other sites
//
// Only pages of the server's own origin may connect, by either transport, unless Options.Engine names others.
//
// # Large numbers
//
// An idle connection over WebSocket has no goroutine (see package websocket). What goes to many is encoded once. Programs that
// keep rooms of their own, as they do of other connections, use Namespace.Prepare and Socket.EmitPrepared.
package socketio
