/*
 * Programs that count: each program notes in its context what it has executed, and the test compares that
 * with what it was given. ctx: [0] rounds, [1] what must not be reached, [6] IMAGE_CTX_NO_RESULT
 */
#include "tests/unit/shared/jit/assemble.h"

static struct assemble a;
static struct verifier_insn_fact facts[ASSEMBLE_INSNS];

#define GOTO(o)		      INSN(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define LD_FUNCTION(d, first) LD_IMM64(d, BPF_PSEUDO_FUNC, first, 0)
#define GIVEN		      1000u

/* All entries are metered; helpers call function 0 back. */
static struct load load_counted(uint64_t fuel)
{
	struct image *image = NULL;
	for (uint32_t i = 0; i < a.insns_count; i++)
		facts[i] = (struct verifier_insn_fact){.reached = true,
						       .map = VERIFIER_MIXED,
						       .callback = 0};
	for (uint32_t i = 0; i < a.entries_count; i++) {
		a.entries[i].stack_bytes = 64;
		a.entries[i].is_metered = true;
	}
	struct jit_program p = assemble_program(&a, facts);
	p.fuel = fuel;
	assert_ok(jit_init(NULL));
	assert_ok(jit_compile_program(&p, &image));
	return load_image(image);
}

static uint64_t ended(const struct load *l)
{
	return ((const struct rt_private *)(l->base + l->image->private_offset))->ended;
}

static void a_loop_without_an_end_executes_what_it_was_given_and_no_more(void **state)
{
	(void)state;
	for (uint64_t fuel = 5; fuel < 60; fuel++) {
		uint64_t ctx[8] = {0};
		memset(&a, 0, sizeof(a));
		ASSEMBLE(&a, MOV_K(0, 7), LOAD(BPF_DW, 2, 1, 0), ALU64_K(BPF_ADD, 2, 1),
			 STORE(BPF_DW, 1, 2, 0), GOTO(-4));
		struct load l = load_counted(fuel);
		assert_int_equal(load_call_checked(load_entry(&l, 0), ctx), 0);
		assert_int_equal(ctx[0], (fuel - 1) / 4); /* 1, then 4 each round */
		assert_int_equal(load_run(&l, 0, ctx), 0);
		assert_int_equal(ended(&l), 2);
		load_fini(&l);
	}
}

static void a_loop_that_does_nothing_ends(void **state)
{
	(void)state;
	uint64_t ctx[8] = {0};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, MOV_K(0, 7), GOTO(-1), EXIT);
	struct load l = load_counted(UINT64_C(1) << 40);
	assert_int_equal(load_run(&l, 0, ctx), 0);
	assert_int_equal(ended(&l), 1);
	assert_int_equal(ctx[IMAGE_CTX_NO_RESULT / 8], 0); /* a uprobe has no result to replace */
	load_fini(&l);
}

static void a_loop_that_ends_in_time_gives_its_result(void **state)
{
	(void)state;
	uint64_t ctx[8] = {0};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 8), MOV_K(0, 0), ALU64_K(BPF_ADD, 0, 3),
		 ALU64_K(BPF_SUB, 2, 1), JUMP_K(BPF_JNE, 2, 0, -3), EXIT);
	struct load l = load_counted(GIVEN);
	for (ctx[1] = 1; 3 + 3 * ctx[1] <= GIVEN; ctx[1]++)
		assert_int_equal(load_run(&l, 0, ctx), 3 * ctx[1]);
	assert_int_equal(ended(&l), 0);
	assert_int_equal(load_run(&l, 0, ctx), 0);
	assert_int_equal(ended(&l), 1);
	load_fini(&l);
}

