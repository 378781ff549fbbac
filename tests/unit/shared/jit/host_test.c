/*
 * Programs that call functions of their host and look at its variables: here the host is the test.
 */
#include "tests/unit/shared/jit/assemble.h"

#include "shared/runtime/rt.h"

#define CALL_HOST(n)	INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, n)
#define LD_EXTERN(d, n) LD_IMM64(d, BPF_PSEUDO_BTF_ID, n, 0)
#define CTX_WORDS	(IMAGE_CTX_NO_RESULT / 8 + 1)

static struct assemble a;
static const struct role_entry host_entry = {.name = STR("analyze"), .symbol = STR("the_entry")};

struct context {
	uint64_t words[CTX_WORDS];
};

static struct verifier_value value(int size)
{
	return (struct verifier_value){(uint8_t)(size < 0 ? -size : size), size < 0};
}

/* Sizes below zero are signed. */
static struct verifier_extern function(const char *name, int result, int one, int two, int three)
{
	const int sizes[] = {one, two, three};
	struct verifier_extern e = {.is_used = true,
				    .is_function = true,
				    .symbol = str_of(name),
				    .name = str_of(name),
				    .result = value(result)};
	for (; e.args_count < 3 && sizes[e.args_count]; e.args_count++)
		e.args[e.args_count] = value(sizes[e.args_count]);
	return e;
}

static struct err *compile(const struct verifier_extern *externs, uint32_t count,
			   struct image **out)
{
	struct jit_program p = assemble_program(&a, NULL);
	for (uint32_t i = 0; i < a.entries_count; i++)
		a.entries[i].host = &host_entry;
	p.externs = externs;
	p.externs_count = count;
	TRY(jit_init(NULL));
	return jit_compile_program(&p, out);
}

static struct load compiled(const struct verifier_extern *externs, uint32_t count)
{
	struct image *image = NULL;
	assert_ok(compile(externs, count, &image));
	return load_image(image);
}

static struct rt_private *private_of(const struct load *l)
{
	return (struct rt_private *)(void *)(l->base + l->image->private_offset);
}

/* ---- values ---- */

static uint64_t seen[3];

/* Whole registers, whatever the declared types are: what a careless callee would see. */
static uint64_t look(uint64_t x, uint64_t y, uint64_t z)
{
	seen[0] = x;
	seen[1] = y;
	seen[2] = z;
	return 0xfedcba98f6f5f480;
}

static uint64_t run_look(int result, int one, int two, int three)
{
	const struct verifier_extern externs[] = {function("look", result, one, two, three)};
	struct context ctx = {{0x1111111180000080, 0x22222222ffff8001, 0x33333333000000ff}};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 8), LOAD(BPF_DW, 3, 1, 16), LOAD(BPF_DW, 1, 1, 0),
		 CALL_HOST(0), EXIT);
	struct load l = compiled(externs, 1);
	load_import(&l, "look", (const void *)look);
	uint64_t got = load_run(&l, 0, &ctx);
	assert_int_equal(ctx.words[CTX_WORDS - 1], 0);
	load_fini(&l);
	return got;
}

static void arguments_and_results_have_the_width_and_the_sign_of_their_types(void **state)
{
	(void)state;
	assert_int_equal(run_look(4, 4, -4, -1), 0xf6f5f480);
	assert_int_equal(seen[0], 0x80000080);
	assert_int_equal(seen[1], 0xffffffffffff8001);
	assert_int_equal(seen[2], UINT64_MAX);
	assert_int_equal(run_look(-4, -4, 2, 1), 0xfffffffff6f5f480);
	assert_int_equal(seen[0], 0xffffffff80000080);
	assert_int_equal(seen[1], 0x8001);
	assert_int_equal(seen[2], 0xff);
	assert_int_equal(run_look(-1, 8, -8, -2), 0xffffffffffffff80);
	assert_int_equal(seen[0], 0x1111111180000080);
	assert_int_equal(seen[1], 0x22222222ffff8001);
	assert_int_equal(seen[2], 0xff);
	assert_int_equal(run_look(2, 1, 1, 1), 0xf480);
	assert_int_equal(run_look(8, 1, 1, 1), 0xfedcba98f6f5f480);
	assert_int_equal(run_look(0, 1, 1, 1), 0);
}

