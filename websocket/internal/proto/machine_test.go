package proto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A frame is an event put together again from its pieces.
type frame struct {
	op               Opcode
	first, fin, rsv1 bool
	code             uint16
	payload          string
	whole            bool // its end has come
}

// run feeds chunks to a machine as a connection would and returns what came out.
func run(t testing.TB, m *Machine, chunks ...[]byte) (frames []frame, bad *Error) {
	t.Helper()
	var payloads [][]byte
	defer func() {
		for i := range frames {
			frames[i].payload = string(payloads[i])
		}
	}()
	for _, c := range chunks {
		in := append([]byte(nil), c...) // unmasked in place
		for len(in) > 0 {
			ev, n, err := m.Next(in)
			if n < 0 || n > len(in) || (n == 0 && err == nil && ev.Op == 0) {
				t.Fatalf("Next consumed %d of %d bytes with event %+v", n, len(in), ev)
			}
			if ev.Op != 0 {
				if k := len(frames); k == 0 || frames[k-1].whole {
					frames, payloads = append(frames, frame{op: ev.Op}), append(payloads, nil)
				}
				last := len(frames) - 1
				f := &frames[last]
				if f.op != ev.Op {
					t.Fatalf("a piece of opcode %d in a frame of opcode %d", ev.Op, f.op)
				}
				f.first = f.first || ev.First
				f.fin = ev.Fin
				f.rsv1 = ev.RSV1
				f.code = ev.Code
				f.whole = ev.FrameEnd
				payloads[last] = append(payloads[last], ev.Payload...)
			}
			if err != nil {
				bad = err.(*Error)
				if _, _, again := m.Next(in[n:]); again != err {
					t.Fatalf("after %v: %v", err, again)
				}
				// A frame of which nothing came before the wrong byte is no frame.
				if k := len(frames); k > 0 && len(payloads[k-1]) == 0 && !frames[k-1].whole {
					frames = frames[:k-1]
				}
				return frames, bad
			}
			in = in[n:]
		}
	}
	return frames, nil
}

// cut returns in cut at the given places.
func cut(in []byte, at ...int) (chunks [][]byte) {
	last := 0
	for _, i := range at {
		chunks = append(chunks, in[last:i])
		last = i
	}
	return append(chunks, in[last:])
}

// enc builds what a peer sends to a machine of the given role.
type enc struct {
	role Role
	b    []byte
}

func (e *enc) frame(op Opcode, fin bool, payload string) *enc {
	return e.head(Header{Op: op, Fin: fin}, payload)
}

func (e *enc) head(h Header, payload string) *enc {
	if e.role == Server {
		h.Masked, h.Key = true, 0x8499aabb+uint32(len(e.b))
	}
	e.b = AppendFrame(e.b, h, []byte(payload))
	return e
}

// raw adds a header as bytes, followed by a key if the role asks for one; byte 1 gets the mask bit then.
func (e *enc) raw(b ...byte) *enc {
	if e.role == Server {
		if len(b) > 1 {
			b[1] |= bitMask
		}
		b = append(b, 1, 2, 3, 4)
	}
	e.b = append(e.b, b...)
	return e
}

func (e *enc) close(code uint16, reason string) *enc {
	return e.frame(Close, true, string(AppendClose(nil, code, reason)))
}

func text(payload string) frame {
	return frame{op: Text, first: true, fin: true, payload: payload, whole: true}
}

func length64(n uint64) []byte { return binary.BigEndian.AppendUint64([]byte{0x82, 127}, n) }

