#include "tests/unit/shared/runtime/maps.h"

#include "shared/runtime/rt_ringbuf.h"

#include <pthread.h>

struct seen {
	uint32_t count;
	uint32_t sizes[64];
	uint8_t first[64];
};

static struct err *note(void *context, struct bytes record)
{
	struct seen *seen = context;
	if (seen->count < 64) {
		seen->sizes[seen->count] = (uint32_t)record.size;
		seen->first[seen->count] = record.size ? record.data[0] : 0;
	}
	seen->count++;
	return NULL;
}

static uint32_t consume(const struct rt_map *m, struct seen *seen)
{
	uint32_t consumed = 0;
	memset(seen, 0, sizeof(*seen));
	assert_ok(map_consume(m, UINT32_MAX, note, seen, &consumed));
	assert_int_equal(consumed, seen->count);
	return consumed;
}

static void records_come_out_in_order_with_their_sizes(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(4096);
	struct seen seen;
	for (uint8_t i = 1; i <= 20; i++) {
		uint8_t data[20];
		memset(data, i, sizeof(data));
		assert_int_equal(rt_ringbuf_output(&m, data, i, 0), 0);
	}
	assert_int_equal(consume(&m, &seen), 20);
	for (uint8_t i = 1; i <= 20; i++) {
		assert_int_equal(seen.sizes[i - 1], i);
		assert_int_equal(seen.first[i - 1], i);
	}
	assert_int_equal(consume(&m, &seen), 0);
	map_close(&m);
}

static void records_cross_the_end_of_the_data_in_one_piece(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(4096);
	struct seen seen;
	for (int i = 0; i < 1000; i++) {
		uint8_t *record = rt_ringbuf_reserve(&m, 1000, 0);
		assert_non_null(record);
		memset(record, i, 1000);
		rt_ringbuf_submit(record, 0);
		assert_int_equal(consume(&m, &seen), 1);
		assert_int_equal(seen.first[0], (uint8_t)i);
		assert_int_equal(seen.sizes[0], 1000);
	}
	assert_int_equal(map_lost(&m), 0);
	map_close(&m);
}

static void a_full_ring_loses_and_counts(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(4096);
	struct seen seen;
	uint8_t data[248] = {1};
	for (int i = 0; i < 16; i++)
		assert_int_equal(rt_ringbuf_output(&m, data, sizeof(data), 0), 0);
	assert_int_equal(rt_ringbuf_output(&m, data, 1, 0), -RT_EAGAIN);
	assert_null(rt_ringbuf_reserve(&m, 8, 0));
	assert_int_equal(map_lost(&m), 2);
	assert_int_equal(consume(&m, &seen), 16);
	assert_int_equal(rt_ringbuf_output(&m, data, sizeof(data), 0), 0);
	map_close(&m);
}

static void arguments_are_checked_as_the_kernel_does(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(4096);
	uint8_t data[8] = {0};
	assert_null(rt_ringbuf_reserve(&m, 8, 1));
	assert_null(rt_ringbuf_reserve(&m, 4089, 0));
	assert_null(rt_ringbuf_reserve(&m, UINT64_MAX, 0));
	assert_null(rt_ringbuf_reserve(&m, UINT32_MAX, 0));
	assert_int_equal(rt_ringbuf_output(&m, data, 8, 4), -RT_EINVAL);
	assert_int_equal(rt_ringbuf_output(&m, data, 8, 3), 0);
	assert_int_equal(rt_ringbuf_query(&m, 0), 16);
	assert_int_equal(rt_ringbuf_query(&m, 1), 4096);
	assert_int_equal(rt_ringbuf_query(&m, 2), 0);
	assert_int_equal(rt_ringbuf_query(&m, 3), 16);
	assert_int_equal(rt_ringbuf_query(&m, 4), 0);
	map_close(&m);
}

static void an_unfinished_record_holds_back_later_ones(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(4096);
	struct seen seen;
	uint8_t data = 2, *first = rt_ringbuf_reserve(&m, 8, 0);
	assert_int_equal(rt_ringbuf_output(&m, &data, 1, 0), 0);
	assert_int_equal(consume(&m, &seen), 0);
	first[0] = 1;
	rt_ringbuf_submit(first, 0);
	assert_int_equal(consume(&m, &seen), 2);
	assert_int_equal(seen.first[0], 1);
	assert_int_equal(seen.first[1], 2);
	map_close(&m);
}

