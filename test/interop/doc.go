// Package interop lets package websocket talk to what its users meet: npm's ws, Python's websockets, gorilla and coder, as
// servers and as clients, and Chromium's own WebSocket; plain and over TLS; with compression in the modes that the partner has.
//
// Both sides of every pair go through the same conversation (conversation_test.go). A server echoes, except for some texts:
//
//	!fragments  it sends the long text in fragments of 1,000 bytes
//	!ping       it sends a ping and, when the pong is there, the text "ponged"
//	!close      it closes with 4321 "as you wish"
//
// It agrees to the subprotocol "interop". A client goes through all of that, fragments and pings itself as far as its API lets
// it, and closes with 4001 "thanks".
package interop
