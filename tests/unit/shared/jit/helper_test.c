/*
 * Programs that call helpers, on real maps; each once with nothing known, and once with the facts that
 * a verifier has.
 */
#include "tests/unit/shared/jit/assemble.h"

#include "shared/base/clock.h"

#include <sys/syscall.h>

static struct assemble a;
static struct verifier_insn_fact facts[ASSEMBLE_INSNS];

/* Facts as a verifier gives them for these programs: helpers work on map 0, r2 and r3 of map helpers
 * point to where `key` and `value` say. */
static struct verifier_insn_fact *know(int16_t key, int16_t value)
{
	for (uint32_t i = 0; i < a.insns_count; i++) {
		const struct bpf_insn *insn = &a.insns[i];
		facts[i] = (struct verifier_insn_fact){.reached = true, .map = VERIFIER_MIXED};
		if (insn_kind(insn) == INSN_CALL_HELPER) {
			facts[i].map = 0;
			facts[i].arg_on_stack = (uint8_t)((key ? 2 : 0) | (value ? 4 : 0));
			facts[i].arg_stack_offset[1] = key;
			facts[i].arg_stack_offset[2] = value;
		}
		if (insn->code == (BPF_STX | BPF_MEM | BPF_DW) && insn->dst_reg == 10) {
			facts[i].base = VERIFIER_BASE_STACK;
			facts[i].has_offset = true;
			facts[i].offset = insn->off;
		}
	}
	for (uint32_t i = 0; i < a.entries_count; i++)
		a.entries[i].stack_bytes = 32;
	return facts;
}

static void begin(struct object_map map)
{
	memset(&a, 0, sizeof(a));
	if (map.kind)
		assemble_map(&a, map);
}

static const struct object_map hash = {.kind = RT_KIND_HASH,
				       .key_size = 8,
				       .value_size = 8,
				       .max_entries = 4};
static const struct object_map wide_hash = {.kind = RT_KIND_HASH,
					    .key_size = 8,
					    .value_size = 16,
					    .max_entries = 4};
static const struct object_map array = {.kind = RT_KIND_ARRAY,
					.key_size = 4,
					.value_size = 8,
					.max_entries = 4};
static const struct object_map ring = {.kind = RT_KIND_RINGBUF, .max_entries = 4096};

/* ctx: [0] key, [1] value, [2] flags. Entries: 0 lookup (the value, or -1), 1 update, 2 delete. */
static void map_program(void)
{
	ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 0), STORE(BPF_DW, 10, 2, -8), MOV_X(2, 10),
		 ALU64_K(BPF_ADD, 2, -8), LD_MAP(1, 0), CALL(BPF_FUNC_map_lookup_elem),
		 JUMP_K(BPF_JNE, 0, 0, 2), MOV_K(0, -1), EXIT, LOAD(BPF_DW, 0, 0, 0), EXIT);
	ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 0), STORE(BPF_DW, 10, 2, -8), LOAD(BPF_DW, 2, 1, 8),
		 STORE(BPF_DW, 10, 2, -24), STORE(BPF_DW, 10, 2, -16), LOAD(BPF_DW, 4, 1, 16),
		 MOV_X(2, 10), ALU64_K(BPF_ADD, 2, -8), MOV_X(3, 10), ALU64_K(BPF_ADD, 3, -24),
		 LD_MAP(1, 0), CALL(BPF_FUNC_map_update_elem), EXIT);
	ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 0), STORE(BPF_DW, 10, 2, -8), MOV_X(2, 10),
		 ALU64_K(BPF_ADD, 2, -8), LD_MAP(1, 0), CALL(BPF_FUNC_map_delete_elem), EXIT);
}

static int64_t on(const struct load *l, uint32_t entry, uint64_t key, uint64_t value,
		  uint64_t flags)
{
	uint64_t ctx[] = {key, value, flags};
	return (int64_t)load_run(l, entry, ctx);
}

