package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/wsjson"
	"github.com/seed-4a326f83/parley/websocket/wstest"
)

// echoServer is what the examples connect to.
func echoServer() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		echo(c)
	}))
}

// An echo server: the same bytes back, in messages of the same type.
func ExampleAccept() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
			Subprotocols:   []string{"echo.v1"},
			OriginPatterns: []string{"https://*.example.com"},
		})
		if err != nil {
			return // Accept has answered the client
		}
		defer c.CloseNow()
		ctx := r.Context()
		for {
			typ, data, err := c.Read(ctx)
			if err != nil {
				return
			}
			if err := c.Write(ctx, typ, data); err != nil {
				return
			}
		}
	})
	srv := httptest.NewServer(handler)
	defer srv.Close()

	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, srv.URL, &websocket.DialOptions{Subprotocols: []string{"echo.v1"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	c.Write(ctx, websocket.MessageText, []byte("hello"))
	typ, data, _ := c.Read(ctx)
	fmt.Println(c.Subprotocol(), typ, string(data))
	fmt.Println(c.Close(websocket.StatusNormalClosure, ""))
	// Output:
	// echo.v1 MessageText hello
	// <nil>
}

// A client with a time limit for the handshake, and for each answer.
func ExampleDial() {
	srv := echoServer()
	defer srv.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, resp, err := websocket.Dial(ctx, srv.URL, &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer ..."}},
	})
	if err != nil {
		fmt.Println("not connected:", err)
		return
	}
	defer c.CloseNow()
	fmt.Println(resp.Status)

	if err := c.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
		fmt.Println(err)
		return
	}
	_, data, err := c.Read(ctx)
	fmt.Println(string(data), err)
	c.Close(websocket.StatusNormalClosure, "that was all")
	// Output:
	// 101 Switching Protocols
	// hello <nil>
}

