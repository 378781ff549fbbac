/*
 * fuel - what a metered run is charged for its instructions: so much when it begins, so much for each
 * jump back, so much for each round of a callback. What was charged is never less than what was
 * executed, so a run that never owes more than it was given executes no more than that.
 *
 * Memory:  two arrays, owned.
 * Threads: immutable after fuel_init().
 */
#pragma once

#include "shared/bpf/object.h"

#define FUEL_FRAMES 8u			/* calls nest no deeper: the verifier sees to that */
#define FUEL_MAX    (UINT64_C(1) << 62) /* a charge is at most this; so is what a run is given */
#define FUEL_ROUND  1u /* what a round of a callback costs besides its instructions */

struct fuel {
	uint64_t *
		before; /* by instruction: the most that is executed before it, without a jump back */
	uint64_t *totals; /* by function: the most that a call of it executes without a jump back */
};

struct fuel_code {
	const struct bpf_insn *insns;
	const struct object_function *functions; /* as object_functions() has them */
	uint32_t insns_count, functions_count;
};

/* fails NO_MEMORY; `out` is then for fuel_fini() as well. */
MUST_CHECK struct err *fuel_init(const struct fuel_code *code, struct fuel *out);
void fuel_fini(struct fuel *f);

/* Whether a jump from instruction `from` to `to` of the same function is one that is charged. */
static inline bool fuel_is_back(uint32_t from, uint32_t to)
{
	return to <= from;
}

/* For a jump back from `from` to `to`, before it is taken: at least 1. */
uint64_t fuel_of_jump(const struct fuel *f, uint32_t from, uint32_t to);
