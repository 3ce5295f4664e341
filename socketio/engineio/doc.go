// Package engineio is the server's side of the Engine.IO protocol, version 4: sessions of messages over HTTP long-polling and
// WebSocket, with the upgrade from the one to the other, and heartbeats. Package socketio builds on it; it can be used alone.
//
//	server := engineio.NewServer(nil, echo{})
//	http.Handle("/engine.io/", server)
//
//	type echo struct{}
//
//	func (echo) OnOpen(*engineio.Session)                   {}
//	func (echo) OnClose(*engineio.Session, engineio.Reason) {}
//	func (echo) OnMessage(s *engineio.Session, typ websocket.MessageType, data []byte) {
//		if typ == websocket.MessageText {
//			s.Send(engineio.Text(data))
//		} else {
//			s.Send(engineio.Binary(data))
//		}
//	}
//
// A session that nothing happens to has no goroutine: WebSockets are in event mode (see package websocket), and of a
// polling client only the GET request that waits has one. What waits to be sent is bounded in bytes, see Options.SendLimit.
//
// A request that is no good is answered 400, with a JSON object that has code and message, and so is one that would be a
// WebSocket: no connection is opened only to be closed.
package engineio
