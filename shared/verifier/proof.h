/*
 * proof - the role's constraints on a call, against what is known of its arguments.
 */
#pragma once

#include "shared/verifier/check.h"

/*
 * Every enforced pre-condition of `f` holds for r1 … r5.
 *   fails CONSTRAINT: the constraint, and what is known of the arguments that it speaks of
 */
MUST_CHECK struct err *proof_before(struct check *c, const struct role_function *f);

/* An extension entry ends, with a number in r0: what it promises of its result holds.
 * fails CONSTRAINT */
MUST_CHECK struct err *proof_exit(struct check *c);

/* How many bytes the size of `t`, one of f's terms readable(n) or writable(n), may ask for, at the most;
 * UINT64_MAX where that is not known. Before the call. *is_exact: never less. */
uint64_t proof_reach(struct check *c, const struct role_function *f,
		     const struct constraint_term *t, bool *is_exact);

/* r0 learns what the post-conditions of host function `f` say of `return` (a helper's result is not
 * for a document to promise); `args` are r1 … r5 as they were
 * before the call. */
void proof_after(struct check *c, const struct role_function *f, const struct state_reg args[5]);
