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
// A session that nothing happens to has no goroutine: WebSockets are in event mode (see package websocket), and a GET request
// that waits is parked after a tenth of a second. What waits to be sent is bounded in bytes, see Options.SendLimit.
//
// To be parked a request is taken from the http.Server (see http.Hijacker), if that is possible: it is not with HTTP/2. Its
// handler, and what is around it, returns then, and its context ends; the answer comes all the same, and after it the http.Server
// is given the connection back. Its ConnState and ConnContext hooks see that connection as hijacked, and then as a new one. As with
// WebSockets, http.Server.Shutdown and Close know nothing of parked requests: Server.Close answers them. Systems other than Linux
// need a small goroutine for each.
//
// A request that is no good is answered 400, with a JSON object that has code and message, and so is one that would be a
// WebSocket: no connection is opened only to be closed.
package engineio