// cases are inputs with what must come of them, in either role.
var cases = []struct {
	name string
	cfg  Config
	in   func(e *enc)
	want []frame
	bad  *Error
}{
	{name: "nothing"},
	{name: "text", in: func(e *enc) { e.frame(Text, true, "Hello") }, want: []frame{text("Hello")}},
	{name: "empty text", in: func(e *enc) { e.frame(Text, true, "") }, want: []frame{text("")}},
	{name: "lengths at the edges of their forms", in: func(e *enc) {
		for _, n := range []int{125, 126, 127, 65535, 65536} {
			e.frame(Text, true, strings.Repeat("x", n))
		}
	}, want: []frame{text(strings.Repeat("x", 125)), text(strings.Repeat("x", 126)), text(strings.Repeat("x", 127)),
		text(strings.Repeat("x", 65535)), text(strings.Repeat("x", 65536))}},
	{name: "fragments with control frames between", in: func(e *enc) {
		e.frame(Text, false, "Hel").frame(Ping, true, "p1").frame(Continuation, false, "").frame(Pong, true, "").
			frame(Continuation, true, "lo").frame(Binary, true, "\xff")
	}, want: []frame{
		{op: Text, first: true, payload: "Hel", whole: true}, {op: Ping, fin: true, payload: "p1", whole: true},
		{op: Text, whole: true}, {op: Pong, fin: true, whole: true},
		{op: Text, fin: true, payload: "lo", whole: true},
		{op: Binary, first: true, fin: true, payload: "\xff", whole: true}}},
	{name: "longest ping", in: func(e *enc) { e.frame(Ping, true, strings.Repeat("p", 125)) },
		want: []frame{{op: Ping, fin: true, payload: strings.Repeat("p", 125), whole: true}}},
	{name: "character across fragments", in: func(e *enc) {
		e.frame(Text, false, "κό\xcf").frame(Continuation, false, "").frame(Continuation, true, "\x83με")
	}, want: []frame{{op: Text, first: true, payload: "κό\xcf", whole: true}, {op: Text, whole: true},
		{op: Text, fin: true, payload: "\x83με", whole: true}}},
	{name: "any bytes in binary", in: func(e *enc) { e.frame(Binary, true, "\xff\xfe\x80") },
		want: []frame{{op: Binary, first: true, fin: true, payload: "\xff\xfe\x80", whole: true}}},

	{name: "RSV1 without an extension", in: func(e *enc) { e.head(Header{Op: Text, Fin: true, RSV1: true}, "x") }, bad: ErrReservedBits},
	{name: "RSV2", in: func(e *enc) { e.frame(Text, true, "a").raw(0xA1, 0) }, want: []frame{text("a")}, bad: ErrReservedBits},
	{name: "RSV3", in: func(e *enc) { e.raw(0x91, 0) }, bad: ErrReservedBits},
	{name: "RSV1 with an extension", cfg: Config{RSV1: true, Limit: 3, MaxFragments: 9}, in: func(e *enc) {
		// Neither UTF-8 nor the limit: both are about what the extension makes of it.
		e.head(Header{Op: Text, RSV1: true}, "\xff\xff\xff\xff").frame(Continuation, true, "\xff").frame(Text, true, "abc")
	}, want: []frame{{op: Text, first: true, rsv1: true, payload: "\xff\xff\xff\xff", whole: true},
		{op: Text, fin: true, rsv1: true, payload: "\xff", whole: true}, text("abc")}},
	{name: "RSV1 on a continuation", cfg: Config{RSV1: true, Limit: -1}, in: func(e *enc) {
		e.head(Header{Op: Text, RSV1: true}, "a").head(Header{Op: Continuation, Fin: true, RSV1: true}, "b")
	}, want: []frame{{op: Text, first: true, rsv1: true, payload: "a", whole: true}}, bad: ErrReservedBits},
	{name: "RSV1 on a control frame", cfg: Config{RSV1: true, Limit: -1}, in: func(e *enc) {
		e.head(Header{Op: Ping, Fin: true, RSV1: true}, "")
	}, bad: ErrReservedBits},
	{name: "RSV2 with an extension that uses RSV1", cfg: Config{RSV1: true, Limit: -1}, in: func(e *enc) { e.raw(0xE1, 0) }, bad: ErrReservedBits},

	{name: "opcode 3", in: func(e *enc) { e.raw(0x83, 0) }, bad: ErrReservedOpcode},
	{name: "opcode 7", in: func(e *enc) { e.raw(0x87, 0) }, bad: ErrReservedOpcode},
	{name: "opcode 11", in: func(e *enc) { e.raw(0x8B, 0) }, bad: ErrReservedOpcode},
	{name: "opcode 15", in: func(e *enc) { e.frame(Text, false, "a").raw(0x8F, 0) },
		want: []frame{{op: Text, first: true, payload: "a", whole: true}}, bad: ErrReservedOpcode},

	{name: "continuation of nothing", in: func(e *enc) { e.frame(Continuation, true, "x") }, bad: ErrNoMessage},
	{name: "continuation after the end", in: func(e *enc) { e.frame(Text, true, "a").frame(Continuation, true, "x") }, want: []frame{text("a")}, bad: ErrNoMessage},
	{name: "message in a message", in: func(e *enc) { e.frame(Text, false, "a").frame(Binary, true, "x") },
		want: []frame{{op: Text, first: true, payload: "a", whole: true}}, bad: ErrInMessage},
	{name: "ping in fragments", in: func(e *enc) { e.frame(Ping, false, "x") }, bad: ErrControlFragment},
	{name: "close in fragments", in: func(e *enc) { e.frame(Close, false, "") }, bad: ErrControlFragment},
	{name: "ping of 126 bytes", in: func(e *enc) { e.frame(Ping, true, strings.Repeat("p", 126)) }, bad: ErrControlTooLong},
	{name: "pong of 65536 bytes", in: func(e *enc) { e.frame(Pong, true, strings.Repeat("p", 65536)) }, bad: ErrControlTooLong},

	{name: "16-bit length of 125", in: func(e *enc) { e.raw(0x82, 126, 0, 125) }, bad: ErrNotMinimal},
	{name: "64-bit length of 65535", in: func(e *enc) { e.raw(length64(65535)...) }, bad: ErrNotMinimal},
	{name: "length of 2^63", in: func(e *enc) { e.raw(length64(1 << 63)...) }, bad: ErrLengthRange},
	{name: "length of 2^64-1", in: func(e *enc) { e.raw(length64(math.MaxUint64)...) }, bad: ErrLengthRange},

	{name: "message of the limit", cfg: Config{Limit: 5}, in: func(e *enc) { e.frame(Text, false, "Hel").frame(Continuation, true, "lo") },
		want: []frame{{op: Text, first: true, payload: "Hel", whole: true}, {op: Text, fin: true, payload: "lo", whole: true}}},
	{name: "message over the limit", cfg: Config{Limit: 5}, in: func(e *enc) { e.frame(Text, true, "Hello!") }, bad: ErrTooBig},
	{name: "fragments over the limit", cfg: Config{Limit: 5}, in: func(e *enc) {
		e.frame(Binary, false, "Hel").frame(Ping, true, "does not count").frame(Continuation, true, "lo!")
	}, want: []frame{{op: Binary, first: true, payload: "Hel", whole: true},
		{op: Ping, fin: true, payload: "does not count", whole: true}}, bad: ErrTooBig},
	{name: "two frames whose sum wraps", cfg: Config{Limit: 5}, in: func(e *enc) {
		e.frame(Binary, false, "Hel")
		b := length64(math.MaxInt64)
		b[0] = 0
		e.raw(b...)
	}, want: []frame{{op: Binary, first: true, payload: "Hel", whole: true}}, bad: ErrTooBig},
	{name: "a limit of nothing", cfg: Config{MaxFragments: 99}, in: func(e *enc) { e.frame(Text, true, "").frame(Text, true, "a") }, want: []frame{text("")}, bad: ErrTooBig},
	{name: "fragments up to the count", cfg: Config{MaxFragments: 2, Limit: -1}, in: func(e *enc) {
		e.frame(Text, false, "").frame(Continuation, true, "").frame(Text, false, "").frame(Continuation, false, "").frame(Continuation, true, "")
	}, want: []frame{{op: Text, first: true, whole: true}, {op: Text, fin: true, whole: true}, {op: Text, first: true, whole: true},
		{op: Text, whole: true}}, bad: ErrFragments},

	{name: "bad first byte of a character", in: func(e *enc) { e.frame(Text, true, "ab\xffcd") },
		want: []frame{{op: Text, first: true, payload: "ab"}}, bad: ErrText},
	{name: "bad later byte of a character", in: func(e *enc) { e.frame(Text, true, "ab\xe2\x82cd") },
		want: []frame{{op: Text, first: true, payload: "ab\xe2\x82"}}, bad: ErrText},
	{name: "surrogate across fragments", in: func(e *enc) { e.frame(Text, false, "κ\xed").frame(Continuation, false, "\xa0\x80") },
		want: []frame{{op: Text, first: true, payload: "κ\xed", whole: true}}, bad: ErrText},
	{name: "half a character at the end", in: func(e *enc) { e.frame(Text, true, "ab\xe2\x82") },
		want: []frame{{op: Text, first: true, payload: "ab\xe2\x82"}}, bad: ErrText},
	{name: "half a character at the end of the fragments", in: func(e *enc) { e.frame(Text, false, "ab\xe2").frame(Continuation, true, "\x82") },
		want: []frame{{op: Text, first: true, payload: "ab\xe2", whole: true}, {op: Text, payload: "\x82"}}, bad: ErrText},
	{name: "half a character, then an empty end", in: func(e *enc) { e.frame(Text, false, "\xe2").frame(Continuation, true, "") },
		want: []frame{{op: Text, first: true, payload: "\xe2", whole: true}}, bad: ErrText},
	{name: "half a character does not reach the next message", in: func(e *enc) { e.frame(Binary, true, "\xe2").frame(Text, true, "a") },
		want: []frame{{op: Binary, first: true, fin: true, payload: "\xe2", whole: true}, text("a")}},

	{name: "close without a code", in: func(e *enc) { e.frame(Close, true, "") },
		want: []frame{{op: Close, fin: true, code: NoStatus, whole: true}}},
	{name: "close with a code", in: func(e *enc) { e.close(1000, "") }, want: []frame{{op: Close, fin: true, code: 1000, whole: true}}},
	{name: "close with a reason, in a message", in: func(e *enc) { e.frame(Text, false, "\xe2").close(4321, "tschüß") },
		want: []frame{{op: Text, first: true, payload: "\xe2", whole: true}, {op: Close, fin: true, code: 4321, payload: "tschüß", whole: true}}},
	{name: "longest close reason", in: func(e *enc) { e.close(1001, strings.Repeat("r", 123)) },
		want: []frame{{op: Close, fin: true, code: 1001, payload: strings.Repeat("r", 123), whole: true}}},
	{name: "anything after a close", in: func(e *enc) { e.close(1000, "").frame(Text, true, "late").raw(0xFF, 0xFF) },
		want: []frame{{op: Close, fin: true, code: 1000, whole: true}}},
	{name: "close with half a code", in: func(e *enc) { e.frame(Close, true, "\x03") }, bad: ErrCloseLength},
	{name: "close reason that is not UTF-8", in: func(e *enc) { e.close(1000, "ab\xc0") },
		want: []frame{{op: Close, payload: "ab"}}, bad: ErrCloseReason},
	{name: "close reason that ends in half a character", in: func(e *enc) { e.close(1000, "ab\xe2") },
		want: []frame{{op: Close, payload: "ab\xe2"}}, bad: ErrCloseReason},
}