static void a_function_that_runs_out_ends_its_callers(void **state)
{
	(void)state;
	uint64_t ctx[8] = {0};
	memset(&a, 0, sizeof(a));
	ASSEMBLE_LOCAL(&a, LOAD(BPF_DW, 2, 1, 0), ALU64_K(BPF_ADD, 2, 1), STORE(BPF_DW, 1, 2, 0),
		       GOTO(-4));
	ASSEMBLE_LOCAL(&a, MOV_X(6, 1), CALL_LOCAL(-6), STORE_K(BPF_DW, 6, 8, 1), EXIT);
	ASSEMBLE(&a, MOV_X(6, 1), CALL_LOCAL(-6), STORE_K(BPF_DW, 6, 8, 2), MOV_K(0, 1), EXIT);
	struct load l = load_counted(GIVEN);
	assert_int_equal(load_call_checked(load_entry(&l, 0), ctx), 0);
	assert_int_equal(ctx[1], 0);
	assert_true(ctx[0] * 4 <= GIVEN && ctx[0] * 4 + 20 > GIVEN);
	assert_int_equal(ended(&l), 1);
	load_fini(&l);
}

/* A function that is called in a loop is paid for in each round, though it has no loop itself. */
static void calls_in_a_loop_are_charged(void **state)
{
	(void)state;
	uint64_t ctx[8] = {0};
	memset(&a, 0, sizeof(a));
	ASSEMBLE_LOCAL(&a, LOAD(BPF_DW, 2, 1, 0), ALU64_K(BPF_ADD, 2, 1), STORE(BPF_DW, 1, 2, 0),
		       MOV_K(0, 0), EXIT);
	ASSEMBLE(&a, MOV_X(6, 1), MOV_X(1, 6), CALL_LOCAL(-8), GOTO(-3));
	struct load l = load_counted(GIVEN);
	assert_int_equal(load_run(&l, 0, ctx), 0);
	assert_int_equal(ctx[0], (GIVEN - 1) / 8); /* 3 and 5 */
	load_fini(&l);
}

static void rounds_of_a_callback_are_charged(void **state)
{
	(void)state;
	uint64_t ctx[8] = {[2] = RT_MAX_LOOPS};
	memset(&a, 0, sizeof(a));
	ASSEMBLE_LOCAL(&a, LOAD(BPF_DW, 3, 2, 0), ALU64_K(BPF_ADD, 3, 1), STORE(BPF_DW, 2, 3, 0),
		       MOV_K(0, 0), EXIT);
	ASSEMBLE(&a, MOV_X(6, 1), LOAD(BPF_DW, 1, 6, 16), MOV_X(3, 6), LD_FUNCTION(2, 0),
		 MOV_K(4, 0), CALL(BPF_FUNC_loop), STORE(BPF_DW, 6, 0, 8), EXIT);
	struct load l = load_counted(GIVEN);
	assert_int_equal(load_run(&l, 0, ctx), 0);
	assert_int_equal(ctx[0], (GIVEN - 8) / 6);
	assert_int_equal(ctx[1], 0); /* not behind the helper */
	assert_int_equal(ended(&l), 1);
	ctx[0] = 0;
	ctx[2] = 5;
	assert_int_equal(load_run(&l, 0, ctx), 5);
	assert_int_equal(ctx[0], 5);
	assert_int_equal(ctx[1], 5);
	assert_int_equal(ended(&l), 1);
	load_fini(&l);
}

static void a_callback_that_runs_out_ends_the_rounds(void **state)
{
	(void)state;
	uint64_t ctx[8] = {[2] = 3};
	memset(&a, 0, sizeof(a));
	ASSEMBLE_LOCAL(&a, LOAD(BPF_DW, 3, 2, 0), ALU64_K(BPF_ADD, 3, 1), STORE(BPF_DW, 2, 3, 0),
		       GOTO(-1));
	ASSEMBLE(&a, MOV_X(6, 1), LOAD(BPF_DW, 1, 6, 16), MOV_X(3, 6), LD_FUNCTION(2, 0),
		 MOV_K(4, 0), CALL(BPF_FUNC_loop), STORE_K(BPF_DW, 6, 8, 1), EXIT);
	struct load l = load_counted(GIVEN);
	assert_int_equal(load_run(&l, 0, ctx), 0);
	assert_int_equal(ctx[0], 1);
	assert_int_equal(ctx[1], 0);
	load_fini(&l);
}

