/* Snapshots: what goes in comes out, what did not change is held in common, and nothing is left behind. */
#include "tests/unit/test.h"

#include "shared/base/mem.h"
#include "shared/verifier/snapshot.h"

static struct state *state_of_slots(unsigned count)
{
	struct state *s = mem_zalloc(sizeof *s);
	assert_non_null(s);
	assert_true(state_push(s, 0, UINT32_MAX));
	for (unsigned i = 0; i < count; i++) {
		struct state_slot *slot = &s->frames[0].slots[i];
		state_forget(&s->frames[0], (int)(8 * i) - STATE_FRAME_SIZE, 8, true);
		slot->reg = state_scalar(range_const(i));
		slot->size = 8;
	}
	return s;
}

static void a_state_comes_back_as_it_was(void **state UNUSED)
{
	struct snapshot_pool pool = {0};
	struct snapshot *taken = NULL;
	struct state *s = state_of_slots(STATE_SLOTS), *back = state_of_slots(0);
	assert_ok(snapshot_take(&pool, s, 7, NULL, &taken));
	assert_int_equal(taken->insn, 7);
	assert_int_equal(taken->items, STATE_SLOTS + 1);
	snapshot_restore(taken, back);
	assert_memory_equal(&s->frames[0], &back->frames[0], sizeof s->frames[0]);
	snapshot_destroy(taken);
	assert_int_equal(pool.used_bytes, 0);
	mem_free(s);
	mem_free(back);
}

static void what_did_not_change_is_shared(void **state UNUSED)
{
	struct snapshot_pool pool = {0};
	struct snapshot *first = NULL, *second = NULL;
	struct state *s = state_of_slots(STATE_SLOTS);
	assert_ok(snapshot_take(&pool, s, 1, NULL, &first));
	size_t one = pool.used_bytes;
	s->frames[0].slots[9].reg.range = range_const(99);
	assert_ok(snapshot_take(&pool, s, 2, first, &second));
	assert_true(pool.used_bytes < one + one / 4);
	assert_ptr_equal(snapshot_slot(first, 0, 0), snapshot_slot(second, 0, 0));
	assert_ptr_not_equal(snapshot_slot(first, 0, 9), snapshot_slot(second, 0, 9));
	assert_true(range_is(&snapshot_slot(first, 0, 9)->reg.range, 9));
	assert_true(range_is(&snapshot_slot(second, 0, 9)->reg.range, 99));
	snapshot_destroy(first); /* what they share stays */
	assert_true(range_is(&snapshot_slot(second, 0, 0)->reg.range, 0));
	snapshot_destroy(second);
	assert_int_equal(pool.used_bytes, 0);
	mem_free(s);
}

static void a_slot_that_is_not_in_use_any_more_is_not_shared(void **state UNUSED)
{
	struct snapshot_pool pool = {0};
	struct snapshot *first = NULL, *second = NULL;
	struct state *s = state_of_slots(8);
	assert_ok(snapshot_take(&pool, s, 1, NULL, &first));
	state_forget(&s->frames[0], 8 * 5 - STATE_FRAME_SIZE, 8, false);
	assert_ok(snapshot_take(&pool, s, 1, first, &second));
	assert_non_null(snapshot_slot(first, 0, 5));
	assert_null(snapshot_slot(second, 0, 5));
	assert_non_null(snapshot_slot(second, 0, 6));
	snapshot_destroy(first);
	snapshot_destroy(second);
	assert_int_equal(pool.used_bytes, 0);
	mem_free(s);
}

static void nothing_is_left_when_memory_is_out(void **state UNUSED)
{
	struct snapshot_pool pool = {0};
	struct state *s = state_of_slots(STATE_SLOTS);
	for (uint64_t nth = 1;; nth++) {
		struct snapshot *taken = NULL;
		mem_fail_at(nth);
		struct err *e = snapshot_take(&pool, s, 1, NULL, &taken);
		bool failed = mem_failed();
		mem_fail_at(0);
		snapshot_destroy(taken);
		assert_int_equal(pool.used_bytes, 0);
		if (!failed) {
			assert_null(e);
			break;
		}
		assert_int_equal(err_code(e), ERR_NO_MEMORY);
		assert_null(taken);
		err_destroy(e);
	}
	mem_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_state_comes_back_as_it_was),
		cmocka_unit_test(what_did_not_change_is_shared),
		cmocka_unit_test(a_slot_that_is_not_in_use_any_more_is_not_shared),
		cmocka_unit_test(nothing_is_left_when_memory_is_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
