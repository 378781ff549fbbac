/*
 * range - what is known of a 64-bit number: its bits, its bounds, and the bounds of its low half.
 *
 * The parts always hold together (a value is in a range when it is in all of them), and range_settle()
 * lets each tighten the others.
 * Threads: values only.
 */
#pragma once

#include "shared/verifier/interval.h"
#include "shared/verifier/tnum.h"

struct range {
	struct tnum bits;
	struct interval full; /* of 64 bits */
	struct interval low;  /* of the low 32 */
};

struct range range_unknown(void);
struct range range_const(uint64_t value);
/* Any number of `bytes` bytes (1, 2, 4, 8), zero-extended. */
struct range range_bytes(unsigned bytes);
/* min … max, unsigned; signed. */
struct range range_unsigned(uint64_t min, uint64_t max);
struct range range_signed(int64_t min, int64_t max);

bool range_contains(const struct range *r, uint64_t x);
bool range_equal(const struct range *a, const struct range *b);
/* Whether each value of `b` is one of `a`. */
bool range_covers(const struct range *a, const struct range *b);

static inline bool range_is_const(const struct range *r)
{
	return r->bits.mask == 0;
}

static inline bool range_is(const struct range *r, uint64_t value)
{
	return r->bits.mask == 0 && r->bits.value == value;
}

/* Every value of either. */
struct range range_join(const struct range *a, const struct range *b);

/* Lets the parts tighten each other; false where no value is left. */
bool range_settle(struct range *r);

/* The low `bytes` bytes, zero- or sign-extended. */
struct range range_zero_extend(const struct range *r, unsigned bytes);
struct range range_sign_extend(const struct range *r, unsigned bytes);

/*
 * `a` op `b`: `op` is BPF_ADD … BPF_ARSH (not NEG, MOV, END); ALU32 gives the zero-extended low half.
 * `is_signed` is for DIV and MOD.
 */
struct range range_alu(unsigned op, bool is64, bool is_signed, const struct range *a,
		       const struct range *b);

/* The same on numbers, as RFC 9669 defines it. */
uint64_t range_eval(unsigned op, bool is64, bool is_signed, uint64_t a, uint64_t b);

/* The byte-swapped low `bits` (16, 32, 64), zero-extended. */
struct range range_swap(const struct range *r, unsigned bits);
