/*
 * jump - conditional jumps: which ways are possible, and what each teaches.
 */
#pragma once

#include "shared/verifier/check.h"

struct jump_ways {
	bool may_take, may_pass;
};

/*
 * The ways that the jump at the current instruction may go.
 *   fails UNINIT_REGISTER, POINTER_LEAK, NULL_POINTER
 */
MUST_CHECK struct err *jump_ways(struct check *c, const struct bpf_insn *insn,
				 struct jump_ways *out);

/* The state learns that the jump was `taken`, or not: a way that jump_ways() found possible. */
void jump_go(struct check *c, const struct bpf_insn *insn, bool taken);
