/*
 * Tail calls: who runs next, how often, and what it takes of the stack.
 */
#include "tests/unit/shared/jit/assemble.h"

#include "shared/bpf/map_kind.h"

#include <Zydis/Zydis.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>

static struct assemble a;
static struct verifier_insn_fact facts[ASSEMBLE_INSNS];

#define SLOTS 4

static void add_programs(const struct object_slot *slots, uint32_t count)
{
	a.maps[a.maps_count++] = (struct object_map){.name = STR("next"),
						     .kind = MAP_KIND_PROG_ARRAY,
						     .key_size = 4,
						     .value_size = 4,
						     .max_entries = SLOTS,
						     .slots = slots,
						     .slots_count = count};
}

static struct load load_program(bool has_facts)
{
	for (uint32_t i = 0; i < a.insns_count; i++)
		facts[i] = (struct verifier_insn_fact){.reached = true, .map = 0};
	for (uint32_t i = 0; i < a.entries_count; i++)
		a.entries[i].stack_bytes = 512;
	return assemble_load(&a, has_facts ? facts : NULL);
}

#define TAIL_CALL LD_MAP(2, 0), CALL(BPF_FUNC_tail_call)

/* ctx[0]++; goes on with ctx[1]; else returns 1 */
#define COUNTS                                                                 \
	LOAD(BPF_DW, 4, 1, 0), ALU64_K(BPF_ADD, 4, 1), STORE(BPF_DW, 1, 4, 0), \
		LOAD(BPF_DW, 3, 1, 8), TAIL_CALL, MOV_K(0, 1), EXIT

static void both(void (*check)(const struct load *l))
{
	for (int has_facts = 0; has_facts < 2; has_facts++) {
		struct load l = load_program(has_facts);
		check(&l);
		load_fini(&l);
	}
}

static void check_next(const struct load *l)
{
	static const struct {
		uint64_t index, result;
	} rows[] = {{0, 2},
		    {1, 1},
		    {2, 3},
		    {3, 1},
		    {4, 1},
		    {UINT64_MAX, 1},
		    {UINT64_C(1) << 32, 2} /* the kernel takes 32 bits of it */};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t ctx[] = {0, rows[i].index, 7};
		assert_int_equal(load_run(l, 0, ctx), rows[i].result);
		assert_int_equal(ctx[0], 1);
		assert_int_equal(ctx[2], rows[i].result == 3 ? 8 : 7);
	}
	uint64_t ctx[] = {0, 0, 7};
	assert_int_equal(load_run(l, 1, ctx), 2); /* targets are entries as well */
	assert_int_equal(load_run(l, 2, ctx), 3);
}

static void the_program_in_the_slot_runs_next_with_the_same_context(void **state)
{
	(void)state;
	static const struct object_slot slots[] = {{0, 1}, {2, 2}};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, COUNTS);
	ASSEMBLE(&a, MOV_K(0, 2), EXIT);
	ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 16), ALU64_K(BPF_ADD, 2, 1), STORE(BPF_DW, 1, 2, 16),
		 MOV_K(0, 3), EXIT);
	add_programs(slots, ARRAY_SIZE(slots));
	both(check_next);
}

static void check_limit(const struct load *l)
{
	for (int again = 0; again < 3; again++) { /* each run counts anew */
		uint64_t ctx[] = {0, 0};
		assert_int_equal(load_run(l, 0, ctx), 1);
		assert_int_equal(ctx[0], 34);
	}
}

static void a_program_goes_on_with_itself_33_times(void **state)
{
	(void)state;
	static const struct object_slot slots[] = {{0, 0}};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, COUNTS);
	add_programs(slots, ARRAY_SIZE(slots));
	both(check_limit);
}

static void two_programs_take_turns_33_times_in_all(void **state)
{
	(void)state;
	static const struct object_slot slots[] = {{0, 0}, {1, 1}};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, LOAD(BPF_DW, 4, 1, 0), ALU64_K(BPF_ADD, 4, 1), STORE(BPF_DW, 1, 4, 0),
		 MOV_K(3, 1), TAIL_CALL, MOV_K(0, 1), EXIT);
	ASSEMBLE(&a, LOAD(BPF_DW, 4, 1, 0), ALU64_K(BPF_ADD, 4, 1), STORE(BPF_DW, 1, 4, 0),
		 MOV_K(3, 0), TAIL_CALL, MOV_K(0, 2), EXIT);
	add_programs(slots, ARRAY_SIZE(slots));
	for (int entry = 0; entry < 2; entry++) {
		uint64_t ctx[] = {0};
		struct load l = load_program(true);
		/* 34 programs run: the last one is the other of the two. */
		assert_int_equal(load_run(&l, (uint32_t)entry, ctx), 2 - entry);
		assert_int_equal(ctx[0], 34);
		load_fini(&l);
	}
}