// build returns a case's input and configuration for a role.
func build(role Role, cfg Config, in func(*enc)) ([]byte, Config) {
	e := &enc{role: role}
	if in != nil {
		in(e)
	}
	if cfg == (Config{}) {
		cfg.Limit = -1
	}
	cfg.Role = role
	return e.b, cfg
}

func roles(t *testing.T, f func(t *testing.T, role Role)) {
	t.Run("server", func(t *testing.T) { f(t, Server) })
	t.Run("client", func(t *testing.T) { f(t, Client) })
}

func TestEventsHoweverTheInputIsCut(t *testing.T) {
	for _, tc := range cases {
		roles(t, func(t *testing.T, role Role) {
			in, cfg := build(role, tc.cfg, tc.in)
			check := func(how string, chunks [][]byte) {
				t.Helper()
				m := New(cfg)
				got, bad := run(t, &m, chunks...)
				if bad != tc.bad {
					t.Fatalf("%s, %s: error %v, want %v", tc.name, how, bad, tc.bad)
				}
				if !slices.Equal(got, tc.want) {
					t.Fatalf("%s, %s:\n got %+.200v\nwant %+.200v", tc.name, how, got, tc.want)
				}
			}
			check("whole", cut(in))
			var all []int
			for i := 1; i < len(in); i++ {
				all = append(all, i)
				if i < 40 || len(in)-i < 40 || len(in) < 2000 {
					check("cut in two", cut(in, i))
				}
			}
			check("byte by byte", cut(in, all...))
		})
	}
}

