/*
 * alu - arithmetic: on numbers (range.h), on pointers (an offset that stays in bounds), and moves.
 */
#pragma once

#include "shared/verifier/check.h"

/* No pointer's offset leaves ±this: far more than any object, far less than an overflow. */
#define ALU_MAX_OFFSET (INT64_C(1) << 29)

MUST_CHECK struct err *alu_step(struct check *c, const struct bpf_insn *insn);
MUST_CHECK struct err *alu_swap(struct check *c, const struct bpf_insn *insn);	   /* INSN_END */
MUST_CHECK struct err *alu_constant(struct check *c, const struct bpf_insn *insn); /* LD_IMM64 */

/* Whether both point into the same object, so that their offsets compare as they do. */
bool alu_is_same_object(const struct check *c, const struct state_reg *a,
			const struct state_reg *b);
