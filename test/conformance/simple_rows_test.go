package conformance

import (
	"fmt"
	"strings"
)

// both ways of writing a row's frames that come apart on the way, beside at once.
var ways = []struct {
	name string
	send func(...frame) step
}{
	{"at once", send},
	{"frame by frame", sendEach},
	{"byte by byte", sendBytes},
}

// hello is what the suite's text messages say.
const hello = "Hello-µ@ßöäüàá-UTF-8!!"

// sample is text of exactly size bytes, with characters of two bytes in it.
func sample(size int) string {
	s := strings.Repeat(hello, size/len(hello)+1)
	for n := size; ; n-- {
		if n == 0 || s[n]&0xC0 != 0x80 {
			return s[:n] + strings.Repeat("*", size-n)
		}
	}
}

// every is a payload with every byte in it, which is no text.
func every(size int) string {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(255 - i%255)
	}
	return string(b)
}

// echoRows: whole messages of the sizes at which a frame header changes.
func echoRows() (rows []row) {
	for i, kind := range []struct {
		name    string
		message func(string) frame
		payload func(int) string
	}{{"text", text, sample}, {"binary", binaryMessage, every}} {
		for n, size := range []int{0, 125, 126, 127, 128, 65535, 65536} {
			message := kind.message(kind.payload(size))
			rows = append(rows, row{
				id:    fmt.Sprintf("1.%d.%d", i+1, n+1),
				what:  fmt.Sprintf("%s of %d bytes", kind.name, size),
				steps: steps(echoed(message), goodbye),
			})
		}
		message := kind.message(kind.payload(65536))
		rows = append(rows, row{
			id:    fmt.Sprintf("1.%d.8", i+1),
			what:  kind.name + " of 65536 bytes in chops of 997",
			steps: steps(sendChops(997, message), want(message), goodbye),
		})
	}
	return rows
}

func pingRows() []row {
	var pings, pongs []frame
	for n := range 10 {
		payload := fmt.Sprintf("payload-%d", n)
		pings, pongs = append(pings, ping(payload)), append(pongs, pong(payload))
	}
	const octets = "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
	full := every(125)
	return []row{
		{id: "2.1", what: "a ping without a payload", steps: steps(send(ping("")), want(pong("")), goodbye)},
		{id: "2.2", what: "a ping with text", steps: steps(send(ping("Hello, world!")), want(pong("Hello, world!")), goodbye)},
		{id: "2.3", what: "a ping with bytes", steps: steps(send(ping(octets)), want(pong(octets)), goodbye)},
		{id: "2.4", what: "a ping with 125 bytes", steps: steps(send(ping(full)), want(pong(full)), goodbye)},
		{id: "2.5", what: "a ping with 126 bytes", steps: steps(send(ping(full+"x")), failed(1002))},
		{id: "2.5 header", what: "a ping with 126 bytes, of which no byte comes", steps: steps(sendWithout(126, ping(full+"x")), failed(1002))},
		{id: "2.6", what: "a ping with 125 bytes, byte by byte", steps: steps(sendBytes(ping(full)), want(pong(full)), goodbye)},
		{id: "2.7", what: "an unasked pong without a payload", steps: steps(send(pong("")), goodbye)},
		{id: "2.8", what: "an unasked pong with a payload", steps: steps(send(pong("unsolicited pong payload")), goodbye)},
		{id: "2.9", what: "an unasked pong, then a ping",
			steps: steps(send(pong("unsolicited pong payload"), ping("ping payload")), want(pong("ping payload")), goodbye)},
		{id: "2.10", what: "ten pings at once", steps: steps(send(pings...), want(pongs...), goodbye)},
		{id: "2.11", what: "ten pings, byte by byte", steps: steps(sendBytes(pings...), want(pongs...), goodbye)},
		{id: "2.12", what: "a ping before a message is answered before it",
			steps: steps(send(ping("p"), text(hello)), want(pong("p"), text(hello)), goodbye)},
		{id: "2.13", what: "a ping after a message is answered after it",
			steps: steps(send(text(hello), ping("p")), want(text(hello), pong("p")), goodbye)},
		{id: "2.14", what: "a pong of 126 bytes", steps: steps(send(pong(full+"x")), failed(1002))},
	}
}