static void check_hash(const struct load *l)
{
	assert_int_equal(on(l, 0, 1, 0, 0), -1);
	assert_int_equal(on(l, 2, 1, 0, 0), -RT_ENOENT);
	assert_int_equal(on(l, 1, 1, 11, RT_EXIST), -RT_ENOENT);
	for (uint64_t k = 1; k <= 4; k++)
		assert_int_equal(on(l, 1, k, k * 11, RT_NOEXIST), 0);
	assert_int_equal(on(l, 1, 5, 1, RT_ANY), -RT_E2BIG);
	assert_int_equal(on(l, 1, 2, 1, RT_NOEXIST), -RT_EEXIST);
	assert_int_equal(on(l, 1, 2, 99, RT_ANY), 0);
	assert_int_equal(on(l, 1, 2, 99, 7), -RT_EINVAL);
	assert_int_equal(on(l, 0, 2, 0, 0), 99);
	assert_int_equal(on(l, 0, 4, 0, 0), 44);
	assert_int_equal(on(l, 2, 4, 0, 0), 0);
	assert_int_equal(on(l, 0, 4, 0, 0), -1);
	assert_int_equal(map_lost(&l->maps[0]), 1);
	uint64_t key = 3;
	assert_int_equal(*(uint64_t *)rt_map_lookup_elem(&l->maps[0], &key),
			 33); /* as the agent sees it */
	assert_int_equal(((struct rt_private *)(l->base + l->image->private_offset))->tgid,
			 getpid());
}

static void hash_maps_work(void **state)
{
	(void)state;
	const struct object_map maps[] = {hash, wide_hash};
	for (size_t m = 0; m < 2; m++)
		for (int known = 0; known < 2; known++) {
			begin(maps[m]);
			map_program();
			struct load l = assemble_load(&a, known ? know(-8, -24) : NULL);
			check_hash(&l);
			assert_int_equal(l.image->needs, IMAGE_NEEDS_OWNER | IMAGE_NEEDS_SYSCALLS);
			load_fini(&l);
		}
}

static void arrays_work(void **state)
{
	(void)state;
	for (int known = 0; known < 2; known++) {
		begin(array);
		map_program();
		struct load l = assemble_load(&a, known ? know(-8, -24) : NULL);
		assert_int_equal(on(&l, 0, 3, 0, 0), 0);
		assert_int_equal(on(&l, 0, 4, 0, 0), -1);
		assert_int_equal(on(&l, 1, 3, 77, RT_ANY), 0);
		assert_int_equal(on(&l, 1, 4, 77, RT_ANY), -RT_E2BIG);
		assert_int_equal(on(&l, 1, 3, 77, RT_NOEXIST), -RT_EEXIST);
		assert_int_equal(on(&l, 0, 3, 0, 0), 77);
		assert_int_equal(on(&l, 2, 3, 0, 0), -RT_EINVAL);
		assert_int_equal(l.image->needs, 0);
		load_fini(&l);
	}
}

/* r1 is one map or the other: ctx[1] chooses. */
static void a_map_that_differs_between_paths_is_found_at_run_time(void **state)
{
	(void)state;
	begin(array);
	assemble_map(&a, hash);
	ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 0), STORE(BPF_DW, 10, 2, -8), MOV_X(2, 10),
		 ALU64_K(BPF_ADD, 2, -8), LOAD(BPF_DW, 3, 1, 8), LD_MAP(1, 0),
		 JUMP_K(BPF_JEQ, 3, 0, 2), LD_MAP(1, 1), CALL(BPF_FUNC_map_lookup_elem),
		 JUMP_K(BPF_JNE, 0, 0, 2), MOV_K(0, -1), EXIT, LOAD(BPF_DW, 0, 0, 0), EXIT);
	struct load l = assemble_load(&a, NULL);
	uint64_t key = 3, value = 30;
	assert_int_equal(rt_map_update_elem(&l.maps[0], &key, &value, RT_ANY), 0);
	assert_int_equal(on(&l, 0, 3, 0, 0), 30);
	assert_int_equal(on(&l, 0, 3, 1, 0), -1);
	value = 40;
	assert_int_equal(rt_map_update_elem(&l.maps[1], &key, &value, RT_ANY), 0);
	assert_int_equal(on(&l, 0, 3, 1, 0), 40);
	load_fini(&l);
}

static struct err *keep(void *context, struct bytes record)
{
	assert_true(record.size <= 32);
	memcpy(context, record.data, record.size);
	return NULL;
}

