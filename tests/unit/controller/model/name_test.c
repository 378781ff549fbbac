#include "tests/unit/test.h"

#include "controller/model/name.h"

static void takes_names_of_resources(void **state)
{
	(void)state;
	static const char *const good[] = {
		"a",
		"0",
		"web-1",
		"web.example.com",
		"a--b",
		"1.2.3",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_ok(name_check("policy", str_of(good[i])));
}

static void refuses_what_is_none(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",    "-a",  "a-",
		".a",  "a.",  "A",
		"a_b", "a/b", "a b",
		"ä",   "..",  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_fails(name_check("policy", str_of(bad[i])), ERR_INVALID, "",
			     "is no policy name");
	assert_fails(name_check("policy", (struct str){"a\0b", 3}), ERR_INVALID, "", "no policy");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_names_of_resources),
		cmocka_unit_test(refuses_what_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
