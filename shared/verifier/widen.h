/*
 * widen - one state for all further rounds of a loop: what rounds change becomes unknown.
 */
#pragma once

#include "shared/verifier/check.h"

/* Whether a checkpoint of an earlier round of the loop stands for the current state, which has come to the
 * loop's head: all of it.
 * fails TOO_COMPLEX, as check_work() */
MUST_CHECK struct err *widen_covers(struct check *c, bool *out);

/*
 * The checkpoint to widen from, where the current state has come to its instruction, a head of a loop,
 * often enough: the last one there. NULL where the loop is to be walked exactly for a round more.
 *   steps  how often this loop was widened already on this path
 */
const struct tree_node *widen_from(const struct check *c, uint32_t *steps);

/*
 * Makes the current state one that stands for itself and for `from`, as far as it can. Whether it does
 * is the caller's to check (cover_all).
 *   at_once  numbers that differ become unknown, instead of giving up bound after bound
 */
void widen_state(struct check *c, const struct snapshot *from, bool at_once);
