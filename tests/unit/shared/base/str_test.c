#include "tests/unit/test.h"

#include "shared/base/str.h"

static void reads_integers_to_their_limits(void **state UNUSED)
{
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {{"0", 0},
		    {"-1", -1},
		    {"0x10", 16},
		    {"0Xff", 255},
		    {"007", 7},
		    {"9223372036854775807", INT64_MAX},
		    {"-9223372036854775808", INT64_MIN},
		    {"-0x8000000000000000", INT64_MIN}};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int64_t value;
		assert_true(str_to_i64(str_of(good[i].text), &value));
		assert_true(value == good[i].value);
	}
}

static void refuses_what_is_no_integer_and_leaves_out_untouched(void **state UNUSED)
{
	static const char *const bad[] = {"",
					  "-",
					  "+1",
					  "1 ",
					  " 1",
					  "0x",
					  "1x",
					  "--1",
					  "0xg",
					  "1.0",
					  "abc",
					  "9223372036854775808",
					  "-9223372036854775809",
					  "99999999999999999999"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int64_t value = 42;
		assert_false(str_to_i64(str_of(bad[i]), &value));
		assert_true(value == 42);
	}
	uint64_t big;
	assert_true(str_to_u64(STR("18446744073709551615"), &big));
	assert_true(big == UINT64_MAX);
	assert_false(str_to_u64(STR("18446744073709551616"), &big));
	assert_false(str_to_u64(STR("-1"), &big));
}

static void splits_at_the_first_separator(void **state UNUSED)
{
	struct str head, tail;
	assert_true(str_split(STR("a=b=c"), '=', &head, &tail));
	assert_true(str_is(head, "a") && str_is(tail, "b=c"));
	assert_true(str_split(STR("a="), '=', &head, &tail));
	assert_true(str_is(head, "a") && tail.size == 0);
	assert_false(str_split(STR("ab"), '=', &head, &tail));
	assert_true(str_is(head, "ab") && tail.size == 0);
	assert_false(str_split((struct str){0}, '=', &head, &tail));
	assert_int_equal(head.size, 0);
}

static void trims_white_space_at_both_ends(void **state UNUSED)
{
	assert_true(str_is(str_trim(STR(" \t\r\n a b \f\v")), "a b"));
	assert_int_equal(str_trim(STR(" \n ")).size, 0);
}

static void compares_parts(void **state UNUSED)
{
	assert_true(str_starts(STR("abc"), "ab") && str_starts(STR("abc"), ""));
	assert_false(str_starts(STR("a"), "ab"));
	assert_true(str_ends(STR("abc"), "bc"));
	assert_false(str_ends(STR("c"), "bc"));
	assert_int_equal(str_from(STR("abc"), 5).size, 0);
	assert_true(str_is(str_from(STR("abc"), 1), "bc"));
	assert_true(str_equal((struct str){NULL, 0}, STR("")));
	assert_false(str_is(STR("ab"), "abc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_integers_to_their_limits),
		cmocka_unit_test(refuses_what_is_no_integer_and_leaves_out_untouched),
		cmocka_unit_test(splits_at_the_first_separator),
		cmocka_unit_test(trims_white_space_at_both_ends),
		cmocka_unit_test(compares_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
