/*
 * meter - roles with `metered: true`: what is not proved to end is counted in the compiled code, which
 * ends the run when the role's max_instructions are used up.
 *
 * An entry is analysed up to METER_ATTEMPTS times: first as if the role did not meter, since a proof costs
 * nothing at run time; then with loops of some rounds walked exactly and all others widened; then with
 * next to none walked exactly, for loops in loops in loops.
 */
#pragma once

#include "shared/verifier/check.h"

#define METER_ATTEMPTS 3u

/* fails NO_MEMORY */
MUST_CHECK struct err *meter_init(struct check *c);
void meter_fini(struct check *c);

/* Attempt `n` begins: 0 is the proof. */
void meter_begin(struct check *c, unsigned n);

/* Whether attempt `n`, which ended with `e`, is followed by another one. Then `e` was destroyed and the
 * verdict is open again. */
bool meter_retries(struct check *c, unsigned n, struct err *e);

static inline bool meter_is_on(const struct check *c)
{
	return c->meter.rounds > 0;
}

/*
 * The current instruction may end the run: `what` ("the jump back") is where the code counts.
 * fails UNRELEASED: something is held, which would be lost
 */
MUST_CHECK struct err *meter_may_end(struct check *c, const char *what);

/* The path ends here, since an unfinished checkpoint goes on for it. */
void meter_go_round(struct check *c);

/* The current instruction calls a global function, whose loops the code counts as well. `holds` is the
 * function's. fails UNRELEASED */
MUST_CHECK struct err *meter_call(struct check *c, bool holds);

/*
 * What c->root costs, of which `e` has the proved length.
 * fails INSN_LIMIT: more than max_instructions before the first loop goes round
 */
MUST_CHECK struct err *meter_finish(struct check *c, struct verifier_entry *e);

/* Entry `e`, which was proved, goes on with others that are metered, or with so many that all of it has to be.
 * fails UNRELEASED, INSN_LIMIT */
MUST_CHECK struct err *meter_chain(struct check *c, struct verifier_entry *e);