func TestNothingComesOfNothing(t *testing.T) {
	m := New(Config{Limit: -1})
	if ev, n, err := m.Next(nil); ev.Op != 0 || n != 0 || err != nil {
		t.Fatalf("%+v, %d, %v", ev, n, err)
	}
}

func TestMaskingByRole(t *testing.T) {
	masked := AppendFrame(nil, Header{Op: Text, Fin: true, Masked: true, Key: 7}, []byte("a"))
	plain := AppendFrame(nil, Header{Op: Text, Fin: true}, []byte("a"))
	m := New(Config{Role: Server, Limit: -1})
	if _, bad := run(t, &m, plain); bad != ErrNotMasked {
		t.Errorf("unmasked client frame: %v", bad)
	}
	m = New(Config{Role: Client, Limit: -1})
	if _, bad := run(t, &m, masked); bad != ErrMasked {
		t.Errorf("masked server frame: %v", bad)
	}
}

func TestCloseCodes(t *testing.T) {
	valid := func(code int) bool { // the table of RFC 6455 section 7.4 with the registry, spelled out
		switch code {
		case 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014:
			return true
		}
		return code >= 3000 && code <= 4999
	}
	for code := range 65536 {
		if ValidCode(code) != valid(code) {
			t.Fatalf("ValidCode(%d) = %v", code, ValidCode(code))
		}
		if code > 5100 && code%997 != 0 {
			continue
		}
		roles(t, func(t *testing.T, role Role) {
			in, cfg := build(role, Config{}, func(e *enc) { e.frame(Close, true, string([]byte{byte(code >> 8), byte(code)})) })
			for at := range in {
				m := New(cfg)
				_, bad := run(t, &m, cut(in, at)...)
				if (bad == nil) != valid(code) || (bad != nil && bad != ErrCloseCode) {
					t.Fatalf("code %d cut at %d: %v", code, at, bad)
				}
			}
		})
	}
}

