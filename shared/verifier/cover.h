/*
 * cover - whether a checkpoint's state stands for another one: what holds for all executions from the
 * first then holds for the second. What was compared is added to *work.
 */
#pragma once

#include "shared/verifier/tree.h"

/* `n` is finished: each of its numbers that matters, and each pointer, stands for that of `s`. Slots
 * that were never read are not compared. */
bool cover_check(const struct tree_node *n, const struct state *s, uint64_t *work);

/* `n` is an ancestor: nothing at all has changed since. */
bool cover_equals(const struct tree_node *n, const struct state *s, uint64_t *work);
