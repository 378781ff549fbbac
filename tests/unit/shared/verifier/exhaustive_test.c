/*
 * Every range that four bits can have, with all its views together, against every number in it; and
 * monotony: who knows more of the operands knows no less of the result.
 *
 * A small range is the settled meet of a tnum and an interval of four bits; 81 × 136 of them come down to a
 * few hundred different ones. Operations of 32 bits see them at the upper end of the low half, those of 64
 * bits at the upper end of all, where signed and unsigned numbers have theirs.
 */
#include "tests/unit/test.h"

#include "shared/base/own.h"
#include "shared/verifier/refine.h"

#include <linux/bpf.h>

#define VALUES	 16u
#define TNUMS	 81u /* 3^4 */
#define MAX_SETS 1024u

/* Sanitizers look for other mistakes than these, and make each pair ten times as dear. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRIDE 11
#else
#define STRIDE 1
#endif

static const unsigned places[] = {28, 60}; /* for 32 bits, for 64 */
static const unsigned alu_ops[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND,
				   BPF_OR,  BPF_XOR, BPF_LSH, BPF_RSH, BPF_ARSH};
static const unsigned jump_ops[] = {BPF_JEQ,  BPF_JNE,	BPF_JLT,  BPF_JLE,  BPF_JGT, BPF_JGE,
				    BPF_JSLT, BPF_JSLE, BPF_JSGT, BPF_JSGE, BPF_JSET};

struct small {
	struct range range;
	uint16_t members; /* bit n: n << place is one */
};

struct smalls {
	struct small items[MAX_SETS];
	unsigned count, place;
};

static struct tnum nth(unsigned n, unsigned place)
{
	struct tnum t = {0, 0};
	for (unsigned bit = 0; bit < 4; bit++, n /= 3) {
		t.value |= (uint64_t)(n % 3 == 1) << (bit + place);
		t.mask |= (uint64_t)(n % 3 == 2) << (bit + place);
	}
	return t;
}

static bool is_known(const struct smalls *all, const struct range *r)
{
	for (unsigned i = 0; i < all->count; i++)
		if (range_equal(&all->items[i].range, r))
			return true;
	return false;
}

static void add(struct smalls *all, struct tnum bits, unsigned low, unsigned high)
{
	struct small s = {
		.range = range_unsigned((uint64_t)low << all->place, (uint64_t)high << all->place)};
	if (!tnum_meet(s.range.bits, bits, &s.range.bits) || !range_settle(&s.range) ||
	    is_known(all, &s.range))
		return;
	for (unsigned x = 0; x < VALUES; x++)
		if (range_contains(&s.range, (uint64_t)x << all->place))
			s.members |= (uint16_t)(1u << x);
	if (s.members == 0)
		return;
	assert_true(all->count < MAX_SETS);
	all->items[all->count++] = s;
}

static void fill(struct smalls *all, unsigned place)
{
	all->place = place;
	all->count = 0;
	for (unsigned n = 0; n < TNUMS; n++)
		for (unsigned low = 0; low < VALUES; low++)
			for (unsigned high = low; high < VALUES; high++)
				add(all, nth(n, place), low, high);
	assert_true(all->count > 200);
}

/* ---- every result is held ---- */

/* The least member of a set. */
static uint64_t first(unsigned members)
{
	return (uint64_t)__builtin_ctz(members);
}

static void check_alu(const struct small *a, const struct small *b, unsigned pa, unsigned pb,
		      unsigned op, unsigned form)
{
	bool is64 = form & 1, is_signed = form & 2;
	struct range r = range_alu(op, is64, is_signed, &a->range, &b->range);
	for (unsigned x = a->members; x; x &= x - 1)
		for (unsigned y = b->members; y; y &= y - 1) {
			uint64_t p = first(x) << pa, q = first(y) << pb;
			if (!range_contains(&r, range_eval(op, is64, is_signed, p, q)))
				fail_msg("op %x form %u: the result of %lx, %lx is lost", op, form,
					 p, q);
		}
}

static bool is_division(unsigned op)
{
	return op == BPF_DIV || op == BPF_MOD;
}

static void check_alu_pairs(const struct smalls *a, const struct smalls *b, unsigned is64)
{
	for (unsigned i = 0; i < a->count; i++)
		for (unsigned j = i % STRIDE; j < b->count; j += STRIDE)
			for (size_t op = 0; op < ARRAY_SIZE(alu_ops); op++)
				for (unsigned form = is64;
				     form < (is_division(alu_ops[op]) ? 4 : 2); form += 2)
					check_alu(&a->items[i], &b->items[j], a->place, b->place,
						  alu_ops[op], form);
}

static void arithmetic_holds_every_result(void **state UNUSED)
{
	static struct smalls a, b;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		fill(&a, places[i]);
		fill(&b, 0);
		check_alu_pairs(&a, &b, (unsigned)i);
	}
}

