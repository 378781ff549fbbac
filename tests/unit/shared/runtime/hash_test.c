/*
 * Hash maps against a reference that is a plain array of keys and values, one thread; then many
 * threads with sums that must come out exactly; then memory that someone else wrote nonsense into.
 */
#include "tests/unit/shared/runtime/maps.h"

#include "shared/runtime/rt_hash.h"

#include <pthread.h>

#define KEYS 40

struct model {
	bool there[KEYS];
	uint8_t value[KEYS][128];
	uint32_t count;
};

/* Keys that differ in their last byte only, so that every byte counts. */
static void make_key(uint32_t number, uint32_t size, uint8_t *out)
{
	memset(out, 0x5a, size);
	out[size - 1] = (uint8_t)number;
}

static long model_update(struct model *model, const struct rt_map *m, uint32_t key,
			 const uint8_t *value, uint64_t flags)
{
	if (flags > 2)
		return -RT_EINVAL;
	if (model->there[key] && flags == RT_NOEXIST)
		return -RT_EEXIST;
	if (!model->there[key] && flags == RT_EXIST)
		return -RT_ENOENT;
	if (!model->there[key] && model->count == m->max_entries)
		return -RT_E2BIG;
	model->count += !model->there[key];
	model->there[key] = true;
	memcpy(model->value[key], value, m->value_size);
	return 0;
}

static long model_delete(struct model *model, uint32_t key)
{
	if (!model->there[key])
		return -RT_ENOENT;
	model->there[key] = false;
	model->count--;
	return 0;
}

static struct err *count_right(void *context, struct bytes key, struct bytes value)
{
	struct model *model = context;
	uint32_t number = key.data[key.size - 1];
	assert_true(number < KEYS && model->there[number]);
	assert_memory_equal(value.data, model->value[number], value.size);
	model->there[number] = false;
	model->count--;
	return NULL;
}

static void one_step(const struct rt_map *m, struct model *model, uint64_t *random)
{
	uint8_t key[64], value[128];
	uint32_t number = (uint32_t)(maps_random(random) % KEYS);
	uint64_t choice = maps_random(random) % 10, flags = maps_random(random) % 4;
	make_key(number, m->key_size, key);
	memset(value, (int)maps_random(random), sizeof(value));
	if (choice < 5)
		assert_int_equal(rt_map_update_elem(m, key, value, flags),
				 model_update(model, m, number, value, flags));
	else if (choice < 8)
		assert_int_equal(rt_map_delete_elem(m, key), model_delete(model, number));
	uint8_t *found = rt_map_lookup_elem(m, key);
	assert_int_equal(found != NULL, model->there[number]);
	if (found)
		assert_memory_equal(found, model->value[number], m->value_size);
}

static void does_what_the_model_does(void **state)
{
	(void)state;
	static const uint32_t shapes[][3] = {{4, 8, 30}, {8, 8, 30},	{8, 4, 64},
					     {1, 1, 7},	 {3, 5, 30},	{16, 100, 30},
					     {13, 9, 1}, {64, 128, 33}, {4, 16, 2}};
	for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
		struct rt_map m = maps_hash(shapes[s][0], shapes[s][1], shapes[s][2]);
		struct model model = {0};
		uint64_t random = s;
		for (int i = 0; i < 20000; i++)
			one_step(&m, &model, &random);
		assert_ok(map_each(&m, count_right, &model));
		assert_int_equal(model.count, 0);
		map_close(&m);
	}
}

static void a_full_map_takes_replacements_but_no_new_keys(void **state)
{
	(void)state;
	static const uint32_t sizes[] = {8, 24};
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		struct rt_map m = maps_hash(4, sizes[s], 5);
		uint8_t value[24] = {1};
		for (uint32_t k = 0; k < 5; k++)
			assert_int_equal(rt_map_update_elem(&m, &k, value, RT_ANY), 0);
		uint32_t sixth = 5, first = 0;
		assert_int_equal(rt_map_update_elem(&m, &sixth, value, RT_ANY), -RT_E2BIG);
		assert_int_equal(map_lost(&m), 1);
		value[0] = 2;
		for (int i = 0; i < 1000; i++)
			assert_int_equal(rt_map_update_elem(&m, &first, value, RT_ANY), 0);
		assert_int_equal(*(uint8_t *)rt_map_lookup_elem(&m, &first), 2);
		assert_int_equal(rt_map_delete_elem(&m, &first), 0);
		assert_int_equal(rt_map_update_elem(&m, &sixth, value, RT_NOEXIST), 0);
		map_close(&m);
	}
}

