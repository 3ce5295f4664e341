package websocket

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"

	"github.com/seed-4a326f83/parley/websocket/internal/deflate"
	"github.com/seed-4a326f83/parley/websocket/internal/extension"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// CompressionMode says whether, and how, permessage-deflate (RFC 7692) is agreed on. A peer that does not offer it, or
// does not agree to it, is talked to without compression. The package's documentation says what each mode costs.
type CompressionMode int

const (
	// CompressionDisabled: messages go as they are.
	CompressionDisabled CompressionMode = iota

	// CompressionContextTakeover: messages refer to those before them, which makes short ones that resemble each other many
	// times shorter. Both sides remember for that what was sent last. Where the peer asks for no context takeover, it is
	// not used.
	CompressionContextTakeover

	// CompressionNoContextTakeover: each message is compressed by itself, and nothing is remembered between messages.
	CompressionNoContextTakeover
)

// The thresholds where none is set, in bytes.
const (
	defaultThresholdTakeover   = 128
	defaultThresholdNoTakeover = 512
)

// compressionOptions are the fields that AcceptOptions and DialOptions have in common.
type compressionOptions struct {
	mode                  CompressionMode
	threshold, windowBits int
}

// wish returns what is to be negotiated, if anything is.
func (o compressionOptions) wish() (want extension.Deflate, on bool, err error) {
	if o.mode < CompressionDisabled || o.mode > CompressionNoContextTakeover {
		return want, false, fmt.Errorf("CompressionMode is %d: use one of the package's constants", int(o.mode))
	}
	bits := cmp.Or(o.windowBits, extension.MaxWindowBits)
	if bits < extension.MinWindowBits || bits > extension.MaxWindowBits {
		return want, false, fmt.Errorf("CompressionWindowBits is %d: use %d to %d, or 0 for the largest", bits,
			extension.MinWindowBits, extension.MaxWindowBits)
	}
	alone := o.mode == CompressionNoContextTakeover
	want = extension.Deflate{
		ServerNoContextTakeover: alone, ClientNoContextTakeover: alone,
		ServerMaxWindowBits: bits, ClientMaxWindowBits: bits,
	}
	return want, o.mode != CompressionDisabled, nil
}

// accept negotiates for a server, with the Sec-WebSocket-Extensions fields of a request. The answer is the one to send, if any.
func (o compressionOptions) accept(fields []string) (c *compression, answer string, err error) {
	want, on, err := o.wish()
	if err != nil {
		return nil, "", &refusal{http.StatusInternalServerError, err}
	}
	offers, err := extension.Parse(fields)
	if err != nil { // RFC 6455 section 9.1: whether or not anything of it would be used
		return nil, "", &refusal{http.StatusBadRequest, err}
	}
	if !on {
		return nil, "", nil
	}
	agreed, answer, ok := extension.Accept(offers, want)
	if !ok {
		return nil, "", nil
	}
	return newCompression(proto.Server, agreed, o.threshold), answer, nil
}

// check reads the server's answer for a client.
func (o compressionOptions) check(h http.Header) (*compression, error) {
	want, on, err := o.wish()
	if err != nil {
		return nil, err
	}
	fields := h["Sec-Websocket-Extensions"]
	if !on {
		switch list, err := extension.Parse(fields); {
		case err != nil:
			return nil, err
		case len(list) > 0: // RFC 6455 section 4.1
			return nil, fmt.Errorf("the server uses extensions that were not offered: %q", fields)
		}
		return nil, nil
	}
	agreed, ok, err := extension.Check(fields, want)
	if err != nil || !ok {
		return nil, err
	}
	return newCompression(proto.Client, agreed, o.threshold), nil
}

// compression is what a connection has beside, if permessage-deflate was agreed on.
type compression struct {
	in  deflate.Decompressor // belongs to whoever holds readToken
	out deflate.Compressor   // belongs to whoever holds frameToken

	outBits     int // the window of out
	outTakeover bool
	threshold   int
}

func newCompression(role proto.Role, agreed extension.Deflate, threshold int) *compression {
	inBits, inTakeover := agreed.ClientMaxWindowBits, !agreed.ClientNoContextTakeover
	outBits, outTakeover := agreed.ServerMaxWindowBits, !agreed.ServerNoContextTakeover
	if role == proto.Client {
		inBits, inTakeover, outBits, outTakeover = outBits, outTakeover, inBits, inTakeover
	}
	if threshold <= 0 {
		threshold = defaultThresholdNoTakeover
		if outTakeover {
			threshold = defaultThresholdTakeover
		}
	}
	return &compression{
		in:          deflate.NewDecompressor(inBits, inTakeover),
		out:         deflate.NewCompressor(outBits, outTakeover),
		outBits:     outBits,
		outTakeover: outTakeover,
		threshold:   threshold,
	}
}

// compresses reports whether a message of n bytes is to be compressed, as far as is known before that is tried.
func (c *Conn) compresses(typ MessageType, n int) bool {
	if c.compression == nil || typ&Uncompressed != 0 {
		return false
	}
	return n >= c.compression.threshold || typ&Compressed != 0
}

// errCorrupt is how a message that cannot be inflated is answered.
var errCorrupt = &proto.Error{Code: proto.InvalidPayload, Reason: "compressed message is corrupt"}

// inflate gives out to dst what follows from the pieces of the message that have come: rd.more says whether that is
// all. It counts and checks what comes out, as the machine does for messages that are not compressed.
func (c *Conn) inflate(dst []byte) (n int, bad *proto.Error) {
	rd := c.rd
	limit := c.readLimit.Load()
	if limit >= 0 {
		// There is never more room than the limit leaves, so that nothing is inflated in vain. With no room at all it is only
		// found out whether anything would follow.
		dst = dst[:min(int64(len(dst)), max(limit-rd.total, 0))]
	}
	n, used, through, err := c.compression.in.Decompress(dst, rd.piece, rd.fin)
	rd.piece = rd.piece[used:]
	rd.more = !through
	rd.total += int64(n)
	switch {
	case rd.typ == MessageText && rd.text.Check(dst[:n]) >= 0:
		return 0, proto.ErrText
	case errors.Is(err, deflate.ErrCorrupt):
		return n, errCorrupt
	case !through && limit >= 0 && rd.total >= limit:
		return n, proto.ErrTooBig
	case through && rd.fin && rd.typ == MessageText && !rd.text.Complete():
		return n, proto.ErrText
	}
	return n, nil
}

// releaseCompression gives its memory back, once the connection is closed. It is called by what closes it, and by whoever
// has held a token meanwhile, after giving that up.
func (c *Conn) releaseCompression() {
	if c.compression == nil || !c.isClosed() {
		return
	}
	if c.tryTake(readToken) {
		c.compression.in.Release()
		c.give(readToken)
	}
	if c.tryTake(frameToken) {
		c.compression.out.Release()
		c.give(frameToken)
	}
}
