package conformance

import "fmt"

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
