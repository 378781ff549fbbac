#include "tests/unit/test.h"

#include "controller/http/timer.h"
#include "shared/base/mem.h"

#define COUNT 300

/* A small generator of its own: the same sequence every time. */
static uint64_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

static uint64_t earliest(const struct timer *timers, const bool *in)
{
	uint64_t best = UINT64_MAX;
	for (size_t i = 0; i < COUNT; i++)
		if (in[i])
			best = MIN(best, timers[i].deadline_ns);
	return best;
}

static void the_first_is_the_earliest_whatever_is_removed(void **state)
{
	(void)state;
	struct timer_heap heap = {0};
	struct timer timers[COUNT] = {0};
	bool in[COUNT] = {false};
	uint64_t seed = 1;
	for (int step = 0; step < 20000; step++) {
		size_t i = next(&seed) % COUNT;
		if (in[i])
			timer_remove(&heap, &timers[i]);
		else
			assert_ok(timer_add(&heap, &timers[i], next(&seed) % 1000));
		in[i] = !in[i];
		const struct timer *first = timer_first(&heap);
		assert_int_equal(first ? first->deadline_ns : UINT64_MAX, earliest(timers, in));
	}
	timer_heap_fini(&heap);
}

static void removing_twice_does_nothing(void **state)
{
	(void)state;
	struct timer_heap heap = {0};
	struct timer a = {0}, b = {0};
	assert_ok(timer_add(&heap, &a, 1));
	assert_ok(timer_add(&heap, &b, 2));
	timer_remove(&heap, &a);
	timer_remove(&heap, &a);
	assert_ptr_equal(timer_first(&heap), &b);
	timer_heap_fini(&heap);
}

static void adding_reports_no_memory_and_changes_nothing(void **state)
{
	(void)state;
	struct timer_heap heap = {0};
	struct timer a = {0};
	mem_fail_at(1);
	assert_fails(timer_add(&heap, &a, 1), ERR_NO_MEMORY, "", "out of memory");
	mem_fail_at(0);
	assert_null(timer_first(&heap));
	timer_heap_fini(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_is_the_earliest_whatever_is_removed),
		cmocka_unit_test(removing_twice_does_nothing),
		cmocka_unit_test(adding_reports_no_memory_and_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
