package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/websocket"
)

// BenchmarkFanOut publishes messages of 1 KiB to the members of one room, a few
// at a time, and counts the CPU time of `parley serve` for each delivery, in µs,
// with its share of storing and acknowledging the message. Server and members
// are processes of their own.
func BenchmarkFanOut(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("CPU time is read from /proc")
	}
	for _, members := range []int{1000, 10_000} {
		b.Run(strconv.Itoa(members), func(b *testing.B) { benchmarkFanOut(b, members, plain) })
		b.Run(strconv.Itoa(members)+" of Socket.IO", func(b *testing.B) { benchmarkFanOut(b, members, socketIO) })
	}
}

func benchmarkFanOut(b *testing.B, members int, f framing) {
	parley := startRole(b, "server", b.TempDir())
	url := parley.line(b)
	clients := startRole(b, "clients", url+string(f), strconv.Itoa(members), strconv.Itoa(members))
	if got := clients.line(b); got != "ready" {
		b.Fatalf("the clients say %q", got)
	}
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	publisher, _, err := websocket.Dial(ctx, url+string(plain), &websocket.DialOptions{Subprotocols: []string{server.PlainProtocol}})
	if err != nil {
		b.Fatal(err)
	}
	defer publisher.CloseNow()
	ask := func(text string) {
		if err := publisher.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			b.Fatal(err)
		}
		for {
			_, data, err := publisher.Read(ctx)
			if err != nil || bytes.HasPrefix(data, []byte(`{"type":"error"`)) {
				b.Fatalf("answered %s, %v", data, err)
			}
			if bytes.HasPrefix(data, []byte(`{"type":"ack"`)) {
				return
			}
		}
	}
	ask(`{"type":"hello","ref":1,"name":"publisher"}`)
	ask(`{"type":"join","ref":2,"room":"room-0"}`)
	body := strings.Repeat("x", 1024)
	published := 0
	begin, beginCPU := time.Now(), cpu(b, parley.pid())
	for b.Loop() {
		ask(fmt.Sprintf(`{"type":"publish","ref":3,"room":"room-0","id":"%d","kind":"x-bench","body":%q}`, published, body))
		published++
		if published%4 == 0 { // so that nobody falls behind
			clients.ask(b, fmt.Sprintf("hear %d", published*members), "heard")
		}
	}
	clients.ask(b, fmt.Sprintf("hear %d", published*members), "heard")
	deliveries := float64(published * members)
	b.ReportMetric(float64((cpu(b, parley.pid())-beginCPU).Microseconds())/deliveries, "cpu-µs/delivery")
	b.ReportMetric(deliveries/time.Since(begin).Seconds(), "deliveries/s")
	publisher.CloseNow()
	clients.stop(b)
	parley.stop(b)
}

// cpu returns the CPU time that a process has used.
func cpu(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		b.Fatalf("%s: %v, %v", stat, err1, err2)
	}
	return time.Duration(user+system) * (time.Second / 100) // the kernel counts in hundredths
}
