package utf8

import "github.com/seed-4a326f83/parley/websocket/internal/cpu"

// hasBlocks says whether blocksValid may be used.
var hasBlocks = cpu.HasAVX2

// blocksValid reports whether p, whose length is a multiple of blockSize and not 0, is right: it begins with a character, and
// may end within one.
//
// It is the algorithm of J. Keiser and D. Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (2020).
func blocksValid(p []byte) bool { return blocksAVX2(&p[0], len(p)) }

//go:noescape
func blocksAVX2(p *byte, n int) bool
