/*
 * Spin locks in elements: exclusion, and what becomes of one whose holder is stopped or killed.
 */
#include "tests/unit/shared/runtime/maps.h"

#include "shared/runtime/rt_array.h"
#include "shared/runtime/rt_hash.h"

#include <pthread.h>
#include <signal.h>

#define THREADS 4
#define ROUNDS	20000
#define KILLS	50

struct account {
	uint64_t in;
	uint32_t lock, out;
};
#define LOCK_END (offsetof(struct account, lock) + 4)

static struct rt_map make(uint32_t kind, uint32_t value, uint32_t entries, uint32_t lock_end)
{
	return maps_make((struct rt_map){.kind = kind,
					 .key_size = 4,
					 .value_size = value,
					 .max_entries = entries,
					 .lock_end = lock_end});
}

/* ---- one at a time ---- */
struct work {
	struct account *account;
	struct rt_private self;
	uint64_t done;
};

/* Not atomic: two at once would lose one. */
static void *count(void *context)
{
	struct work *w = context;
	for (int i = 0; i < ROUNDS; i++) {
		if (!rt_spin_lock(&w->account->lock, &w->self))
			continue;
		volatile struct account *a = w->account;
		a->in = a->in + 1;
		a->out = a->out - 1;
		rt_spin_unlock(&w->account->lock);
		w->done++;
	}
	return NULL;
}

static void threads_that_hold_the_lock_lose_no_count(void **state)
{
	(void)state;
	struct account account = {0};
	struct work work[THREADS];
	pthread_t threads[THREADS];
	uint64_t done = 0;
	for (int i = 0; i < THREADS; i++) {
		work[i] = (struct work){&account, {.tgid = 7}, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, count, &work[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		done += work[i].done;
	}
	assert_true(done > 0);
	assert_int_equal(account.in, done);
	assert_int_equal(account.out, (uint32_t)-done);
	assert_int_equal(account.lock, 0);
}

static void the_word_names_its_owner(void **state)
{
	(void)state;
	uint32_t lock = 0;
	struct rt_private self = {.tgid = 1234567};
	assert_true(rt_spin_lock(&lock, &self));
	assert_int_equal(lock, 1234567);
	rt_spin_unlock(&lock);
	assert_int_equal(lock, 0);
	assert_true(rt_spin_lock(&lock, NULL));
	assert_int_equal(lock, getpid());
}

static void who_waits_gives_up_and_has_nothing(void **state)
{
	(void)state;
	uint32_t lock = 99;
	struct rt_private self = {.tgid = 7};
	assert_false(rt_spin_lock(&lock, &self));
	assert_int_equal(lock, 99);
	lock = 7; /* its own process's: a signal handler inside of the holder */
	assert_false(rt_spin_lock(&lock, &self));
}

/* ---- updates ---- */

/* Values of `size` bytes of ones, written over a held lock at `at`: all are written but the lock. */
static void check_update(uint32_t kind, uint32_t size, uint32_t at)
{
	struct rt_map m = make(kind, size, 4, at + 4);
	uint8_t value[64], wanted[64];
	uint32_t key = 2, owner = 77;
	memset(value, 0x5a, sizeof(value));
	memset(wanted, 0x11, sizeof(wanted));
	memcpy(wanted + at, &owner, 4);
	assert_int_equal(rt_map_update_elem(&m, &key, value, RT_ANY), 0);
	uint8_t *element = rt_map_lookup_elem(&m, &key);
	assert_int_equal(memcmp(element, value, at), 0);
	assert_int_equal(memcmp(element + at, "\0\0\0", 4), 0);
	memcpy(element + at, &owner, 4);
	memset(value, 0x11, sizeof(value));
	assert_int_equal(rt_map_update_elem(&m, &key, value, RT_EXIST), 0);
	uint8_t *after = rt_map_lookup_elem(&m, &key);
	if (after == element)
		assert_memory_equal(after, wanted, size);
	memcpy(wanted + at, after + at, 4);
	assert_memory_equal(after, wanted, size);
	assert_int_equal(*(uint32_t *)(element + at), owner);
	map_close(&m);
}

static void updates_leave_the_lock_alone(void **state)
{
	(void)state;
	static const uint32_t shapes[][2] = {{8, 0},  {8, 4},	{12, 0}, {12, 4}, {12, 8},
					     {16, 8}, {16, 12}, {4, 0},	 {7, 0},  {7, 0},
					     {13, 8}, {24, 16}, {64, 60}};
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		check_update(RT_KIND_ARRAY, shapes[i][0], shapes[i][1]);
		check_update(RT_KIND_HASH, shapes[i][0], shapes[i][1]);
	}
}

static void memory_that_is_used_again_keeps_its_lock(void **state)
{
	(void)state;
	struct rt_map m = make(RT_KIND_HASH, sizeof(struct account), 1, LOCK_END);
	struct account value = {.in = 5, .lock = 9};
	uint32_t key = 1, other = 2;
	assert_int_equal(rt_map_update_elem(&m, &key, &value, RT_ANY), 0);
	struct account *held = rt_map_lookup_elem(&m, &key);
	held->lock = 77;
	assert_int_equal(rt_map_delete_elem(&m, &key), 0);
	assert_int_equal(rt_map_update_elem(&m, &other, &value, RT_ANY), 0);
	assert_ptr_equal(rt_map_lookup_elem(&m, &other), held);
	assert_int_equal(held->lock, 77);
	map_close(&m);
}

/* ---- from outside ---- */
static struct err *see_no_lock(void *context, struct bytes key, struct bytes value)
{
	struct account seen;
	(void)key;
	memcpy(&seen, value.data, sizeof(seen));
	assert_int_equal(seen.lock, 0);
	assert_int_equal(seen.in, 5);
	++*(int *)context;
	return NULL;
}

static void walks_see_no_lock(void **state)
{
	(void)state;
	static const uint32_t kinds[] = {RT_KIND_ARRAY, RT_KIND_HASH};
	for (int i = 0; i < 2; i++) {
		struct rt_map m = make(kinds[i], sizeof(struct account), 1, LOCK_END);
		struct account value = {.in = 5};
		uint32_t key = 0;
		int seen = 0;
		assert_int_equal(rt_map_update_elem(&m, &key, &value, RT_ANY), 0);
		((struct account *)rt_map_lookup_elem(&m, &key))->lock = 77;
		assert_ok(map_each(&m, see_no_lock, &seen));
		assert_int_equal(seen, 1);
		map_close(&m);
	}
}

static void layouts_tell_where_no_lock_can_be(void **state)
{
	(void)state;
	struct map_layout layout;
	struct rt_map m = {.kind = RT_KIND_ARRAY,
			   .key_size = 4,
			   .value_size = 16,
			   .max_entries = 1};
	static const uint32_t wrong[] = {1, 3, 6, 20, UINT32_MAX - 3};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		m.lock_end = wrong[i];
		assert_fails(map_layout(&m, &layout), ERR_INVALID, "/lock_end", "no spin lock");
	}
	m = (struct rt_map){.kind = RT_KIND_RINGBUF, .max_entries = 4096, .lock_end = 4};
	assert_fails(map_layout(&m, &layout), ERR_INVALID, "/lock_end", "no spin lock");
}

