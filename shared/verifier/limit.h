/*
 * limit - numbers below the size of memory that the host hands in.
 *
 * Where an entry says `data.readable(length)`, argument length is a *size*: the number S that its C type reads
 * in its register. No constant bounds it, so what a comparison with it teaches is kept with the numbers: a
 * limit of a register says that
 *
 *	reading(v) + left <= S		in mathematics, without any wrap
 *
 * where the form says how the register is read: all of it or its low half, with a sign or without. A pointer's
 * limits speak of its offset. What is known of S itself, `least`, is part of the state.
 *
 * Whoever makes a register hold another number has to drop its limits or derive new ones here.
 */
#pragma once

#include "shared/verifier/check.h"

#define LIMIT_MAX (INT64_C(1) << 56) /* no size of memory is larger, on any machine */

/* How a register is read. HIGH: its upper half, on its way through `<<= 32` and `>>= 32`. */
enum limit_form { LIMIT_U64, LIMIT_S64, LIMIT_U32, LIMIT_S32, LIMIT_HIGH_U32, LIMIT_HIGH_S32 };

/* The limit of size `of` that `r` has in that form, at least: false where it has none. *left is then how much
 * remains above it. */
bool limit_find(const struct state_reg *r, uint8_t of, enum limit_form form, int64_t *left);

/* `r` gets the limit, unless it has a better one. True where that is news. */
bool limit_add(struct state_reg *r, uint8_t of, enum limit_form form, int64_t left);

/* What r's limits and its range say of the sizes becomes known on this path. */
void limit_raise(struct check *c, const struct state_reg *r);

/*
 * A comparison says low < high (`strict`: 1) or low <= high (0), both read in `form`: register `low` gets the
 * limits of `high`.
 */
void limit_learn(struct check *c, struct state_reg *low, const struct state_reg *high,
		 enum limit_form form, int strict);

/* out's limits, after out = a op b of numbers (BPF_ADD …; its range does not matter). */
void limit_alu(unsigned op, bool is64, bool is_signed, const struct state_reg *a,
	       const struct state_reg *b, struct state_reg *out);

/* out's limits, when it is `from` cut to its low `bytes` bytes and extended. */
void limit_cut(const struct state_reg *from, unsigned bytes, bool is_signed, struct state_reg *out);

/* out's limits, after a pointer was moved: out = pointer ± number; and after out = a - b of pointers. */
void limit_move(const struct state_reg *pointer, const struct state_reg *number, bool is_sum,
		struct state_reg *out);
void limit_distance(const struct state_reg *a, const struct state_reg *b, struct state_reg *out);

/* ---- families: numbers, and places in memory, that a constant lies between ---- */

/* r was copied: both copies are of one family. */
void limit_link(struct check *c, struct state_reg *r);

/* out = a + by (by: a constant) stays in a's family, where nothing wraps. `is64`: of numbers. */
void limit_add_constant(const struct state_reg *a, int64_t by, bool is64, struct state_reg *out);

/* All of r's family get its limits. */
void limit_share(struct check *c, const struct state_reg *r);

/* The family's name and r's place in it; false where it has none. */
bool limit_family(const struct state_reg *r, uint32_t *name, int32_t *plus);

/* Whether what `old` promises, `now` does, in a state where the sizes are at least `least`: a number of which the
 * range says enough needs no limit. */
bool limit_covers(const struct state_reg *old, const struct state_reg *now, const int64_t *least);

/*
 * `now` was widened (its range is the new one, `was` what it was before): it gets the limits that hold for both.
 * Constants have those that follow from the sizes, so that `i < size` is not forgotten with the rounds in which
 * i was a constant.
 */
void limit_widen(const struct state_reg *old, const int64_t *old_least, const struct state_reg *was,
		 const int64_t *was_least, struct state_reg *now);
bool limit_equal(const struct state_reg *a, const struct state_reg *b);
