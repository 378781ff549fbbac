/*
 * Jumps, loops, local calls, dead code; and what is refused.
 */
#include "tests/unit/shared/jit/assemble.h"

static const uint64_t values[] = {0,
				  1,
				  2,
				  0x7fffffff,
				  0x80000000,
				  0xffffffff,
				  0x100000000,
				  0x7fffffffffffffff,
				  0x8000000000000000,
				  UINT64_MAX,
				  0x180000001};

static const uint8_t conditions[] = {BPF_JEQ,  BPF_JNE,	 BPF_JGT,  BPF_JGE,  BPF_JLT, BPF_JLE,
				     BPF_JSET, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE};

static bool compare(uint8_t op, uint64_t a, uint64_t b, int64_t sa, int64_t sb)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	case BPF_JSET:
		return a & b;
	case BPF_JSGT:
		return sa > sb;
	case BPF_JSGE:
		return sa >= sb;
	case BPF_JSLT:
		return sa < sb;
	}
	return sa <= sb;
}

static bool reference(bool is_64, uint8_t op, uint64_t a, uint64_t b)
{
	return is_64 ? compare(op, a, b, (int64_t)a, (int64_t)b)
		     : compare(op, (uint32_t)a, (uint32_t)b, (int32_t)a, (int32_t)b);
}

/* Entries: each condition with a register, then each with an immediate. */
static void conditions_are_as_in_c(void **state)
{
	(void)state;
	static const int32_t immediates[] = {0, 1, -1, INT32_MIN, INT32_MAX};
	for (int is_64 = 0; is_64 < 2; is_64++)
		for (size_t k = 0; k < ARRAY_SIZE(immediates); k++) {
			static struct assemble a;
			uint8_t class = is_64 ? BPF_JMP : BPF_JMP32;
			memset(&a, 0, sizeof(a));
			for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
				ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 0), LOAD(BPF_DW, 3, 1, 8),
					 MOV_K(0, 1),
					 INSN(class | conditions[i] | BPF_X, 2, 3, 1, 0),
					 MOV_K(0, 0), EXIT);
				ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 0), MOV_K(0, 1),
					 INSN(class | conditions[i] | BPF_K, 2, 0, 1,
					      immediates[k]),
					 MOV_K(0, 0), EXIT);
			}
			struct load l = assemble_load(&a, NULL);
			for (uint32_t i = 0; i < ARRAY_SIZE(conditions); i++)
				for (size_t v = 0; v < ARRAY_SIZE(values) * ARRAY_SIZE(values);
				     v++) {
					uint64_t ctx[2] = {values[v / ARRAY_SIZE(values)],
							   values[v % ARRAY_SIZE(values)]};
					assert_int_equal(load_run(&l, 2 * i, ctx),
							 reference(is_64, conditions[i], ctx[0],
								   ctx[1]));
					assert_int_equal(
						load_run(&l, 2 * i + 1, ctx),
						reference(is_64, conditions[i], ctx[0],
							  (uint64_t)(int64_t)immediates[k]));
				}
			load_fini(&l);
		}
}

static void loops_and_both_gotos_work(void **state)
{
	(void)state;
	static struct assemble a;
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 0), MOV_K(0, 0),
		 INSN(BPF_JMP | BPF_JA, 0, 0, 2, 0), /* to the test */
		 ALU64_X(BPF_ADD, 0, 2), ALU64_K(BPF_SUB, 2, 1), JUMP_K(BPF_JNE, 2, 0, -3),
		 INSN(BPF_JMP32 | BPF_JA, 0, 0, 0, 1), MOV_K(0, 77), EXIT);
	struct load l = assemble_load(&a, NULL);
	for (uint64_t n = 0; n < 100; n++)
		assert_int_equal(load_run(&l, 0, &n), n * (n + 1) / 2);
	load_fini(&l);
}

/* f(1) adds the five arguments and changes r1 to r5; the caller's r6 to r9 stay. */
static void local_functions_get_five_arguments_and_keep_the_callers_registers(void **state)
{
	(void)state;
	static struct assemble a;
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, LOAD(BPF_DW, 6, 1, 0), MOV_X(1, 6), MOV_K(2, 10), MOV_K(3, 100),
		 MOV_K(4, 1000), MOV_K(5, 10000), CALL_LOCAL(2), ALU64_X(BPF_ADD, 0, 6), EXIT);
	ASSEMBLE_LOCAL(&a, MOV_K(6, 5), MOV_X(0, 1), ALU64_X(BPF_ADD, 0, 2), ALU64_X(BPF_ADD, 0, 3),
		       ALU64_X(BPF_ADD, 0, 4), ALU64_X(BPF_ADD, 0, 5), EXIT);
	struct load l = assemble_load(&a, NULL);
	uint64_t n = 7;
	assert_int_equal(load_run(&l, 0, &n), 7 + 11110 + 7);
	load_fini(&l);
}

