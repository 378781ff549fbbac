#include "tests/unit/test.h"

#include "controller/model/duration.h"

static void reads_every_unit(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {{"0s", 0}, {"500ms", 500}, {"5s", 5000}, {"10m", 600000}, {"1h", 3600000}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t ms = -1;
		assert_ok(duration_parse(str_of(cases[i].text), 3600000, &ms));
		assert_int_equal(ms, cases[i].ms);
	}
}

static void refuses_what_is_none(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "5", "s", "ms", "-5s", "5 s", "1.5s", "5d", "5S"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int64_t ms = 7;
		assert_fails(duration_parse(str_of(bad[i]), 3600000, &ms), ERR_INVALID, "",
			     "is no duration");
		assert_int_equal(ms, 7);
	}
}

static void refuses_more_than_the_limit_and_what_overflows(void **state)
{
	(void)state;
	int64_t ms;
	assert_fails(duration_parse(STR("56s"), 55000, &ms), ERR_INVALID, "", "more than 55000 ms");
	assert_fails(duration_parse(STR("9223372036854775807h"), INT64_MAX, &ms), ERR_INVALID, "",
		     "more than");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_unit),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(refuses_more_than_the_limit_and_what_overflows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
