package mask

import "github.com/seed-4a326f83/parley/websocket/internal/cpu"

// wide says whether xorBlocks may be used.
var wide = cpu.HasAVX2

// xorBlocks is XOR for a p whose length is a multiple of blockSize and not 0.
func xorBlocks(p []byte, key uint32) { xorAVX2(&p[0], len(p), key) }

//go:noescape
func xorAVX2(p *byte, n int, key uint32)
