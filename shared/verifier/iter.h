/*
 * iter - number iterators: 8 bytes of the program's stack (state_object.h) that functions of the runtime make, move on
 * and end; what they hand out, and how often.
 *
 *	low ≤ next number ≤ high ≤ end		or there is none: what is known of one
 */
#pragma once

#include "shared/verifier/check.h"

/* A call of function `k` of the runtime, which the role grants as `granted`.
 * fails BAD_ARGUMENT, READ_ONLY, UNINIT_REGISTER, UNRELEASED, TOO_COMPLEX, CONSTRAINT and what memory_check() says */
MUST_CHECK struct err *iter_call(struct check *c, const struct kfunc *k,
				 const struct role_function *granted);

/* What `size` bytes at the offset of `pointer` (INTEGER) and `offset` are. */
struct state_reg iter_load(const struct check *c, const struct state_reg *pointer, int32_t offset,
			   unsigned size);

/* Whether iterator `old` stands for `now`, or is the same: apart from its name. */
bool iter_covers(const struct state_reg *old, const struct state_reg *now);
bool iter_equal(const struct state_reg *old, const struct state_reg *now);

/* `now` becomes one that stands for both, as far as it can: of the same loop, some rounds later. */
void iter_widen(const struct state_reg *old, struct state_reg *now);

/* The iterator that was made as `ref` is not destroyed; `where` ends the sentence: "on this path". */
MUST_CHECK NEVER_NULL struct err *
iter_reject_undestroyed(struct check *c, const struct state_ref *ref, const char *where);