static bool compare(unsigned op, bool is64, uint64_t x, uint64_t y)
{
	int64_t sx = is64 ? (int64_t)x : (int32_t)x, sy = is64 ? (int64_t)y : (int32_t)y;
	if (!is64) {
		x = (uint32_t)x;
		y = (uint32_t)y;
	}
	return op == BPF_JEQ	? x == y
	       : op == BPF_JNE	? x != y
	       : op == BPF_JLT	? x < y
	       : op == BPF_JLE	? x <= y
	       : op == BPF_JGT	? x > y
	       : op == BPF_JGE	? x >= y
	       : op == BPF_JSLT ? sx < sy
	       : op == BPF_JSLE ? sx <= sy
	       : op == BPF_JSGT ? sx > sy
	       : op == BPF_JSGE ? sx >= sy
				: (x & y) != 0;
}

static void check_jump(const struct small *a, const struct small *b, unsigned place, unsigned op,
		       unsigned form)
{
	bool is64 = form & 1, holds = form & 2;
	struct range ra = a->range, rb = b->range;
	bool possible = refine_jump(op, is64, holds, &ra, &rb);
	for (unsigned x = a->members; x; x &= x - 1)
		for (unsigned y = b->members; y; y &= y - 1) {
			uint64_t p = first(x) << place, q = first(y) << place;
			if (compare(op, is64, p, q) != holds)
				continue;
			if (!possible || !range_contains(&ra, p) || !range_contains(&rb, q))
				fail_msg("jump %x form %u: %lx, %lx is lost", op, form, p, q);
		}
}

static void jumps_lose_no_pair(void **state UNUSED)
{
	static struct smalls all;
	for (size_t p = 0; p < ARRAY_SIZE(places); p++) {
		fill(&all, places[p]);
		for (unsigned i = 0; i < all.count; i++)
			for (unsigned j = i % STRIDE; j < all.count; j += STRIDE)
				for (size_t op = 0; op < ARRAY_SIZE(jump_ops); op++)
					for (unsigned form = (unsigned)p; form < 4; form += 2)
						check_jump(&all.items[i], &all.items[j], all.place,
							   jump_ops[op], form);
	}
}

/* ---- monotony ---- */

static const struct {
	const char *name;
	struct tnum (*of)(struct tnum a, struct tnum b);
} tnum_ops[] = {
	{"add", tnum_add}, {"sub", tnum_sub}, {"mul", tnum_mul},
	{"and", tnum_and}, {"or", tnum_or},   {"xor", tnum_xor},
};

static void tnums_know_no_less_of_less(void **state UNUSED)
{
	for (unsigned i = 0; i < TNUMS; i++)
		for (unsigned j = 0; j < TNUMS; j++) {
			struct tnum wide = nth(i, 0), narrow = nth(j, 0);
			for (unsigned k = 0; tnum_covers(wide, narrow) && k < TNUMS; k++)
				for (size_t op = 0; op < ARRAY_SIZE(tnum_ops); op++) {
					struct tnum w = tnum_ops[op].of(wide, nth(k, 0));
					struct tnum n = tnum_ops[op].of(narrow, nth(k, 0));
					if (!tnum_covers(w, n))
						fail_msg("%s is not monotone", tnum_ops[op].name);
				}
		}
}

static void check_monotone(const struct range *wide, const struct range *narrow,
			   const struct range *other)
{
	for (size_t op = 0; op < ARRAY_SIZE(alu_ops); op++)
		for (unsigned is64 = 0; is64 < 2; is64++) {
			struct range w = range_alu(alu_ops[op], is64, false, wide, other);
			struct range n = range_alu(alu_ops[op], is64, false, narrow, other);
			if (!range_covers(&w, &n))
				fail_msg("op %x, %s: more is known of more values", alu_ops[op],
					 is64 ? "64 bits" : "32 bits");
		}
}

/* All pairs of ranges, one within the other, with every 239th range as the other operand. */
static void ranges_know_no_less_of_less(void **state UNUSED)
{
	static struct smalls a, b;
	for (size_t p = 0; p < ARRAY_SIZE(places); p++) {
		fill(&a, places[p]);
		fill(&b, 0);
		for (unsigned i = 0; i < a.count; i++)
			for (unsigned j = i % STRIDE; j < a.count; j += STRIDE)
				for (unsigned k = (i + j) % 239;
				     range_covers(&a.items[i].range, &a.items[j].range) &&
				     k < b.count;
				     k += 239)
					check_monotone(&a.items[i].range, &a.items[j].range,
						       &b.items[k].range);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic_holds_every_result),
		cmocka_unit_test(jumps_lose_no_pair),
		cmocka_unit_test(tnums_know_no_less_of_less),
		cmocka_unit_test(ranges_know_no_less_of_less),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