func TestALimitLoweredInAMessage(t *testing.T) {
	e := &enc{}
	m := New(Config{Limit: -1})
	if _, bad := run(t, &m, e.frame(Binary, false, "12345678").b); bad != nil {
		t.Fatal(bad)
	}
	m.SetLimit(4)
	e = &enc{}
	if _, bad := run(t, &m, e.frame(Continuation, true, "").b); bad != ErrTooBig {
		t.Fatalf("8 bytes under a limit of 4: %v", bad)
	}
}

func TestWrappedSumIsStillOverALimitSetLater(t *testing.T) {
	m := New(Config{Limit: -1})
	m.begin(Binary, false, false, math.MaxInt64, 0) // as if that much had come
	m.begin(Continuation, false, false, math.MaxInt64, 0)
	m.inFrame, m.remain = false, 0
	m.SetLimit(1 << 40)
	e := &enc{}
	if _, bad := run(t, &m, e.frame(Continuation, true, "").b); bad != ErrTooBig {
		t.Fatalf("2^64-2 bytes under a limit of 2^40: %v", bad)
	}
}

func TestRemainingIsWhatTheHeaderDeclared(t *testing.T) {
	m := New(Config{Limit: -1})
	e := &enc{}
	e.raw(length64(1 << 30)...)
	run(t, &m, e.b, make([]byte, 10))
	if m.Remaining() != 1<<30-10 {
		t.Fatalf("remaining %d", m.Remaining())
	}
}

