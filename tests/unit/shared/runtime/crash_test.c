/*
 * Processes that are killed in the middle: a child works on a map without pause, the parent kills it
 * after a random number of its steps, sweeps, and looks whether the map is whole.
 */
#include "tests/unit/shared/runtime/maps.h"

#include "shared/runtime/rt_hash.h"
#include "shared/runtime/rt_ringbuf.h"

#include <signal.h>

#define KILLS 150

struct shared {
	uint64_t steps;	    /* begun */
	uint64_t submitted; /* ring: records that were certainly submitted */
};

static void kill_after(pid_t pid, struct shared *shared, uint64_t steps)
{
	int status;
	while (__atomic_load_n(&shared->steps, __ATOMIC_RELAXED) < steps)
		;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static bool is_me(void *context, uint32_t tgid)
{
	(void)context;
	return tgid == (uint32_t)getpid();
}

static struct err *count(void *context, struct bytes key, struct bytes value)
{
	(void)key;
	/* A value is one number, over and over. */
	for (size_t i = 1; i < value.size; i++)
		assert_int_equal(value.data[i], value.data[0]);
	++*(uint32_t *)context;
	return NULL;
}

#define ENTRIES 8
#define KEYS	12

static void hammer_hash(const struct rt_map *m, struct shared *shared, uint64_t seed)
{
	struct rt_private self = {0};
	struct rt_map mine = *m;
	mine.self = &self;
	for (;;) {
		uint64_t key = maps_random(&seed) % KEYS;
		uint8_t value[24];
		memset(value, (int)seed, sizeof(value));
		if (maps_random(&seed) % 3)
			rt_hash_update(&mine, &key, value, RT_ANY);
		else
			rt_hash_delete(&mine, &key);
		__atomic_fetch_add(&shared->steps, 1, __ATOMIC_RELAXED);
	}
}

/* Whatever was in the middle: exactly max_entries elements find room, none more. */
static void check_hash(const struct rt_map *m)
{
	uint32_t counted = 0, full = 0;
	uint8_t value[24] = {0};
	assert_ok(map_each(m, count, &counted));
	assert_in_range(counted, 0, ENTRIES);
	for (uint64_t key = 0; key < 100; key++) {
		long result = rt_hash_update(m, &key, value, RT_ANY);
		assert_true(result == 0 || result == -RT_E2BIG);
	}
	assert_ok(map_each(m, count, &full));
	assert_int_equal(full, ENTRIES);
	for (uint64_t key = 0; key < 100; key++)
		rt_hash_delete(m, &key);
}

static void a_hash_map_is_whole_after_its_writer_was_killed(void **state)
{
	(void)state;
	struct rt_map m = maps_hash(8, 24, ENTRIES);
	struct shared *shared = maps_shared_memory(sizeof(*shared));
	uint64_t random = (uint64_t)getpid();
	for (int i = 0; i < KILLS; i++) {
		memset(shared, 0, sizeof(*shared));
		pid_t pid = fork();
		if (pid == 0)
			hammer_hash(&m, shared, random);
		kill_after(pid, shared, maps_random(&random) % 3000);
		assert_true(map_sweep(&m, is_me, NULL));
		check_hash(&m);
	}
	map_close(&m);
	munmap(shared, sizeof(*shared));
}

/* Every place where a writer can die, made by hand: the bucket is held, nodes are in no list. */
static void leaked_nodes_are_found_again(void **state)
{
	(void)state;
	struct rt_map m = maps_hash(8, 24, ENTRIES);
	struct rt_hash_head *head = rt_hash_head(&m);
	check_hash(&m);
	head->plain.head = 0; /* all but those never used: leaked */
	head->spare.head = 0;
	head->spare.fresh = rt_hash_spares(&m);
	rt_hash_bucket(&m, 3)->owner = 1;
	assert_true(map_sweep(&m, is_me, NULL));
	assert_int_equal(rt_hash_bucket(&m, 3)->owner, 0);
	check_hash(&m);
	map_close(&m);
}

static void hammer_ring(const struct rt_map *m, struct shared *shared)
{
	struct rt_private self = {0};
	struct rt_map mine = *m;
	mine.self = &self;
	for (uint64_t i = 0;; i++) {
		uint64_t *record = rt_ringbuf_reserve(&mine, 8 + i % 40, 0);
		if (record) {
			*record = ++shared->submitted;
			rt_ringbuf_submit(record, 0);
		}
		__atomic_fetch_add(&shared->steps, 1, __ATOMIC_RELAXED);
	}
}

static struct err *follow(void *context, struct bytes record)
{
	uint64_t *last = context, number;
	memcpy(&number, record.data, sizeof(number));
	assert_int_equal(number, *last + 1);
	*last = number;
	return NULL;
}

static void a_ring_goes_on_after_its_producer_was_killed(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(4096);
	struct shared *shared = maps_shared_memory(sizeof(*shared));
	uint64_t random = (uint64_t)getpid();
	for (int i = 0; i < KILLS; i++) {
		uint64_t last = 0;
		uint32_t consumed;
		memset(shared, 0, sizeof(*shared));
		pid_t pid = fork();
		if (pid == 0)
			hammer_ring(&m, shared);
		uint64_t steps = maps_random(&random) % 5000;
		while (__atomic_load_n(&shared->steps, __ATOMIC_RELAXED) < steps)
			assert_ok(map_consume(&m, 16, follow, &last, &consumed));
		kill_after(pid, shared, 0);
		assert_true(map_sweep(&m, is_me, NULL));
		assert_ok(map_consume(&m, UINT32_MAX, follow, &last, &consumed));
		assert_int_equal(rt_ringbuf_query(&m, RT_RING_AVAIL_DATA), 0);
		/* Only the one in the middle may be missing. */
		assert_in_range(shared->submitted - last, 0, 1);
		for (uint32_t w = 0; w < RT_RING_WINDOWS; w++)
			assert_int_equal(rt_ring_producer(&m)->windows[w].owner, 0);
	}
	map_close(&m);
	munmap(shared, sizeof(*shared));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hash_map_is_whole_after_its_writer_was_killed),
		cmocka_unit_test(leaked_nodes_are_found_again),
		cmocka_unit_test(a_ring_goes_on_after_its_producer_was_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
