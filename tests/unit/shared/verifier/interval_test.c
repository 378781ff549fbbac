/*
 * Every pair of settled intervals of 4 bits, against every pair of numbers in them: the same code that
 * runs at 64 and 32 bits.
 */
#include "tests/unit/test.h"

#include "shared/base/own.h"
#include "shared/verifier/interval.h"

#define WIDTH	      4u
#define SIZE	      16u
#define MAX_INTERVALS 4096

static struct interval intervals[MAX_INTERVALS];
static uint32_t members[MAX_INTERVALS]; /* bit x: x is in it */
static unsigned count;

static int64_t as_signed(uint64_t x)
{
	return x >= SIZE / 2 ? (int64_t)x - (int64_t)SIZE : (int64_t)x;
}

static uint32_t members_of(struct interval i)
{
	uint32_t found = 0;
	for (uint64_t x = 0; x < SIZE; x++)
		if (interval_contains(WIDTH, i, x))
			found |= 1u << x;
	return found;
}

/* Unsigned ranges, and the same with signed bounds that cut into them. */
static int collect(void **state UNUSED)
{
	for (uint64_t umin = 0; umin < SIZE; umin++) {
		for (uint64_t umax = umin; umax < SIZE; umax++) {
			for (int64_t smin = -8; smin < 8; smin += 1) {
				for (int64_t smax = smin; smax < 8; smax += 3) {
					struct interval i = {umin, umax, smin, smax};
					if (!members_of(i) || !interval_settle(WIDTH, &i) ||
					    count == MAX_INTERVALS)
						continue;
					intervals[count] = i;
					members[count++] = members_of(i);
				}
			}
		}
	}
	return 0;
}

static uint64_t eval(const char *op, uint64_t x, uint64_t y)
{
	int64_t a = as_signed(x), b = as_signed(y);
	if (!strcmp(op, "add"))
		return (x + y) % SIZE;
	if (!strcmp(op, "sub"))
		return (x - y) % SIZE;
	if (!strcmp(op, "mul"))
		return x * y % SIZE;
	if (!strcmp(op, "div"))
		return y ? x / y : 0;
	if (!strcmp(op, "mod"))
		return y ? x % y : x;
	if (!strcmp(op, "sdiv"))
		return (uint64_t)(b ? a / b : 0) % SIZE;
	if (!strcmp(op, "smod"))
		return (uint64_t)(b ? a % b : a) % SIZE;
	if (!strcmp(op, "and"))
		return x & y;
	if (!strcmp(op, "or"))
		return x | y;
	if (!strcmp(op, "xor"))
		return x ^ y;
	if (!strcmp(op, "lsh"))
		return (x << y % WIDTH) % SIZE;
	if (!strcmp(op, "rsh"))
		return x >> y % WIDTH;
	return (uint64_t)(a >> y % WIDTH) % SIZE;
}

static const struct {
	const char *name;
	interval_op *op;
} operations[] = {
	{"add", interval_add},	 {"sub", interval_sub}, {"mul", interval_mul},
	{"div", interval_div},	 {"mod", interval_mod}, {"sdiv", interval_sdiv},
	{"smod", interval_smod}, {"and", interval_and}, {"or", interval_or},
	{"xor", interval_xor},	 {"lsh", interval_lsh}, {"rsh", interval_rsh},
	{"arsh", interval_arsh},
};

/* The results of op over the members, by table, so that the pairs of intervals stay cheap. */
static void check_operation(const char *name, interval_op *op)
{
	uint32_t results[SIZE][SIZE];
	for (uint64_t x = 0; x < SIZE; x++)
		for (uint64_t y = 0; y < SIZE; y++)
			results[x][y] = 1u << eval(name, x, y);
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < count; j += 7) {
			uint32_t want = 0, got = members_of(op(WIDTH, intervals[i], intervals[j]));
			for (unsigned x = 0; x < SIZE; x++)
				for (unsigned y = 0; (members[i] >> x & 1) && y < SIZE; y++)
					if (members[j] >> y & 1)
						want |= results[x][y];
			if (want & ~got)
				fail_msg("%s [%lu %lu %ld %ld] [%lu %lu %ld %ld]: %x is not in %x",
					 name, intervals[i].umin, intervals[i].umax,
					 intervals[i].smin, intervals[i].smax, intervals[j].umin,
					 intervals[j].umax, intervals[j].smin, intervals[j].smax,
					 want, got);
		}
	}
}

static void holds_every_result_of_every_operation(void **state UNUSED)
{
	assert_true(count > 500);
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		check_operation(operations[i].name, operations[i].op);
}

static void settling_loses_no_member(void **state UNUSED)
{
	for (uint64_t umin = 0; umin < SIZE; umin++)
		for (uint64_t umax = 0; umax < SIZE; umax++)
			for (int64_t smin = -8; smin < 8; smin++)
				for (int64_t smax = -8; smax < 8; smax++) {
					struct interval i = {umin, umax, smin, smax};
					uint32_t before = members_of(i);
					if (interval_settle(WIDTH, &i))
						assert_int_equal(members_of(i), before);
					else
						assert_int_equal(before, 0);
				}
}

static void is_precise_where_nothing_wraps(void **state UNUSED)
{
	struct interval a = interval_unsigned(64, 10, 20), b = interval_unsigned(64, 1, 3);
	struct interval sum = interval_add(64, a, b), product = interval_mul(64, a, b);
	assert_true(sum.umin == 11 && sum.umax == 23 && sum.smin == 11 && sum.smax == 23);
	assert_true(product.umin == 10 && product.umax == 60);
	struct interval difference = interval_sub(64, b, a);
	assert_true(difference.smin == -19 && difference.smax == -7);
}

static void knows_nothing_after_wrapping_around(void **state UNUSED)
{
	struct interval high = interval_unsigned(32, UINT32_MAX - 1, UINT32_MAX);
	struct interval sum = interval_add(32, high, interval_unsigned(32, 0, 4));
	assert_true(sum.umin == 0 && sum.umax == UINT32_MAX);
	assert_true(sum.smin == -2 && sum.smax == 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_every_result_of_every_operation),
		cmocka_unit_test(settling_loses_no_member),
		cmocka_unit_test(is_precise_where_nothing_wraps),
		cmocka_unit_test(knows_nothing_after_wrapping_around),
	};
	return cmocka_run_group_tests(tests, collect, NULL);
}