// Range over what comes: the loop ends by itself when the peer closes normally.
func ExampleConn_Messages() {
	client, server, err := wstest.Pair(nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	go func() {
		client.Write(ctx, websocket.MessageText, []byte("one"))
		client.Write(ctx, websocket.MessageText, []byte("two"))
		client.Close(websocket.StatusNormalClosure, "")
	}()
	for msg, err := range server.Messages(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(msg.Type, string(msg.Data))
	}
	// Output:
	// MessageText one
	// MessageText two
}

// What the peer said when it closed.
func ExampleCloseStatus() {
	client, server, err := wstest.Pair(nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	go client.Close(websocket.StatusGoingAway, "see you")
	_, _, err = server.Read(context.Background())
	var closed websocket.CloseError
	if errors.As(err, &closed) {
		fmt.Println(websocket.CloseStatus(err), closed.Reason)
	}
	// Output:
	// StatusGoingAway see you
}

// A message of unknown size, sent and received in parts.
func ExampleConn_Writer() {
	client, server, err := wstest.Pair(nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseNow()
	defer server.CloseNow()
	ctx := context.Background()
	go func() {
		w, err := client.Writer(ctx, websocket.MessageText)
		if err != nil {
			return
		}
		for i := range 3 {
			fmt.Fprintf(w, "part %d\n", i)
		}
		w.Close()
	}()
	typ, r, err := server.Reader(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := io.ReadAll(r)
	fmt.Printf("%v %v\n%s", typ, err, data)
	// Output:
	// MessageText <nil>
	// part 0
	// part 1
	// part 2
}

// A server that only sends: CloseRead sees to pings and to the client's close.
func ExampleConn_CloseRead() {
	client, server, err := wstest.Pair(nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := server.CloseRead(context.Background())
	go func() {
		client.Read(context.Background())
		client.Close(websocket.StatusNormalClosure, "")
	}()
	server.Write(ctx, websocket.MessageText, []byte("news"))
	<-ctx.Done()
	fmt.Println(websocket.CloseStatus(context.Cause(ctx)))
	// Output:
	// StatusNormalClosure
}

// Any protocol over a stream of bytes can be spoken over WebSocket.
func ExampleNetConn() {
	client, server, err := wstest.Pair(nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	go func() {
		nc := websocket.NetConn(ctx, client, websocket.MessageBinary)
		fmt.Fprint(nc, "a stream, ")
		fmt.Fprint(nc, "not messages")
		nc.Close()
	}()
	data, err := io.ReadAll(websocket.NetConn(ctx, server, websocket.MessageBinary))
	fmt.Println(string(data), err)
	// Output:
	// a stream, not messages <nil>
}

// A message for many is encoded and compressed once.
func ExamplePrepare() {
	ctx := context.Background()
	var readers, writers []*websocket.Conn
	for range 3 {
		client, server, err := wstest.Pair(
			&websocket.DialOptions{CompressionMode: websocket.CompressionContextTakeover},
			&websocket.AcceptOptions{CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			fmt.Println(err)
			return
		}
		readers, writers = append(readers, client), append(writers, server)
		defer client.CloseNow()
		defer server.CloseNow()
	}
	news := websocket.Prepare(websocket.MessageText, []byte("news for everyone"))
	for _, c := range writers {
		go c.WritePrepared(ctx, news)
	}
	for _, c := range readers {
		_, data, _ := c.Read(ctx)
		fmt.Println(string(data))
	}
	// Output:
	// news for everyone
	// news for everyone
	// news for everyone
}

// Compression is agreed on when both sides wish for it. A message can be sent without it.
func ExampleCompressionMode() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.Write(r.Context(), websocket.MessageText, []byte(strings.Repeat("tick ", 1000)))              // takes 34 bytes
		c.Write(r.Context(), websocket.MessageText|websocket.Uncompressed, []byte("password: hunter2")) // as it is
		c.Close(websocket.StatusNormalClosure, "")
	}))
	defer srv.Close()
	c, resp, err := websocket.Dial(context.Background(), srv.URL, &websocket.DialOptions{
		CompressionMode:       websocket.CompressionContextTakeover,
		CompressionWindowBits: 11, // remember 2 KiB of what came
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	fmt.Println(resp.Header.Get("Sec-WebSocket-Extensions"))
	for msg, err := range c.Messages(context.Background()) {
		fmt.Println(len(msg.Data), err)
	}
	// Output:
	// permessage-deflate; server_max_window_bits=11; client_max_window_bits=11
	// 5000 <nil>
	// 17 <nil>
}

// JSON both ways.
func Example_json() {
	srv := echoServer()
	defer srv.Close()
	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, srv.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	wsjson.Write(ctx, c, map[string]int{"answer": 42})
	var got struct{ Answer int }
	fmt.Println(wsjson.Read(ctx, c, &got), got.Answer)
	// Output:
	// <nil> 42
}

// rooms is a Handler that greets, and sends back what comes in the name of its room.
type rooms struct{ name string }

func (r rooms) OnMessage(c *websocket.Conn, typ websocket.MessageType, data []byte) {
	c.Send(typ, fmt.Appendf(nil, "%s: %s", r.name, data))
}

func (rooms) OnClose(*websocket.Conn, error) {}

// A server without net/http: it looks at the request, and has no goroutine for a connection.
func ExampleServe() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	opts := &websocket.UpgradeOptions{OnRequest: func(r *websocket.UpgradeRequest) error {
		if !strings.HasPrefix(r.Path, "/rooms/") {
			return websocket.Refuse(http.StatusNotFound, "there are only rooms here")
		}
		return nil
	}}
	served := make(chan error)
	go func() {
		served <- websocket.Serve(l, opts, func(c *websocket.Conn, r *websocket.UpgradeRequest) websocket.Handler {
			c.Send(websocket.MessageText, []byte("welcome")) // leaves with the answer to the handshake
			return rooms{strings.TrimPrefix(r.Path, "/rooms/")}
		})
	}()

	ctx := context.Background()
	_, resp, _ := websocket.Dial(ctx, "ws://"+l.Addr().String()+"/nowhere", nil)
	fmt.Println(resp.Status)
	c, _, err := websocket.Dial(ctx, "ws://"+l.Addr().String()+"/rooms/blue", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	c.Write(ctx, websocket.MessageText, []byte("hello"))
	for range 2 {
		_, data, _ := c.Read(ctx)
		fmt.Println(string(data))
	}
	c.Close(websocket.StatusNormalClosure, "")
	l.Close()
	fmt.Println(errors.Is(<-served, net.ErrClosed))
	// Output:
	// 404 Not Found
	// welcome
	// blue: hello
	// true
}

// The handshake by hand, on a connection that somebody else has accepted.
func ExampleUpgrade() {
	server, client := net.Pipe()
	go func() {
		c, err := websocket.Upgrade(server, &websocket.UpgradeOptions{OnRequest: func(r *websocket.UpgradeRequest) error {
			fmt.Println(r.Path, r.Header("Host"))
			r.AnswerHeader().Set("Server", "by hand")
			return nil
		}})
		if err != nil {
			return // the client has been answered, and the connection is closed
		}
		c.Write(context.Background(), websocket.MessageText, []byte("hello"))
		c.CloseNow()
	}()

	io.WriteString(client, "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	sent, _ := io.ReadAll(client)
	for line := range strings.Lines(string(sent)) {
		fmt.Printf("%q\n", line)
	}
	// Output:
	// /chat server.example.com
	// "HTTP/1.1 101 Switching Protocols\r\n"
	// "Upgrade: websocket\r\n"
	// "Connection: Upgrade\r\n"
	// "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	// "Server: by hand\r\n"
	// "\r\n"
	// "\x81\x05hello"
}
