/*
 * callback - functions that a helper calls back: how often at the most, with what arguments, and what
 * they leave of the frames below them.
 *
 * To add a helper that calls back: its row in helper.tbl.h with HELPER_CALLS, a row here in callback.c.
 */
#pragma once

#include "shared/verifier/check.h"

/* One helper call that calls back. */
struct callback {
	uint32_t helper;
	const struct state_reg *args; /* of the helper: r1 … r5 */
	uint64_t rounds;	      /* the callback is called so often at the most */
};

/* `args` were checked. What decides about the rounds is precise from now on. */
struct callback callback_of(struct check *c, uint32_t helper, const struct state_reg args[5]);

/* The callback's frame becomes the current one, with the arguments of any round.
 * fails CALL_DEPTH */
MUST_CHECK struct err *callback_enter(struct check *c, const struct callback *b);

/* The callback ends.
 * fails BAD_RETURN, UNRELEASED */
MUST_CHECK struct err *callback_leave(struct check *c);

/* Slots that a callback may write, by frame: kept numbers there are forgotten, what was not initialised
 * stays so, kept pointers become unreadable. */
void callback_forget(struct state *s, const uint64_t written[STATE_FRAMES]);