/* r10 as a number: where the frame lies. Only a test may do that. ctx: [0] rounds, [2] the lowest frame */
static void check_stack(const struct load *l)
{
	uint64_t ctx[] = {0, 0, UINT64_MAX, 0};
	assert_int_equal(load_run(l, 0, ctx), 1);
	assert_int_equal(ctx[0], 34);
	assert_true(ctx[3] - ctx[2] <= 16);
}

static void frames_of_a_chain_do_not_add_up(void **state)
{
	(void)state;
	static const struct object_slot slots[] = {{0, 0}};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, STORE(BPF_DW, 10, 1, -512), MOV_X(5, 10), LOAD(BPF_DW, 4, 1, 16),
		 INSN(BPF_JMP | BPF_JGE | BPF_X, 5, 4, 1, 0), STORE(BPF_DW, 1, 5, 16),
		 LOAD(BPF_DW, 4, 1, 24), INSN(BPF_JMP | BPF_JLE | BPF_X, 5, 4, 1, 0),
		 STORE(BPF_DW, 1, 5, 24), LOAD(BPF_DW, 1, 10, -512), COUNTS);
	add_programs(slots, ARRAY_SIZE(slots));
	both(check_stack);
}

static void registers_of_the_host_are_kept_over_a_chain(void **state)
{
	(void)state;
	static const struct object_slot slots[] = {{0, 0}};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, MOV_K(6, 1), MOV_K(7, 2), MOV_K(8, 3), MOV_K(9, 4), COUNTS);
	add_programs(slots, ARRAY_SIZE(slots));
	struct load l = load_program(true);
	uint64_t ctx[] = {0, 0};
	assert_int_equal(load_call_checked(l.base + l.image->entries[0].offset, ctx), 0);
	assert_int_equal(ctx[0], 34);
	load_fini(&l);
}

static void an_array_of_programs_takes_no_room_in_the_image(void **state)
{
	(void)state;
	static const struct object_slot slots[] = {{0, 0}};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, COUNTS);
	add_programs(slots, ARRAY_SIZE(slots));
	struct load l = load_program(true);
	assert_int_equal(l.image->maps_count, 0);
	load_fini(&l);
}

static int count_calls(const struct image *image)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction insn;
	ZydisFormatter formatter;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	char text[128];
	int calls = 0;
	ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
	assert_true(ZYAN_SUCCESS(
		ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)));
	for (uint64_t at = 0; at < image->code.size; at += insn.length) {
		assert_true(ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, image->code.data + at,
								image->code.size - at, &insn,
								operands)));
		calls += insn.mnemonic == ZYDIS_MNEMONIC_CALL;
		if (getenv("EIM_TEST_DISASSEMBLE") &&
		    ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &insn, operands,
								 insn.operand_count_visible, text,
								 sizeof(text), at, NULL)))
			printf("  %4llx  %s\n", (unsigned long long)at, text);
	}
	return calls;
}

static void a_chain_is_a_jump_in_the_machine_code(void **state)
{
	(void)state;
	static const struct object_slot slots[] = {{0, 1}};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, COUNTS);
	ASSEMBLE(&a, LOAD(BPF_DW, 0, 1, 8), EXIT);
	add_programs(slots, ARRAY_SIZE(slots));
	struct load l = load_program(true);
	assert_int_equal(count_calls(l.image), 2); /* what the entries are made of */
	load_fini(&l);
}

static void a_slot_without_a_function_is_refused(void **state)
{
	(void)state;
	static const struct object_slot slots[] = {{0, 9}};
	struct image *image = NULL;
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, COUNTS);
	add_programs(slots, ARRAY_SIZE(slots));
	assert_ok(jit_init(NULL));
	struct jit_program p = assemble_program(&a, NULL);
	assert_fails(jit_compile_program(&p, &image), ERR_INTERNAL, "",
		     "a tail call of what is no function");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_in_the_slot_runs_next_with_the_same_context),
		cmocka_unit_test(a_program_goes_on_with_itself_33_times),
		cmocka_unit_test(two_programs_take_turns_33_times_in_all),
		cmocka_unit_test(frames_of_a_chain_do_not_add_up),
		cmocka_unit_test(registers_of_the_host_are_kept_over_a_chain),
		cmocka_unit_test(an_array_of_programs_takes_no_room_in_the_image),
		cmocka_unit_test(a_chain_is_a_jump_in_the_machine_code),
		cmocka_unit_test(a_slot_without_a_function_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