static void a_small_value_is_replaced_in_place(void **state)
{
	(void)state;
	struct rt_map m = maps_hash(4, 8, 4);
	uint32_t key = 1;
	uint64_t value = 5;
	assert_int_equal(rt_map_update_elem(&m, &key, &value, RT_ANY), 0);
	uint64_t *found = rt_map_lookup_elem(&m, &key);
	value = 6;
	assert_int_equal(rt_map_update_elem(&m, &key, &value, RT_ANY), 0);
	assert_int_equal(*found, 6);
	map_close(&m);
}

static void a_large_value_is_never_seen_half_new_by_who_looks_up_again(void **state)
{
	(void)state;
	struct rt_map m = maps_hash(4, 64, 4);
	uint32_t key = 1;
	uint8_t value[64] = {1};
	assert_int_equal(rt_map_update_elem(&m, &key, value, RT_ANY), 0);
	uint8_t *old = rt_map_lookup_elem(&m, &key);
	value[0] = 2;
	assert_int_equal(rt_map_update_elem(&m, &key, value, RT_ANY), 0);
	uint8_t *new = rt_map_lookup_elem(&m, &key);
	assert_ptr_not_equal(old, new);
	assert_int_equal(old[0], 1);
	assert_int_equal(new[0], 2);
	map_close(&m);
}

static void keys_spread_over_the_buckets(void **state)
{
	(void)state;
	struct rt_map m = maps_hash(8, 8, 4096);
	uint64_t value = 0;
	for (uint64_t i = 0; i < 4096; i++) {
		uint64_t key = i << 40; /* low bits all zero */
		assert_int_equal(rt_map_update_elem(&m, &key, &value, RT_ANY), 0);
	}
	uint32_t longest = 0;
	for (uint64_t b = 0; b < rt_hash_buckets(&m); b++) {
		uint32_t length = 0;
		struct rt_hash_node *node;
		for (uint32_t link = rt_hash_bucket(&m, b)->head; (node = rt_hash_node(&m, link));
		     link = node->next)
			length++;
		longest = MAX(longest, length);
	}
	assert_in_range(longest, 1, 14);
	map_close(&m);
}

/* ---- threads ---- */
#define THREADS 8
#define ROUNDS	20000

struct worker {
	pthread_t thread;
	const struct rt_map *m;
	uint64_t random, inserted, deleted;
	uint32_t number;
	bool wrong;
};

static void *add_one(void *arg)
{
	struct worker *w = arg;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t key = maps_random(&w->random) % 16, one = 1;
		while (rt_map_update_elem(w->m, &key, &one, RT_NOEXIST) == -RT_EBUSY)
			;
		uint64_t *found = rt_map_lookup_elem(w->m, &key);
		if (!found)
			w->wrong = true;
		else
			__atomic_fetch_add(found, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void run(const struct rt_map *m, void *(*body)(void *), struct worker workers[THREADS])
{
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.m = m, .random = i, .number = i};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, body, &workers[i]), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_false(workers[i].wrong);
	}
}

static struct err *add_values(void *context, struct bytes key, struct bytes value)
{
	(void)key;
	uint64_t v;
	memcpy(&v, value.data, sizeof(v));
	*(uint64_t *)context += v - 1;
	return NULL;
}

static void no_increment_of_any_thread_is_lost(void **state)
{
	(void)state;
	struct rt_map m = maps_hash(8, 8, 16);
	struct worker workers[THREADS];
	uint64_t sum = 0;
	run(&m, add_one, workers);
	assert_ok(map_each(&m, add_values, &sum));
	assert_int_equal(sum, THREADS * ROUNDS);
	map_close(&m);
}

