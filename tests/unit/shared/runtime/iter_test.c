/* Number iterators against loops. */
#include "tests/unit/test.h"

#include "shared/runtime/rt.h"

static void counts(int32_t start, int32_t end)
{
	struct rt_iter_num it = {77, 99};
	assert_int_equal(rt_iter_num_new(&it, start, end), 0);
	for (int64_t i = start; i < end; i++) {
		const int32_t *n = rt_iter_num_next(&it);
		assert_ptr_equal(n, &it.now);
		assert_int_equal(*n, i);
	}
	for (int i = 0; i < 3; i++)
		assert_null(rt_iter_num_next(&it));
	rt_iter_num_destroy(&it);
}

static void every_number_comes_once_and_then_none(void **state)
{
	(void)state;
	for (int32_t start = -5; start < 6; start++)
		for (int32_t end = start; end < 8; end++)
			counts(start, end);
	counts(INT32_MAX - 3, INT32_MAX);
	counts(INT32_MAX, INT32_MAX);
	counts(INT32_MIN, INT32_MIN + 3);
	counts(INT32_MIN, INT32_MIN);
	counts(-(1 << 22), 1 << 22);
}

static void ranges_that_are_wrong_or_too_long_are_empty(void **state)
{
	static const struct {
		int32_t start, end;
		long error;
	} rows[] = {
		{1, 0, -RT_EINVAL},
		{INT32_MAX, INT32_MIN, -RT_EINVAL},
		{0, (1 << 23) + 1, -RT_E2BIG},
		{INT32_MIN, INT32_MAX, -RT_E2BIG},
		{-1, 1 << 23, -RT_E2BIG},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rt_iter_num it = {3, 9};
		assert_int_equal(rt_iter_num_new(&it, rows[i].start, rows[i].end), rows[i].error);
		assert_null(rt_iter_num_next(&it));
		rt_iter_num_destroy(&it);
		assert_null(rt_iter_num_next(&it));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_comes_once_and_then_none),
		cmocka_unit_test(ranges_that_are_wrong_or_too_long_are_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