static void discarded_records_are_passed_over(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(4096);
	struct seen seen;
	uint8_t data = 2;
	rt_ringbuf_discard(rt_ringbuf_reserve(&m, 8, 0), 0);
	assert_int_equal(rt_ringbuf_output(&m, &data, 1, 0), 0);
	assert_int_equal(consume(&m, &seen), 1);
	assert_int_equal(seen.first[0], 2);
	assert_int_equal(rt_ringbuf_query(&m, 0), 0);
	map_close(&m);
}

static void at_most_so_many_are_consumed_as_asked(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(4096);
	struct seen seen = {0};
	uint8_t data = 2;
	uint32_t consumed;
	for (int i = 0; i < 3; i++)
		assert_int_equal(rt_ringbuf_output(&m, &data, 1, 0), 0);
	assert_ok(map_consume(&m, 2, note, &seen, &consumed));
	assert_int_equal(consumed, 2);
	assert_int_equal(consume(&m, &seen), 1);
	map_close(&m);
}

/* ---- many producers ---- */
#define PRODUCERS 8
#define RECORDS	  5000

struct producer {
	pthread_t thread;
	const struct rt_map *m;
	uint32_t number;
	uint64_t refused;
};

struct record {
	uint32_t producer, sequence;
	uint8_t filler[];
};

static void *produce(void *arg)
{
	struct producer *p = arg;
	for (uint32_t i = 0; i < RECORDS;) {
		uint32_t size = sizeof(struct record) + i * 7 % 100;
		struct record *record = rt_ringbuf_reserve(p->m, size, 0);
		if (!record) {
			p->refused++;
			sched_yield();
			continue;
		}
		record->producer = p->number;
		record->sequence = i;
		memset(record->filler, (int)i, size - sizeof(*record));
		rt_ringbuf_submit(record, 0);
		i++;
	}
	return NULL;
}

static struct err *in_order(void *context, struct bytes data)
{
	uint32_t *next = context;
	struct record record;
	memcpy(&record, data.data, sizeof(record));
	assert_true(record.producer < PRODUCERS);
	assert_int_equal(record.sequence, next[record.producer]);
	assert_int_equal(data.size, sizeof(record) + record.sequence * 7 % 100);
	for (size_t i = sizeof(record); i < data.size; i++)
		assert_int_equal(data.data[i], (uint8_t)record.sequence);
	next[record.producer]++;
	return NULL;
}

static void every_record_of_every_thread_arrives_once_and_in_order(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(16384);
	struct producer producers[PRODUCERS];
	uint32_t next[PRODUCERS] = {0}, total = 0;
	uint64_t refused = 0;
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){.m = &m, .number = i};
		assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]),
				 0);
	}
	while (total < PRODUCERS * RECORDS) {
		uint32_t consumed = 0;
		assert_ok(map_consume(&m, UINT32_MAX, in_order, next, &consumed));
		total += consumed;
	}
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		pthread_join(producers[i].thread, NULL);
		assert_int_equal(next[i], RECORDS);
		refused += producers[i].refused;
	}
	assert_int_equal(map_lost(&m), refused);
	map_close(&m);
}

/* ---- the dead, and nonsense ---- */
#define DEAD 77

static bool not_dead(void *context, uint32_t tgid)
{
	(void)context;
	return tgid != DEAD;
}

static struct rt_private dead_process = {.tgid = DEAD, .pid_inside = DEAD};

static void a_dead_producers_record_is_discarded_and_counted(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(4096), dead = m;
	struct seen seen;
	uint8_t data = 2;
	dead.self = &dead_process;
	assert_non_null(rt_ringbuf_reserve(&dead, 8, 0));
	assert_int_equal(rt_ringbuf_output(&m, &data, 1, 0), 0);
	assert_int_equal(consume(&m, &seen), 0);
	assert_true(map_sweep(&m, not_dead, NULL));
	assert_int_equal(map_lost(&m), 1);
	assert_int_equal(consume(&m, &seen), 1);
	assert_int_equal(seen.first[0], 2);
	map_close(&m);
}