/* ---- dead holders ---- */
static bool is_me(void *context, uint32_t tgid)
{
	(void)context;
	return tgid == (uint32_t)getpid();
}

static void check_sweep(uint32_t kind)
{
	struct rt_map m = make(kind, sizeof(struct account), 3, LOCK_END);
	struct account value = {.in = 5}, *element[3];
	const uint32_t owners[] = {77, (uint32_t)getpid(), 0};
	for (uint32_t key = 0; key < 3; key++) {
		assert_int_equal(rt_map_update_elem(&m, &key, &value, RT_ANY), 0);
		element[key] = rt_map_lookup_elem(&m, &key);
		element[key]->lock = owners[key];
	}
	if (kind == RT_KIND_HASH) /* in no chain, and held */
		assert_int_equal(rt_map_delete_elem(&m, &(uint32_t){0}), 0);
	assert_true(map_sweep(&m, is_me, NULL));
	assert_int_equal(element[0]->lock, 0);
	assert_int_equal(element[1]->lock, getpid());
	assert_int_equal(element[2]->lock, 0);
	map_close(&m);
}

static void a_sweep_frees_what_the_dead_held(void **state)
{
	(void)state;
	check_sweep(RT_KIND_ARRAY);
	check_sweep(RT_KIND_HASH);
}

static void hold_for_ever(struct account *a, uint64_t *steps)
{
	struct rt_private self = {0};
	for (;;) {
		if (!rt_spin_lock(&a->lock, &self))
			continue;
		a->in++;
		__atomic_fetch_add(steps, 1, __ATOMIC_RELAXED);
		rt_spin_unlock(&a->lock);
	}
}

static void kill_one(const struct rt_map *m, struct account *a, uint64_t *steps, uint64_t after)
{
	int status;
	struct rt_private self = {0};
	pid_t pid = fork();
	if (pid == 0)
		hold_for_ever(a, steps);
	while (__atomic_load_n(steps, __ATOMIC_RELAXED) < after)
		;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	uint32_t left = a->lock;
	assert_true(left == 0 || left == (uint32_t)pid);
	assert_true(map_sweep(m, is_me, NULL));
	assert_true(rt_spin_lock(&a->lock, &self));
	a->in++;
	rt_spin_unlock(&a->lock);
}

static void others_go_on_after_a_holder_was_killed(void **state)
{
	(void)state;
	struct rt_map m = make(RT_KIND_ARRAY, sizeof(struct account), 1, LOCK_END);
	struct account *a = rt_map_lookup_elem(&m, &(uint32_t){0});
	uint64_t random = (uint64_t)getpid(), *steps = maps_shared_memory(sizeof(*steps));
	for (int i = 0; i < KILLS; i++) {
		*steps = 0;
		kill_one(&m, a, steps, maps_random(&random) % 3000);
	}
	munmap(steps, sizeof(*steps));
	map_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_that_hold_the_lock_lose_no_count),
		cmocka_unit_test(the_word_names_its_owner),
		cmocka_unit_test(who_waits_gives_up_and_has_nothing),
		cmocka_unit_test(updates_leave_the_lock_alone),
		cmocka_unit_test(memory_that_is_used_again_keeps_its_lock),
		cmocka_unit_test(walks_see_no_lock),
		cmocka_unit_test(layouts_tell_where_no_lock_can_be),
		cmocka_unit_test(a_sweep_frees_what_the_dead_held),
		cmocka_unit_test(others_go_on_after_a_holder_was_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
