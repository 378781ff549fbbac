/* Every pair of 4-bit tnums, against every number that they hold; at several places of the 64 bits. */
#include "tests/unit/test.h"

#include "shared/base/own.h"
#include "shared/verifier/tnum.h"

#define WIDTH	 4u
#define TNUMS	 81 /* 3^4 */
#define ALL_BITS 15u

static struct tnum nth(unsigned n)
{
	struct tnum t = {0, 0};
	for (unsigned bit = 0; bit < WIDTH; bit++, n /= 3) {
		t.value |= (uint64_t)(n % 3 == 1) << bit;
		t.mask |= (uint64_t)(n % 3 == 2) << bit;
	}
	return t;
}

static struct tnum at(struct tnum t, unsigned place)
{
	return (struct tnum){t.value << place, t.mask << place};
}

static uint64_t add(uint64_t x, uint64_t y)
{
	return x + y;
}
static uint64_t sub(uint64_t x, uint64_t y)
{
	return x - y;
}
static uint64_t mul(uint64_t x, uint64_t y)
{
	return x * y;
}
static uint64_t and (uint64_t x, uint64_t y)
{
	return x & y;
}
static uint64_t or (uint64_t x, uint64_t y)
{
	return x | y;
}
static uint64_t xor (uint64_t x, uint64_t y) { return x ^ y; }

	static const struct {
	const char *name;
	struct tnum (*abstract)(struct tnum a, struct tnum b);
	uint64_t (*concrete)(uint64_t x, uint64_t y);
} operations[] = {
	{"add", tnum_add, add}, {"sub", tnum_sub, sub}, {"mul", tnum_mul, mul},
	{"and", tnum_and, and}, {"or", tnum_or, or },	{"xor", tnum_xor, xor},
};

static void check_pair(size_t op, struct tnum a, struct tnum b, unsigned place)
{
	struct tnum r = operations[op].abstract(at(a, place), at(b, place));
	if (r.value & r.mask)
		fail_msg("%s: a bit is both known and unknown", operations[op].name);
	for (uint64_t x = 0; x <= ALL_BITS; x++)
		for (uint64_t y = 0; y <= ALL_BITS; y++)
			if (tnum_contains(a, x) && tnum_contains(b, y) &&
			    !tnum_contains(r, operations[op].concrete(x << place, y << place)))
				fail_msg("%s of %lu and %lu at %u is lost", operations[op].name, x,
					 y, place);
}

static void holds_every_result_of_every_operation(void **state UNUSED)
{
	static const unsigned places[] = {0, 1, 29, 60};
	for (size_t op = 0; op < ARRAY_SIZE(operations); op++)
		for (size_t p = 0; p < ARRAY_SIZE(places); p++)
			for (unsigned i = 0; i < TNUMS; i++)
				for (unsigned j = 0; j < TNUMS; j++)
					check_pair(op, nth(i), nth(j), places[p]);
}

static void is_exact_on_known_numbers(void **state UNUSED)
{
	for (size_t op = 0; op < ARRAY_SIZE(operations); op++)
		for (uint64_t x = 0; x <= ALL_BITS; x++)
			for (uint64_t y = 0; y <= ALL_BITS; y++) {
				struct tnum r =
					operations[op].abstract(tnum_const(x), tnum_const(y));
				assert_true(tnum_is_const(r));
				assert_true(r.value == operations[op].concrete(x, y));
			}
}

static void check_shifts(struct tnum a, unsigned place, unsigned width, unsigned shift)
{
	struct tnum t = at(a, place);
	uint64_t all = width == 64 ? UINT64_MAX : UINT32_MAX;
	for (uint64_t v = 0; v <= ALL_BITS; v++) {
		uint64_t x = v << place & all, sx;
		if (!tnum_contains(a, v))
			continue;
		sx = width == 64 ? (uint64_t)((int64_t)x >> shift)
				 : (uint32_t)((int32_t)x >> shift);
		assert_true(tnum_contains(tnum_lsh(t, shift, width), x << shift & all));
		assert_true(tnum_contains(tnum_rsh(t, shift, width), x >> shift));
		assert_true(tnum_contains(tnum_arsh(tnum_low(t, width), shift, width), sx));
	}
}

static void shifts_hold_every_result(void **state UNUSED)
{
	for (unsigned i = 0; i < TNUMS; i++) {
		for (unsigned shift = 0; shift < 32; shift++) {
			check_shifts(nth(i), 0, 64, shift);
			check_shifts(nth(i), 60, 64, shift + 32);
			check_shifts(nth(i), 0, 32, shift);
			check_shifts(nth(i), 28, 32, shift);
		}
	}
}

static void range_holds_what_lies_between(void **state UNUSED)
{
	for (uint64_t min = 0; min < 64; min++)
		for (uint64_t max = min; max < 64; max++)
			for (uint64_t x = min; x <= max; x++)
				assert_true(tnum_contains(tnum_range(min, max), x));
	assert_true(tnum_contains(tnum_range(0, UINT64_MAX), UINT64_MAX));
}

static void meet_keeps_what_is_in_both_and_sees_contradictions(void **state UNUSED)
{
	for (unsigned i = 0; i < TNUMS; i++) {
		for (unsigned j = 0; j < TNUMS; j++) {
			struct tnum both = {0, 0};
			bool any = tnum_meet(nth(i), nth(j), &both), found = false;
			for (uint64_t x = 0; x <= ALL_BITS; x++) {
				bool in = tnum_contains(nth(i), x) && tnum_contains(nth(j), x);
				found |= in;
				if (any)
					assert_int_equal(tnum_contains(both, x), in);
			}
			assert_int_equal(any, found);
		}
	}
}

static void covers_means_every_value_is_held(void **state UNUSED)
{
	for (unsigned i = 0; i < TNUMS; i++) {
		for (unsigned j = 0; j < TNUMS; j++) {
			bool all = true;
			for (uint64_t x = 0; x <= ALL_BITS; x++)
				all &= !tnum_contains(nth(j), x) || tnum_contains(nth(i), x);
			assert_int_equal(tnum_covers(nth(i), nth(j)), all);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_every_result_of_every_operation),
		cmocka_unit_test(is_exact_on_known_numbers),
		cmocka_unit_test(shifts_hold_every_result),
		cmocka_unit_test(range_holds_what_lies_between),
		cmocka_unit_test(meet_keeps_what_is_in_both_and_sees_contradictions),
		cmocka_unit_test(covers_means_every_value_is_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
