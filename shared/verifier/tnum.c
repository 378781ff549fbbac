/*
 * Bitwise knowledge. [I1] value & mask == 0 in every tnum that leaves this file.
 */
#include "shared/verifier/tnum.h"

static uint64_t ones(unsigned width)
{
	return width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

static struct tnum make(uint64_t value, uint64_t mask)
{
	return (struct tnum){value & ~mask, mask}; /* [I1] */
}

struct tnum tnum_range(uint64_t min, uint64_t max)
{
	uint64_t differ = min ^ max;
	if (differ == 0)
		return tnum_const(min);
	/* All bits from the highest differing one down take both values somewhere in between. */
	uint64_t unknown = ones(64 - (unsigned)__builtin_clzll(differ));
	return make(min, unknown);
}

struct tnum tnum_add(struct tnum a, struct tnum b)
{
	uint64_t value = a.value + b.value;
	uint64_t carries = (value + a.mask + b.mask) ^ value;
	return make(value, carries | a.mask | b.mask);
}

struct tnum tnum_sub(struct tnum a, struct tnum b)
{
	uint64_t value = a.value - b.value;
	uint64_t borrows = (value + a.mask) ^ (value - b.mask);
	return make(value, borrows | a.mask | b.mask);
}

static struct tnum join(struct tnum a, struct tnum b)
{
	uint64_t mask = a.mask | b.mask | (a.value ^ b.value);
	return make(a.value & ~mask, mask);
}

/* Long multiplication: a bit of `a` that is not known adds `b` or does not. Each step is monotone, and so
 * the whole is; that is what lets a covered state's results be covered. */
struct tnum tnum_mul(struct tnum a, struct tnum b)
{
	struct tnum sum = tnum_const(0);
	for (; a.value || a.mask; a.value >>= 1, a.mask >>= 1) {
		if (a.value & 1)
			sum = tnum_add(sum, b);
		else if (a.mask & 1)
			sum = join(sum, tnum_add(sum, b));
		b.value <<= 1;
		b.mask <<= 1;
	}
	return sum;
}

struct tnum tnum_and(struct tnum a, struct tnum b)
{
	uint64_t may = (a.value | a.mask) & (b.value | b.mask), must = a.value & b.value;
	return make(must, may & ~must);
}

struct tnum tnum_or(struct tnum a, struct tnum b)
{
	uint64_t must = a.value | b.value;
	return make(must, (a.mask | b.mask) & ~must);
}

struct tnum tnum_xor(struct tnum a, struct tnum b)
{
	return make(a.value ^ b.value, a.mask | b.mask);
}

struct tnum tnum_lsh(struct tnum a, unsigned shift, unsigned width)
{
	return tnum_low(make(a.value << shift, a.mask << shift), width);
}

struct tnum tnum_rsh(struct tnum a, unsigned shift, unsigned width)
{
	a = tnum_low(a, width);
	return make(a.value >> shift, a.mask >> shift);
}

/* The bits of `width` moved to the top, where the machine's own sign bit is. */
struct tnum tnum_arsh(struct tnum a, unsigned shift, unsigned width)
{
	unsigned up = 64 - width;
	uint64_t value = (uint64_t)((int64_t)(a.value << up) >> shift) >> up;
	uint64_t mask = (uint64_t)((int64_t)(a.mask << up) >> shift) >> up;
	return make(value, mask);
}

struct tnum tnum_low(struct tnum a, unsigned width)
{
	return make(a.value & ones(width), a.mask & ones(width));
}

bool tnum_meet(struct tnum a, struct tnum b, struct tnum *out)
{
	if ((a.value ^ b.value) & ~a.mask & ~b.mask)
		return false;
	*out = make(a.value | b.value, a.mask & b.mask);
	return true;
}

bool tnum_covers(struct tnum a, struct tnum b)
{
	return (b.mask & ~a.mask) == 0 && tnum_contains(a, b.value);
}