/* Entries: 0 reserve, write ctx[0] and submit; 1 … discard; 2 output 16 bytes of the frame; 3 query. */
static void ring_program(void)
{
	for (int discard = 0; discard < 2; discard++)
		ASSEMBLE(&a, LOAD(BPF_DW, 6, 1, 0), LD_MAP(1, 0), MOV_K(2, 24), MOV_K(3, 0),
			 CALL(BPF_FUNC_ringbuf_reserve), JUMP_K(BPF_JNE, 0, 0, 2), MOV_K(0, -1),
			 EXIT, STORE(BPF_DW, 0, 6, 16), STORE_K(BPF_DW, 0, 0, 5), MOV_X(1, 0),
			 MOV_K(2, 0),
			 CALL(discard ? BPF_FUNC_ringbuf_discard : BPF_FUNC_ringbuf_submit),
			 MOV_K(0, 0), EXIT);
	ASSEMBLE(&a, LOAD(BPF_DW, 6, 1, 0), STORE(BPF_DW, 10, 6, -8), STORE(BPF_DW, 10, 6, -16),
		 LD_MAP(1, 0), MOV_X(2, 10), ALU64_K(BPF_ADD, 2, -16), MOV_K(3, 16), MOV_K(4, 0),
		 CALL(BPF_FUNC_ringbuf_output), EXIT);
	ASSEMBLE(&a, LD_MAP(1, 0), MOV_K(2, 1), CALL(BPF_FUNC_ringbuf_query), EXIT);
}

static void ring_buffers_work(void **state)
{
	(void)state;
	for (int known = 0; known < 2; known++) {
		begin(ring);
		ring_program();
		struct load l = assemble_load(&a, known ? know(0, 0) : NULL);
		uint64_t got[4] = {0}, number = 42;
		uint32_t consumed;
		assert_int_equal(load_run(&l, 0, &number), 0);
		assert_ok(map_consume(&l.maps[0], 9, keep, got, &consumed));
		assert_int_equal(consumed, 1);
		assert_int_equal(got[0], 5);
		assert_int_equal(got[2], 42);
		assert_int_equal(load_run(&l, 1, &number), 0);
		assert_ok(map_consume(&l.maps[0], 9, keep, got, &consumed));
		assert_int_equal(consumed, 0);
		number = 43;
		for (int i = 0; i < 1000; i++) { /* around the end */
			assert_int_equal(load_run(&l, 2, &number), 0);
			assert_ok(map_consume(&l.maps[0], 9, keep, got, &consumed));
			assert_int_equal(consumed, 1);
			assert_int_equal(got[1], 43);
		}
		assert_int_equal(load_run(&l, 3, &number), 4096);
		load_fini(&l);
	}
}

static struct load one_helper(uint32_t id)
{
	begin((struct object_map){0});
	ASSEMBLE(&a, CALL(id), EXIT);
	return assemble_load(&a, NULL);
}

static void helpers_without_arguments_work(void **state)
{
	(void)state;
	struct load l = one_helper(BPF_FUNC_ktime_get_ns);
	uint64_t before = clock_mono_ns(), now = load_run(&l, 0, NULL);
	assert_in_range(now, before, clock_mono_ns());
	assert_int_equal(l.image->needs, IMAGE_NEEDS_CLOCK | IMAGE_NEEDS_SYSCALLS);
	load_fini(&l);
	l = one_helper(BPF_FUNC_get_current_pid_tgid);
	uint64_t tid = (uint64_t)syscall(SYS_gettid);
	assert_int_equal(load_run(&l, 0, NULL), (uint64_t)getpid() << 32 | tid);
	assert_int_equal(l.image->needs, IMAGE_NEEDS_PID | IMAGE_NEEDS_SYSCALLS);
	((struct rt_private *)(l.base + l.image->private_offset))->tgid = 77;
	assert_int_equal(load_run(&l, 0, NULL), 77ull << 32 | tid);
	load_fini(&l);
	l = one_helper(BPF_FUNC_get_smp_processor_id);
	assert_in_range(load_run(&l, 0, NULL), 0, 4095);
	load_fini(&l);
	l = one_helper(BPF_FUNC_get_prandom_u32);
	assert_in_range(load_run(&l, 0, NULL), 0, UINT32_MAX);
	load_fini(&l);
}

