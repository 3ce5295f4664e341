// Package deflate compresses and decompresses the payloads of permessage-deflate messages (RFC 7692 section 7.2). It does
// no I/O and starts no goroutine: payloads come and go in pieces of any size.
//
// Each direction of a connection has a state of its own, a Compressor or a Decompressor, which between messages holds the
// last bytes of the messages before (the window, RFC 7692 section 7.1.1) and nothing else: no more than what has been said
// so far, no more than the agreed size, and nothing at all without context takeover. Tables are borrowed from pools that
// all connections share.
//
// The compressor is that of github.com/klauspost/compress. The inflater is our own, because every other in Go pulls its
// input from an io.Reader and cannot go on after that has nothing to give: it would need a goroutine to block in, or each
// compressed message whole before its first byte could be looked at.
//
// Nothing here is safe for concurrent use, except that different states may be used at the same time.
package deflate

// MinWindowBits and MaxWindowBits bound the sizes of windows: from 256 to 32,768 bytes (RFC 7692 section 7.1.2).
const (
	MinWindowBits = 8
	MaxWindowBits = 15
)

// tail is what a sender leaves out at the end of each message (RFC 7692 section 7.2.1): the end of an empty stored block.
var tail = [4]byte{0x00, 0x00, 0xFF, 0xFF}
