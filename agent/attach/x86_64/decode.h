/*
 * decode - one instruction at a time, as far as patching has to know it. Only this module and its users
 * in this folder know Zydis.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/base/str.h"

#include <Zydis/Zydis.h>

#define DECODE_TEXT_MAX 96

struct decode_insn {
	ZydisDecodedInstruction raw;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	bool has_target; /* a direct branch or call: … */
	int64_t target;	 /* … to here, in the offsets that decode_at() was given */
};

/* Decodes what is at `offset` of `code`. False where that is no instruction, or not a whole one. */
bool decode_at(struct bytes code, uint64_t offset, struct decode_insn *out);

/* Its text in Intel's notation, as if it were at `address`. */
const char *decode_text(const struct decode_insn *insn, uint64_t address,
			char out[DECODE_TEXT_MAX]);

bool decode_is_call(const struct decode_insn *insn);
bool decode_is_jump(const struct decode_insn *insn);   /* unconditional */
bool decode_is_branch(const struct decode_insn *insn); /* conditional */

/* What follows is never reached by going on: a jump, a return, a trap. */
bool decode_is_end(const struct decode_insn *insn);

/* nop of any length, or int3: what compilers put between functions. */
bool decode_is_padding(const struct decode_insn *insn);

/* The memory operand that is relative to rip, or NULL. */
const ZydisDecodedOperand *decode_rip_operand(const struct decode_insn *insn);
