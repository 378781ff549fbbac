/* Programs that count by number iterators: functions of the runtime that they call by name. */
#include "tests/unit/shared/jit/assemble.h"

#define CALL_EXTERN(n) INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, n)
#define MOV32_X(d, s)  INSN(BPF_ALU | BPF_MOV | BPF_X, d, s, 0, 0)

static struct assemble a;
static struct verifier_insn_fact facts[ASSEMBLE_INSNS];

static const struct verifier_extern externs[] = {
	{.is_used = true,
	 .is_function = true,
	 .name = STR("bpf_iter_num_new"),
	 .args_count = 3,
	 .args = {{8, false}, {4, true}, {4, true}},
	 .result = {4, true}},
	{.is_used = true,
	 .is_function = true,
	 .name = STR("bpf_iter_num_next"),
	 .args_count = 1,
	 .args = {{8, false}},
	 .result = {8, false}},
	{.is_used = true,
	 .is_function = true,
	 .name = STR("bpf_iter_num_destroy"),
	 .args_count = 1,
	 .args = {{8, false}}},
	{.is_used = true, .is_function = true, .name = STR("bpf_iter_num_turn_round")},
};

static struct err *compile(uint64_t fuel, bool is_told, struct image **out)
{
	for (uint32_t i = 0; i < a.insns_count; i++) {
		bool is_call = is_told && a.insns[i].src_reg == BPF_PSEUDO_KFUNC_CALL;
		facts[i] = (struct verifier_insn_fact){.reached = true,
						       .map = VERIFIER_MIXED,
						       .callback = VERIFIER_MIXED,
						       .arg_on_stack = is_call,
						       .arg_stack_offset = {is_call ? -8 : 0}};
	}
	for (uint32_t i = 0; i < a.entries_count; i++) {
		a.entries[i].stack_bytes = 64;
		a.entries[i].is_metered = fuel > 0;
	}
	struct jit_program p = assemble_program(&a, facts);
	p.fuel = fuel;
	p.externs = externs;
	p.externs_count = 4;
	TRY(jit_init(NULL));
	return jit_compile_program(&p, out);
}

/* ctx: start, end, what new gave, the sum, how many. */
static struct load load_sum(uint64_t fuel, bool is_told)
{
	struct image *image = NULL;
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, MOV_X(6, 1), LOAD(BPF_DW, 2, 6, 0), LOAD(BPF_DW, 3, 6, 8), MOV_X(1, 10),
		 ALU64_K(BPF_ADD, 1, -8), CALL_EXTERN(0), STORE(BPF_DW, 6, 0, 16), MOV_K(7, 0),
		 MOV_K(8, 0), MOV_X(1, 10), ALU64_K(BPF_ADD, 1, -8), CALL_EXTERN(1),
		 JUMP_K(BPF_JEQ, 0, 0, 4), LOAD(BPF_W, 1, 0, 0), ALU64_X(BPF_ADD, 7, 1),
		 ALU64_K(BPF_ADD, 8, 1), JUMP_K(BPF_JNE, 10, 0, -8), MOV_X(1, 10),
		 ALU64_K(BPF_ADD, 1, -8), CALL_EXTERN(2), STORE(BPF_DW, 6, 7, 24),
		 STORE(BPF_DW, 6, 8, 32), MOV_K(0, 1), EXIT);
	assert_ok(compile(fuel, is_told, &image));
	return load_image(image);
}

static void check_sum(const struct load *l, int64_t start, int64_t end, int64_t given)
{
	uint64_t ctx[8] = {(uint64_t)start, (uint64_t)end}, sum = 0, count = 0;
	for (int64_t i = (int32_t)start; given == 0 && i < (int32_t)end; i++, count++)
		sum += (uint32_t)i;
	assert_int_equal(load_call_checked(load_entry(l, 0), ctx), 0);
	assert_int_equal(ctx[2], given);
	assert_int_equal(ctx[3], sum);
	assert_int_equal(ctx[4], count);
}

static void numbers_come_as_the_runtime_hands_them_out(void **state)
{
	(void)state;
	for (int is_told = 0; is_told < 2; is_told++) {
		struct load l = load_sum(0, is_told);
		check_sum(&l, 0, 10, 0);
		check_sum(&l, -3, 4, 0);
		check_sum(&l, 5, 5, 0);
		check_sum(&l, 5, 4, -22);
		check_sum(&l, 0, (1 << 23) + 1, -7);
		/* An int is the low half of its register. */
		check_sum(&l, INT64_C(0x1234567800000001), INT64_C(0x7777777700000009), 0);
		check_sum(&l, INT32_MIN, INT32_MIN + 4, 0);
		load_fini(&l);
	}
}

static void rounds_are_charged_as_any_jump_back(void **state)
{
	(void)state;
	struct load l = load_sum(1000, true);
	uint64_t ctx[8] = {0, 1000000};
	check_sum(&l, 0, 50, 0);
	assert_int_equal(load_call_checked(load_entry(&l, 0), ctx), 0);
	assert_int_equal(ctx[4], 0);
	assert_int_equal(((const struct rt_private *)(l.base + l.image->private_offset))->ended, 1);
	load_fini(&l);
}

static void a_function_that_the_runtime_lacks_is_refused(void **state)
{
	(void)state;
	struct image *image = NULL;
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, CALL_EXTERN(3), EXIT);
	assert_fails(compile(0, false, &image), ERR_INTERNAL, "", "has no such function");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_come_as_the_runtime_hands_them_out),
		cmocka_unit_test(rounds_are_charged_as_any_jump_back),
		cmocka_unit_test(a_function_that_the_runtime_lacks_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
