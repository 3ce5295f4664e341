package conformance

import "fmt"

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

// limit is the read limit of the subjects, in bytes: that of the largest message there is.
const limit = 16 << 20

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
