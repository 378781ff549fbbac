/*
 * Numbers. Three views of one value are kept: bits, 64-bit bounds, 32-bit bounds.
 *
 * [I1] A range that leaves range_alu() and its kin holds at least what the operation can give.
 * [I2] range_settle() removes no value that lies in all three views.
 * [I3] A range whose bits are all known has equal bounds (settled), so range_is_const() asks the bits.
 */
#include "shared/verifier/range.h"

#include "shared/base/own.h"

#include <linux/bpf.h>
#include <string.h>

static struct range make(struct tnum bits, struct interval full, struct interval low)
{
	struct range r = {bits, full, low};
	(void)range_settle(&r);
	return r;
}

struct range range_unknown(void)
{
	return (struct range){TNUM_UNKNOWN, interval_full(64), interval_full(32)};
}

struct range range_const(uint64_t value)
{
	return (struct range){tnum_const(value), interval_const(64, value),
			      interval_const(32, value)};
}

struct range range_unsigned(uint64_t min, uint64_t max)
{
	return make(tnum_range(min, max), interval_unsigned(64, min, max), interval_full(32));
}

struct range range_signed(int64_t min, int64_t max)
{
	struct range r = range_unknown();
	r.full.smin = min;
	r.full.smax = max;
	(void)range_settle(&r); /* not empty: min ≤ max */
	return r;
}

struct range range_bytes(unsigned bytes)
{
	return range_unsigned(0, bytes >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * bytes)) - 1);
}

bool range_contains(const struct range *r, uint64_t x)
{
	return tnum_contains(r->bits, x) && interval_contains(64, r->full, x) &&
	       interval_contains(32, r->low, (uint32_t)x);
}

static bool interval_equal(const struct interval *a, const struct interval *b)
{
	return a->umin == b->umin && a->umax == b->umax && a->smin == b->smin && a->smax == b->smax;
}

bool range_equal(const struct range *a, const struct range *b)
{
	return a->bits.value == b->bits.value && a->bits.mask == b->bits.mask &&
	       interval_equal(&a->full, &b->full) && interval_equal(&a->low, &b->low);
}

bool range_covers(const struct range *a, const struct range *b)
{
	return tnum_covers(a->bits, b->bits) && interval_covers(a->full, b->full) &&
	       interval_covers(a->low, b->low);
}

/* ---- the views tighten each other ---- */

static struct interval bounds_of_bits(struct tnum t, unsigned width)
{
	struct interval i = interval_full(width);
	uint64_t sign = UINT64_C(1) << (width - 1);
	t = tnum_low(t, width);
	i.umin = t.value;
	i.umax = t.value | t.mask;
	unsigned up = 64 - width;
	i.smin = (int64_t)((t.value | (t.mask & sign)) << up) >> up;
	i.smax = (int64_t)((t.value | (t.mask & ~sign)) << up) >> up;
	return i;
}

/* The 64-bit bounds say something of the low half where all values share the upper one, or where all
 * fit into 32 bits with their sign. */
static bool full_to_low(struct range *r)
{
	struct interval i = interval_full(32);
	if (r->full.umin >> 32 == r->full.umax >> 32) {
		i.umin = (uint32_t)r->full.umin;
		i.umax = (uint32_t)r->full.umax;
	}
	if (r->full.smin >= INT32_MIN && r->full.smax <= INT32_MAX) {
		i.smin = r->full.smin;
		i.smax = r->full.smax;
	}
	return interval_meet(r->low, i, &r->low);
}

/* A value's upper half is at least that of the lower bound, and its low half at least low.umin: so is
 * the two put together. The same from above, and for signed bounds. */
static bool low_to_full(struct range *r)
{
	const uint64_t upper = ~(uint64_t)UINT32_MAX;
	struct interval i = {
		(r->full.umin & upper) | r->low.umin,
		(r->full.umax & upper) | r->low.umax,
		(int64_t)(((uint64_t)r->full.smin & upper) | r->low.umin),
		(int64_t)(((uint64_t)r->full.smax & upper) | r->low.umax),
	};
	return interval_meet(r->full, i, &r->full);
}

