package serve

import (
	"bytes"
	"sync"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Borrow returns an empty buffer, which has grown before if there is one that has.
func Borrow() *bytes.Buffer { return buffers.Get().(*bytes.Buffer) }

// GiveBack lets others borrow b.
func GiveBack(b *bytes.Buffer) {
	b.Reset()
	buffers.Put(b)
}
