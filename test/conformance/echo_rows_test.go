package conformance

import (
	"fmt"
	"strings"
)

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
