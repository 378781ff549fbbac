#include "tests/unit/shared/runtime/maps.h"

static void elements_are_zero_and_apart(void **state)
{
	(void)state;
	struct rt_map m = maps_array(5, 3);
	uint32_t a = 0, b = 1;
	uint8_t *first = rt_array_lookup(&m, &a), *second = rt_array_lookup(&m, &b);
	assert_non_null(first);
	assert_ptr_equal(second, first + 8);
	for (int i = 0; i < 8; i++)
		assert_int_equal(first[i], 0);
	map_close(&m);
}

static void lookup_past_the_end_finds_nothing(void **state)
{
	(void)state;
	struct rt_map m = maps_array(8, 3);
	uint32_t last = 2, past = 3, far = UINT32_MAX;
	assert_non_null(rt_array_lookup(&m, &last));
	assert_null(rt_array_lookup(&m, &past));
	assert_null(rt_array_lookup(&m, &far));
	map_close(&m);
}

static void errors_are_the_kernels(void **state)
{
	(void)state;
	struct rt_map m = maps_array(8, 3);
	uint32_t key = 1, past = 3;
	uint64_t value = 7;
	assert_int_equal(rt_map_update_elem(&m, &past, &value, RT_ANY), -RT_E2BIG);
	assert_int_equal(rt_map_update_elem(&m, &past, &value, RT_NOEXIST), -RT_E2BIG);
	assert_int_equal(rt_map_update_elem(&m, &key, &value, RT_NOEXIST), -RT_EEXIST);
	assert_int_equal(rt_map_update_elem(&m, &key, &value, 3), -RT_EINVAL);
	assert_int_equal(rt_map_delete_elem(&m, &key), -RT_EINVAL);
	assert_int_equal(*(uint64_t *)rt_map_lookup_elem(&m, &key), 0);
	assert_int_equal(rt_map_update_elem(&m, &key, &value, RT_EXIST), 0);
	assert_int_equal(*(uint64_t *)rt_map_lookup_elem(&m, &key), 7);
	map_close(&m);
}

static void updates_write_all_of_the_value_and_no_more(void **state)
{
	(void)state;
	static const uint32_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 13, 64, 100};
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		struct rt_map m = maps_array(sizes[s], 3);
		uint8_t value[128];
		uint32_t key = 1;
		memset(value, 0xa5, sizeof(value));
		assert_int_equal(rt_array_update(&m, &key, value, RT_ANY), 0);
		assert_memory_equal(rt_array_lookup(&m, &key), value, sizes[s]);
		key = 0;
		assert_int_equal(*(uint8_t *)rt_array_lookup(&m, &key), 0);
		key = 2;
		assert_int_equal(*(uint8_t *)rt_array_lookup(&m, &key), 0);
		map_close(&m);
	}
}

static struct err *sum(void *context, struct bytes key, struct bytes value)
{
	uint32_t k;
	uint16_t v;
	memcpy(&k, key.data, sizeof(k));
	memcpy(&v, value.data, sizeof(v));
	*(uint64_t *)context += (uint64_t)k * v;
	return NULL;
}

static void each_visits_every_element(void **state)
{
	(void)state;
	struct rt_map m = maps_array(2, 100);
	uint64_t want = 0, got = 0;
	for (uint32_t i = 0; i < 100; i++) {
		uint16_t value = (uint16_t)(i * 7);
		assert_int_equal(rt_array_update(&m, &i, &value, RT_ANY), 0);
		want += (uint64_t)i * value;
	}
	assert_ok(map_each(&m, sum, &got));
	assert_int_equal(got, want);
	map_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_are_zero_and_apart),
		cmocka_unit_test(lookup_past_the_end_finds_nothing),
		cmocka_unit_test(errors_are_the_kernels),
		cmocka_unit_test(updates_write_all_of_the_value_and_no_more),
		cmocka_unit_test(each_visits_every_element),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