func reservedBitRows() []row {
	rows := []row{
		{id: "3.1", what: "text with RSV 1", steps: steps(send(text(hello).bits(1)), failed(1002))},
		{id: "3.2", what: "text, text with RSV 2, ping",
			steps: steps(send(text(hello), text(hello).bits(2), ping("")), want(text(hello)), failed(1002))},
		{id: "3.3", what: "text, text with RSV 3, ping, frame by frame",
			steps: steps(sendEach(text(hello), text(hello).bits(3), ping("")), want(text(hello)), failed(1002))},
		{id: "3.4", what: "text, text with RSV 4, ping, byte by byte",
			steps: steps(sendBytes(text(hello), text(hello).bits(4), ping("")), want(text(hello)), failed(1002))},
		{id: "3.5", what: "binary with RSV 5", steps: steps(send(binaryMessage("\x00\xff\xfe\xfd\xfc").bits(5)), failed(1002))},
		{id: "3.6", what: "ping with RSV 6", steps: steps(send(ping("Hello, world!").bits(6)), failed(1002))},
		{id: "3.7", what: "close with RSV 7", steps: steps(send(closing(1000, "").bits(7)), failed(1002))},
	}
	// Each opcode with each bits, found in the first byte that says so.
	for _, op := range []byte{opText, opBinary, opClose, opPing, opPong} {
		for bits := byte(1); bits < 8; bits++ {
			f := frame{op: op, rsv: bits, payload: []byte("abcd")}
			rows = append(rows, row{id: fmt.Sprintf("3.%s.%d", opNames[op], bits), what: "the first byte of a frame with reserved bits",
				steps: steps(sendFirst(1, f), failed(1002))})
		}
	}
	for bits := byte(1); bits < 8; bits++ {
		rows = append(rows, row{id: fmt.Sprintf("3.continuation.%d", bits), what: "the first byte of a continuation with reserved bits",
			steps: steps(send(text("a").more()), sendFirst(1, cont("b").bits(bits)), failed(1002))})
	}
	return rows
}

// sendFirst writes the first bytes of a frame.
func sendFirst(n int, f frame) step {
	return func(p *peer) error {
		p.write(p.encode([]frame{f})[:n])
		return nil
	}
}

func reservedOpcodeRows() (rows []row) {
	for i, ops := range [][]byte{{3, 4, 5, 6, 7}, {11, 12, 13, 14, 15}} {
		for n, op := range ops {
			bare, full := frame{op: op}, frame{op: op, payload: []byte("reserved opcode payload")}
			r := row{id: fmt.Sprintf("4.%d.%d", i+1, n+1), what: fmt.Sprintf("opcode %d", op)}
			switch n {
			case 0:
				r.steps = steps(send(bare), failed(1002))
			case 1:
				r.what += " with a payload"
				r.steps = steps(send(full), failed(1002))
			case 2:
				r.what = "text, " + r.what + ", ping"
				r.steps = steps(send(text(hello), bare, ping("")), want(text(hello)), failed(1002))
			case 3:
				r.what = "text, " + r.what + " with a payload, ping"
				r.steps = steps(send(text(hello), full, ping("")), want(text(hello)), failed(1002))
			case 4:
				r.what = "text, " + r.what + " with a payload, ping, byte by byte"
				r.steps = steps(sendBytes(text(hello), full, ping("")), want(text(hello)), failed(1002))
			}
			rows = append(rows, r,
				row{id: r.id + " first", what: fmt.Sprintf("the first byte of opcode %d", op), steps: steps(sendFirst(1, full), failed(1002))},
				row{id: r.id + " inside", what: fmt.Sprintf("opcode %d inside a message", op),
					steps: steps(send(text(hello).more(), bare), failed(1002))})
		}
	}
	return rows
}