/* The caller's frame is told to the callee; the callee has a frame of its own. */
static void a_callee_writes_into_its_callers_frame(void **state)
{
	(void)state;
	static struct assemble a;
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, STORE_K(BPF_DW, 10, -8, 1), MOV_X(1, 10), ALU64_K(BPF_ADD, 1, -8),
		 CALL_LOCAL(2), LOAD(BPF_DW, 0, 10, -8), EXIT);
	ASSEMBLE_LOCAL(&a, STORE_K(BPF_DW, 10, -8, 99), LOAD(BPF_DW, 2, 1, 0),
		       ALU64_K(BPF_ADD, 2, 41), STORE(BPF_DW, 1, 2, 0), EXIT);
	struct load l = assemble_load(&a, NULL);
	assert_int_equal(load_run(&l, 0, NULL), 42);
	load_fini(&l);
}

static void an_entry_that_is_also_called_works_both_ways(void **state)
{
	(void)state;
	static struct assemble a;
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, CALL_LOCAL(2), ALU64_K(BPF_ADD, 0, 1), EXIT);
	ASSEMBLE(&a, LOAD(BPF_DW, 0, 1, 0), EXIT);
	struct load l = assemble_load(&a, NULL);
	uint64_t n = 5;
	assert_int_equal(load_run(&l, 0, &n), 6);
	assert_int_equal(load_run(&l, 1, &n), 5);
	load_fini(&l);
}

static void code_that_is_known_to_be_dead_is_left_out(void **state)
{
	(void)state;
	static struct assemble a;
	static struct verifier_insn_fact facts[8];
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, LOAD(BPF_DW, 0, 1, 0), JUMP_K(BPF_JNE, 0, 3, 1), CALL(6), EXIT);
	for (int i = 0; i < 8; i++)
		facts[i] = (struct verifier_insn_fact){.reached = i != 2, .map = VERIFIER_MIXED};
	struct image *image = NULL;
	assert_fails(assemble_compile(&a, NULL, &image), ERR_INTERNAL, "",
		     "f, instruction 2: the runtime has no such helper");
	struct load l = assemble_load(&a, facts);
	uint64_t n = 5;
	assert_int_equal(load_run(&l, 0, &n), 5);
	load_fini(&l);
}

static void entries_keep_every_register_but_the_result(void **state)
{
	(void)state;
	static struct assemble a;
	memset(&a, 0, sizeof(a));
	/* Enough values alive over a call to want all registers. */
	ASSEMBLE(&a, MOV_X(9, 1), LOAD(BPF_DW, 6, 1, 0), LOAD(BPF_DW, 7, 1, 8),
		 LOAD(BPF_DW, 8, 1, 16), MOV_X(1, 6), CALL_LOCAL(7), LOAD(BPF_DW, 1, 9, 24),
		 ALU64_X(BPF_ADD, 0, 1), ALU64_X(BPF_ADD, 0, 6), ALU64_X(BPF_MUL, 0, 7),
		 ALU64_X(BPF_XOR, 0, 8), INSN(BPF_ALU64 | BPF_DIV | BPF_X, 0, 6, 0, 0), EXIT);
	ASSEMBLE_LOCAL(&a, CALL(BPF_FUNC_ktime_get_ns), MOV_X(1, 0),
		       CALL(BPF_FUNC_get_smp_processor_id), ALU64_X(BPF_MUL, 0, 0), EXIT);
	struct load l = assemble_load(&a, NULL);
	uint64_t ctx[] = {1, 2, 3, 4};
	assert_int_equal(load_call_checked(load_entry(&l, 0), ctx), 0);
	load_fini(&l);
}

