package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/websocket"
)

// idleClients is how many clients BenchmarkIdleClient counts, each of which is a
// file descriptor of two processes.
const idleClients = 15_000

// role, in the environment, has this program be a part of a benchmark rather
// than a test.
const role = "PARLEY_BENCHMARK_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "server":
		exit(beServer(os.Args[1]))
	case "clients":
		exit(beClients(os.Args[1], os.Args[2], os.Args[3]))
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// BenchmarkIdleClient counts what a client costs `parley serve` in memory that
// has said hello, joined a room and is silent: everything that the process has,
// less what it had before the first came. Server and clients are processes of
// their own. PARLEY_HEAP_PROFILE names a file for a heap profile of the server
// with all of them.
func BenchmarkIdleClient(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("memory is read from /proc")
	}
	for _, room := range []struct {
		name    string
		size    int
		framing framing
	}{{"all in one room", idleClients, plain}, {"rooms of 100", 100, plain}, {"rooms of 100, Socket.IO", 100, socketIO}} {
		b.Run(room.name, func(b *testing.B) {
			for b.Loop() {
				server := startRole(b, "server", b.TempDir())
				url := server.line(b)
				server.ask(b, "free", "freed")
				before := pss(b, server.pid())
				clients := startRole(b, "clients", url+string(room.framing), strconv.Itoa(idleClients), strconv.Itoa(room.size))
				if got := clients.line(b); got != "ready" {
					b.Fatalf("the clients say %q", got)
				}
				server.ask(b, "settle", "settled")
				server.ask(b, "free", "freed")
				after := pss(b, server.pid())
				if path := os.Getenv("PARLEY_HEAP_PROFILE"); path != "" {
					server.ask(b, "profile "+path, "written")
				}
				b.ReportMetric(float64(after-before)/idleClients, "bytes/client")
				b.ReportMetric(float64(before)/1e6, "MB/server")
				clients.stop(b)
				server.stop(b)
			}
		})
	}
}

// A process is this program in another role. It is told what to do on its
// standard input, at whose end it ends.
type process struct {
	cmd *exec.Cmd
	in  io.Closer
	say io.Writer
	out *bufio.Scanner
}

func startRole(b *testing.B, name string, args ...string) *process {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), role+"="+name)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cmd.Process.Kill() })
	return &process{cmd: cmd, in: in, say: in, out: bufio.NewScanner(out)}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// line returns the next line of the process's output.
func (p *process) line(b *testing.B) string {
	b.Helper()
	if !p.out.Scan() {
		b.Fatalf("a process has ended: %v", p.out.Err())
	}
	return p.out.Text()
}

// ask has the process do something, and waits until it is done.
func (p *process) ask(b *testing.B, what, done string) {
	b.Helper()
	fmt.Fprintln(p.say, what)
	if got := p.line(b); got != done {
		b.Fatalf("%s: %s", what, got)
	}
}

func (p *process) stop(b *testing.B) {
	b.Helper()
	p.in.Close()
	for p.out.Scan() { // what it says at the end
	}
	if err := p.cmd.Wait(); err != nil {
		b.Error(err)
	}
}

// pss returns the memory of a process in bytes, its share of what it has in
// common with others included.
func pss(b *testing.B, pid int) int {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kilobytes, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				b.Fatal(err)
			}
			return kilobytes << 10
		}
	}
	b.Fatalf("no Pss in %s", data)
	return 0
}

// beServer is `parley serve`. It prints its address, and does what it is told.
func beServer(folder string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	stdout := os.Stdout
	os.Stdout = write // where serve prints its address
	served := make(chan error, 1)
	go func() {
		c := serveCmd{Listen: "127.0.0.1:0", Data: filepath.Join(folder, "data")}
		served <- c.Run(ctx)
		write.Close()
	}()
	said := bufio.NewScanner(read)
	for said.Scan() {
		if _, rest, ok := strings.Cut(said.Text(), "open at http://"); ok {
			address, _, _ := strings.Cut(rest, "/")
			fmt.Fprintf(stdout, "ws://%s\n", address)
			break
		}
	}
	go io.Copy(io.Discard, read)
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		switch what, argument, _ := strings.Cut(commands.Text(), " "); what {
		case "free":
			runtime.GC() // the pools are emptied by the second
			debug.FreeOSMemory()
			fmt.Fprintln(stdout, "freed")
		case "settle": // what is told, or forgotten, some seconds later
			time.Sleep(12 * time.Second)
			fmt.Fprintln(stdout, "settled")
		case "profile":
			var profile bytes.Buffer
			err := pprof.WriteHeapProfile(&profile)
			if err == nil {
				err = os.WriteFile(argument, profile.Bytes(), 0o600)
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(stdout, "written")
		}
	}
	stop()
	return <-served
}

