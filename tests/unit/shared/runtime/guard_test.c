/*
 * Slots of runs: `stack` stands for a thread's stack, and contexts lie on it where the tests want.
 */
#include "tests/unit/test.h"

#include "shared/runtime/rt.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static struct rt_private self;
static uint64_t stack[100];

static void clean(void)
{
	memset(&self, 0, sizeof(self));
	self.has_thread_pointer = 1;
}

static unsigned taken(void)
{
	unsigned count = 0;
	for (unsigned i = 0; i < RT_RUNS; i++)
		count += self.runs[i].thread != 0;
	return count;
}

static void a_run_has_a_slot_as_long_as_it_goes_on(void **state)
{
	(void)state;
	for (unsigned has_pointer = 0; has_pointer < 2; has_pointer++) {
		clean();
		self.has_thread_pointer = has_pointer;
		struct rt_run *run = rt_run_begin(&self, &stack[50]);
		assert_non_null(run);
		assert_int_equal(taken(), 1);
		assert_int_equal(run->top, ~(uint64_t)(uintptr_t)&stack[50]);
		if (!has_pointer)
			assert_int_equal(run->thread, gettid());
		rt_run_end(run, &stack[50]);
		assert_int_equal(taken(), 0);
		assert_int_equal(run->top, 0);
		assert_int_equal(self.skipped + self.lost + self.has_spilled, 0);
	}
}

static void a_run_inside_of_a_run_does_not_begin(void **state)
{
	(void)state;
	clean();
	struct rt_run *run = rt_run_begin(&self, &stack[50]);
	for (uint64_t i = 1; i < 5; i++) {
		assert_null(rt_run_begin(&self, &stack[50 - i]));
		assert_int_equal(self.skipped, i);
	}
	rt_run_end(run, &stack[50]);
	run = rt_run_begin(&self, &stack[40]);
	assert_non_null(run);
	rt_run_end(run, &stack[40]);
	assert_int_equal(taken() + self.lost, 0);
}

static void a_run_that_was_jumped_out_of_is_taken_over(void **state)
{
	(void)state;
	clean();
	struct rt_run *left = rt_run_begin(&self, &stack[50]);
	struct rt_run *again = rt_run_begin(&self, &stack[50]);
	assert_ptr_equal(again, left);
	assert_int_equal(self.lost, 0); /* at the same place: it is gone */
	struct rt_run *above = rt_run_begin(&self, &stack[60]);
	assert_ptr_equal(above, left);
	assert_int_equal(self.lost, 1); /* or it is on another stack */
	rt_run_end(left, &stack[50]);	/* it was, and ends: the slot is not its own */
	assert_int_equal(taken(), 1);
	assert_null(rt_run_begin(&self, &stack[55]));
	rt_run_end(above, &stack[60]);
	assert_int_equal(taken(), 0);
}

/* A signal handler comes between claiming a slot and writing the place. */
static void a_slot_without_a_place_is_a_run_that_goes_on(void **state)
{
	(void)state;
	clean();
	struct rt_run *run = rt_run_begin(&self, &stack[50]);
	run->top = 0;
	assert_null(rt_run_begin(&self, &stack[99]));
	assert_int_equal(self.skipped, 1);
	assert_int_equal(self.lost, 0);
}

static void a_run_that_a_fork_wiped_leaves_the_slots_alone(void **state)
{
	(void)state;
	clean();
	struct rt_run *run = rt_run_begin(&self, &stack[50]);
	clean();
	rt_run_end(run, &stack[50]);
	run->thread = 4711;
	run->top = ~(uint64_t)4711;
	rt_run_end(run, &stack[50]);
	assert_int_equal(run->thread, 4711);
}

/* The bucket of this thread is full of others. */
static void a_run_whose_bucket_is_full_is_found_elsewhere(void **state)
{
	(void)state;
	clean();
	struct rt_run *home = rt_run_begin(&self, &stack[50]);
	unsigned bucket = (unsigned)(home - self.runs) / RT_RUN_BUCKET * RT_RUN_BUCKET;
	rt_run_end(home, &stack[50]);
	for (unsigned i = bucket; i < bucket + RT_RUN_BUCKET; i++)
		self.runs[i] = (struct rt_run){1000 + i, 1};
	struct rt_run *run = rt_run_begin(&self, &stack[50]);
	assert_non_null(run);
	assert_int_equal(self.has_spilled, 1);
	assert_false(run >= &self.runs[bucket] && run < &self.runs[bucket + RT_RUN_BUCKET]);
	self.runs[bucket].thread = 0; /* room at home does not hide it */
	assert_null(rt_run_begin(&self, &stack[49]));
	rt_run_end(run, &stack[50]);
	assert_int_equal(taken(), RT_RUN_BUCKET - 1);
}

static void a_run_that_finds_no_slot_is_counted(void **state)
{
	(void)state;
	clean();
	for (unsigned i = 0; i < RT_RUNS; i++)
		self.runs[i] = (struct rt_run){1000 + i, 1};
	assert_null(rt_run_begin(&self, &stack[50]));
	assert_int_equal(self.skipped, 1);
	self.runs[RT_RUNS - 1].thread = 0;
	assert_non_null(rt_run_begin(&self, &stack[50]));
	assert_int_equal(self.skipped, 1);
}

/* ---- threads ---- */

#define THREADS 100 /* fewer than slots, more than fit into some bucket now and then */
#define ROUNDS	20000

static atomic_uint nested, missing;
static pthread_barrier_t barrier;

static void *begin_and_end(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t ctx[2];
		struct rt_run *run = rt_run_begin(&self, &ctx[1]);
		if (!run) {
			missing++;
			continue;
		}
		if (i % 64 == 0)
			nested += rt_run_begin(&self, &ctx[0]) != NULL;
		rt_run_end(run, &ctx[1]);
	}
	uint64_t last;
	struct rt_run *run = rt_run_begin(&self, &last);
	missing += !run;
	pthread_barrier_wait(&barrier); /* all at once: each has its own */
	if (run && run->top != ~(uint64_t)(uintptr_t)&last)
		nested++;
	pthread_barrier_wait(&barrier);
	if (run)
		rt_run_end(run, &last);
	return NULL;
}

static void threads_do_not_see_each_others_runs(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	for (unsigned has_pointer = 0; has_pointer < 2; has_pointer++) {
		clean();
		self.has_thread_pointer = has_pointer;
		assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS + 1), 0);
		for (unsigned i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, begin_and_end, NULL), 0);
		pthread_barrier_wait(&barrier);
		assert_int_equal(taken(), THREADS);
		pthread_barrier_wait(&barrier);
		for (unsigned i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		pthread_barrier_destroy(&barrier);
		assert_int_equal(taken(), 0);
		assert_int_equal(nested, 0);
		assert_int_equal(missing, 0);
		assert_int_equal(self.lost, 0);
		assert_int_equal(self.skipped, THREADS * ((ROUNDS + 63) / 64));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_has_a_slot_as_long_as_it_goes_on),
		cmocka_unit_test(a_run_inside_of_a_run_does_not_begin),
		cmocka_unit_test(a_run_that_was_jumped_out_of_is_taken_over),
		cmocka_unit_test(a_slot_without_a_place_is_a_run_that_goes_on),
		cmocka_unit_test(a_run_that_a_fork_wiped_leaves_the_slots_alone),
		cmocka_unit_test(a_run_whose_bucket_is_full_is_found_elsewhere),
		cmocka_unit_test(a_run_that_finds_no_slot_is_counted),
		cmocka_unit_test(threads_do_not_see_each_others_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
