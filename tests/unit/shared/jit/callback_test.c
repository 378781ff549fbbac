/*
 * Programs whose functions are called back by helpers. Functions are added before the entry, so that their
 * number is known: the callback is function 0 and begins at instruction 0.
 */
#include "tests/unit/shared/jit/assemble.h"

static struct assemble a;
static struct verifier_insn_fact facts[ASSEMBLE_INSNS];

#define LD_FUNCTION(d, first) LD_IMM64(d, BPF_PSEUDO_FUNC, first, 0)

static const struct object_map hash = {.kind = RT_KIND_HASH,
				       .key_size = 8,
				       .value_size = 8,
				       .max_entries = 8};
static const struct object_map array = {.kind = RT_KIND_ARRAY,
					.key_size = 4,
					.value_size = 8,
					.max_entries = 5};

/* All that is known: helpers call function 0 back, on map `map`. */
static struct load load_program(uint32_t map)
{
	for (uint32_t i = 0; i < a.insns_count; i++)
		facts[i] = (struct verifier_insn_fact){.reached = true, .map = map, .callback = 0};
	for (uint32_t i = 0; i < a.entries_count; i++)
		a.entries[i].stack_bytes = 64;
	return assemble_load(&a, facts);
}

/* f(index, sum): *sum = *sum * 3 + index; stops where index is sum[1].
 * ctx: [0] how often, [1] where it stops, [2] flags, [3] gets the sum */
static void loop_program(void)
{
	memset(&a, 0, sizeof(a));
	ASSEMBLE_LOCAL(&a, LOAD(BPF_DW, 3, 2, 0), ALU64_K(BPF_MUL, 3, 3), ALU64_X(BPF_ADD, 3, 1),
		       STORE(BPF_DW, 2, 3, 0), LOAD(BPF_DW, 4, 2, 8), MOV_K(0, 0),
		       INSN(BPF_JMP | BPF_JNE | BPF_X, 1, 4, 1, 0), MOV_K(0, 1), EXIT);
	ASSEMBLE(&a, MOV_X(6, 1), LOAD(BPF_DW, 1, 6, 0), LOAD(BPF_DW, 3, 6, 8),
		 STORE(BPF_DW, 10, 3, -8), STORE_K(BPF_DW, 10, -16, 1), LD_FUNCTION(2, 0),
		 MOV_X(3, 10), ALU64_K(BPF_ADD, 3, -16), LOAD(BPF_DW, 4, 6, 16),
		 CALL(BPF_FUNC_loop), LOAD(BPF_DW, 3, 10, -16), STORE(BPF_DW, 6, 3, 24), EXIT);
}

static int64_t loop(const struct load *l, uint64_t count, uint64_t stop, uint64_t flags,
		    uint64_t *sum)
{
	uint64_t ctx[] = {count, stop, flags, 0};
	int64_t result = (int64_t)load_run(l, 0, ctx);
	*sum = ctx[3];
	return result;
}

static void a_function_is_called_for_each_index_until_it_gives_one(void **state)
{
	(void)state;
	uint64_t sum, expected = 1;
	loop_program();
	struct load l = load_program(VERIFIER_MIXED);
	assert_int_equal(loop(&l, 0, 99, 0, &sum), 0);
	assert_int_equal(sum, 1);
	for (uint64_t i = 0; i < 20; i++)
		expected = expected * 3 + i;
	assert_int_equal(loop(&l, 20, 99, 0, &sum), 20);
	assert_int_equal(sum, expected);
	assert_int_equal(loop(&l, 20, 3, 0, &sum), 4);
	assert_int_equal(sum, (((1 * 3 + 0) * 3 + 1) * 3 + 2) * 3 + 3);
	load_fini(&l);
}

static void a_loop_that_cannot_begin_calls_nothing(void **state)
{
	(void)state;
	uint64_t sum;
	loop_program();
	struct load l = load_program(VERIFIER_MIXED);
	assert_int_equal(loop(&l, 5, 99, 1, &sum), -RT_EINVAL);
	assert_int_equal(sum, 1);
	assert_int_equal(loop(&l, RT_MAX_LOOPS + 1, 0, 0, &sum), -RT_E2BIG);
	assert_int_equal(sum, 1);
	assert_int_equal(loop(&l, UINT64_C(1) << 32 | 2, 99, 0, &sum), 2); /* a u32 */
	assert_int_equal(loop(&l, RT_MAX_LOOPS, RT_MAX_LOOPS, 0, &sum), RT_MAX_LOOPS);
	load_fini(&l);
}

