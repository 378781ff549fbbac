/*
 * Dynptrs against a model: a copy of the memory, with every access compared by hand.
 */
#include "tests/unit/shared/runtime/maps.h"

#define BYTES 48

static uint64_t next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *state >> 33;
}

/* Small most of the time, now and then at an edge of 32 bits. */
static uint32_t any_size(uint64_t *state)
{
	static const uint32_t edges[] = {UINT32_MAX, UINT32_MAX - 3, 1u << 31, 1u << 24};
	return next(state) % 8 ? (uint32_t)(next(state) % (BYTES + 8)) : edges[next(state) % 4];
}

static long expected(uint64_t offset, uint64_t size)
{
	return offset + size > BYTES ? -RT_E2BIG : 0;
}

static void reads_and_writes_are_those_of_a_model(void **state)
{
	(void)state;
	uint8_t memory[BYTES + 16] = {0}, model[BYTES + 16], data[BYTES + 16], got[BYTES + 16];
	struct rt_dynptr p;
	uint64_t random = 1;
	memset(memory + BYTES, 0xee, 16);
	memcpy(model, memory, sizeof(model));
	assert_int_equal(rt_dynptr_from_mem(memory, BYTES, 0, &p), 0);
	for (int round = 0; round < 20000; round++) {
		uint32_t offset = any_size(&random), size = (uint32_t)(next(&random) % (BYTES + 8));
		long result = expected(offset, size);
		for (uint32_t i = 0; i < size; i++)
			data[i] = (uint8_t)next(&random);
		assert_int_equal(rt_dynptr_write(&p, offset, data, size, 0), result);
		if (!result)
			memcpy(model + offset, data, size);
		assert_memory_equal(memory, model, sizeof(model));
		offset = any_size(&random);
		result = expected(offset, size);
		memset(got, 0xaa, sizeof(got));
		assert_int_equal(rt_dynptr_read(got, size, &p, offset, 0), result);
		memset(data, 0, size);
		if (!result)
			memcpy(data, model + offset, size);
		assert_memory_equal(got, data, size);
		assert_int_equal(got[size], 0xaa);
		assert_ptr_equal(rt_dynptr_data(&p, offset, size), result ? NULL : memory + offset);
	}
}

static void copies_that_overlap_are_as_if_through_another_place(void **state)
{
	(void)state;
	for (uint32_t from = 0; from < BYTES; from++) {
		for (uint32_t to = 0; to < BYTES; to++) {
			uint32_t size = BYTES - (from > to ? from : to);
			uint8_t memory[2][BYTES], model[BYTES];
			struct rt_dynptr p[2];
			for (uint32_t i = 0; i < BYTES; i++)
				memory[0][i] = memory[1][i] = model[i] = (uint8_t)(i * 5 + 1);
			memmove(model + to, model + from, size);
			assert_int_equal(rt_dynptr_from_mem(memory[0], BYTES, 0, &p[0]), 0);
			assert_int_equal(rt_dynptr_from_mem(memory[1], BYTES, 0, &p[1]), 0);
			assert_int_equal(rt_dynptr_read(memory[0] + to, size, &p[0], from, 0), 0);
			assert_int_equal(rt_dynptr_write(&p[1], to, memory[1] + from, size, 0), 0);
			assert_memory_equal(memory[0], model, BYTES);
			assert_memory_equal(memory[1], model, BYTES);
		}
	}
}

static void one_that_was_made_in_vain_is_of_no_memory(void **state)
{
	(void)state;
	struct rt_map m = maps_ring(4096);
	uint64_t word = 7;
	struct rt_dynptr p[5];
	uint32_t consumed = 9;
	assert_int_equal(rt_dynptr_from_mem(&word, 8, 1, &p[0]), -RT_EINVAL);
	assert_int_equal(rt_dynptr_from_mem(&word, 1u << 24, 0, &p[1]), -RT_E2BIG);
	assert_int_equal(rt_ringbuf_reserve_dynptr(&m, 8, 1, &p[2]), -RT_EINVAL);
	assert_int_equal(rt_ringbuf_reserve_dynptr(&m, 1u << 24, 0, &p[3]), -RT_E2BIG);
	assert_int_equal(rt_ringbuf_reserve_dynptr(&m, 4090, 0, &p[4]), -RT_EINVAL);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(rt_dynptr_write(&p[i], 0, &word, 0, 0), -RT_EINVAL);
		assert_int_equal(rt_dynptr_read(&word, 8, &p[i], 0, 0), -RT_EINVAL);
		assert_int_equal(word, 0);
		assert_null(rt_dynptr_data(&p[i], 0, 0));
	}
	for (size_t i = 2; i < 5; i++)
		(i % 2 ? rt_ringbuf_submit_dynptr : rt_ringbuf_discard_dynptr)(&p[i], 0);
	assert_int_equal(map_lost(&m), 1);
	assert_ok(map_consume(&m, UINT32_MAX, NULL, NULL, &consumed));
	assert_int_equal(consumed, 0);
	map_close(&m);
}

static void flags_are_checked_as_the_kernel_does(void **state)
{
	(void)state;
	uint64_t word = 7, copy = 1;
	struct rt_dynptr p;
	assert_int_equal(rt_dynptr_from_mem(&word, 8, 0, &p), 0);
	assert_int_equal(rt_dynptr_write(&p, 0, &copy, 8, 1), -RT_EINVAL);
	assert_int_equal(rt_dynptr_write(&p, 1, &copy, 8, 1), -RT_E2BIG);
	assert_int_equal(word, 7);
	assert_int_equal(rt_dynptr_read(&copy, 8, &p, 0, 1), -RT_EINVAL);
	assert_int_equal(copy, 0);
}

static struct err *note(void *context, struct bytes record)
{
	struct buf *out = context;
	buf_printf(out, "%zu:%.*s ", record.size, (int)record.size, (const char *)record.data);
	return NULL;
}

static void records_have_the_size_that_was_asked_for(void **state)
{
	(void)state;
	OWNED_BUF struct buf seen = BUF_INIT(1 << 16);
	struct rt_map m = maps_ring(4096);
	uint32_t consumed;
	for (uint32_t size = 0; size < 12; size++) {
		struct rt_dynptr p;
		char text[] = "abcdefghijkl";
		assert_int_equal(rt_ringbuf_reserve_dynptr(&m, size, 0, &p), 0);
		assert_int_equal(rt_dynptr_write(&p, 0, text, size, 0), 0);
		assert_int_equal(rt_dynptr_write(&p, 0, text, size + 1, 0), -RT_E2BIG);
		if (size % 4 == 3)
			rt_ringbuf_discard_dynptr(&p, 0);
		else
			rt_ringbuf_submit_dynptr(&p, 0);
		assert_null(rt_dynptr_data(&p, 0, 0)); /* it is over */
	}
	assert_ok(map_consume(&m, UINT32_MAX, note, &seen, &consumed));
	assert_string_equal(buf_text(&seen),
			    "0: 1:a 2:ab 4:abcd 5:abcde 6:abcdef 8:abcdefgh 9:abcdefghi "
			    "10:abcdefghij ");
	map_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_are_those_of_a_model),
		cmocka_unit_test(copies_that_overlap_are_as_if_through_another_place),
		cmocka_unit_test(one_that_was_made_in_vain_is_of_no_memory),
		cmocka_unit_test(flags_are_checked_as_the_kernel_does),
		cmocka_unit_test(records_have_the_size_that_was_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
