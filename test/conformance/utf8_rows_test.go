package conformance

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// sequences are those of the suite, which has most of them from Markus Kuhn's stress test for decoders: in each group the
// bytes of one case after the other.
var sequences = []struct {
	id, what string
	valid    bool
	bytes    []string
}{
	{"6.5", "characters of one to four bytes", true, []string{
		"hello\x24world", "hello\xC2\xA2world", "hello\xE2\x82\xACworld", "hello\xF0\xA4\xAD\xA2world",
		"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5"}},
	{"6.7", "the first character of each length", true, []string{"\x00", "\xC2\x80", "\xE0\xA0\x80", "\xF0\x90\x80\x80"}},
	{"6.8", "the first of five and six bytes", false, []string{"\xF8\x88\x80\x80\x80", "\xFC\x84\x80\x80\x80\x80"}},
	{"6.9", "the last character of each length", true, []string{"\x7F", "\xDF\xBF", "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF"}},
	{"6.10", "the last of four, five and six bytes", false, []string{"\xF7\xBF\xBF\xBF", "\xFB\xBF\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF\xBF"}},
	{"6.11", "characters at other bounds", true, []string{"\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF"}},
	{"6.11 over", "the first beyond U+10FFFF", false, []string{"\xF4\x90\x80\x80"}},
	{"6.12", "continuation bytes without a first", false, []string{
		"\x80", "\xBF", "\x80\xBF", "\x80\xBF\x80", "\x80\xBF\x80\xBF", "\x80\xBF\x80\xBF\x80", "\x80\xBF\x80\xBF\x80\xBF",
		span(0x80, 0xBF, "")}},
	{"6.13", "first bytes alone", false, []string{
		span(0xC0, 0xDF, " "), span(0xE0, 0xEF, " "), span(0xF0, 0xF7, " "), span(0xF8, 0xFB, " "), "\xFC \xFD "}},
	{"6.14", "characters without their last byte", false, []string{
		"\xC0", "\xE0\x80", "\xF0\x80\x80", "\xF8\x80\x80\x80", "\xFC\x80\x80\x80\x80",
		"\xDF", "\xEF\xBF", "\xF7\xBF\xBF", "\xFB\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF"}},
	{"6.15", "those after each other", false, []string{
		"\xC0\xE0\x80\xF0\x80\x80\xF8\x80\x80\x80\xFC\x80\x80\x80\x80\xDF\xEF\xBF\xF7\xBF\xBF\xFB\xBF\xBF\xBF\xFD\xBF\xBF\xBF\xBF"}},
	{"6.16", "bytes that are in no text", false, []string{"\xFE", "\xFF", "\xFE\xFE\xFF\xFF"}},
	{"6.17", "overlong forms of a slash", false, []string{
		"\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xF8\x80\x80\x80\xAF", "\xFC\x80\x80\x80\x80\xAF"}},
	{"6.18", "the last overlong form of each length", false, []string{
		"\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xF8\x87\xBF\xBF\xBF", "\xFC\x83\xBF\xBF\xBF\xBF"}},
	{"6.19", "overlong forms of NUL", false, []string{
		"\xC0\x80", "\xE0\x80\x80", "\xF0\x80\x80\x80", "\xF8\x80\x80\x80\x80", "\xFC\x80\x80\x80\x80\x80"}},
	{"6.20", "surrogates", false, []string{
		"\xED\xA0\x80", "\xED\xAD\xBF", "\xED\xAE\x80", "\xED\xAF\xBF", "\xED\xB0\x80", "\xED\xBE\x80", "\xED\xBF\xBF"}},
	{"6.21", "pairs of surrogates", false, []string{
		"\xED\xA0\x80\xED\xB0\x80", "\xED\xA0\x80\xED\xBF\xBF", "\xED\xAD\xBF\xED\xB0\x80", "\xED\xAD\xBF\xED\xBF\xBF",
		"\xED\xAE\x80\xED\xB0\x80", "\xED\xAE\x80\xED\xBF\xBF", "\xED\xAF\xBF\xED\xB0\x80", "\xED\xAF\xBF\xED\xBF\xBF"}},
	{"6.22", "code points that are no characters", true, nonCharacters()},
	{"6.23", "the specials around U+FFFD", true, []string{
		"\xEF\xBF\xB9", "\xEF\xBF\xBA", "\xEF\xBF\xBB", "\xEF\xBF\xBC", "\xEF\xBF\xBD", "\xEF\xBF\xBE", "\xEF\xBF\xBF"}},
}

// span is the bytes from first to last, each with something behind it.
func span(first, last byte, behind string) string {
	var b strings.Builder
	for c := int(first); c <= int(last); c++ {
		b.WriteByte(byte(c))
		b.WriteString(behind)
	}
	return b.String()
}

// nonCharacters are U+FFFE and U+FFFF, and their like in the other planes.
func nonCharacters() (list []string) {
	for plane := range rune(17) {
		list = append(list, string(plane<<16|0xFFFE), string(plane<<16|0xFFFF))
	}
	return list
}

// badByte returns the index of the first byte that no well-formed text could have there, or -1. complete tells whether the
// text ends with a whole character.
func badByte(s string) (i int, complete bool) {
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r != utf8.RuneError || size > 1 {
			i += size
			continue
		}
		if !utf8.FullRuneInString(s[i:]) {
			return -1, false
		}
		for n := 1; ; n++ {
			if utf8.FullRuneInString(s[i : i+n]) {
				return i + n - 1, false
			}
		}
	}
	return -1, true
}