static void a_living_producers_record_survives_the_sweep(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(4096);
	struct seen seen;
	uint8_t *record = rt_ringbuf_reserve(&m, 8, 0);
	assert_true(map_sweep(&m, not_dead, NULL));
	record[0] = 9;
	rt_ringbuf_submit(record, 0);
	assert_int_equal(consume(&m, &seen), 1);
	assert_int_equal(map_lost(&m), 0);
	map_close(&m);
}

/* As left by one who was killed between taking room and saying so. */
static void a_dead_producers_hole_is_filled(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(4096);
	struct seen seen;
	uint8_t data = 2;
	rt_ring_producer(&m)->windows[3].owner = DEAD;
	rt_ring_producer(&m)->position += 48;
	assert_int_equal(rt_ringbuf_output(&m, &data, 1, 0), 0);
	assert_int_equal(consume(&m, &seen), 0);
	assert_true(map_sweep(&m, not_dead, NULL));
	assert_int_equal(rt_ring_producer(&m)->windows[3].owner, 0);
	assert_int_equal(consume(&m, &seen), 1);
	assert_int_equal(map_lost(&m), 1);
	map_close(&m);
}

static void a_hole_waits_while_a_living_process_may_be_in_it(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(4096);
	struct seen seen;
	rt_ring_producer(&m)->windows[3].owner = DEAD;
	rt_ring_producer(&m)->windows[4].owner = 5;
	rt_ring_producer(&m)->position += 48;
	assert_false(map_sweep(&m, not_dead, NULL));
	assert_int_equal(*rt_ring_at(&m, 0), 0);
	rt_ring_producer(&m)->windows[4].owner = 0;
	assert_true(map_sweep(&m, not_dead, NULL));
	assert_int_equal(consume(&m, &seen), 0);
	assert_int_equal(rt_ringbuf_query(&m, 0), 0);
	map_close(&m);
}

static void positions_that_cannot_be_empty_the_ring(void **state)
{
	(void)state;
	static const uint64_t positions[] = {8192, UINT64_MAX, 1, UINT64_MAX - 7, 1ull << 63};
	for (size_t i = 0; i < ARRAY_SIZE(positions); i++) {
		struct rt_map m = maps_ring(4096);
		struct seen seen;
		uint8_t data = 2;
		rt_ring_producer(&m)->position = positions[i];
		assert_int_equal(consume(&m, &seen), 0);
		assert_int_equal(map_lost(&m), 1);
		assert_int_equal(rt_ringbuf_output(&m, &data, 1, 0), 0);
		assert_int_equal(consume(&m, &seen), 1);
		map_close(&m);
	}
}

static void a_length_past_the_producer_empties_the_ring(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(4096);
	struct seen seen;
	uint8_t data = 2;
	assert_int_equal(rt_ringbuf_output(&m, &data, 1, 0), 0);
	*rt_ring_at(&m, 0) = 1ull << 32 | 0x3fffffff;
	assert_int_equal(consume(&m, &seen), 0);
	assert_int_equal(map_lost(&m), 1);
	assert_int_equal(rt_ringbuf_output(&m, &data, 1, 0), 0);
	assert_int_equal(consume(&m, &seen), 1);
	map_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_out_in_order_with_their_sizes),
		cmocka_unit_test(records_cross_the_end_of_the_data_in_one_piece),
		cmocka_unit_test(a_full_ring_loses_and_counts),
		cmocka_unit_test(arguments_are_checked_as_the_kernel_does),
		cmocka_unit_test(an_unfinished_record_holds_back_later_ones),
		cmocka_unit_test(discarded_records_are_passed_over),
		cmocka_unit_test(at_most_so_many_are_consumed_as_asked),
		cmocka_unit_test(every_record_of_every_thread_arrives_once_and_in_order),
		cmocka_unit_test(a_dead_producers_record_is_discarded_and_counted),
		cmocka_unit_test(a_living_producers_record_survives_the_sweep),
		cmocka_unit_test(a_dead_producers_hole_is_filled),
		cmocka_unit_test(a_hole_waits_while_a_living_process_may_be_in_it),
		cmocka_unit_test(positions_that_cannot_be_empty_the_ring),
		cmocka_unit_test(a_length_past_the_producer_empties_the_ring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