// beClients opens that many connections, each of which says hello with a name of
// its own and joins a room with so many others, and keeps them until the end of
// the input.
func beClients(url, count, roomSize string) error {
	n, err1 := strconv.Atoi(count)
	size, err2 := strconv.Atoi(roomSize)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		conns []*websocket.Conn
		first error
	)
	next := make(chan int)
	for range 64 {
		wg.Go(func() {
			for i := range next {
				conn, err := beClient(url, fmt.Sprintf("guest %d", i), fmt.Sprintf("room-%d", i/size))
				mu.Lock()
				if err != nil && first == nil {
					first = fmt.Errorf("client %d: %w", i, err)
				}
				conns = append(conns, conn)
				mu.Unlock()
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	if first != nil {
		return first
	}
	fmt.Println("ready")
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		heard.Lock()
		fmt.Sscanf(commands.Text(), "hear %d", &heard.wanted)
		for heard.messages < heard.wanted {
			heard.Wait()
		}
		heard.Unlock()
		fmt.Println("heard")
	}
	runtime.KeepAlive(conns)
	return nil
}

// heard counts the messages that all clients of this process were told.
var heard struct {
	sync.Mutex
	sync.Cond
	messages, wanted int
}

func init() { heard.L = &heard.Mutex }

// A framing is a path of the server where WebSockets are opened.
type framing string

const (
	plain    framing = "/ws"
	socketIO framing = "/socket.io/?EIO=4&transport=websocket"
)

// hello returns what a client begins with, each to be sent after an answer to the
// one before, how acks and errors begin, and how messages do.
func (f framing) hello(name, room string) (requests []string, ack, refusal, message string) {
	if f == plain {
		return []string{
			fmt.Sprintf(`{"type":"hello","ref":"hello","name":%q}`, name),
			fmt.Sprintf(`{"type":"join","ref":"join","room":%q}`, room),
		}, `{"type":"ack"`, `{"type":"error"`, `{"type":"message"`
	}
	return []string{
		fmt.Sprintf(`40{"name":%q}`, name), `421["hello",{}]`, fmt.Sprintf(`421["join",{"room":%q}]`, room),
	}, `4`, `431[{"type":"error"`, `42["message",{"type":"message"`
}

func beClient(url, name, room string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{server.PlainProtocol}, KeepaliveInterval: -1})
	if err != nil {
		return nil, err
	}
	f := plain
	if strings.HasSuffix(url, string(socketIO)) {
		f = socketIO
	}
	requests, ack, refusal, message := f.hello(name, room)
	for _, request := range requests {
		if err := conn.Write(ctx, websocket.MessageText, []byte(request)); err != nil {
			return nil, err
		}
		for {
			_, data, err := conn.Read(ctx)
			if err != nil {
				return nil, err
			}
			if bytes.HasPrefix(data, []byte(refusal)) {
				return nil, fmt.Errorf("%s", data)
			}
			if bytes.HasPrefix(data, []byte(ack)) && !bytes.HasPrefix(data, []byte("42")) {
				break
			}
		}
	}
	return conn, conn.Handle(silent(message)) // pings are answered
}

// silent is a client that says nothing, and is told messages that begin so.
type silent string

func (s silent) OnMessage(conn *websocket.Conn, _ websocket.MessageType, data []byte) {
	switch {
	case bytes.HasPrefix(data, []byte(s)):
		heard.Lock()
		if heard.messages++; heard.messages == heard.wanted {
			heard.Broadcast()
		}
		heard.Unlock()
	case string(data) == "2": // of Engine.IO
		conn.Send(websocket.MessageText, []byte("3"))
	}
}

func (silent) OnClose(*websocket.Conn, error) {}
