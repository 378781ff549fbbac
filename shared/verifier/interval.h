/*
 * interval - the unsigned and the signed bounds of a number of 1 to 64 bits, and what each operation
 * makes of them. The width is an argument, so that the same code serves 64 and 32 bits, and a test can
 * try every pair of intervals at 4.
 *
 * Unsigned bounds are zero-extended, signed ones sign-extended to 64 bits. An interval holds the values
 * that lie in both. Every operation is sound: the result holds op(x, y) for all x in a, y in b, as
 * eBPF defines op (RFC 9669: x/0 = 0, x%0 = x, shift amounts modulo the width).
 * Threads: values only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct interval {
	uint64_t umin, umax;
	int64_t smin, smax;
};

struct interval interval_full(unsigned width);
struct interval interval_const(unsigned width, uint64_t value);
/* All of min … max; the signed bounds follow where they can. */
struct interval interval_unsigned(unsigned width, uint64_t min, uint64_t max);
struct interval interval_signed(unsigned width, int64_t min, int64_t max);

bool interval_contains(unsigned width, struct interval a, uint64_t x);
/* Whether each value of `b` is one of `a`: by bounds. */
bool interval_covers(struct interval a, struct interval b);
/* What lies in both; false where that is nothing. */
bool interval_meet(struct interval a, struct interval b, struct interval *out);
/* Lets the unsigned and the signed bounds tighten each other; false where nothing is left. */
bool interval_settle(unsigned width, struct interval *a);

typedef struct interval interval_op(unsigned width, struct interval a, struct interval b);
interval_op interval_add, interval_sub, interval_mul, interval_div, interval_mod, interval_sdiv,
	interval_smod, interval_and, interval_or, interval_xor, interval_lsh, interval_rsh,
	interval_arsh;
