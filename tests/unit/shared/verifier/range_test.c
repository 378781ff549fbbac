/*
 * Ranges against numbers: all small ranges at the places where 32 and 64 bits meet their ends, and
 * random ones anywhere.
 */
#include "tests/unit/test.h"

#include "shared/base/own.h"
#include "shared/verifier/refine.h"

#include <linux/bpf.h>

static const unsigned alu_ops[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND,
				   BPF_OR,  BPF_XOR, BPF_LSH, BPF_RSH, BPF_ARSH};
static const unsigned jump_ops[] = {BPF_JEQ,  BPF_JNE,	BPF_JLT,  BPF_JLE,  BPF_JGT, BPF_JGE,
				    BPF_JSLT, BPF_JSLE, BPF_JSGT, BPF_JSGE, BPF_JSET};

static uint64_t next_random(uint64_t *seed) /* splitmix64 */
{
	uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* A range that holds all of `x[0..n)`, loose or tight in each of its views. */
static struct range around(uint64_t *seed, const uint64_t *x, unsigned n)
{
	struct range r = range_unknown();
	uint64_t r0 = next_random(seed), differ = 0;
	struct interval full = interval_const(64, x[0]), low = interval_const(32, x[0]);
	for (unsigned i = 0; i < n; i++) {
		struct interval f = interval_const(64, x[i]), l = interval_const(32, x[i]);
		full = (struct interval){MIN(full.umin, f.umin), MAX(full.umax, f.umax),
					 MIN(full.smin, f.smin), MAX(full.smax, f.smax)};
		low = (struct interval){MIN(low.umin, l.umin), MAX(low.umax, l.umax),
					MIN(low.smin, l.smin), MAX(low.smax, l.smax)};
		differ |= x[i] ^ x[0];
	}
	if (r0 & 1)
		r.full = full;
	if (r0 & 2)
		r.low = low;
	if (r0 & 4)
		r.bits = (struct tnum){x[0] & ~differ, differ};
	if (r0 & 8) {
		r.full.umin = full.umin;
		r.full.smax = full.smax;
	}
	assert_true(range_settle(&r));
	return r;
}

/* Numbers where something happens: small, near the ends of 32 and 64 bits, single bits, any. */
static uint64_t interesting(uint64_t *seed)
{
	static const uint64_t bases[] = {0,	    INT32_MAX,	UINT32_MAX,
					 INT64_MAX, UINT64_MAX, (uint64_t)INT32_MIN};
	uint64_t r = next_random(seed);
	switch (r % 4) {
	case 0:
		return bases[r / 4 % ARRAY_SIZE(bases)] + (r >> 32) % 9 - 4;
	case 1:
		return UINT64_C(1) << (r >> 32) % 64;
	case 2:
		return (r >> 32) % 64;
	}
	return next_random(seed);
}

static void check_alu(const struct range *a, const struct range *b, const uint64_t *x,
		      const uint64_t *y, unsigned n)
{
	for (size_t op = 0; op < ARRAY_SIZE(alu_ops); op++) {
		for (unsigned form = 0; form < 4; form++) {
			bool is64 = form & 1, is_signed = form & 2;
			struct range r = range_alu(alu_ops[op], is64, is_signed, a, b);
			for (unsigned i = 0; i < n * n; i++) {
				uint64_t v = range_eval(alu_ops[op], is64, is_signed, x[i / n],
							y[i % n]);
				if (!range_contains(&r, v))
					fail_msg("op %x form %u: %lx, %lx gives %lx, which is lost",
						 alu_ops[op], form, x[i / n], y[i % n], v);
			}
		}
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

static void check_jump(const struct range *a, const struct range *b, const uint64_t *x,
		       const uint64_t *y, unsigned n)
{
	for (size_t op = 0; op < ARRAY_SIZE(jump_ops); op++) {
		for (unsigned form = 0; form < 4; form++) {
			bool is64 = form & 1, holds = form & 2;
			struct range ra = *a, rb = *b;
			bool possible = refine_jump(jump_ops[op], is64, holds, &ra, &rb);
			for (unsigned i = 0; i < n * n; i++) {
				uint64_t p = x[i / n], q = y[i % n];
				if (compare(jump_ops[op], is64, p, q) != holds)
					continue;
				if (!possible || !range_contains(&ra, p) || !range_contains(&rb, q))
					fail_msg("op %x form %u: %lx, %lx is lost", jump_ops[op],
						 form, p, q);
			}
		}
	}
}

static void check_extensions(const struct range *a, const uint64_t *x, unsigned n)
{
	for (unsigned bytes = 1; bytes <= 8; bytes *= 2) {
		struct range z = range_zero_extend(a, bytes), s = range_sign_extend(a, bytes);
		struct range w = range_swap(a, bytes == 1 ? 16 : bytes * 8);
		unsigned up = 64 - 8 * bytes;
		for (unsigned i = 0; i < n; i++) {
			assert_true(range_contains(&z, x[i] << up >> up));
			assert_true(range_contains(&s, (uint64_t)((int64_t)(x[i] << up) >> up)));
			unsigned bits = bytes == 1 ? 16 : bytes * 8;
			assert_true(range_contains(&w, __builtin_bswap64(x[i]) >> (64 - bits)));
		}
	}
}

static void check_join(const struct range *a, const struct range *b, const uint64_t *x,
		       const uint64_t *y, unsigned n)
{
	struct range both = range_join(a, b), settled = both;
	assert_true(range_settle(&settled));
	assert_true(range_covers(&both, a) && range_covers(&both, b));
	for (unsigned i = 0; i < n; i++)
		assert_true(range_contains(&settled, x[i]) && range_contains(&settled, y[i]));
	struct range same = range_join(a, a);
	assert_true(range_equal(&same, a));
}

static void holds_every_result_on_random_numbers(void **state UNUSED)
{
	uint64_t seed = 1, x[3], y[3];
	for (int round = 0; round < 30000; round++) {
		for (int i = 0; i < 3; i++) {
			x[i] = interesting(&seed);
			y[i] = interesting(&seed);
		}
		struct range a = around(&seed, x, 3), b = around(&seed, y, 3);
		check_alu(&a, &b, x, y, 3);
		check_jump(&a, &b, x, y, 3);
		check_extensions(&a, x, 3);
		check_join(&a, &b, x, y, 3);
	}
}

/* All ranges of up to 8 numbers at each end, with all their members. */
static void holds_every_result_at_the_ends(void **state UNUSED)
{
	static const uint64_t bases[] = {0, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
	uint64_t x[8], y[8], seed = 7;
	for (size_t p = 0; p < ARRAY_SIZE(bases); p++)
		for (size_t q = 0; q < ARRAY_SIZE(bases); q++)
			for (uint64_t i = 0; i < 8; i++)
				for (uint64_t j = 0; j < 8; j += 3) {
					for (uint64_t n = 0; n < 8; n++) {
						x[n] = bases[p] - 3 + (i + n % (8 - i) - i / 2);
						y[n] = bases[q] - 3 + (j + n % (8 - j) - j / 2);
					}
					struct range a = around(&seed, x, 8);
					struct range b = around(&seed, y, 8);
					check_alu(&a, &b, x, y, 8);
					check_jump(&a, &b, x, y, 8);
				}
}

static void covers_means_containment_of_all_views(void **state UNUSED)
{
	uint64_t seed = 3, x[3];
	for (int round = 0; round < 20000; round++) {
		for (int i = 0; i < 3; i++)
			x[i] = interesting(&seed);
		struct range a = around(&seed, x, 3), b = around(&seed, x, 2);
		if (range_covers(&a, &b))
			assert_true(range_contains(&a, x[0]) && range_contains(&a, x[1]));
		assert_true(range_covers(&a, &a));
		struct range one = range_const(x[2]);
		assert_true(range_covers(&a, &one));
	}
}

static void a_bound_check_bounds_the_number(void **state UNUSED)
{
	struct range a = range_unknown(), b = range_const(64);
	assert_true(refine_jump(BPF_JLT, true, true, &a, &b));
	assert_true(a.full.umax == 63 && a.full.smin == 0 && a.low.umax == 63);
	struct range w = range_bytes(4), n = range_const(100);
	assert_true(refine_jump(BPF_JGT, false, false, &w, &n));
	assert_true(w.full.umax == 100);
}

static void a_mask_bounds_the_number(void **state UNUSED)
{
	struct range a = range_unknown(), b = range_const(15);
	struct range r = range_alu(BPF_AND, true, false, &a, &b);
	assert_true(r.full.umax == 15 && r.full.smin == 0);
}

static void sees_impossible_ways(void **state UNUSED)
{
	struct range a = range_unsigned(0, 9), b = range_const(10);
	assert_false(refine_jump(BPF_JEQ, true, true, &a, &b));
	a = range_unsigned(0, 9);
	assert_false(refine_jump(BPF_JLT, true, false, &a, &b));
	a = range_const(6);
	b = range_const(1);
	assert_false(refine_jump(BPF_JSET, true, true, &a, &b));
}

static void follows_the_rules_for_division(void **state UNUSED)
{
	assert_true(range_eval(BPF_DIV, true, false, 5, 0) == 0);
	assert_true(range_eval(BPF_MOD, true, false, 5, 0) == 5);
	assert_true(range_eval(BPF_MOD, false, false, UINT64_MAX, 0) == UINT32_MAX);
	assert_true(range_eval(BPF_DIV, true, true, (uint64_t)INT64_MIN, UINT64_MAX) ==
		    (uint64_t)INT64_MIN);
	assert_true(range_eval(BPF_MOD, true, true, (uint64_t)INT64_MIN, UINT64_MAX) == 0);
	assert_true(range_eval(BPF_DIV, false, true, (uint32_t)-6, 2) == (uint32_t)-3);
	assert_true(range_eval(BPF_DIV, false, true, 0x80000000u, UINT32_MAX) == 0x80000000u);
	assert_true(range_eval(BPF_LSH, true, false, 1, 65) == 2);
	assert_true(range_eval(BPF_ARSH, false, false, 0x80000000u, 31) == UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_every_result_on_random_numbers),
		cmocka_unit_test(holds_every_result_at_the_ends),
		cmocka_unit_test(covers_means_containment_of_all_views),
		cmocka_unit_test(a_bound_check_bounds_the_number),
		cmocka_unit_test(a_mask_bounds_the_number),
		cmocka_unit_test(sees_impossible_ways),
		cmocka_unit_test(follows_the_rules_for_division),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
