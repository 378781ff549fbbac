/*
 * Each jump is one of six relations, perhaps negated, perhaps with its sides swapped; a relation
 * narrows the bounds (of 64 or of 32 bits) or the bits, and range_settle() carries that to the rest.
 *
 * [I1] No pair (x, y) for which the relation is as asked is removed.
 */
#include "shared/verifier/refine.h"

#include "shared/base/own.h"

#include <linux/bpf.h>

struct pair {
	struct range *a, *b;
	struct interval *x, *y; /* the bounds that are compared */
	unsigned width;
	uint64_t all; /* the bits that are compared */
};

static struct tnum compared(const struct pair *p, const struct range *r)
{
	return tnum_low(r->bits, p->width);
}

/* r's compared bits become `known`, the others stay. */
static void set_compared(const struct pair *p, struct range *r, struct tnum known)
{
	r->bits.value = (r->bits.value & ~p->all) | known.value;
	r->bits.mask = (r->bits.mask & ~p->all) | known.mask;
}

static bool equal(struct pair *p)
{
	struct tnum bits;
	struct interval common;
	if (!tnum_meet(compared(p, p->a), compared(p, p->b), &bits) ||
	    !interval_meet(*p->x, *p->y, &common))
		return false;
	set_compared(p, p->a, bits);
	set_compared(p, p->b, bits);
	*p->x = *p->y = common;
	return true;
}

/* `x` is not the one value of `y`: a bound that it is moves in. */
static bool exclude(unsigned width, struct interval *x, const struct interval *y)
{
	if (y->umin != y->umax)
		return true;
	if (x->umin == x->umax)
		return x->umin != y->umin;
	struct interval value = interval_const(width, y->umin);
	x->umin += x->umin == value.umin;
	x->umax -= x->umax == value.umax;
	if (x->smin == x->smax)
		return x->smin != value.smin;
	x->smin += x->smin == value.smin;
	x->smax -= x->smax == value.smax;
	return true;
}

static bool not_equal(struct pair *p)
{
	struct interval before = *p->x;
	return exclude(p->width, p->x, p->y) && exclude(p->width, p->y, &before);
}

static bool below(struct pair *p)
{
	if (p->x->umin >= p->y->umax)
		return false;
	p->x->umax = MIN(p->x->umax, p->y->umax - 1);
	p->y->umin = MAX(p->y->umin, p->x->umin + 1);
	return true;
}

static bool below_or_equal(struct pair *p)
{
	if (p->x->umin > p->y->umax)
		return false;
	p->x->umax = MIN(p->x->umax, p->y->umax);
	p->y->umin = MAX(p->y->umin, p->x->umin);
	return true;
}

static bool less(struct pair *p)
{
	if (p->x->smin >= p->y->smax)
		return false;
	p->x->smax = MIN(p->x->smax, p->y->smax - 1);
	p->y->smin = MAX(p->y->smin, p->x->smin + 1);
	return true;
}

static bool less_or_equal(struct pair *p)
{
	if (p->x->smin > p->y->smax)
		return false;
	p->x->smax = MIN(p->x->smax, p->y->smax);
	p->y->smin = MAX(p->y->smin, p->x->smin);
	return true;
}

/* Where a's bit is the only one that can meet b's, it is set. */
static bool some_common_bit(struct pair *p)
{
	struct tnum a = compared(p, p->a), b = compared(p, p->b);
	uint64_t may = (a.value | a.mask) & (b.value | b.mask);
	if (may == 0)
		return false;
	if ((may & (may - 1)) == 0) {
		set_compared(p, p->a, (struct tnum){a.value | may, a.mask & ~may});
		set_compared(p, p->b, (struct tnum){b.value | may, b.mask & ~may});
	}
	return true;
}

/* A bit that is set in one is clear in the other. */
static bool no_common_bit(struct pair *p)
{
	struct tnum a = compared(p, p->a), b = compared(p, p->b);
	if (a.value & b.value)
		return false;
	set_compared(p, p->a, (struct tnum){a.value, a.mask & ~b.value});
	set_compared(p, p->b, (struct tnum){b.value, b.mask & ~a.value});
	return true;
}

struct relation {
	bool (*holds)(struct pair *), (*fails)(struct pair *);
	bool swap_holds, swap_fails; /* asked with the sides swapped */
};

static const struct relation relations[16] = {
	[BPF_JEQ >> 4] = {equal, not_equal, false, false},
	[BPF_JNE >> 4] = {not_equal, equal, false, false},
	[BPF_JLT >> 4] = {below, below_or_equal, false, true},
	[BPF_JLE >> 4] = {below_or_equal, below, false, true},
	[BPF_JGT >> 4] = {below, below_or_equal, true, false},
	[BPF_JGE >> 4] = {below_or_equal, below, true, false},
	[BPF_JSLT >> 4] = {less, less_or_equal, false, true},
	[BPF_JSLE >> 4] = {less_or_equal, less, false, true},
	[BPF_JSGT >> 4] = {less, less_or_equal, true, false},
	[BPF_JSGE >> 4] = {less_or_equal, less, true, false},
	[BPF_JSET >> 4] = {some_common_bit, no_common_bit, false, false},
};

bool refine_jump(unsigned op, bool is64, bool holds, struct range *a, struct range *b)
{
	const struct relation *r = &relations[(op >> 4) & 15];
	if (!r->holds)
		return true; /* not a comparison: nothing is learnt */
	struct pair p = {.a = a, .b = b, .width = is64 ? 64 : 32};
	if (holds ? r->swap_holds : r->swap_fails) {
		p.a = b;
		p.b = a;
	}
	p.x = is64 ? &p.a->full : &p.a->low;
	p.y = is64 ? &p.b->full : &p.b->low;
	p.all = is64 ? UINT64_MAX : UINT32_MAX;
	return (holds ? r->holds : r->fails)(&p) && range_settle(a) && range_settle(b);
}