func fragmentRows() []row {
	const one, two = "fragment1", "fragment2"
	whole := text(one + two)
	five := []frame{text("fragment1").more(), cont("fragment2").more(), cont("fragment3").more(), cont("fragment4").more(), cont("fragment5")}
	all := text("fragment1fragment2fragment3fragment4fragment5")
	rows := []row{
		{id: "5.1", what: "a ping in 2 fragments", steps: steps(send(ping(one).more(), cont(two)), failed(1002))},
		{id: "5.2", what: "a pong in 2 fragments", steps: steps(send(pong(one).more(), cont(two)), failed(1002))},
		{id: "5.2 close", what: "a close in 2 fragments", steps: steps(send(closing(1000, one).more(), cont(two)), failed(1002))},
		{id: "5.18", what: "2 fragments that both say text", steps: steps(send(text(one).more(), text(two)), failed(1002))},
		{id: "5.18 first", what: "2 fragments that both say text, of the second its first byte",
			steps: steps(send(text(one).more()), sendFirst(1, text(two)), failed(1002))},
		{id: "5.18 binary", what: "a fragment of binary, then text", steps: steps(send(binaryMessage(one).more(), text(two)), failed(1002))},
		{id: "5.19", what: "5 fragments with pings between, which are answered before the rest comes",
			steps: steps(sendEach(five[0], five[1], ping("pongme 1!"), ping("pongme 2!")), want(pong("pongme 1!"), pong("pongme 2!")),
				sendEach(five[2], five[3], ping("pongme 3!")), want(pong("pongme 3!")), sendEach(five[4]), want(all), goodbye)},
		{id: "5.20", what: "5 fragments with pings between, at once",
			steps: steps(send(five[0], five[1], ping("pongme 1!"), five[2], five[3], ping("pongme 2!"), five[4]),
				want(pong("pongme 1!"), pong("pongme 2!"), all), goodbye)},
		{id: "5.21", what: "a pong between fragments", steps: steps(send(text(one).more(), pong("x"), cont(two)), want(whole), goodbye)},
		{id: "5.22", what: "a ping inside a character that two fragments share",
			steps: steps(send(text("\xc3").more(), ping("x")), want(pong("x")), send(cont("\xa4")), want(text("ä")), goodbye)},
		{id: "5.23", what: "close between fragments", steps: steps(send(text(one).more(), closing(1000, "")), closed(1000))},
	}
	for i, way := range ways {
		add := func(n int, what string, s ...step) {
			rows = append(rows, row{id: fmt.Sprintf("5.%d", n+i), what: what + ", " + way.name, steps: s})
		}
		add(3, "text in 2 fragments", way.send(text(one).more(), cont(two)), want(whole), goodbye)
		add(6, "text in 2 fragments, a ping between", way.send(text(one).more(), ping("ping payload"), cont(two)),
			want(pong("ping payload"), whole), goodbye)
		add(9, "a last continuation of nothing, then text", way.send(cont("non-continuation payload"), text(hello)), failed(1002))
		add(12, "a continuation of nothing, then text", way.send(cont("non-continuation payload").more(), text(hello)), failed(1002))
		rows = append(rows, row{id: "5.15 " + way.name, what: "text in 2 fragments, a continuation of nothing, then text",
			steps: steps(way.send(text(one).more(), cont(two), cont("fragment3").more(), text("fragment4")), want(whole), failed(1002))})
		for n, f := range []frame{cont(one).more(), cont(one)} {
			rows = append(rows, row{id: fmt.Sprintf("5.%d %s", 16+n, way.name), what: "twice: a continuation of nothing, then text in 2 fragments",
				steps: steps(way.send(f, text(two).more(), cont("fragment3"), f, text(two).more(), cont("fragment3")), failed(1002))})
		}
		for _, n := range []int{1, 2, 3, 7, 100} {
			for _, message := range []frame{text(sample(300)), binaryMessage(every(300)), text("")} {
				rows = append(rows, row{id: fmt.Sprintf("5.24 %d %s", n, way.name), what: fmt.Sprintf("%v in fragments of %d bytes", message, n),
					steps: steps(way.send(fragments(message.op, 0, message.payload, n)...), want(message), goodbye)})
			}
		}
		rows = append(rows, row{id: "5.25 " + way.name, what: "fragments without bytes",
			steps: steps(way.send(binaryMessage("").more(), cont("").more(), cont("a").more(), cont("").more(), ping(""), cont("")),
				want(pong(""), binaryMessage("a")), goodbye)})
	}
	return rows
}

func autoFragmentRows() []row {
	message := text(sample(65536))
	return []row{{id: "10.1.1", what: "text of 65536 bytes in fragments of 1300",
		steps: steps(sendFrames(fragments(opText, 0, message.payload, 1300)), want(message), goodbye)}}
}

