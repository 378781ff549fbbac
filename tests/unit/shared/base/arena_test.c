#include "tests/unit/test.h"

#include "shared/base/arena.h"
#include "shared/base/mem.h"

static void gives_zeroed_aligned_memory_of_its_own(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	uint8_t *parts[200];
	for (size_t i = 0; i < 200; i++) {
		parts[i] = arena_alloc(&a, i);
		assert_non_null(parts[i]);
		assert_int_equal((uintptr_t)parts[i] % 16, 0);
		for (size_t j = 0; j < i; j++)
			assert_int_equal(parts[i][j], 0);
		memset(parts[i], (int)i + 1, i);
	}
	for (size_t i = 0; i < 200; i++)
		for (size_t j = 0; j < i; j++)
			assert_int_equal(parts[i][j], (uint8_t)(i + 1));
}

static void gives_a_block_larger_than_its_blocks(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	char *small = arena_alloc(&a, 1), *large = arena_alloc(&a, 100000);
	assert_non_null(small);
	assert_non_null(large);
	memset(large, 1, 100000);
	assert_int_equal(*small, 0);
}

static void ends_at_its_limit(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(100);
	assert_non_null(arena_alloc(&a, 60));
	assert_null(arena_alloc(&a, 41));
	assert_non_null(arena_alloc(&a, 40));
	assert_null(arena_alloc(&a, 1));
}

static void refuses_sizes_that_overflow(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(SIZE_MAX);
	assert_null(arena_alloc_array(&a, SIZE_MAX / 2, 4));
	assert_null(arena_alloc(&a, SIZE_MAX - 3));
	assert_null(arena_text(&a, (struct str){"", SIZE_MAX}));
}

static void copies_text_with_an_end(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(100);
	struct str copy = arena_str(&a, (struct str){"abcdef", 3});
	assert_true(str_is(copy, "abc"));
	assert_int_equal(copy.data[3], 0);
	struct str empty = arena_str(&a, (struct str){0});
	assert_non_null(empty.data);
	assert_int_equal(empty.size, 0);
}

static void gives_null_when_memory_is_out(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(100);
	mem_fail_at(1);
	assert_null(arena_alloc(&a, 1));
	mem_fail_at(1);
	assert_null(arena_str(&a, STR("x")).data);
	mem_fail_at(0);
	assert_non_null(arena_alloc(&a, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_zeroed_aligned_memory_of_its_own),
		cmocka_unit_test(gives_a_block_larger_than_its_blocks),
		cmocka_unit_test(ends_at_its_limit),
		cmocka_unit_test(refuses_sizes_that_overflow),
		cmocka_unit_test(copies_text_with_an_end),
		cmocka_unit_test(gives_null_when_memory_is_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