static uint64_t run_result(const char *type, uint8_t bytes, bool is_signed, int64_t returned)
{
	const struct role_entry host = {.symbol = STR("e"),
					.return_type = str_of(type),
					.result_bytes = bytes,
					.is_result_signed = is_signed};
	struct image *image = NULL;
	struct context ctx = {{(uint64_t)returned}};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, LOAD(BPF_DW, 0, 1, 0), EXIT);
	a.entries[0].host = &host;
	assert_ok(assemble_compile(&a, NULL, &image));
	struct load l = load_image(image);
	uint64_t got = load_run(&l, 0, &ctx);
	load_fini(&l);
	return got;
}

static void the_entrys_result_is_of_the_hosts_type(void **state)
{
	(void)state;
	assert_int_equal(run_result("int", 4, true, 0x1fffffffe), -2);
	assert_int_equal(run_result("unsigned int", 4, false, -2), 0xfffffffe);
	assert_int_equal(run_result("unsigned char", 1, false, 0x1234), 0x34);
	assert_int_equal(run_result("_Bool", 1, false, 0x1200), 1);
	assert_int_equal(run_result("bool", 1, false, 0), 0);
	assert_int_equal(run_result("long", 8, true, INT64_MIN), INT64_MIN);
	assert_int_equal(run_result("odd", 0, false, -3), -3);
}

/* ---- memory ---- */

static int fill(char *buffer, int size)
{
	memset(buffer, 7, (size_t)size);
	return size;
}

static int sum(const char *buffer, int size)
{
	int total = 0;
	assert_int_equal((uintptr_t)__builtin_frame_address(0) % 16, 0);
	for (int i = 0; i < size; i++)
		total += buffer[i];
	return total;
}

/* A buffer of the frame that one function fills, another reads, and the program changes in between. */
static void functions_of_the_host_read_and_write_the_frame(void **state)
{
	(void)state;
	const struct verifier_extern externs[] = {
		function("unused", 4, 4, 0, 0),
		function("fill", -4, 8, -4, 0),
		function("sum", -4, 8, -4, 0),
	};
	struct context ctx = {{0}};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, STORE_K(BPF_DW, 10, -16, 0), STORE_K(BPF_DW, 10, -8, 0), MOV_X(1, 10),
		 ALU64_K(BPF_ADD, 1, -16), MOV_K(2, 16), CALL_HOST(1), MOV_X(6, 0),
		 STORE_K(BPF_B, 10, -9, 1), LOAD(BPF_B, 7, 10, -1), MOV_X(1, 10),
		 ALU64_K(BPF_ADD, 1, -16), MOV_K(2, 16), CALL_HOST(2), ALU64_X(BPF_ADD, 0, 6),
		 ALU64_X(BPF_ADD, 0, 7), EXIT);
	struct load l = compiled(externs, 3);
	assert_int_equal(l.image->imports_count, 2); /* those that are called */
	load_import(&l, "fill", (const void *)fill);
	load_import(&l, "sum", (const void *)sum);
	assert_int_equal(load_run(&l, 0, &ctx), 16 + 7 + 15 * 7 + 1);
	load_fini(&l);
}

static uint64_t a_variable = 40;

static void a_variable_of_the_host_is_found_through_its_import(void **state)
{
	(void)state;
	const struct verifier_extern externs[] = {
		{.is_used = true, .symbol = STR("a_variable"), .name = STR("a_variable")}};
	struct context ctx = {{0}};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, LD_EXTERN(1, 0), LOAD(BPF_DW, 0, 1, 0), ALU64_K(BPF_ADD, 0, 2), EXIT);
	struct load l = compiled(externs, 1);
	assert_false(l.image->imports[0].is_function);
	assert_int_equal(l.image->needs, 0); /* runs are not guarded where nothing is called */
	load_import(&l, "a_variable", &a_variable);
	assert_int_equal(load_run(&l, 0, &ctx), 42);
	load_fini(&l);
}