/* Every key is one thread's own (so its presence is known), but they share buckets and nodes. */
static void *churn(void *arg)
{
	struct worker *w = arg;
	bool there[8] = {false};
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t slot = maps_random(&w->random) % 8, key[2] = {slot << 8 | w->number, 1};
		uint64_t value[3] = {key[0], (uint64_t)i, key[0]};
		uint64_t *found = rt_map_lookup_elem(w->m, key);
		if ((found != NULL) != there[slot] ||
		    (found && (found[0] != key[0] || found[2] != key[0])))
			w->wrong = true;
		long result = there[slot] && i % 3 == 0
				      ? rt_map_delete_elem(w->m, key)
				      : rt_map_update_elem(w->m, key, value, RT_ANY);
		if (result != 0)
			w->wrong = true;
		there[slot] = !(there[slot] && i % 3 == 0);
	}
	for (uint64_t slot = 0; slot < 8; slot++)
		w->inserted += there[slot];
	return NULL;
}

static struct err *count(void *context, struct bytes key, struct bytes value)
{
	(void)key;
	(void)value;
	++*(uint64_t *)context;
	return NULL;
}

static void threads_that_insert_and_delete_never_miss_their_own_keys(void **state)
{
	(void)state;
	struct rt_map m = maps_hash(16, 24, THREADS * 8);
	struct worker workers[THREADS];
	uint64_t counted = 0, want = 0;
	run(&m, churn, workers);
	for (int i = 0; i < THREADS; i++)
		want += workers[i].inserted;
	assert_ok(map_each(&m, count, &counted));
	assert_int_equal(counted, want);
	map_close(&m);
}

/* ---- nonsense in memory ---- */
static void a_loop_in_a_chain_ends_every_walk(void **state)
{
	(void)state;
	struct rt_map m = maps_hash(4, 8, 4);
	uint64_t value = 1, counted = 0;
	for (uint32_t key = 0; key < 4; key++)
		assert_int_equal(rt_map_update_elem(&m, &key, &value, RT_ANY), 0);
	for (uint32_t link = 1; link <= 4; link++)
		rt_hash_node(&m, link)->next = link;
	for (uint32_t b = 0; b < 4; b++)
		rt_hash_bucket(&m, b)->head = b + 1;
	for (uint32_t key = 100; key < 200; key++) {
		assert_null(rt_map_lookup_elem(&m, &key));
		assert_int_equal(rt_map_delete_elem(&m, &key), -RT_ENOENT);
	}
	assert_ok(map_each(&m, count, &counted));
	assert_in_range(counted, 1, 4);
	map_close(&m);
}

static void links_outside_the_map_are_not_followed(void **state)
{
	(void)state;
	struct rt_map m = maps_hash(4, 8, 4);
	static const uint32_t links[] = {5, 0x7fffffff, 0x80000000 | 77, UINT32_MAX};
	uint64_t value = 1;
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		for (uint32_t key = 0; key < 16; key++) {
			for (uint32_t b = 0; b < 4; b++)
				rt_hash_bucket(&m, b)->head = links[i];
			rt_hash_head(&m)->plain.head = links[i];
			assert_null(rt_map_lookup_elem(&m, &key));
			rt_map_update_elem(&m, &key, &value, RT_ANY);
		}
	map_close(&m);
}

static void a_bucket_that_is_never_given_back_is_busy(void **state)
{
	(void)state;
	struct rt_map m = maps_hash(4, 8, 1);
	uint32_t key = 1;
	uint64_t value = 1;
	rt_hash_bucket(&m, 0)->owner = 1;
	assert_int_equal(rt_map_update_elem(&m, &key, &value, RT_ANY), -RT_EBUSY);
	rt_hash_bucket(&m, 0)->owner = 0;
	assert_int_equal(rt_map_update_elem(&m, &key, &value, RT_ANY), 0);
	map_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(does_what_the_model_does),
		cmocka_unit_test(a_full_map_takes_replacements_but_no_new_keys),
		cmocka_unit_test(a_small_value_is_replaced_in_place),
		cmocka_unit_test(a_large_value_is_never_seen_half_new_by_who_looks_up_again),
		cmocka_unit_test(keys_spread_over_the_buckets),
		cmocka_unit_test(no_increment_of_any_thread_is_lost),
		cmocka_unit_test(threads_that_insert_and_delete_never_miss_their_own_keys),
		cmocka_unit_test(a_loop_in_a_chain_ends_every_walk),
		cmocka_unit_test(links_outside_the_map_are_not_followed),
		cmocka_unit_test(a_bucket_that_is_never_given_back_is_busy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
