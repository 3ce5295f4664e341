package conformance

import "fmt"

// ways are those in which the frames of a row can be written.
var ways = []struct {
	name string
	send func(...frame) step
}{
	{"at once", send},
	{"frame by frame", sendEach},
	{"byte by byte", sendBytes},
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
			for kind, message := range []frame{text(sample(300)), binaryMessage(every(300)), text("")} {
				rows = append(rows, row{id: fmt.Sprintf("5.24.%d %d %s", kind+1, n, way.name), what: fmt.Sprintf("%v in fragments of %d bytes", message, n),
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
