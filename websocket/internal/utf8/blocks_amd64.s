#include "textflag.h"

// The tables of the three nibbles. Each bit is a kind of error that a pair of bytes can be; it is one if all three tables
// agree on it.
//
//	0x01 a lead byte without a continuation      0x02 a continuation after ASCII
//	0x04 E0 and then below A0: overlong          0x08 F4 and then above 8F, or F5 and more: too large
//	0x10 ED and then above 9F: a surrogate       0x20 C0 and C1: overlong
//	0x40 F0 and then below 90: overlong, or F5 and more and then 8x: too large
//	0x80 two continuations in a row, which is right only in the third and fourth byte of a character

// By the high nibble of the first byte.
DATA table1<>+0(SB)/8, $0x0202020202020202
DATA table1<>+8(SB)/8, $0x4915012180808080
GLOBL table1<>(SB), RODATA|NOPTR, $16

// By its low nibble.
DATA table2<>+0(SB)/8, $0xcbcbcb8b8383a3e7
DATA table2<>+8(SB)/8, $0xcbcbdbcbcbcbcbcb
GLOBL table2<>(SB), RODATA|NOPTR, $16

// By the high nibble of the second byte.
DATA table3<>+0(SB)/8, $0x0101010101010101
DATA table3<>+8(SB)/8, $0x01010101babaaee6
GLOBL table3<>(SB), RODATA|NOPTR, $16

// The largest bytes that may stand at the end of a block without anything of their character being in the next.
DATA last<>+0(SB)/8, $0xffffffffffffffff
DATA last<>+8(SB)/8, $0xffffffffffffffff
DATA last<>+16(SB)/8, $0xffffffffffffffff
DATA last<>+24(SB)/8, $0xbfdfefffffffffff
GLOBL last<>(SB), RODATA|NOPTR, $32

DATA nibble<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL nibble<>(SB), RODATA|NOPTR, $8
DATA third<>+0(SB)/8, $0x6060606060606060 // E0 and above, less this, have the highest bit
GLOBL third<>(SB), RODATA|NOPTR, $8
DATA fourth<>+0(SB)/8, $0x7070707070707070 // F0 and above
GLOBL fourth<>(SB), RODATA|NOPTR, $8
DATA high<>+0(SB)/8, $0x8080808080808080
DATA high<>+8(SB)/8, $0x8080808080808080
DATA high<>+16(SB)/8, $0x8080808080808080
DATA high<>+24(SB)/8, $0x8080808080808080
GLOBL high<>(SB), RODATA|NOPTR, $32

// func blocksAVX2(p *byte, n int) bool
TEXT ·blocksAVX2(SB), NOSPLIT, $0-17
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTI128 table1<>(SB), Y10
	VBROADCASTI128 table2<>(SB), Y11
	VBROADCASTI128 table3<>(SB), Y12
	VPBROADCASTQ third<>(SB), Y13
	VPBROADCASTQ fourth<>(SB), Y14
	VPBROADCASTQ nibble<>(SB), Y15
	VPXOR Y0, Y0, Y0 // errors
	VPXOR Y1, Y1, Y1 // the block before
	VPXOR Y2, Y2, Y2 // not 0: a character of it goes on

block:
	VMOVDQU (SI), Y3
	VPMOVMSKB Y3, AX
	TESTL AX, AX
	JNZ beyondASCII
	VPOR Y2, Y0, Y0
	VPXOR Y2, Y2, Y2
	JMP next

beyondASCII:
	VPERM2I128 $0x21, Y3, Y1, Y4
	VPALIGNR $15, Y4, Y3, Y5 // the byte before each
	VPALIGNR $14, Y4, Y3, Y6 // the byte before that
	VPALIGNR $13, Y4, Y3, Y7

	// The errors that a pair can be.
	VPSRLW $4, Y5, Y8
	VPAND Y15, Y8, Y8
	VPSHUFB Y8, Y10, Y8
	VPAND Y15, Y5, Y9
	VPSHUFB Y9, Y11, Y9
	VPSRLW $4, Y3, Y4
	VPAND Y15, Y4, Y4
	VPSHUFB Y4, Y12, Y4
	VPAND Y9, Y8, Y8
	VPAND Y4, Y8, Y8

	// Two continuations must be where a third or fourth byte must be, and nowhere else.
	VPSUBUSB Y13, Y6, Y6
	VPSUBUSB Y14, Y7, Y7
	VPOR Y6, Y7, Y6
	VPAND high<>(SB), Y6, Y6
	VPXOR Y8, Y6, Y6
	VPOR Y6, Y0, Y0
	VPSUBUSB last<>(SB), Y3, Y2

next:
	VMOVDQA Y3, Y1
	ADDQ $32, SI
	SUBQ $32, CX
	JNZ block

	VPTEST Y0, Y0
	SETEQ ret+16(FP)
	VZEROUPPER
	RET
