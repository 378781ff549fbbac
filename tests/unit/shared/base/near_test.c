#include "tests/unit/test.h"

#include "shared/base/near.h"

static struct str nearest(struct str wanted)
{
	static const char *const names[] = {"capabilities", "attributes", "inherits", "name",
					    "bpf_map_lookup_elem"};
	struct near near = near_start(wanted);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		near_offer(&near, str_of(names[i]));
	return near_found(&near);
}

static void finds_what_was_meant(void **state UNUSED)
{
	assert_true(str_is(nearest(STR("capabilites")), "capabilities"));
	assert_true(str_is(nearest(STR("attribtues")), "attributes"));
	assert_true(str_is(nearest(STR("nmae")), "name")); /* a swap counts once */
	assert_true(str_is(nearest(STR("map_lookup_elem")), "bpf_map_lookup_elem"));
}

static void finds_nothing_where_nothing_is_near(void **state UNUSED)
{
	assert_int_equal(nearest(STR("roles")).size, 0);
	assert_int_equal(nearest(STR("")).size, 0);
	assert_int_equal(nearest(STR("xyzzy")).size, 0);
}

static void passes_over_names_that_are_too_long(void **state UNUSED)
{
	char name[200];
	memset(name, 'a', sizeof(name));
	struct near near = near_start((struct str){name, 199});
	near_offer(&near, (struct str){name, 200});
	assert_int_equal(near_found(&near).size, 0);
	near = near_start((struct str){name, 63});
	near_offer(&near, (struct str){name, 62});
	assert_int_equal(near_found(&near).size, 62);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_meant),
		cmocka_unit_test(finds_nothing_where_nothing_is_near),
		cmocka_unit_test(passes_over_names_that_are_too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