static bool bounds_to_bits(struct range *r)
{
	struct tnum full = tnum_range(r->full.umin, r->full.umax);
	struct tnum low = tnum_range(r->low.umin, r->low.umax);
	low.mask |= ~(uint64_t)UINT32_MAX;
	low.value &= UINT32_MAX;
	return tnum_meet(r->bits, full, &r->bits) && tnum_meet(r->bits, low, &r->bits);
}

static bool settle_once(struct range *r)
{
	return interval_meet(r->full, bounds_of_bits(r->bits, 64), &r->full) &&
	       interval_meet(r->low, bounds_of_bits(r->bits, 32), &r->low) &&
	       interval_settle(64, &r->full) && interval_settle(32, &r->low) && full_to_low(r) &&
	       interval_settle(32, &r->low) && low_to_full(r) && interval_settle(64, &r->full) &&
	       bounds_to_bits(r);
}

static struct interval join(struct interval a, struct interval b)
{
	return (struct interval){MIN(a.umin, b.umin), MAX(a.umax, b.umax), MIN(a.smin, b.smin),
				 MAX(a.smax, b.smax)};
}

struct range range_join(const struct range *a, const struct range *b)
{
	uint64_t unknown = a->bits.mask | b->bits.mask | (a->bits.value ^ b->bits.value);
	return (struct range){.bits = {a->bits.value & ~unknown, unknown},
			      .full = join(a->full, b->full),
			      .low = join(a->low, b->low)};
}

bool range_settle(struct range *r)
{
	if (r->bits.mask == 0) { /* the common case: a constant, or none at all */
		if (!range_contains(r, r->bits.value))
			return false;
		*r = range_const(r->bits.value);
		return true;
	}
	for (int round = 0; round < 3; round++) {
		struct range before = *r;
		if (!settle_once(r))
			return false;
		if (memcmp(&before, r, sizeof before) == 0)
			break; /* and so would every round that follows */
	}
	if (r->bits.mask == 0)
		*r = range_const(r->bits.value); /* [I3] */
	return true;
}

/* ---- extensions ---- */

struct range range_zero_extend(const struct range *r, unsigned bytes)
{
	if (bytes >= 8)
		return *r;
	unsigned width = 8 * bytes;
	uint64_t max = (UINT64_C(1) << width) - 1;
	struct interval low = interval_full(32), full = interval_unsigned(64, 0, max);
	if (bytes == 4) {
		low = r->low;
		full = interval_unsigned(64, low.umin, low.umax);
	} else if (r->full.umax <= max) {
		full = r->full;
	}
	return make(tnum_low(r->bits, width), full, low);
}

struct range range_sign_extend(const struct range *r, unsigned bytes)
{
	if (bytes >= 8)
		return *r;
	unsigned up = 64 - 8 * bytes;
	struct tnum bits = {(uint64_t)((int64_t)(r->bits.value << up) >> up),
			    (uint64_t)((int64_t)(r->bits.mask << up) >> up)};
	struct interval full = interval_full(64);
	if (bytes == 4)
		full = interval_signed(64, r->low.smin, r->low.smax);
	else
		full = interval_signed(64, -(INT64_C(1) << (8 * bytes - 1)),
				       (INT64_C(1) << (8 * bytes - 1)) - 1);
	return make(bits, full, bytes == 4 ? r->low : interval_full(32));
}

struct range range_swap(const struct range *r, unsigned bits)
{
	if (!range_is_const(r))
		return range_bytes(bits / 8);
	return range_const(__builtin_bswap64(r->bits.value) >> (64 - bits));
}

/* ---- operations on numbers ---- */

/* Signed division in eBPF's way: no trap at zero nor at the smallest number by -1. */
static int64_t signed_divide(bool is_mod, int64_t a, int64_t b)
{
	if (b == 0)
		return is_mod ? a : 0;
	if (b == -1)
		return is_mod ? 0 : (int64_t)(0 - (uint64_t)a);
	return is_mod ? a % b : a / b;
}

