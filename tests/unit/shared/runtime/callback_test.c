/* Functions that the runtime calls: how often, with what, and that damaged maps do not make it more. */
#include "shared/runtime/rt_hash.h"
#include "tests/unit/shared/runtime/maps.h"

struct seen {
	const struct rt_map *map;
	uint64_t calls, keys, values, stop_at;
	bool deletes;
};

static long see(const void *key, void *value, void *ctx)
{
	struct seen *s = ctx;
	s->calls++;
	s->keys += *(const uint32_t *)key;
	s->values += *(uint32_t *)value;
	if (s->deletes)
		assert_int_equal(rt_map_delete_elem(s->map, key), 0);
	return s->calls == s->stop_at;
}

static void put(const struct rt_map *m, uint32_t key, uint32_t value)
{
	assert_int_equal(rt_map_update_elem(m, &key, &value, RT_ANY), 0);
}

static void gives_each_element_once_until_it_is_told_to_stop(void **state)
{
	(void)state;
	struct rt_map maps[] = {maps_hash(4, 4, 100), maps_array(4, 100)};
	for (size_t i = 0; i < 2; i++) {
		struct seen s = {.map = &maps[i]}, few = {.map = &maps[i], .stop_at = 7};
		for (uint32_t k = 0; k < 100; k++)
			put(&maps[i], k, 1000 + k);
		assert_int_equal(rt_for_each_map_elem(&maps[i], see, &s, 0), 100);
		assert_int_equal(s.calls, 100);
		assert_int_equal(s.keys, 99 * 100 / 2);
		assert_int_equal(s.values, 1000 * 100 + 99 * 100 / 2);
		assert_int_equal(rt_for_each_map_elem(&maps[i], see, &few, 0), 7);
		assert_int_equal(few.calls, 7);
		assert_int_equal(rt_for_each_map_elem(&maps[i], see, &s, 1), -RT_EINVAL);
		assert_int_equal(s.calls, 100);
		map_close(&maps[i]);
	}
}

static void elements_may_be_deleted_as_they_are_seen(void **state)
{
	(void)state;
	struct rt_map m = maps_hash(4, 4, 100);
	struct seen s = {.map = &m, .deletes = true};
	for (uint32_t k = 0; k < 100; k++)
		put(&m, k, k);
	assert_int_equal(rt_for_each_map_elem(&m, see, &s, 0), 100);
	assert_int_equal(s.keys, 99 * 100 / 2);
	assert_int_equal(rt_for_each_map_elem(&m, see, &s, 0), 0);
	map_close(&m);
}

static void a_chain_that_another_process_bent_ends_after_as_many_calls_as_elements_fit(void **state)
{
	(void)state;
	static const uint32_t links[] = {1, 2, 5, 8, UINT32_MAX, 0};
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		struct rt_map m = maps_hash(4, 4, 8);
		struct seen s = {.map = &m};
		for (uint32_t k = 0; k < 8; k++)
			put(&m, k, 1);
		for (uint32_t link = 1; link <= 8; link++)
			rt_hash_node(&m, link)->next = links[i];
		assert_true(rt_for_each_map_elem(&m, see, &s, 0) <= 8);
		assert_true(s.calls <= 8);
		map_close(&m);
	}
}

static long count(uint64_t index, void *ctx)
{
	uint64_t *expected = ctx;
	assert_int_equal(index, *expected);
	++*expected;
	return index == 41;
}

static void a_loop_counts_from_zero_and_has_a_limit(void **state)
{
	(void)state;
	uint64_t calls = 0;
	assert_int_equal(rt_loop(0, count, &calls, 0), 0);
	assert_int_equal(rt_loop(5, count, &calls, 1), -RT_EINVAL);
	assert_int_equal(rt_loop(RT_MAX_LOOPS + 1, count, &calls, 0), -RT_E2BIG);
	assert_int_equal(calls, 0);
	assert_int_equal(rt_loop(5, count, &calls, 0), 5);
	assert_int_equal(calls, 5);
	calls = 0;
	assert_int_equal(rt_loop(RT_MAX_LOOPS, count, &calls, 0), 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_each_element_once_until_it_is_told_to_stop),
		cmocka_unit_test(elements_may_be_deleted_as_they_are_seen),
		cmocka_unit_test(
			a_chain_that_another_process_bent_ends_after_as_many_calls_as_elements_fit),
		cmocka_unit_test(a_loop_counts_from_zero_and_has_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
