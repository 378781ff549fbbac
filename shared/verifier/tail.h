/*
 * tail - tail calls: bpf_tail_call(ctx, &programs, index) goes on with another entry of the object, with the same
 * context, and does not come back. Where there is none at the index, or HELPER_MAX_TAIL_CALLS were made in this run, the
 * program goes on itself.
 */
#pragma once

#include "shared/verifier/check.h"

/*
 * The current instruction is a tail call: all that is asked of it and of the entries that it may lead to. What
 * follows it is explored as for any helper; the way into another entry ends the path, and is noted at the
 * checkpoint.
 *   fails UNSUPPORTED, UNRELEASED, BAD_ARGUMENT and what call_helper() says
 */
MUST_CHECK struct err *tail_call(struct check *c, const struct bpf_insn *insn);

/*
 * All entries were explored: what each of them costs with all that it may go on with. Their rows of the verdict
 * then hold for the whole run.
 *   fails INSN_LIMIT
 */
MUST_CHECK struct err *tail_finish(struct check *c);
