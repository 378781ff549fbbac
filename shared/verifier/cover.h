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

/* Every number, pointer, slot and reference of `old` stands for that of `s`, whether it matters or not: so
 * `old` may be unfinished, and what matters not yet known. */
bool cover_all(const struct snapshot *old, const struct state *s, uint64_t *work);

/* Whether both stand at the same place of the same calls. */
bool cover_is_place(const struct snapshot *old, const struct state *s);

/* ---- one by one, for widening ---- */

#define COVER_MAX_NAMES 256

/* Ids of one state, and those of another one that they stand for. */
struct cover_names {
	uint32_t old[COVER_MAX_NAMES], now[COVER_MAX_NAMES];
	unsigned count;
};

bool cover_same_name(struct cover_names *n, uint32_t old, uint32_t now);

/* As cover_all() compares what two registers hold. */
bool cover_reg(struct cover_names *names, const struct state_reg *old, const struct state_reg *now);
