// Package websocket is the WebSocket protocol (RFC 6455), with compression (RFC 7692), for servers and clients.
//
// A server upgrades a request in an http.Handler:
//
//	http.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
//		c, err := websocket.Accept(w, r, nil)
//		if err != nil {
//			return // the client has been answered
//		}
//		defer c.CloseNow()
//		for msg, err := range c.Messages(r.Context()) {
//			if err != nil {
//				return
//			}
//			if err := c.Write(r.Context(), msg.Type, msg.Data); err != nil {
//				return
//			}
//		}
//	})
//
// A client dials:
//
//	c, _, err := websocket.Dial(ctx, "ws://127.0.0.1:8080/ws", nil)
//
// The names are those of github.com/coder/websocket: programs written for it compile after their import path is changed.
//
// # Messages
//
// Read and Write move whole messages; Messages is Read for range. Reader and Writer stream: they hold no more of a message
// than what one call hands over, and parts are handed out, and sent, as they come, compressed or not. (Each Write of a
// Writer is a frame, and receivers bound their number: see MaxFragments.) Text that is received is checked to be UTF-8
// as it comes; its first bad byte closes the connection. Package wsjson reads and writes JSON.
//
// What goes to many at once is best made with Prepare, and sent with WritePrepared: it is encoded and compressed once.
//
// # Limits
//
// A message of more than 1 MiB (SetReadLimit), or in more than 1,024 frames (MaxFragments), closes the connection. Nothing is
// allocated because a peer announces it. Compressed messages are counted as they are inflated, and nothing is inflated past
// the limit. A flood of pings is answered as far as the peer takes the answers; when it does not, the newest is kept.
//
// # Compression
//
// It is off by default. CompressionMode in the options of Accept and Dial turns it on, for connections whose other side
// agrees, as browsers do. What it costs, and does, by default:
//
//	                   CompressionContextTakeover        CompressionNoContextTakeover
//	kept when idle     up to 32 KiB of what came last    nothing
//	                   and 4 KiB of what went last
//	compressed         messages from 128 bytes on,       messages from 512 bytes on,
//	                   with regard to those before       each by itself
//	150 bytes of JSON  take 50, and 3 µs                 go as they are
//	1 KiB of JSON      takes 200 bytes, and 16 µs        takes 270 bytes, and 12 µs
//	64 KiB of JSON     takes 12 KiB, and 170 µs          takes 12 KiB, and 150 µs
//
// (The times are those of one core, both sides together.) In the middle of a message that arrives up to 40 KiB are held in
// either mode. Compressors have tables of about 1 MiB, which all connections share: there are as many as messages are
// being compressed at the same time. CompressionWindowBits makes the dictionaries smaller, down to 256 bytes each way: with
// 11 bits a connection keeps 4 KiB in all. A peer may ask for less on its part, and gets it.
//
// So compression is for large messages, and for many that resemble each other, where bytes are dear: on mobile networks,
// or by the volume. Within a data centre it is not worth its time. Pictures and the like are compressed already: send them
// as MessageBinary|Uncompressed. With tens of thousands of connections, most of them idle, CompressionNoContextTakeover or a
// small window keeps memory free. Where the same goes to many, Prepare compresses it once.
//
// Compression tells of what is compressed: who can have texts of their own put next to a secret, in one message or with
// context takeover in one connection, and sees the lengths on the wire, can find it out by trying. Send secrets as
// MessageText|Uncompressed.
//
// # Contexts
//
// A context that ends ends the call it was given to. A read leaves the connection good: what had come of a message is kept
// for the next read. So does a write that has not begun; one that has closes the connection, as the peer could make nothing
// of what follows half a frame. (Package coder/websocket closes the connection in every case.)
//
// # Keepalive
//
// It is on by default. A peer that has been silent for 25 s is pinged; if nothing at all comes from it within 10 s more, reads
// return ErrKeepaliveTimeout. A last message may then be sent, and the connection closed with any code, within 5 s; otherwise
// it closes itself with StatusInternalError. The peer is judged only while a read waits: a program that is busy elsewhere
// does not lose it. KeepaliveInterval and KeepaliveTimeout change the times, or turn it off.
//
// # Closing
//
// Close performs the close handshake and has a deadline of 5 s for either half. CloseNow just closes. When the peer closes, it
// is answered, and reads return a CloseError; CloseStatus gets the code out of any error. When the peer breaks the
// protocol, it is told so with the code that RFC 6455 has for it, and reads return an error that says what it did. What
// is told is of fixed texts: errors of the network or of the program never leave the machine. The first cause of an end
// is what all later calls return, in an error that matches net.ErrClosed.
//
// # Event mode
//
// A connection that mostly idles need not have a goroutine that waits for it. Handle gives it to a Handler, and the request's
// goroutine ends:
//
//	http.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
//		if c, err := websocket.Accept(w, r, nil); err == nil {
//			c.Handle(echo{})
//		}
//	})
//
//	type echo struct{}
//
//	func (echo) OnMessage(c *websocket.Conn, typ websocket.MessageType, data []byte) { c.Send(typ, data) }
//	func (echo) OnClose(c *websocket.Conn, err error)                                {}
//
// Over plain TCP on Linux such a connection costs about 500 bytes while it idles; a few goroutines wait for all of them, and
// call the handlers. What a handler sends while the bytes that came together are worked through leaves in one system call.
// A handler may block: others take over the waiting meanwhile. Everywhere else the same is done by a goroutine
// for each connection.
//
// Servers that speak TLS themselves have the same, on Linux, if their listener goes through NewListener:
//
//	l, err := net.Listen("tcp", ":443")
//	...
//	server.ServeTLS(websocket.NewListener(l), "cert.pem", "key.pem")
//
// A connection then costs about 8,500 bytes while it idles, nearly all of them in crypto/tls, which keeps buffers for the
// largest handshake message and the largest record that have come.
//
// # Without net/http
//
// Upgrade answers the handshake on a bare network connection, with the rules and the options of Accept; Serve does so for all that
// a listener accepts, and gives the connections to Handlers. On Linux, over plain TCP, they are in event mode from their
// first byte on: a connection costs a third less time to open and to close than through net/http.
//
//	l, err := net.Listen("tcp", ":8080")
//	...
//	err = websocket.Serve(l, nil, func(c *websocket.Conn, r *websocket.UpgradeRequest) websocket.Handler {
//		return echo{}
//	})
//
// OnRequest sees each request before it is answered, and may refuse it. What is no handshake gets an answer that says so, and
// nothing else can be served there: pages and the like are for net/http, on another port. Use net/http for both if in doubt;
// the difference shows where connections come and go all the time.
//
// # Sending without waiting
//
// Write waits until the network has taken the message, and so for a peer that is slow. Send never waits: what the peer does
// not take stays in memory, up to SendLimit; what is to happen beyond it, SlowPeer says. Queued tells how far behind a peer is.
// For a message to many, Prepare encodes it once, and SendPrepared sends it to each.
//
// # Concurrency
//
// All methods of a Conn may be called from any number of goroutines, except that one at a time may read: Read, Reader,
// Messages, and the reader that Reader returned. A second read returns ErrConcurrentRead and does no harm. Messages that
// several goroutines write go one after the other; a Writer holds the others back until its Close. Control frames go
// between the fragments of a message.
//
// Somebody must read all the time, or pings are not answered and the peer's close is not seen: CloseRead does that for those who
// expect no message.
//
// A Conn has no goroutine of its own. Reading happens in the goroutine that reads; pongs are sent by one that lives until
// they are sent. (A transport given to Dial that is not net/http's is the exception: its connections have no deadlines,
// so a read that waits needs a goroutine.)
//
// # Security
//
// Accept, Upgrade and Serve refuse requests that come from pages of other origins, as browsers send cookies along with them: name the origins
// that may connect in OriginPatterns. A server behind a proxy that ends TLS must name its own. Nothing else is known of who
// the client is: that is for the handler to find out.
//
// # Testing
//
// Package wstest makes connected pairs in memory, which work in the bubbles of testing/synctest.
package websocket
