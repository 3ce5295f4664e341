package conformance

import "fmt"

// compressed is a message whose payload is compressed by hand.
func compressed(op byte, payload string) frame {
	return frame{op: op, rsv: rsv1, payload: []byte(payload)}
}

// deflateExtraRows are about single messages: the examples of RFC 7692 section 7.2.3, what may not be, and what must be found
// before a message ends. The suite has nothing of it.
func deflateExtraRows() []row {
	const helloBlock = "\xf2\x48\xcd\xc9\xc9\x07\x00" // section 7.2.3.1
	greeting := text("Hello")
	one := func(payload string) frame { return compressed(opText, payload) }
	list := []struct {
		what  string
		steps []step
	}{
		{"a compressed message", steps(send(one(helloBlock)), want(greeting), goodbye)},
		{"a compressed message in two fragments", steps(send(one("\xf2\x48\xcd").more(), cont("\xc9\xc9\x07\x00")), want(greeting), goodbye)},
		{"a compressed message, a fragment a byte, byte by byte", steps(sendBytes(fragments(opText, rsv1, []byte(helloBlock), 1)...), want(greeting), goodbye)},
		{"one that refers to the one before", steps(send(one(helloBlock), one("\xf2\x00\x11\x00\x00")), want(greeting, greeting), goodbye)},
		{"a block without compression", steps(send(one("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00")), want(greeting), goodbye)},
		{"a last block", steps(send(one("\xf3\x48\xcd\xc9\xc9\x07\x00\x00")), want(greeting), goodbye)},
		{"a last block, then a message that refers to it", steps(send(one("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), one("\xf2\x00\x11\x00\x00")), want(greeting, greeting), goodbye)},
		{"two blocks", steps(send(one("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")), want(greeting), goodbye)},
		{"no bytes", steps(send(one("\x00")), want(text("")), goodbye)},
		{"no bytes, in fragments", steps(send(one("").more(), cont("").more(), cont("\x00")), want(text("")), goodbye)},
		{"no bytes, in a last block", steps(send(one("\x03\x00\x00")), want(text("")), goodbye)},
		{"empty fragments", steps(send(one("").more(), cont(helloBlock).more(), cont("")), want(greeting), goodbye)},
		{"a binary message", steps(send(compressed(opBinary, helloBlock)), want(binaryMessage("Hello")), goodbye)},
		{"a message that is not compressed", steps(echoed(text("Hello")), send(one(helloBlock)), want(greeting), goodbye)},
		{"one that is not compressed is not remembered",
			steps(send(one(helloBlock), text("other"), one("\xf2\x00\x11\x00\x00")), want(greeting, text("other"), greeting), goodbye)},
		{"pings between fragments", steps(send(one("\xf2\x48\xcd").more(), ping("a"), cont("\xc9\xc9\x07\x00")), want(pong("a"), greeting), goodbye)},
		{"close between fragments", steps(send(one("\xf2\x48\xcd").more(), closing(1000, "")), closed(1000))},
		{"RSV1 on a continuation", steps(send(one("\xf2\x48\xcd").more(), cont("\xc9\xc9\x07\x00").bits(rsv1)), failed(1002))},
		{"RSV1 on a continuation of a plain message", steps(send(text("a").more(), cont("b").bits(rsv1)), failed(1002))},
		{"RSV1 on a ping", steps(send(ping("a").bits(rsv1)), failed(1002))},
		{"RSV1 on a close", steps(send(closing(1000, "").bits(rsv1)), failed(1002))},
		{"RSV2 on a compressed message", steps(send(one(helloBlock).bits(rsv1|2)), failed(1002))},
		{"RSV3 on a compressed message", steps(send(one(helloBlock).bits(rsv1|1)), failed(1002))},
		{"a block of the reserved type", steps(send(one("\x06")), failed(1007))},
		{"a block of the reserved type, in a message that goes on", steps(send(one("\x06\x00\x00").more()), failed(1007))},
		{"a stored block whose lengths differ", steps(send(one("\x00\x05\x00\x00\x00Hello\x00")), failed(1007))},
		{"a distance to before the beginning", steps(send(one("\xf2\x00\x11\x00\x00")), failed(1007))},
		{"a message that ends inside a block", steps(send(one("\xf2\x48\xcd")), failed(1007))},
		{"text that is not UTF-8", steps(send(one(string(compress(nil, []byte("ok \xed\xa0\x80 ok"), 1<<15)))), failed(1007))},
		{"text whose last character is not whole", steps(send(one(string(compress(nil, []byte("κόσμ\xce"), 1<<15)))), failed(1007))},
		{"text that is not UTF-8, in a message that goes on",
			steps(send(one(string(compress(nil, []byte("ok\xff"), 1<<15))+tail).more()), failed(1007))},
		{"text that is not UTF-8, in a frame that goes on",
			steps(sendWithout(100, one(string(compress(nil, []byte("ok\xff"), 1<<15))+tail+fmt.Sprintf("%0100d", 0))), failed(1007))},
		{"binary that is not UTF-8", steps(send(compressed(opBinary, string(compress(nil, []byte("\xff"), 1<<15)))), want(binaryMessage("\xff")), goodbye)},
		{"a message over the limit, once inflated, whose end does not come", steps(bomb, failed(1009))},
		{"a distance of the whole window", steps(wholeWindow, goodbye)},
		{"incompressible bytes, twice", steps(incompressible, incompressible, goodbye)},
	}
	var rows []row
	for n, r := range list {
		rows = append(rows, row{id: fmt.Sprintf("D.%d", n+1), what: r.what,
			hs: handshake{offer: []string{limits}, agreed: plain, answer: []string{plain}}, steps: r.steps})
	}
	for bits := 8; bits <= 15; bits++ {
		both := fmt.Sprintf("%s; server_max_window_bits=%d; client_max_window_bits=%[2]d", plain, bits)
		agreed := both
		if bits == 15 {
			agreed = plain + "; server_max_window_bits=15"
		}
		rows = append(rows, row{id: fmt.Sprintf("D.window.%d", bits), what: fmt.Sprintf("windows of %d bits, used to their end", bits),
			hs: handshake{offer: []string{both}, agreed: agreed, answer: []string{both}}, steps: steps(wholeWindow, echoedCompressed, goodbye)})
	}
	return rows
}

// bomb sends the beginning of a message that inflates beyond the limit.
func bomb(p *peer) error {
	e := encoder{}
	e.write(0b010, 3)
	e.literal('a')
	for range limit/258 + 100 { // some more, as the last bits are not sent
		e.match(258, 1)
	}
	p.write(p.encode([]frame{compressed(opBinary, string(e.b)).more()}))
	return nil
}

// wholeWindow sends a message, and then another that repeats it from as far back as may be.
func wholeWindow(p *peer) error {
	window := p.deflate.out.window
	first := noise(window)
	second := append([]byte(nil), first[:min(window, 258)]...)
	e := encoder{}
	e.write(0b010, 3)
	for _, b := range first {
		e.literal(b)
	}
	e.end()
	p.write(p.encode([]frame{compressed(opBinary, string(e.flush()))}))
	if err := p.want(frame{op: opBinary, payload: first}); err != nil {
		return err
	}
	e = encoder{}
	e.write(0b010, 3)
	e.match(len(second), window)
	e.end()
	p.write(p.encode([]frame{compressed(opBinary, string(e.flush()))}))
	if err := p.want(frame{op: opBinary, payload: second}); err != nil {
		return err
	}
	p.deflate.out.remember(first)
	p.deflate.out.remember(second)
	return nil
}

func incompressible(p *peer) error {
	payload := noise(100_000)
	p.write(p.encode([]frame{compressed(opBinary, string(p.deflate.deflate(payload)))}))
	return p.want(frame{op: opBinary, payload: payload})
}
