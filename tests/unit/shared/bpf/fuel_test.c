/*
 * What is charged against what is executed: known programs, and random walks through random ones.
 */
#include "tests/unit/test.h"

#include "shared/bpf/fuel.h"
#include "shared/bpf/insn.h"

#define INSN(c, d, s, o, i)                      \
	((struct bpf_insn){.code = (uint8_t)(c), \
			   .dst_reg = (d),       \
			   .src_reg = (s),       \
			   .off = (int16_t)(o),  \
			   .imm = (int32_t)(i)})
#define ADD	  INSN(BPF_ALU64 | BPF_ADD | BPF_K, 0, 0, 0, 1)
#define GOTO(o)	  INSN(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define IF(o)	  INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, o, 0)
#define CALL(o)	  INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, o)
#define EXIT	  INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define FUNCTIONS 4u
#define FUNCTION  24u
#define DEEP	  8u

static struct bpf_insn insns[FUNCTIONS * FUNCTION];
static struct object_function functions[FUNCTIONS];

static struct fuel charge(uint32_t functions_count, uint32_t insns_count)
{
	struct fuel_code code = {insns, functions, insns_count, functions_count};
	struct fuel f;
	assert_ok(fuel_init(&code, &f));
	return f;
}

static void the_longest_way_forward_is_charged_at_the_beginning(void **state)
{
	(void)state;
	const struct bpf_insn program[] = {IF(2), ADD, GOTO(1), ADD, EXIT};
	memcpy(insns, program, sizeof program);
	functions[0] = (struct object_function){.first = 0, .count = 5};
	struct fuel f = charge(1, 5);
	assert_int_equal(f.totals[0], 4); /* if, add, goto, exit */
	fuel_fini(&f);
}

static void a_jump_back_costs_what_lies_between(void **state)
{
	(void)state;
	const struct bpf_insn program[] = {ADD, IF(2), ADD, GOTO(-3), EXIT};
	memcpy(insns, program, sizeof program);
	functions[0] = (struct object_function){.first = 0, .count = 5};
	struct fuel f = charge(1, 5);
	assert_int_equal(fuel_of_jump(&f, 3, 1), 3);
	assert_int_equal(fuel_of_jump(&f, 3, 3), 1);
	fuel_fini(&f);
}

static void a_call_costs_what_the_function_does(void **state)
{
	(void)state;
	const struct bpf_insn program[] = {CALL(3), CALL(2), GOTO(-2), EXIT, ADD, EXIT};
	memcpy(insns, program, sizeof program);
	functions[0] = (struct object_function){.first = 0, .count = 4};
	functions[1] = (struct object_function){.first = 4, .count = 2};
	struct fuel f = charge(2, 6);
	assert_int_equal(f.totals[1], 2);
	assert_int_equal(fuel_of_jump(&f, 2, 1), 1 + 2 + 1);
	assert_int_equal(f.totals[0], 2 * (1 + 2) + 1);
	fuel_fini(&f);
}

static void sums_have_a_limit(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < FUNCTION; n++)
		insns[n] = n + 1 == FUNCTION
				   ? EXIT
				   : CALL(-(int)n - 1); /* calls itself, again and again */
	functions[0] = (struct object_function){.first = 0, .count = FUNCTION};
	struct fuel f = charge(1, FUNCTION);
	assert_true(f.totals[0] <= FUEL_MAX && f.totals[0] > UINT64_C(1000000000));
	fuel_fini(&f);
}

/* ---- at random ---- */

static uint64_t seed = 1;

static uint32_t below(uint32_t count)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % count;
}

/* Jumps and calls to anywhere; the last instruction is an exit. */
static void write_function(uint32_t index)
{
	uint32_t first = index * FUNCTION;
	functions[index] = (struct object_function){.first = first, .count = FUNCTION};
	for (uint32_t n = 0; n < FUNCTION; n++) {
		int offset = (int)below(FUNCTION) - (int)n - 1;
		uint32_t kind = below(8), callee = below(FUNCTIONS);
		struct bpf_insn *insn = &insns[first + n];
		*insn = kind == 0   ? GOTO(offset)
			: kind <= 2 ? IF(offset)
			: kind == 3 ? CALL((int)(callee * FUNCTION) - (int)(first + n) - 1)
			: kind == 4 ? INSN(BPF_JMP | INSN_JCOND, 0, 0, offset, 0)
				    : ADD;
	}
	insns[first + FUNCTION - 1] = EXIT;
}

/* One walk of at most `steps` instructions: charged is never less than executed. */
static void walk(const struct fuel *f, uint32_t steps)
{
	uint32_t at = 0, stack[DEEP], depth = 0;
	uint64_t charged = f->totals[0];
	for (uint64_t executed = 1; executed <= steps; executed++) {
		assert_true(executed <= charged);
		enum insn_kind kind = insn_kind(&insns[at]);
		uint32_t next = at + 1, to = next + (uint32_t)insn_jump_offset(&insns[at]);
		bool jumps = kind == INSN_GOTO ||
			     ((kind == INSN_JUMP || kind == INSN_MAY_GOTO) && below(2));
		if (jumps && fuel_is_back(at, to))
			charged += fuel_of_jump(f, at, to);
		if (jumps)
			next = to;
		if (kind == INSN_CALL_LOCAL && depth + 1 < DEEP) {
			stack[depth++] = next;
			next = next + (uint32_t)insns[at].imm;
		} else if (kind == INSN_EXIT && depth-- == 0) {
			return;
		} else if (kind == INSN_EXIT) {
			next = stack[depth];
		}
		at = next;
	}
}

static void no_walk_executes_more_than_it_was_charged(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		for (uint32_t n = 0; n < FUNCTIONS; n++)
			write_function(n);
		struct fuel f = charge(FUNCTIONS, FUNCTIONS * FUNCTION);
		for (unsigned n = 0; n < 5; n++)
			walk(&f, 3000);
		fuel_fini(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_way_forward_is_charged_at_the_beginning),
		cmocka_unit_test(a_jump_back_costs_what_lies_between),
		cmocka_unit_test(a_call_costs_what_the_function_does),
		cmocka_unit_test(sums_have_a_limit),
		cmocka_unit_test(no_walk_executes_more_than_it_was_charged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
