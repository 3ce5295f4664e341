package conformance

import "fmt"

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
