/*
 * Bounds arithmetic at any width.
 *
 * The idea: compute the bounds of the exact mathematical result in 128 bits, where nothing overflows,
 * and then ask once, in wrap(), what survives the reduction modulo 2^width: when both ends fall into
 * the same multiple of 2^width, the reduced ends are bounds; else the range wraps around and nothing is
 * known. The unsigned and the signed reading each give one such answer, and both hold.
 *
 * [I1] umin <= umax and smin <= smax in every interval that leaves this file, if it is so in those that
 *      come in.
 */
#include "shared/verifier/interval.h"

#include "shared/base/own.h"

typedef __int128 wide;

static uint64_t u_max(unsigned width)
{
	return width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

static int64_t s_max(unsigned width)
{
	return (int64_t)(u_max(width) >> 1);
}

static int64_t s_min(unsigned width)
{
	return -s_max(width) - 1;
}

static int64_t as_signed(unsigned width, uint64_t x)
{
	return (int64_t)(x << (64 - width)) >> (64 - width);
}

static uint64_t as_unsigned(unsigned width, int64_t x)
{
	return (uint64_t)x & u_max(width);
}

struct interval interval_full(unsigned width)
{
	return (struct interval){0, u_max(width), s_min(width), s_max(width)};
}

struct interval interval_const(unsigned width, uint64_t value)
{
	value &= u_max(width);
	int64_t s = as_signed(width, value);
	return (struct interval){value, value, s, s};
}

struct interval interval_unsigned(unsigned width, uint64_t min, uint64_t max)
{
	struct interval i = interval_full(width);
	i.umin = min;
	i.umax = max;
	(void)interval_settle(width, &i);
	return i;
}

struct interval interval_signed(unsigned width, int64_t min, int64_t max)
{
	struct interval i = interval_full(width);
	i.smin = min;
	i.smax = max;
	(void)interval_settle(width, &i);
	return i;
}

bool interval_contains(unsigned width, struct interval a, uint64_t x)
{
	int64_t s = as_signed(width, x);
	return a.umin <= x && x <= a.umax && a.smin <= s && s <= a.smax;
}

bool interval_covers(struct interval a, struct interval b)
{
	return a.umin <= b.umin && b.umax <= a.umax && a.smin <= b.smin && b.smax <= a.smax;
}

bool interval_meet(struct interval a, struct interval b, struct interval *out)
{
	struct interval m = {MAX(a.umin, b.umin), MIN(a.umax, b.umax), MAX(a.smin, b.smin),
			     MIN(a.smax, b.smax)};
	if (m.umin > m.umax || m.smin > m.smax)
		return false;
	*out = m;
	return true;
}

/* Where all values have the same sign, both readings are in the same order. */
bool interval_settle(unsigned width, struct interval *a)
{
	if (a->umin > a->umax || a->smin > a->smax)
		return false;
	struct interval other = interval_full(width);
	int64_t low = as_signed(width, a->umin), high = as_signed(width, a->umax);
	if ((low < 0) == (high < 0)) {
		other.smin = low;
		other.smax = high;
	}
	if ((a->smin < 0) == (a->smax < 0)) {
		other.umin = as_unsigned(width, a->smin);
		other.umax = as_unsigned(width, a->smax);
	}
	return interval_meet(*a, other, a);
}

/* The exact results low … high, reduced modulo 2^width. */
static struct interval wrap(unsigned width, wide low, wide high)
{
	struct interval i = interval_full(width);
	wide half = (wide)1 << (width - 1), shifted;
	if (low >> width == high >> width) {
		i.umin = (uint64_t)low & u_max(width);
		i.umax = (uint64_t)high & u_max(width);
	}
	if (__builtin_add_overflow(high, half, &shifted)) /* a shift of 64 bits by 63 comes there */
		return i;
	if ((low + half) >> width == shifted >> width) {
		i.smin = as_signed(width, (uint64_t)low & u_max(width));
		i.smax = as_signed(width, (uint64_t)high & u_max(width));
	}
	return i;
}

/* Both answers hold; they have the result in common, so the meeting is never empty. */
static struct interval both(unsigned width, struct interval a, struct interval b)
{
	struct interval m = a;
	if (!interval_meet(a, b, &m))
		return interval_full(width);
	(void)interval_settle(width, &m);
	return m;
}

struct interval interval_add(unsigned width, struct interval a, struct interval b)
{
	return both(width, wrap(width, (wide)a.umin + b.umin, (wide)a.umax + b.umax),
		    wrap(width, (wide)a.smin + b.smin, (wide)a.smax + b.smax));
}

struct interval interval_sub(unsigned width, struct interval a, struct interval b)
{
	return both(width, wrap(width, (wide)a.umin - b.umax, (wide)a.umax - b.umin),
		    wrap(width, (wide)a.smin - b.smax, (wide)a.smax - b.smin));
}

struct interval interval_mul(unsigned width, struct interval a, struct interval b)
{
	wide corners[4] = {(wide)a.smin * b.smin, (wide)a.smin * b.smax, (wide)a.smax * b.smin,
			   (wide)a.smax * b.smax};
	wide low = corners[0], high = corners[0];
	for (int i = 1; i < 4; i++) {
		low = MIN(low, corners[i]);
		high = MAX(high, corners[i]);
	}
	struct interval s = wrap(width, low, high);
	wide umax;
	if (__builtin_mul_overflow((wide)a.umax, (wide)b.umax, &umax))
		return both(width, s, s);
	return both(width, s, wrap(width, (wide)a.umin * b.umin, umax));
}

struct interval interval_div(unsigned width, struct interval a, struct interval b)
{
	if (b.umin == 0) /* x/0 = 0, and no quotient is larger than the dividend */
		return interval_unsigned(width, 0, b.umax == 0 ? 0 : a.umax);
	return interval_unsigned(width, a.umin / b.umax, a.umax / b.umin);
}

struct interval interval_mod(unsigned width, struct interval a, struct interval b)
{
	if (a.umax < b.umin)
		return a;
	if (b.umin == 0) /* x%0 = x */
		return interval_unsigned(width, b.umax == 0 ? a.umin : 0, a.umax);
	return interval_unsigned(width, 0, MIN(a.umax, b.umax - 1));
}

struct interval interval_sdiv(unsigned width, struct interval a, struct interval b)
{
	wide low, high;
	if (b.smin == b.smax && b.smin != 0) {
		low = (wide)a.smin / b.smin;
		high = (wide)a.smax / b.smin;
		return wrap(width, MIN(low, high), MAX(low, high));
	}
	high = MAX(a.smin < 0 ? -(wide)a.smin : (wide)a.smin,
		   a.smax < 0 ? -(wide)a.smax : (wide)a.smax);
	return wrap(width, -high, high); /* x/0 = 0 lies within */
}

/* The result has the dividend's sign, and is nearer to 0 than both operands (but x%0 = x). */
struct interval interval_smod(unsigned width, struct interval a, struct interval b)
{
	wide low = MIN(a.smin, (int64_t)0), high = MAX(a.smax, (int64_t)0);
	if (b.smin > 0 || b.smax < 0) {
		wide most = (b.smin > 0 ? (wide)b.smax : -(wide)b.smin) - 1;
		low = MAX(low, -most);
		high = MIN(high, most);
	}
	return wrap(width, low, high);
}

struct interval interval_and(unsigned width, struct interval a, struct interval b)
{
	return interval_unsigned(width, 0, MIN(a.umax, b.umax));
}

/* 2^n - 1 for the smallest n that holds `x`. */
static uint64_t fill(uint64_t x)
{
	return x == 0 ? 0 : UINT64_MAX >> __builtin_clzll(x);
}

struct interval interval_or(unsigned width, struct interval a, struct interval b)
{
	return interval_unsigned(width, MAX(a.umin, b.umin), fill(a.umax | b.umax));
}

struct interval interval_xor(unsigned width, struct interval a, struct interval b)
{
	return interval_unsigned(width, 0, fill(a.umax | b.umax));
}

/* The shift amounts that `b` allows, modulo the width. */
static void amounts(unsigned width, struct interval b, unsigned *low, unsigned *high)
{
	*low = 0;
	*high = width - 1;
	if (b.umin == b.umax) {
		*low = *high = (unsigned)(b.umin % width);
	} else if (b.umax < width) {
		*low = (unsigned)b.umin;
		*high = (unsigned)b.umax;
	}
}

struct interval interval_lsh(unsigned width, struct interval a, struct interval b)
{
	unsigned low, high;
	amounts(width, b, &low, &high);
	wide smin = (wide)a.smin * ((wide)1 << (a.smin < 0 ? high : low));
	wide smax = (wide)a.smax * ((wide)1 << (a.smax < 0 ? low : high));
	return both(width, wrap(width, (wide)a.umin << low, (wide)a.umax << high),
		    wrap(width, smin, smax));
}

struct interval interval_rsh(unsigned width, struct interval a, struct interval b)
{
	unsigned low, high;
	amounts(width, b, &low, &high);
	return interval_unsigned(width, a.umin >> high, a.umax >> low);
}

struct interval interval_arsh(unsigned width, struct interval a, struct interval b)
{
	unsigned low, high;
	amounts(width, b, &low, &high);
	return interval_signed(width, a.smin >> (a.smin < 0 ? low : high),
			       a.smax >> (a.smax < 0 ? high : low));
}