static uint64_t eval64(unsigned op, bool is_signed, uint64_t a, uint64_t b)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return is_signed ? (uint64_t)signed_divide(false, (int64_t)a, (int64_t)b)
		       : b	 ? a / b
				 : 0;
	case BPF_MOD:
		return is_signed ? (uint64_t)signed_divide(true, (int64_t)a, (int64_t)b)
		       : b	 ? a % b
				 : a;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & 63);
	case BPF_RSH:
		return a >> (b & 63);
	case BPF_ARSH:
		return (uint64_t)((int64_t)a >> (b & 63));
	}
	return 0;
}

uint64_t range_eval(unsigned op, bool is64, bool is_signed, uint64_t a, uint64_t b)
{
	is_signed = is_signed && (op == BPF_DIV || op == BPF_MOD);
	if (is64)
		return eval64(op, is_signed, a, b);
	if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH)
		b &= 31;
	if (is_signed || op == BPF_ARSH) {
		a = (uint64_t)(int64_t)(int32_t)a;
		b = (uint64_t)(int64_t)(int32_t)b;
	} else {
		a = (uint32_t)a;
		b = (uint32_t)b;
	}
	return (uint32_t)eval64(op, is_signed, a, b);
}

/* ---- operations on ranges: a row for each ---- */

typedef struct tnum bits_op(struct tnum a, struct tnum b);
typedef struct tnum bits_shift(struct tnum a, unsigned shift, unsigned width);

struct operation {
	bits_op *bits;	   /* NULL: no bit is known */
	bits_shift *shift; /* … instead, for a constant amount */
	interval_op *bounds, *signed_bounds;
	bool low_from_low; /* the low half of the result depends on the low halves only */
};

static const struct operation operations[16] = {
	[BPF_ADD >> 4] = {tnum_add, NULL, interval_add, NULL, true},
	[BPF_SUB >> 4] = {tnum_sub, NULL, interval_sub, NULL, true},
	[BPF_MUL >> 4] = {tnum_mul, NULL, interval_mul, NULL, true},
	[BPF_DIV >> 4] = {NULL, NULL, interval_div, interval_sdiv, false},
	[BPF_MOD >> 4] = {NULL, NULL, interval_mod, interval_smod, false},
	[BPF_AND >> 4] = {tnum_and, NULL, interval_and, NULL, true},
	[BPF_OR >> 4] = {tnum_or, NULL, interval_or, NULL, true},
	[BPF_XOR >> 4] = {tnum_xor, NULL, interval_xor, NULL, true},
	[BPF_LSH >> 4] = {NULL, tnum_lsh, interval_lsh, NULL, false},
	[BPF_RSH >> 4] = {NULL, tnum_rsh, interval_rsh, NULL, false},
	[BPF_ARSH >> 4] = {NULL, tnum_arsh, interval_arsh, NULL, false},
};

static struct tnum alu_bits(const struct operation *o, unsigned width, const struct range *a,
			    const struct range *b)
{
	struct tnum x = tnum_low(a->bits, width), y = tnum_low(b->bits, width);
	if (o->bits)
		return tnum_low(o->bits(x, y), width);
	if (o->shift && tnum_is_const(y))
		return o->shift(x, (unsigned)(y.value % width), width);
	return tnum_low(TNUM_UNKNOWN, width);
}

struct range range_alu(unsigned op, bool is64, bool is_signed, const struct range *a,
		       const struct range *b)
{
	if (range_is_const(a) && range_is_const(b))
		return range_const(range_eval(op, is64, is_signed, a->bits.value, b->bits.value));
	const struct operation *o = &operations[(op >> 4) & 15];
	interval_op *bounds = is_signed && o->signed_bounds ? o->signed_bounds : o->bounds;
	if (!bounds)
		return range_unknown();
	struct tnum bits = alu_bits(o, is64 ? 64 : 32, a, b);
	if (is64)
		return make(bits, bounds(64, a->full, b->full),
			    o->low_from_low ? bounds(32, a->low, b->low) : interval_full(32));
	struct interval low = bounds(32, a->low, b->low);
	return make(bits, interval_unsigned(64, low.umin, low.umax), low);
}