func TestAPartOfADataFrameIsAnEvent(t *testing.T) {
	m := New(Config{Role: Client, Limit: -1})
	in := AppendHeader(nil, Header{Op: Binary, Fin: true, Length: 1 << 20})
	in = append(in, "abc"...)
	ev, n, err := m.Next(in)
	if err != nil || n != len(in) || string(ev.Payload) != "abc" || !ev.First || ev.FrameEnd || ev.Fin {
		t.Fatalf("%+v, %d, %v", ev, n, err)
	}
	if &ev.Payload[0] != &in[len(in)-3] {
		t.Fatal("the payload does not alias the input")
	}
}

func TestErrorsAreFitForACloseFrame(t *testing.T) {
	for _, e := range []*Error{ErrReservedBits, ErrReservedOpcode, ErrControlFragment, ErrControlTooLong, ErrNoMessage, ErrInMessage, ErrNotMasked,
		ErrMasked, ErrNotMinimal, ErrLengthRange, ErrCloseLength, ErrCloseCode, ErrCloseReason, ErrText, ErrTooBig, ErrFragments} {
		if !ValidCode(int(e.Code)) || len(e.Error()) > 123 || len(e.Error()) == 0 {
			t.Errorf("%+v", e)
		}
		var target *Error
		if !errors.As(error(e), &target) {
			t.Errorf("%v is not an *Error", e)
		}
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	roles(t, func(t *testing.T, role Role) {
		e := &enc{role: role}
		e.frame(Text, false, "Größe").frame(Ping, true, "x").frame(Continuation, true, strings.Repeat("y", 70000)).close(1000, "bye")
		bad := &enc{role: role}
		bad.frame(Text, true, "a\xff")
		buf := make([]byte, len(e.b))
		allocs := testing.AllocsPerRun(20, func() {
			for _, input := range [][]byte{e.b, bad.b} {
				m := New(Config{Role: role, Limit: 1 << 20, MaxFragments: 1024})
				in := buf[:copy(buf, input)]
				for step := 1; len(in) > 0; step++ {
					_, n, err := m.Next(in[:min(step, len(in))])
					if err != nil {
						break
					}
					in = in[n:]
				}
			}
		})
		if allocs != 0 {
			t.Errorf("%v allocations", allocs)
		}
		dst := make([]byte, 0, 1024)
		allocs = testing.AllocsPerRun(20, func() {
			dst = AppendFrame(dst[:0], Header{Op: Text, Fin: true, Masked: true, Key: 1}, bad.b)
		})
		if allocs != 0 {
			t.Errorf("AppendFrame: %v allocations", allocs)
		}
	})
}

func TestAppendFrameOfTheRFCsExamples(t *testing.T) {
	// RFC 6455 section 5.7.
	for _, tc := range []struct {
		h       Header
		payload string
		want    []byte
	}{
		{Header{Op: Text, Fin: true}, "Hello", []byte{0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}},
		{Header{Op: Text, Fin: true, Masked: true, Key: 0x3d21fa37}, "Hello", []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}},
		{Header{Op: Text}, "Hel", []byte{0x01, 0x03, 0x48, 0x65, 0x6c}},
		{Header{Op: Continuation, Fin: true}, "lo", []byte{0x80, 0x02, 0x6c, 0x6f}},
		{Header{Op: Ping, Fin: true}, "Hello", []byte{0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}},
		{Header{Op: Binary, Fin: true}, strings.Repeat("x", 256), append([]byte{0x82, 0x7E, 0x01, 0x00}, strings.Repeat("x", 256)...)},
		{Header{Op: Binary, Fin: true}, strings.Repeat("x", 65536), append([]byte{0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0}, strings.Repeat("x", 65536)...)},
		{Header{Op: Text, Fin: true, RSV1: true}, "", []byte{0xC1, 0x00}},
	} {
		if got := AppendFrame(nil, tc.h, []byte(tc.payload)); !bytes.Equal(got, tc.want) {
			t.Errorf("%+v: %.40x, want %.40x", tc.h, got, tc.want)
		}
	}
	if got := AppendClose(nil, NoStatus, ""); len(got) != 0 {
		t.Errorf("close without a code: %x", got)
	}
}

