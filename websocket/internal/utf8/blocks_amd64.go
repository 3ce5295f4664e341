package utf8

// hasBlocks says whether blocksValid may be used.
var hasBlocks = hasAVX2()

func hasAVX2() bool {
	if most, _, _, _ := cpuid(0, 0); most < 7 {
		return false
	}
	const osxsave, avx, avx2 = 1 << 27, 1 << 28, 1 << 5
	_, _, c, _ := cpuid(1, 0)
	if c&osxsave == 0 || c&avx == 0 || xgetbv()&6 != 6 { // the system must save the wide registers
		return false
	}
	_, b, _, _ := cpuid(7, 0)
	return b&avx2 != 0
}

// blocksValid reports whether p, whose length is a multiple of blockSize and not 0, is right: it begins with a character, and
// may end within one.
//
// It is the algorithm of J. Keiser and D. Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (2020).
func blocksValid(p []byte) bool { return blocksAVX2(&p[0], len(p)) }

//go:noescape
func blocksAVX2(p *byte, n int) bool

func cpuid(leaf, sub uint32) (a, b, c, d uint32)

func xgetbv() uint32