// framingRows are of RFC 6455 sections 5.1 and 5.2, and of limits; the suite has no such cases.
func framingRows() []row {
	masked := func(f frame) frame { f.wrongMask = true; return f }
	long := func(form int, f frame) frame { f.form = form; return f }
	declares := func(n uint64, f frame) frame { f.declared, f.payload = n, nil; return f }
	rows := []row{
		{id: "F.1 message", what: "a message with a mask where none may be, or none where one must", steps: steps(send(masked(text(hello))), failed(1002))},
		{id: "F.1 ping", what: "a ping with a mask where none may be, or none where one must", steps: steps(send(masked(ping(""))), failed(1002))},
		{id: "F.1 second", what: "text, text that is masked wrongly", steps: steps(send(text("a"), masked(text("b"))), want(text("a")), failed(1002))},
		{id: "F.2 125", what: "125 bytes with a length of 2 bytes", steps: steps(send(long(2, text(sample(125)))), failed(1002))},
		{id: "F.2 0", what: "no bytes with a length of 8 bytes", steps: steps(send(long(8, binaryMessage(""))), failed(1002))},
		{id: "F.2 65535", what: "65535 bytes with a length of 8 bytes", steps: steps(send(long(8, text(sample(65535)))), failed(1002))},
		{id: "F.2 ping", what: "a ping of 5 bytes with a length of 2 bytes", steps: steps(send(long(2, ping("12345"))), failed(1002))},
		{id: "F.3 63", what: "a length of 2^63", steps: steps(send(declares(1<<63, binaryMessage(""))), failed(1002))},
		{id: "F.3 64", what: "a length of 2^64-1", steps: steps(send(declares(1<<64-1, binaryMessage(""))), failed(1002))},
		{id: "F.4 limit", what: "a length over the limit, of which no byte comes", steps: steps(send(declares(limit+1, binaryMessage(""))), failed(1009))},
		{id: "F.4 2^62", what: "a length of 2^62", steps: steps(send(declares(1<<62, text(""))), failed(1009))},
		{id: "F.4 sum", what: "two lengths whose sum is over the limit", steps: steps(send(binaryMessage("a").more(), declares(limit, cont(""))), failed(1009))},
		{id: "F.4 wrap", what: "two lengths whose sum is 2^63", steps: steps(send(binaryMessage("a").more(), declares(1<<63-1, cont(""))), failed(1009))},
		{id: "F.5", what: "frames together with the handshake, and a part of one", hs: handshake{early: true},
			steps: steps(send(ping("p"), text(hello), text("a").more(), ping("q"), cont("b")), want(pong("p"), text(hello), pong("q"), text("ab")), goodbye)},
		{id: "F.6", what: "masking keys that nobody can guess: each of 64 frames has another", roles: clients, steps: steps(manyKeys, goodbye)},
	}
	for n := range 14 {
		message := binaryMessage(every(70000))
		rows = append(rows, row{id: fmt.Sprintf("F.7 %d", n+1), what: fmt.Sprintf("a header cut behind byte %d", n+1),
			steps: steps(echoed(text("a")), sendCut(n+1, message), want(message), goodbye)})
	}
	return rows
}

// limit is the read limit of the conformance example, in bytes.
const limit = 64 << 20

// sendCut writes a frame in two pieces, the first of which has been received before the second is written.
func sendCut(n int, f frame) step {
	return func(p *peer) error {
		b := append(p.encode([]frame{ping("sync")}), f.append(nil, p.client)...)
		cut := len(b) - len(f.append(nil, p.client)) + n
		p.write(b[:cut])
		if err := p.want(pong("sync")); err != nil {
			return err
		}
		p.write(b[cut:])
		return nil
	}
}

// manyKeys expects that no masking key comes twice: by chance one does in 2 million runs, two in 10^13.
func manyKeys(p *peer) error {
	clear(p.keys)
	for range 64 {
		if err := echoed(text("a"))(p); err != nil {
			return err
		}
	}
	if len(p.keys) < 63 {
		return fmt.Errorf("64 frames had %d masking keys", len(p.keys))
	}
	return nil
}