/* ctx: [0] the address, [1] room for the result. */
static void host_memory_is_read_and_faults_are_results(void **state)
{
	(void)state;
	static const uint32_t ids[] = {BPF_FUNC_probe_read, BPF_FUNC_probe_read_user,
				       BPF_FUNC_probe_read_str, BPF_FUNC_probe_read_user_str};
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		begin((struct object_map){0});
		ASSEMBLE(&a, MOV_X(6, 1), LOAD(BPF_DW, 3, 1, 0), STORE_K(BPF_DW, 10, -8, -1),
			 MOV_X(1, 10), ALU64_K(BPF_ADD, 1, -8), MOV_K(2, 8), CALL(ids[i]),
			 LOAD(BPF_DW, 2, 10, -8), STORE(BPF_DW, 6, 2, 8), EXIT);
		struct load l = assemble_load(&a, NULL);
		char text[8] = "abcdefg";
		uint64_t ctx[2] = {(uintptr_t)text, 0};
		assert_int_equal(load_run(&l, 0, ctx), i < 2 ? 0 : 8);
		assert_memory_equal(&ctx[1], text, 8);
		ctx[0] = 8;
		assert_int_equal((int64_t)load_run(&l, 0, ctx), -RT_EFAULT);
		assert_int_equal(ctx[1], 0);
		assert_int_equal(l.image->needs, IMAGE_NEEDS_PROBE_READ | IMAGE_NEEDS_SYSCALLS);
		load_fini(&l);
	}
}

static __attribute__((noinline)) void fill_the_stack_below(void)
{
	volatile uint8_t below[8192];
	for (size_t i = 0; i < sizeof(below); i++)
		below[i] = 0xee;
}

/* ctx: [0] the address, [1] room for what the helper left. The stack was full of other things. */
static void what_a_string_leaves_of_its_room_is_zero(void **state)
{
	(void)state;
	static const uint32_t ids[] = {BPF_FUNC_probe_read_str, BPF_FUNC_probe_read_user_str};
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		begin((struct object_map){0});
		ASSEMBLE(&a, MOV_X(6, 1), LOAD(BPF_DW, 3, 1, 0), MOV_X(1, 10),
			 ALU64_K(BPF_ADD, 1, -64), MOV_K(2, 64), CALL(ids[i]),
			 LOAD(BPF_DW, 2, 10, -8), STORE(BPF_DW, 6, 2, 8), LOAD(BPF_DW, 0, 10, -56),
			 EXIT);
		struct load l = assemble_load(&a, NULL);
		uint64_t ctx[2] = {(uintptr_t) "abc", 1};
		fill_the_stack_below();
		assert_int_equal(load_run(&l, 0, ctx), 0);
		assert_int_equal(ctx[1], 0);
		load_fini(&l);
	}
}

static void strings_are_compared_with_constants(void **state)
{
	(void)state;
	begin((struct object_map){0});
	assemble_map(&a, (struct object_map){.role = OBJECT_MAP_RODATA,
					     .kind = 2,
					     .key_size = 4,
					     .value_size = 4,
					     .max_entries = 1,
					     .initial = bytes_of("GET", 4)});
	ASSEMBLE(&a, MOV_K(2, 4), LD_VALUE(3, 0, 0), CALL(BPF_FUNC_strncmp), EXIT);
	struct load l = assemble_load(&a, NULL);
	assert_int_equal(load_run(&l, 0, (char[]){"GET"}), 0);
	assert_true((int64_t)load_run(&l, 0, (char[]){"PUT"}) > 0);
	assert_true((int64_t)load_run(&l, 0, (char[]){"DEL"}) < 0);
	load_fini(&l);
}

static void a_map_of_the_wrong_kind_is_refused(void **state)
{
	(void)state;
	struct image *image = NULL;
	begin(ring);
	map_program();
	assert_fails(assemble_compile(&a, know(-8, -24), &image), ERR_INTERNAL, "",
		     "a helper's map does not fit");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_maps_work),
		cmocka_unit_test(arrays_work),
		cmocka_unit_test(a_map_that_differs_between_paths_is_found_at_run_time),
		cmocka_unit_test(ring_buffers_work),
		cmocka_unit_test(helpers_without_arguments_work),
		cmocka_unit_test(host_memory_is_read_and_faults_are_results),
		cmocka_unit_test(what_a_string_leaves_of_its_room_is_zero),
		cmocka_unit_test(strings_are_compared_with_constants),
		cmocka_unit_test(a_map_of_the_wrong_kind_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
