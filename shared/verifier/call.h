/*
 * call - calls: helpers by the kinds of their arguments and the role's rights, local functions by
 * walking into them, and exit.
 *
 * To add a kind of helper argument: a row in call.c's table and a .case.
 */
#pragma once

#include "shared/verifier/check.h"

MUST_CHECK struct err *call_helper(struct check *c, const struct bpf_insn *insn);

/*
 * The same in two halves, for a helper that calls back: all that is asked of the arguments, which are
 * then in `args` (r1 … r5); and, when the callback was walked, what the call leaves.
 */
MUST_CHECK struct err *call_check(struct check *c, const struct bpf_insn *insn,
				  struct state_reg args[5]);
MUST_CHECK struct err *call_finish(struct check *c, const struct bpf_insn *insn,
				   const struct state_reg args[5]);

/* The callee's frame becomes the current one. fails CALL_DEPTH, STACK_LIMIT */
MUST_CHECK struct err *call_local(struct check *c, const struct bpf_insn *insn);

/*
 * The current function ends.
 *   next  where its caller goes on; UINT32_MAX where it was the entry, or a callback
 *   fails BAD_RETURN, UNRELEASED
 */
MUST_CHECK struct err *call_exit(struct check *c, uint32_t *next);
