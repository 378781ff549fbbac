/*
 * call - calls: helpers by the kinds of their arguments and the role's rights, local functions by
 * walking into them, and exit.
 *
 * To add a kind of helper argument: a row in call.c's table and a .case.
 */
#pragma once

#include "shared/verifier/check.h"

MUST_CHECK struct err *call_helper(struct check *c, const struct bpf_insn *insn);

/* The callee's frame becomes the current one. fails CALL_DEPTH, STACK_LIMIT */
MUST_CHECK struct err *call_local(struct check *c, const struct bpf_insn *insn);

/*
 * The current function ends.
 *   next  where its caller goes on; UINT32_MAX where it was the entry
 *   fails BAD_RETURN, UNRELEASED
 */
MUST_CHECK struct err *call_exit(struct check *c, uint32_t *next);