/* Each round costs 4; the program goes on behind the loop, and says that it has. */
static void may_goto_leaves_a_loop_in_time(void **state)
{
	(void)state;
	uint64_t ctx[8] = {0};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, MOV_K(2, 0), INSN(BPF_JMP | INSN_JCOND, 0, 0, 3, 0), ALU64_K(BPF_ADD, 2, 1),
		 STORE(BPF_DW, 1, 2, 0), GOTO(-4), STORE_K(BPF_DW, 1, 8, 1), MOV_X(0, 2), EXIT);
	struct load l = load_counted(GIVEN);
	uint64_t rounds = load_run(&l, 0, ctx);
	assert_int_equal(ctx[0], rounds);
	assert_int_equal(ctx[1], 1);
	assert_int_equal(ended(&l), 0);
	assert_true(4 * rounds <= GIVEN * 3 / 4 && 4 * (rounds + 4) >= GIVEN * 3 / 4);
	load_fini(&l);
}

static void an_extension_that_runs_out_has_no_result(void **state)
{
	(void)state;
	uint64_t ctx[8] = {0};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 0), MOV_K(0, 7), JUMP_K(BPF_JEQ, 2, 1, -1), EXIT);
	a.functions[0].section = STR("eim/f");
	a.functions[0].kind = section_find(STR("eim/f"));
	struct load l = load_counted(GIVEN);
	assert_int_equal(load_run(&l, 0, ctx), 7);
	assert_int_equal(ctx[IMAGE_CTX_NO_RESULT / 8], 0);
	ctx[0] = 1;
	assert_int_equal(load_run(&l, 0, ctx), 0);
	assert_int_equal(ctx[IMAGE_CTX_NO_RESULT / 8], 1);
	assert_int_equal(ended(&l), 1);
	load_fini(&l);
}

/* The second entry was proved to end, though only far behind what the first one is given. */
static void what_is_proved_to_end_does_not_end_early(void **state)
{
	(void)state;
	uint64_t ctx[8] = {[2] = 100000};
	memset(&a, 0, sizeof(a));
	ASSEMBLE_LOCAL(&a, LOAD(BPF_DW, 2, 1, 16), MOV_K(0, 0), ALU64_K(BPF_ADD, 0, 1),
		       ALU64_K(BPF_SUB, 2, 1), JUMP_K(BPF_JNE, 2, 0, -3), EXIT);
	ASSEMBLE(&a, CALL_LOCAL(-7), EXIT);
	ASSEMBLE(&a, CALL_LOCAL(-9), EXIT);
	struct image *image = NULL;
	a.entries[0].is_metered = true;
	struct jit_program p = assemble_program(&a, NULL);
	p.fuel = GIVEN;
	assert_ok(jit_init(NULL));
	assert_ok(jit_compile_program(&p, &image));
	struct load l = load_image(image);
	assert_int_equal(load_run(&l, 0, ctx), 0);
	assert_int_equal(ended(&l), 1);
	assert_int_equal(load_run(&l, 1, ctx), 100000);
	assert_int_equal(ended(&l), 1);
	load_fini(&l);
}

static void what_needs_more_than_it_has_is_refused(void **state)
{
	(void)state;
	struct image *image = NULL;
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, MOV_K(0, 7), GOTO(-1), EXIT);
	a.entries[0].is_metered = true;
	struct jit_program p = assemble_program(&a, NULL);
	p.fuel = 1;
	assert_ok(jit_init(NULL));
	struct err *e = jit_compile_program(&p, &image);
	assert_fails(e, ERR_INTERNAL, "", "more instructions than its role allows");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loop_without_an_end_executes_what_it_was_given_and_no_more),
		cmocka_unit_test(a_loop_that_does_nothing_ends),
		cmocka_unit_test(a_loop_that_ends_in_time_gives_its_result),
		cmocka_unit_test(a_function_that_runs_out_ends_its_callers),
		cmocka_unit_test(calls_in_a_loop_are_charged),
		cmocka_unit_test(rounds_of_a_callback_are_charged),
		cmocka_unit_test(a_callback_that_runs_out_ends_the_rounds),
		cmocka_unit_test(may_goto_leaves_a_loop_in_time),
		cmocka_unit_test(an_extension_that_runs_out_has_no_result),
		cmocka_unit_test(what_is_proved_to_end_does_not_end_early),
		cmocka_unit_test(what_needs_more_than_it_has_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
