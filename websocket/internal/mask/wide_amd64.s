#include "textflag.h"

// func xorAVX2(p *byte, n int, key uint32)
TEXT ·xorAVX2(SB), NOSPLIT, $0-20
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	MOVL key+16(FP), AX
	VMOVD AX, X0
	VPBROADCASTD X0, Y0
	SUBQ $128, CX
	JCS rest

four:
	VPXOR (SI), Y0, Y1
	VPXOR 32(SI), Y0, Y2
	VPXOR 64(SI), Y0, Y3
	VPXOR 96(SI), Y0, Y4
	VMOVDQU Y1, (SI)
	VMOVDQU Y2, 32(SI)
	VMOVDQU Y3, 64(SI)
	VMOVDQU Y4, 96(SI)
	ADDQ $128, SI
	SUBQ $128, CX
	JCC four

rest:
	ADDQ $128, CX
	JEQ done

one:
	VPXOR (SI), Y0, Y1
	VMOVDQU Y1, (SI)
	ADDQ $32, SI
	SUBQ $32, CX
	JNE one

done:
	VZEROUPPER
	RET
