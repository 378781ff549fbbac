/*
 * insn - eBPF instructions: encoding, names, text (RFC 9669, conformance groups base32 to atomic64).
 *
 * Constants and the instruction's layout come from <linux/bpf.h> where that has them; what it lacks
 * (ISA v4 on Debian 12's headers) is added here.
 */
#pragma once

#include "shared/base/buf.h"

#include <linux/bpf.h>

/* struct bpf_insn is 8 bytes: code:8 dst_reg:4 src_reg:4 off:16 imm:32. */
_Static_assert(sizeof(struct bpf_insn) == 8, "the encoding of RFC 9669");

#define INSN_MEMSX	 0x80 /* mode: sign-extending load (v4) */
#define INSN_ATOMIC	 0xc0 /* mode: atomic operation */
#define INSN_JCOND	 0xe0 /* operation of JMP: may_goto, with src_reg 0 */
#define INSN_MAX	 65536 /* instructions of one object's program code; a larger one is refused */
#define INSN_STACK_BYTES 512

/* The classes of an instruction as the rest of the code asks about it. */
enum insn_kind {
	INSN_INVALID,  /* no instruction of the ISA, or reserved fields in use */
	INSN_ALU,      /* ALU and ALU64 with register or immediate, neg, mov, movsx */
	INSN_END,      /* byte swaps: be/le and bswap (v4) */
	INSN_LD_IMM64, /* two slots; src_reg tells what the constant is (BPF_PSEUDO_*) */
	INSN_LOAD,     /* LDX, MEM and MEMSX */
	INSN_STORE,    /* ST and STX, MEM */
	INSN_ATOMIC_OP,
	INSN_JUMP,     /* conditional, JMP and JMP32 */
	INSN_GOTO,     /* ja, gotol */
	INSN_MAY_GOTO, /* a jump that is taken when there is little left to execute with */
	INSN_CALL_HELPER,
	INSN_CALL_LOCAL, /* BPF_PSEUDO_CALL */
	INSN_CALL_KFUNC, /* BPF_PSEUDO_KFUNC_CALL */
	INSN_EXIT,
};

/* Classifies the instruction; checks its reserved fields and register numbers. Looks at one slot only:
 * that INSN_LD_IMM64 has its second one, zero but for imm, is what object_parse() has checked. */
enum insn_kind insn_kind(const struct bpf_insn *insn);

/* 1, or 2 for INSN_LD_IMM64. */
unsigned insn_slots(const struct bpf_insn *insn);

/* Bytes that a LOAD, STORE or ATOMIC_OP touches: 1, 2, 4 or 8. */
unsigned insn_size_bytes(const struct bpf_insn *insn);

/* The jump's target, relative to the instruction itself +1, for JUMP, GOTO and MAY_GOTO. */
int32_t insn_jump_offset(const struct bpf_insn *insn);

static inline uint64_t insn_imm64(const struct bpf_insn *insn)
{
	return (uint32_t)insn[0].imm | (uint64_t)(uint32_t)insn[1].imm << 32;
}

/* Appends the instruction as the kernel and llvm-objdump write it: "r1 = *(u32 *)(r2 + 8)",
 * "if w3 s> 7 goto +4", "call 14", "lock *(u64 *)(r0 + 0) += r1". */
void insn_print(const struct bpf_insn *insn, struct buf *out);
