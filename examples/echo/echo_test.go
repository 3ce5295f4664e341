package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/examples/internal/inmemory"
	"github.com/seed-4a326f83/parley/websocket"
)

func TestEchoAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := inmemory.Serve(t, newEcho("Server received: ")).Dial("/", nil)
		start := time.Now()
		expect := func(typ websocket.MessageType, want string) {
			t.Helper()
			gotType, got, err := conn.Read(t.Context())
			if err != nil || gotType != typ || string(got) != want {
				t.Errorf("got %v %q, %v; want %v %q", gotType, got, err, typ, want)
			}
		}
		for i := 1; i <= 3; i++ {
			conn.Write(t.Context(), websocket.MessageText, []byte("hello"))
			expect(websocket.MessageText, "Server received: hello")
			conn.Write(t.Context(), websocket.MessageBinary, []byte{0, 255})
			expect(websocket.MessageBinary, "\x00\xff")
			at := start.Add(time.Duration(i) * 2500 * time.Millisecond)
			expect(websocket.MessageText, at.UTC().Format("2006-01-02T15:04:05.000Z"))
			if !time.Now().Equal(at) {
				t.Errorf("the time came at %s, want %s", time.Now(), at)
			}
		}
	})
}

func TestAClientThatTakesNothingIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEcho("")
		done := make(chan struct{})
		s := inmemory.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			e.ServeHTTP(w, r)
			close(done)
		}))
		s.Dial("/", nil).Write(t.Context(), websocket.MessageText, []byte("hello"))
		start := time.Now()
		<-done
		if took := time.Since(start); took != patience {
			t.Errorf("it took %s, want %s", took, patience)
		}
	})
}

func TestFrameScanner(t *testing.T) {
	long := bytes.Repeat([]byte("long"), 20_000)
	masked := []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58} // RFC 6455 section 5.7
	var stream []byte
	stream = append(stream, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"...)
	stream = append(stream, masked...)
	stream = append(stream, 0x42, 126, 0x01, 0x00)
	stream = append(stream, long[:256]...)
	stream = append(stream, 0x80, 127, 0, 0, 0, 0, 0, 0x01, 0x38, 0x80)
	stream = append(stream, long...)
	stream = append(stream, 0x88, 0x80, 1, 2, 3, 4, 0x8a, 0)
	want := []string{
		"HTTP/1.1 101 Switching Protocols\nUpgrade: websocket",
		fmt.Sprint(frame{Header: "81 85 37 fa 21 3d", Fin: true, Opcode: 1, Masked: true, Length: 5, Payload: []byte("Hello")}),
		fmt.Sprint(frame{Header: "42 7e 01 00", RSV1: true, Opcode: 2, Length: 256, Payload: long[:256]}),
		fmt.Sprint(frame{Header: "80 7f 00 00 00 00 00 01 38 80", Fin: true, Length: 80_000, Payload: long[:maxPreview]}),
		fmt.Sprint(frame{Header: "88 80 01 02 03 04", Fin: true, Opcode: 8, Masked: true}),
		fmt.Sprint(frame{Header: "8a 00", Fin: true, Opcode: 10}),
	}
	for _, step := range []int{1, 2, 3, 7, 100, 1 << 20} {
		var got []string
		s := frameScanner{
			head:   func(head string) { got = append(got, head) },
			report: func(f frame) { got = append(got, fmt.Sprint(f)) },
		}
		for rest := stream; len(rest) > 0; {
			n := min(step, len(rest))
			s.scan(rest[:n])
			rest = rest[n:]
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("in steps of %d: got\n%.300s\nwant\n%.300s", step, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestRequestTextHidesSecrets(t *testing.T) {
	r, _ := http.NewRequestWithContext(context.Background(), "GET", "http://example/", nil)
	r.Header = http.Header{"Cookie": {"secret"}, "Authorization": {"secret"}, "Origin": {"null"}}
	text := requestText(r)
	if strings.Contains(text, "secret") || !strings.Contains(text, "Origin: null\n") {
		t.Errorf("got %s", text)
	}
}
