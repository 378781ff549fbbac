/*
 * tnum - tristate numbers: what is known of each bit of a 64-bit value. A bit is 0, 1 or unknown
 * (set in `mask`; then 0 in `value`).
 *
 * Every operation is sound: the result holds op(x, y) for all x in a and y in b; and monotone: from less of
 * a or b never comes more of the result. The addition and the subtraction are those of Vishwanathan et al.,
 * "Sound, Precise, and Fast Abstract Interpretation with Tristate Numbers" (CGO 2022).
 * Threads: values only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct tnum {
	uint64_t value, mask;
};

#define TNUM_UNKNOWN ((struct tnum){0, UINT64_MAX})

static inline struct tnum tnum_const(uint64_t value)
{
	return (struct tnum){value, 0};
}

static inline bool tnum_is_const(struct tnum t)
{
	return t.mask == 0;
}

static inline bool tnum_contains(struct tnum t, uint64_t x)
{
	return (x & ~t.mask) == t.value;
}

/* The closest tnum that holds all of min … max (unsigned). */
struct tnum tnum_range(uint64_t min, uint64_t max);

struct tnum tnum_add(struct tnum a, struct tnum b);
struct tnum tnum_sub(struct tnum a, struct tnum b);
struct tnum tnum_mul(struct tnum a, struct tnum b);
struct tnum tnum_and(struct tnum a, struct tnum b);
struct tnum tnum_or(struct tnum a, struct tnum b);
struct tnum tnum_xor(struct tnum a, struct tnum b);

/* `shift` < `width`, which is at most 64; the operand and the result are `width` bits wide. */
struct tnum tnum_lsh(struct tnum a, unsigned shift, unsigned width);
struct tnum tnum_rsh(struct tnum a, unsigned shift, unsigned width);
struct tnum tnum_arsh(struct tnum a, unsigned shift, unsigned width);

/* The low `width` bits, the rest 0. */
struct tnum tnum_low(struct tnum a, unsigned width);

/* What both know; false where they contradict each other (no value is in both). */
bool tnum_meet(struct tnum a, struct tnum b, struct tnum *out);

/* Whether each value of `b` is one of `a`. */
bool tnum_covers(struct tnum a, struct tnum b);