static void refuses(const char *part, enum err_code code, const struct bpf_insn *insns,
		    size_t count)
{
	static struct assemble a;
	struct image *image = NULL;
	memset(&a, 0, sizeof(a));
	assemble_entry(&a, insns, count);
	assert_fails(assemble_compile(&a, NULL, &image), code, "", part);
}
#define REFUSES(part, code, ...)                                    \
	refuses(part, code, (const struct bpf_insn[]){__VA_ARGS__}, \
		sizeof((const struct bpf_insn[]){__VA_ARGS__}) / sizeof(struct bpf_insn))

static void refuses_what_no_verifier_accepts(void **state)
{
	(void)state;
	REFUSES("f, instruction 0: a jump leaves the function", ERR_INTERNAL,
		JUMP_K(BPF_JEQ, 0, 0, 5), EXIT);
	REFUSES("f, instruction 0: a jump leaves the function", ERR_INTERNAL,
		INSN(BPF_JMP | BPF_JA, 0, 0, -2, 0), EXIT);
	REFUSES("f, instruction 1: a jump leaves", ERR_INTERNAL, MOV_K(0, 0),
		JUMP_K(BPF_JEQ, 0, 0, -1));
	REFUSES("f: execution runs past the end", ERR_INTERNAL, MOV_K(0, 0));
	REFUSES("f: execution runs past the end", ERR_INTERNAL, INSN(BPF_JMP | BPF_JA, 0, 0, 1, 0),
		LD_IMM64(0, 0, 1, 1), EXIT);
	REFUSES("f, instruction 0: no instruction of eBPF", ERR_INTERNAL, INSN(0xff, 0, 0, 0, 0),
		EXIT);
	REFUSES("f, instruction 0: r10 is read-only", ERR_INTERNAL, MOV_K(10, 0), EXIT);
	REFUSES("f, instruction 0: r10 is read-only", ERR_INTERNAL, LOAD(BPF_DW, 10, 1, 0), EXIT);
	REFUSES("f, instruction 0: an access outside of the frame", ERR_INTERNAL,
		LOAD(BPF_DW, 0, 10, -520), EXIT);
	REFUSES("f, instruction 0: an access outside of the frame", ERR_INTERNAL,
		LOAD(BPF_DW, 0, 10, -4), EXIT);
	REFUSES("f, instruction 0: no such map", ERR_INTERNAL, LD_MAP(1, 3), EXIT);
	REFUSES("f, instruction 0: no such map", ERR_INTERNAL, LD_VALUE(1, -1, 0), EXIT);
	REFUSES("f, instruction 0: a call of what is no function", ERR_INTERNAL, CALL_LOCAL(50),
		EXIT);
	REFUSES("f, instruction 0: a call of what is no function", ERR_INTERNAL,
		LD_IMM64(0, BPF_PSEUDO_FUNC, 1, 0), EXIT);
	REFUSES("f, instruction 0: no such extern", ERR_INTERNAL,
		INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, 1), EXIT);
}

static void refuses_programs_without_entries(void **state)
{
	(void)state;
	static struct assemble a;
	struct image *image = NULL;
	memset(&a, 0, sizeof(a));
	assert_fails(assemble_compile(&a, NULL, &image), ERR_INVALID, "", "no entry");
}

static void out_of_memory_is_an_error_at_every_allocation(void **state)
{
	(void)state;
	static struct assemble a;
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, CALL_LOCAL(1), EXIT);
	ASSEMBLE_LOCAL(&a, MOV_K(0, 1), EXIT);
	for (uint64_t n = 1; n < 100; n++) {
		struct image *image = NULL;
		mem_fail_at(n);
		struct err *e = assemble_compile(&a, NULL, &image);
		bool failed = mem_failed();
		mem_fail_at(0);
		if (!failed) {
			assert_null(e);
			image_destroy(image);
			return;
		}
		assert_non_null(e);
		assert_int_equal(err_code(e), ERR_NO_MEMORY);
		err_destroy(e);
	}
	fail();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_are_as_in_c),
		cmocka_unit_test(loops_and_both_gotos_work),
		cmocka_unit_test(local_functions_get_five_arguments_and_keep_the_callers_registers),
		cmocka_unit_test(a_callee_writes_into_its_callers_frame),
		cmocka_unit_test(an_entry_that_is_also_called_works_both_ways),
		cmocka_unit_test(code_that_is_known_to_be_dead_is_left_out),
		cmocka_unit_test(entries_keep_every_register_but_the_result),
		cmocka_unit_test(refuses_what_no_verifier_accepts),
		cmocka_unit_test(refuses_programs_without_entries),
		cmocka_unit_test(out_of_memory_is_an_error_at_every_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