static uint64_t clobber(void)
{
	__asm__ volatile("mov $-1, %%rcx; mov $-1, %%rdx; mov $-1, %%rsi; mov $-1, %%rdi;"
			 "mov $-1, %%r8; mov $-1, %%r9; mov $-1, %%r10; mov $-1, %%r11"
			 :
			 :
			 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
	return 5;
}

static void registers_are_kept_though_the_host_changes_them(void **state)
{
	(void)state;
	const struct verifier_extern externs[] = {function("clobber", 8, 0, 0, 0)};
	struct context ctx = {{0}};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, CALL_HOST(0), MOV_X(6, 0), CALL_HOST(0), ALU64_X(BPF_ADD, 0, 6), EXIT);
	struct load l = compiled(externs, 1);
	load_import(&l, "clobber", (const void *)clobber);
	assert_int_equal(load_call_checked(load_entry(&l, 0), &ctx), 0);
	assert_int_equal(load_run(&l, 0, &ctx), 10);
	assert_true(str_is(l.image->entries[0].symbol, "the_entry"));
	load_fini(&l);
}

/* ---- runs inside of runs ---- */

static struct load *nested;

static uint64_t again(void)
{
	struct context ctx = {{0}};
	uint64_t got = load_run(nested, 0, &ctx);
	return got + 1000 * ctx.words[CTX_WORDS - 1];
}

static void a_run_inside_of_a_run_does_not_begin(void **state)
{
	(void)state;
	const struct verifier_extern externs[] = {function("again", 8, 0, 0, 0)};
	struct context ctx = {{0}};
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, CALL_HOST(0), ALU64_K(BPF_ADD, 0, 1), EXIT);
	struct load l = compiled(externs, 1);
	nested = &l;
	load_import(&l, "again", (const void *)again);
	for (unsigned has_pointer = 0; has_pointer < 2; has_pointer++) {
		private_of(&l)->has_thread_pointer = has_pointer;
		assert_int_equal(load_run(&l, 0, &ctx), 1001);
		assert_int_equal(ctx.words[CTX_WORDS - 1], 0);
		assert_int_equal(private_of(&l)->skipped, has_pointer + 1);
	}
	for (unsigned i = 0; i < RT_RUNS; i++)
		assert_int_equal(private_of(&l)->runs[i].thread, 0);
	load_fini(&l);
}

/* ---- what no verifier accepts ---- */

static void refused(const struct verifier_extern *externs, uint32_t count, enum err_code code,
		    const char *part)
{
	struct image *image = NULL;
	assert_fails(compile(externs, count, &image), code, "", part);
}

static void externs_that_were_not_checked_are_refused(void **state)
{
	(void)state;
	struct verifier_extern e = function("look", 4, 4, 0, 0);
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, CALL_HOST(0), EXIT);
	refused(NULL, 0, ERR_INTERNAL, "no such extern");
	refused(&e, 0, ERR_INTERNAL, "no such extern");
	e.is_used = false;
	refused(&e, 1, ERR_INTERNAL, "not checked");
	e = function("look", 4, 3, 0, 0);
	refused(&e, 1, ERR_INTERNAL, "odd size");
	e = function("look", 4, 4, 0, 0);
	e.is_function = false;
	refused(&e, 1, ERR_INTERNAL, "not checked");
	e.is_function = true;
	e.args_count = 6;
	refused(&e, 1, ERR_INTERNAL, "more than five");
	e = function("look", 4, 4, 0, 0);
	e.symbol = STR("");
	refused(&e, 1, ERR_INTERNAL, "the runtime has no such function");
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, LD_EXTERN(0, 0), EXIT);
	e = function("look", 4, 4, 0, 0);
	refused(&e, 1, ERR_INTERNAL, "not checked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_and_results_have_the_width_and_the_sign_of_their_types),
		cmocka_unit_test(the_entrys_result_is_of_the_hosts_type),
		cmocka_unit_test(functions_of_the_host_read_and_write_the_frame),
		cmocka_unit_test(a_variable_of_the_host_is_found_through_its_import),
		cmocka_unit_test(registers_are_kept_though_the_host_changes_them),
		cmocka_unit_test(a_run_inside_of_a_run_does_not_begin),
		cmocka_unit_test(externs_that_were_not_checked_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
