package conformance

import (
	"fmt"
	"strings"
)

func closeRows() []row {
	long := strings.Repeat("*", 123)
	rows := []row{
		{id: "7.1.1", what: "text, then close", steps: steps(send(text("Hello World!"), closing(1000, "")), want(text("Hello World!")), closed(1000))},
		{id: "7.1.2", what: "close twice", steps: steps(send(closing(1000, ""), closing(1000, "")), closed(1000))},
		{id: "7.1.3", what: "a ping after close", steps: steps(send(closing(1000, ""), ping("x")), closed(1000))},
		{id: "7.1.4", what: "text after close", steps: steps(send(closing(1000, ""), text("Hello World!")), closed(1000))},
		{id: "7.1.5", what: "close inside a message", steps: steps(send(text("fragment1").more(), closing(1000, ""), cont("fragment2")), closed(1000))},
		{id: "7.1.6", what: "text of 256 KiB, close, ping",
			steps: steps(send(text(sample(256<<10)), closing(1000, ""), ping("x")), want(text(sample(256<<10))), closed(1000))},
		{id: "7.1.8", what: "bytes that are no frame after close", steps: steps(send(closing(1000, ""), frame{op: 7, rsv: 7}), closed(1000))},
		{id: "7.1.9", what: "a ping, then close", steps: steps(send(ping("x"), closing(1000, "")), want(pong("x")), closed(1000))},
		{id: "7.1.10", what: "4 MiB after what fails the connection", steps: steps(send(frame{op: 7}, binaryMessage(every(4<<20))), failed(1002))},
		{id: "7.3.1", what: "close without a code", steps: steps(bye(frame{op: opClose}))},
		{id: "7.3.2", what: "close with half a code", steps: steps(send(frame{op: opClose, payload: []byte{3}}), failed(1002))},
		{id: "7.3.2 header", what: "close with half a code, of which no byte comes",
			steps: steps(sendWithout(1, frame{op: opClose, payload: []byte{3}}), failed(1002))},
		{id: "7.3.3", what: "close with a code", steps: steps(bye(closing(1000, "")))},
		{id: "7.3.4", what: "close with a reason", steps: steps(bye(closing(1000, "Hello World!")))},
		{id: "7.3.5", what: "close with the longest reason", steps: steps(bye(closing(1000, long)))},
		{id: "7.3.6", what: "close with too long a reason", steps: steps(send(closing(1000, long+"*")), failed(1002))},
		{id: "7.3.7", what: "close byte by byte", steps: steps(sendBytes(closing(1001, "Hello World!")), closed(1001))},
		{id: "7.5.1", what: "close with a reason that is not UTF-8", steps: steps(send(closing(1000, "\xCE\xBA\xE1\xBD\xED\xA0\x80edited")), failed(1007))},
		{id: "7.5.2", what: "close with a reason whose last character is not whole", steps: steps(send(closing(1000, "\xCE\xBA\xE1\xBD")), failed(1007))},
		{id: "7.5.3", what: "close with a reason of which the bad byte has come, but not the rest",
			steps: steps(sendWithout(3, closing(1000, "ok\xFFabc")), failed(1007))},
	}
	for n, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999, 1012, 1013, 1014} {
		rows = append(rows, row{id: fmt.Sprintf("7.7.%d", n+1), what: fmt.Sprintf("close with %d", code),
			steps: steps(bye(closing(code, "")))})
	}
	for n, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 1015, 1, 5000, 65535} {
		id := fmt.Sprintf("7.9.%d", n+1)
		if code >= 5000 {
			id = fmt.Sprintf("7.13.%d", n-10)
		}
		rows = append(rows,
			row{id: id, what: fmt.Sprintf("close with %d, which may not be", code), steps: steps(send(closing(code, "")), failed(1002))},
			row{id: id + " reason", what: fmt.Sprintf("close with %d, which may not be, and a reason that does not come", code),
				steps: steps(sendWithout(4, closing(code, "abcd")), failed(1002))})
	}
	return rows
}
