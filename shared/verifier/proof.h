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

/* r0, a number, learns what the post-conditions of host function `f` say of `return` (a helper's result is not
 * for a document to promise); `args` are r1 … r5 as they were
 * before the call. */
void proof_after(struct check *c, const struct role_function *f, const struct state_reg args[5]);
