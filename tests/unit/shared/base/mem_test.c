#include "tests/unit/test.h"

#include "shared/base/mem.h"

static void fails_at_the_wanted_allocation_once(void **state UNUSED)
{
	mem_fail_at(2);
	OWNED(mem) void *first = mem_alloc(1);
	assert_non_null(first);
	assert_false(mem_failed());
	assert_null(mem_zalloc(1));
	assert_true(mem_failed());
	OWNED(mem) void *third = mem_alloc(1);
	assert_non_null(third);
	mem_fail_at(0);
	assert_false(mem_failed());
}

static void refuses_products_that_overflow(void **state UNUSED)
{
	assert_null(mem_zalloc_array(SIZE_MAX / 2, 3));
	OWNED(mem) void *old = mem_alloc(8);
	assert_null(mem_resize_array(old, SIZE_MAX / 2, 3));
	memset(old, 1, 8); /* still ours */
}

static void zeroes_and_resizes(void **state UNUSED)
{
	uint8_t *bytes = mem_zalloc(16);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(bytes[i], 0);
	bytes[15] = 7;
	uint8_t *more = mem_resize_array(bytes, 4, 100);
	assert_non_null(more);
	assert_int_equal(more[15], 7);
	mem_free(more);
}

static void gives_memory_for_nothing(void **state UNUSED)
{
	OWNED(mem) void *a = mem_alloc(0);
	OWNED(mem) void *b = mem_zalloc_array(0, 8);
	OWNED(mem) void *c = mem_resize_array(NULL, 0, 8);
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
}

static void copies_text(void **state UNUSED)
{
	OWNED(text) char *copy = mem_copy_text("abc", 2);
	assert_string_equal(copy, "ab");
	OWNED(text) char *whole = mem_strdup("abc");
	assert_string_equal(whole, "abc");
	assert_null(mem_strdup(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fails_at_the_wanted_allocation_once),
		cmocka_unit_test(refuses_products_that_overflow),
		cmocka_unit_test(zeroes_and_resizes),
		cmocka_unit_test(gives_memory_for_nothing),
		cmocka_unit_test(copies_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