// textRows are the ways in which one text can come: whole, and so that nothing comes after the first wrong byte, of which the
// subject must not wait for the rest of a frame or of a message (RFC 6455 section 8.1).
func textRows(id, what, s string, valid bool) []row {
	message, single := text(s), fragments(opText, 0, []byte(s), 1)
	what = fmt.Sprintf("%s: %x", what, abbreviate(s))
	if valid {
		return []row{
			{id: id, what: what, steps: steps(send(message), want(message), goodbye)},
			{id: id + " bytes", what: what + ", byte by byte", steps: steps(sendBytes(message), want(message), goodbye)},
			{id: id + " fragments", what: what + ", a fragment a byte", steps: steps(send(single...), want(message), goodbye)},
		}
	}
	rows := []row{{id: id, what: what, steps: steps(send(message), failed(1007))}}
	bad, _ := badByte(s)
	if bad < 0 { // it is only too short
		return append(rows,
			row{id: id + " bytes", what: what + ", byte by byte", steps: steps(sendBytes(message), failed(1007))},
			row{id: id + " fragments", what: what + ", a fragment a byte", steps: steps(send(single...), failed(1007))},
			row{id: id + " early", what: what + ", and an empty last fragment", steps: steps(send(message.more(), ping("")), want(pong("")), send(cont("")), failed(1007))})
	}
	const rest = 100 // bytes that are promised and do not come
	promised := text(s[:bad+1] + strings.Repeat("x", rest))
	return append(rows,
		row{id: id + " frame", what: what + ", in a frame that goes on", steps: steps(sendWithout(rest, promised), failed(1007))},
		row{id: id + " byte", what: what + ", byte by byte, in a frame that goes on",
			steps: steps(sendBytes(frame{op: opText, payload: []byte(s[:bad+1]), declared: uint64(len(s) + rest)}), failed(1007))},
		row{id: id + " fragments", what: what + ", a fragment a byte, in a message that goes on",
			steps: steps(send(openAll(single[:bad+1])...), failed(1007))})
}

func openAll(frames []frame) []frame {
	frames = append([]frame(nil), frames...)
	for i := range frames {
		frames[i].open = true
	}
	return frames
}

func abbreviate(s string) string { return s[:min(len(s), 16)] }

func utf8Rows() []row {
	const (
		greek = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5"
		wrong = greek + "\xED\xA0\x80" + "edited"
		over  = "\xF4\x90\x80\x80"
	)
	rows := []row{
		{id: "6.1.1", what: "text without bytes", steps: steps(echoed(text("")), goodbye)},
		{id: "6.1.2", what: "3 fragments without bytes", steps: steps(send(text("").more(), cont("").more(), cont("")), want(text("")), goodbye)},
		{id: "6.1.3", what: "3 fragments, bytes in the middle one",
			steps: steps(send(text("").more(), cont("middle frame payload").more(), cont("")), want(text("middle frame payload")), goodbye)},
		{id: "6.2.1", what: "text of mixed characters", steps: steps(echoed(text(hello)), goodbye)},
		{id: "6.2.2", what: "2 fragments, cut between characters", steps: steps(send(text("Hello-µ@ßöä").more(), cont("üàá-UTF-8!!")), want(text(hello)), goodbye)},
		{id: "6.2.3", what: "a fragment a byte", steps: steps(send(fragments(opText, 0, []byte(hello), 1)...), want(text(hello)), goodbye)},
		{id: "6.2.4", what: "a fragment a byte, Greek", steps: steps(send(fragments(opText, 0, []byte(greek), 1)...), want(text(greek)), goodbye)},
		{id: "6.3.1", what: "a surrogate inside text", steps: steps(send(text(wrong)), failed(1007))},
		{id: "6.3.2", what: "a surrogate inside text, a fragment a byte", steps: steps(send(fragments(opText, 0, []byte(wrong), 1)...), failed(1007))},
		{id: "6.4.1", what: "3 fragments, the second bad, the third does not come", steps: steps(sendEach(text(greek).more(), cont(over).more()), failed(1007))},
		{id: "6.4.2", what: "3 fragments, the second has what makes the first bad", steps: steps(sendEach(text(greek+"\xF4").more(), cont("\x90").more()), failed(1007))},
		{id: "6.4.3", what: "a frame of which the bad bytes have come, but not the rest",
			steps: steps(sendWithout(len("edited"), text(greek+over+"edited")), failed(1007))},
		{id: "6.4.4", what: "a frame of which the first bad byte has come, but not the rest",
			steps: steps(sendWithout(2+len("edited"), text(greek+over+"edited")), failed(1007))},
		{id: "6.4.5", what: "a message before it is echoed", steps: steps(send(text("good"), text(over)), want(text("good")), failed(1007))},
		{id: "6.4.6", what: "binary may hold any bytes", steps: steps(echoed(binaryMessage(over)), goodbye)},
		{id: "6.4.7", what: "a bad byte at the end of a long frame that goes on", steps: steps(sendWithout(1<<16, text(sample(1<<20)+"\xFF"+sample(1<<16))), failed(1007))},
	}
	// Each beginning of a text of characters of one to four bytes.
	for n := range len(greek) {
		part := greek[:n+1]
		_, complete := badByte(part)
		rows = append(rows, textRows(fmt.Sprintf("6.6.%d", n+1), "a beginning", part, complete)...)
	}
	for _, group := range sequences {
		for n, s := range group.bytes {
			rows = append(rows, textRows(fmt.Sprintf("%s.%d", group.id, n+1), group.what, s, group.valid)...)
		}
	}
	return rows
}