/* f(map, key, value, ctx): ctx[0] += key, ctx[1] += value; value = 7; with ctx[2] the element is deleted. */
static void each_program(struct object_map map)
{
	uint8_t size = map.key_size == 8 ? BPF_DW : BPF_W;
	memset(&a, 0, sizeof(a));
	assemble_map(&a, map);
	ASSEMBLE_LOCAL(&a, LOAD(size, 5, 2, 0), LOAD(BPF_DW, 0, 4, 0), ALU64_X(BPF_ADD, 0, 5),
		       STORE(BPF_DW, 4, 0, 0), LOAD(BPF_DW, 5, 3, 0), LOAD(BPF_DW, 0, 4, 8),
		       ALU64_X(BPF_ADD, 0, 5), STORE(BPF_DW, 4, 0, 8), STORE_K(BPF_DW, 3, 0, 7),
		       LOAD(BPF_DW, 5, 4, 16), JUMP_K(BPF_JEQ, 5, 0, 1),
		       CALL(BPF_FUNC_map_delete_elem), MOV_K(0, 0), EXIT);
	ASSEMBLE(&a, MOV_X(3, 1), LD_MAP(1, 0), LD_FUNCTION(2, 0), MOV_K(4, 0),
		 CALL(BPF_FUNC_for_each_map_elem), EXIT);
}

static void put(struct load *l, uint64_t key, uint64_t value)
{
	assert_int_equal(rt_map_update_elem(&l->maps[0], &key, &value, RT_ANY), 0);
}

static void every_element_of_an_array_is_seen(void **state)
{
	(void)state;
	for (int known = 0; known < 2; known++) {
		uint64_t ctx[3] = {0};
		each_program(array);
		struct load l = load_program(known ? 0 : VERIFIER_MIXED);
		for (uint64_t i = 0; i < 5; i++)
			put(&l, i, 100 * i);
		assert_int_equal(load_run(&l, 0, ctx), 5);
		assert_int_equal(ctx[0], 0 + 1 + 2 + 3 + 4);
		assert_int_equal(ctx[1], 1000);
		assert_int_equal(load_run(&l, 0, ctx), 5);
		assert_int_equal(ctx[1], 1000 + 5 * 7);
		load_fini(&l);
	}
}

static void every_element_of_a_hash_is_seen_and_may_be_deleted(void **state)
{
	(void)state;
	for (int known = 0; known < 2; known++) {
		uint64_t ctx[3] = {0};
		each_program(hash);
		struct load l = load_program(known ? 0 : VERIFIER_MIXED);
		assert_int_equal(load_run(&l, 0, ctx), 0);
		for (uint64_t i = 1; i <= 8; i++)
			put(&l, i << 40, i);
		assert_int_equal(load_run(&l, 0, ctx), 8);
		assert_int_equal(ctx[0], UINT64_C(36) << 40);
		assert_int_equal(ctx[1], 36);
		ctx[2] = 1;
		assert_int_equal(load_run(&l, 0, ctx), 8);
		assert_int_equal(ctx[1], 36 + 8 * 7);
		assert_int_equal(load_run(&l, 0, ctx), 0);
		load_fini(&l);
	}
}

/* Which function it is comes out at run time: ctx[0] chooses. */
static void a_function_that_is_not_known_is_found_at_run_time(void **state)
{
	(void)state;
	memset(&a, 0, sizeof(a));
	ASSEMBLE_LOCAL(&a, MOV_K(0, 0), EXIT);
	ASSEMBLE_LOCAL(&a, MOV_K(0, 1), EXIT);
	ASSEMBLE(&a, LOAD(BPF_DW, 5, 1, 0), LD_FUNCTION(2, 0), JUMP_K(BPF_JEQ, 5, 0, 2),
		 LD_FUNCTION(2, 2), MOV_K(1, 9), MOV_K(3, 0), MOV_K(4, 0), CALL(BPF_FUNC_loop),
		 EXIT);
	struct load l = assemble_load(&a, NULL);
	uint64_t first = 0, second = 1;
	assert_int_equal(load_run(&l, 0, &first), 9);
	assert_int_equal(load_run(&l, 0, &second), 1);
	load_fini(&l);
}

static void refuses_a_callback_that_there_is_not(void **state)
{
	(void)state;
	struct image *image = NULL;
	loop_program();
	for (uint32_t i = 0; i < a.insns_count; i++)
		facts[i] = (struct verifier_insn_fact){.reached = true, .callback = 7};
	a.entries[0].stack_bytes = 64;
	assert_fails(assemble_compile(&a, facts, &image), ERR_INTERNAL, "",
		     "it is not known who is called back");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_is_called_for_each_index_until_it_gives_one),
		cmocka_unit_test(a_loop_that_cannot_begin_calls_nothing),
		cmocka_unit_test(every_element_of_an_array_is_seen),
		cmocka_unit_test(every_element_of_a_hash_is_seen_and_may_be_deleted),
		cmocka_unit_test(a_function_that_is_not_known_is_found_at_run_time),
		cmocka_unit_test(refuses_a_callback_that_there_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
