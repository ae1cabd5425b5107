#include "textflag.h"

DATA spaces<>+0(SB)/8, $0x2020202020202020
DATA spaces<>+8(SB)/8, $0x2020202020202020
GLOBL spaces<>(SB), RODATA|NOPTR, $16

DATA quotes<>+0(SB)/8, $0x2222222222222222
DATA quotes<>+8(SB)/8, $0x2222222222222222
GLOBL quotes<>(SB), RODATA|NOPTR, $16

DATA slashes<>+0(SB)/8, $0x5c5c5c5c5c5c5c5c
DATA slashes<>+8(SB)/8, $0x5c5c5c5c5c5c5c5c
GLOBL slashes<>(SB), RODATA|NOPTR, $16

// func copyText(dst, src *byte, n int) (read, written int)
//
// SSE2 only, which every amd64 has. As signed bytes, control characters and what
// is not ASCII are both less than a space.
TEXT ·copyText(SB), NOSPLIT, $0-40
	MOVQ  dst+0(FP), DI
	MOVQ  src+8(FP), SI
	MOVQ  n+16(FP), CX
	LEAQ  ·short(SB), R8
	MOVOU spaces<>(SB), X1
	MOVOU quotes<>(SB), X2
	MOVOU slashes<>(SB), X3
	XORQ  AX, AX

block:
	CMPQ     AX, CX
	JGE      done
	MOVOU    (SI)(AX*1), X0
	MOVOU    X0, (DI)
	MOVO     X1, X4
	PCMPGTB  X0, X4 // a space is greater than the byte
	MOVO     X0, X5
	PCMPEQB  X2, X5
	PCMPEQB  X3, X0
	POR      X5, X4
	POR      X0, X4
	PMOVMSKB X4, DX
	TESTL    DX, DX
	JNZ      marked
	ADDQ     $16, AX
	ADDQ     $16, DI
	JMP      block

marked:
	BSFL    DX, DX
	ADDQ    DX, AX
	ADDQ    DX, DI
	CMPQ    AX, CX
	JGE     done
	MOVBLZX (SI)(AX*1), BX
	MOVBLZX (R8)(BX*1), DX
	TESTL   DX, DX
	JZ      done
	MOVB    $0x5c, (DI)
	MOVB    DX, 1(DI)
	ADDQ    $2, DI
	INCQ    AX
	JMP     block

done:
	SUBQ dst+0(FP), DI
	MOVQ AX, read+24(FP)
	MOVQ DI, written+32(FP)
	RET