// FuzzNextCuts holds the machine against itself: the same bytes, whole and cut at random, give the same frames.
func FuzzNextCuts(f *testing.F) {
	for i, tc := range cases {
		for _, role := range []Role{Server, Client} {
			in, cfg := build(role, tc.cfg, tc.in)
			if len(in) < 4096 {
				f.Add(in, role == Client, cfg.RSV1, cfg.Limit, cfg.MaxFragments, uint64(i))
			}
		}
	}
	f.Add([]byte("\x880000000"), false, false, int64(-1), 0, uint64(3))
	f.Fuzz(func(t *testing.T, in []byte, client, rsv1 bool, limit int64, fragments int, seed uint64) {
		cfg := Config{RSV1: rsv1, Limit: limit, MaxFragments: fragments}
		if client {
			cfg.Role = Client
		}
		m := New(cfg)
		whole, wantBad := run(t, &m, in)
		rng := rand.New(rand.NewPCG(seed, 1))
		most := 1 + rng.IntN(1+min(len(in), 200))
		var at []int
		for i := rng.IntN(most + 1); i < len(in); i += 1 + rng.IntN(most) {
			at = append(at, i)
		}
		m = New(cfg)
		got, bad := run(t, &m, cut(in, at...)...)
		if bad != wantBad || !slices.Equal(got, whole) {
			t.Fatalf("cut at %v:\n got %+v, %v\nwant %+v, %v", at, got, bad, whole, wantBad)
		}
		for _, fr := range got {
			if fr.op.IsControl() && len(fr.payload) > MaxControlPayload {
				t.Fatalf("control frame of %d bytes", len(fr.payload))
			}
		}
	})
}

// FuzzNextReadsAppendFrame sends payloads round: what AppendFrame makes, Next gives back.
func FuzzNextReadsAppendFrame(f *testing.F) {
	f.Add([]byte("Hello"), uint32(0), uint8(2), 2)
	f.Add(bytes.Repeat([]byte{0xff}, 70000), uint32(0x8499aabb), uint8(1), 125)
	f.Fuzz(func(t *testing.T, payload []byte, key uint32, op uint8, split int) {
		opcode := Binary
		if op%2 == 0 && len(payload) <= MaxControlPayload {
			opcode = Ping
		}
		for _, role := range []Role{Server, Client} {
			h := Header{Op: opcode, Fin: true, Masked: role == Server, Key: key}
			wire := AppendFrame(nil, h, payload)
			if h.Length = len(payload); !bytes.HasPrefix(wire, AppendHeader(nil, h)) || len(wire) > len(payload)+MaxHeader {
				t.Fatalf("frame of %d bytes for a payload of %d", len(wire), len(payload))
			}
			m := New(Config{Role: role, Limit: int64(len(payload))})
			got, bad := run(t, &m, cut(wire, max(0, min(split, len(wire))))...)
			want := []frame{{op: opcode, first: opcode == Binary, fin: true, payload: string(payload), whole: true}}
			if bad != nil || !slices.Equal(got, want) {
				t.Fatalf("%+.100v, %v", got, bad)
			}
		}
	})
}
