/*
 * A slice of `make fuzz`, by count; and that the judge is one: it sees what it is there to see.
 */
#include "tests/sound/judge.h"
#include "tests/unit/test.h"

#include "shared/base/mem.h"
#include "shared/bpf/helper.h"

#define SLICE	    6000
#define SLICE_EVERY 200

static struct judge judge;

static void accepted_programs_keep_to_what_was_proved(void **state)
{
	OWNED_BUF struct buf report = BUF_INIT(1 << 20);
	uint32_t findings = 0;
	(void)state;
	for (uint64_t seed = 1; seed <= SLICE && findings < 3; seed++)
		findings += judge_seed(&judge, seed, SLICE_EVERY, &report);
	judge_print(&judge.figures, false, &report);
	print_message("%s", buf_text(&report));
	assert_int_equal(findings, 0);
	assert_true(judge.figures.accepted > SLICE);
	assert_true(judge.figures.compiled_runs > 100);
}

/* ---- the interpreter alone ---- */
#define INSN(c, d, s, o, i)                                                                  \
	{                                                                                    \
		.code = (uint8_t)(c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) \
	}
#define MOV(d, i)      INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOV_X(d, s)    INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ADD(d, i)      INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define LOAD(d, s, o)  INSN(BPF_LDX | BPF_MEM | BPF_DW, d, s, o, 0)
#define STORE(d, s, o) INSN(BPF_STX | BPF_MEM | BPF_DW, d, s, o, 0)
#define GLOBAL(d, m, o) \
	INSN(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_VALUE, 0, m), INSN(0, 0, 0, 0, o)
#define MAP(d, m) INSN(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_FD, 0, m), INSN(0, 0, 0, 0, 0)
#define FUNCTION(d, at) \
	INSN(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_FUNC, 0, at), INSN(0, 0, 0, 0, 0)
#define CALL(id) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, id)
#define EXIT	 INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static const struct {
	const char *what;
	enum interp_trap trap;
	struct bpf_insn insns[16];
} abuses[] = {
	{"reads a register that holds nothing", INTERP_UNINIT, {MOV_X(0, 5), EXIT}},
	{"reads stack that was not written", INTERP_UNINIT, {LOAD(0, 10, -8), EXIT}},
	{"stores above the frame", INTERP_BOUNDS, {STORE(10, 10, 0), EXIT}},
	{"stores past a global",
	 INTERP_BOUNDS,
	 {MOV(0, 0), GLOBAL(1, GENERATE_MAP_DATA, 25), STORE(1, 0, 0), EXIT}},
	{"follows a number", INTERP_NO_POINTER, {MOV(1, 64), LOAD(0, 1, 0), EXIT}},
	{"writes a constant",
	 INTERP_READ_ONLY,
	 {MOV(0, 0), GLOBAL(1, GENERATE_MAP_RODATA, 0), STORE(1, 0, 0), EXIT}},
	{"writes the context", INTERP_READ_ONLY, {MOV(0, 0), STORE(1, 0, 0), EXIT}},
	{"returns a pointer", INTERP_LEAK, {MOV_X(0, 1), EXIT}},
	{"stores a pointer in a map",
	 INTERP_LEAK,
	 {GLOBAL(2, GENERATE_MAP_BSS, 0), STORE(2, 1, 0), MOV(0, 0), EXIT}},
	{"reads half of a pointer",
	 INTERP_LEAK,
	 {STORE(10, 1, -8), INSN(BPF_LDX | BPF_MEM | BPF_W, 0, 10, -8, 0), EXIT}},
	{"shifts a pointer",
	 INTERP_ARITHMETIC,
	 {INSN(BPF_ALU64 | BPF_LSH | BPF_K, 1, 0, 0, 1), MOV(0, 0), EXIT}},
	{"keeps a record",
	 INTERP_UNRELEASED,
	 {MAP(1, GENERATE_MAP_RING), MOV(2, 8), MOV(3, 0), CALL(BPF_FUNC_ringbuf_reserve),
	  MOV(0, 0), EXIT}},
	{"calls what it may not", INTERP_GRANT, {CALL(BPF_FUNC_get_prandom_u32), EXIT}},
	{"adds atomically at an odd place",
	 INTERP_ALIGNMENT,
	 {GLOBAL(2, GENERATE_MAP_DATA, 1), MOV(0, 1),
	  INSN(BPF_STX | INSN_ATOMIC | BPF_DW, 2, 0, 0, BPF_ADD), EXIT}},
	{"runs on", INTERP_TOO_LONG, {INSN(BPF_JMP | BPF_JA, 0, 0, -1, 0)}},
	{"uses more stack than was proved", INTERP_FACT, {MOV(0, 0), STORE(10, 0, -16), EXIT}},
	{"writes an element's key",
	 INTERP_READ_ONLY,
	 {MAP(1, GENERATE_MAP_ARRAY), FUNCTION(2, 8), MOV(3, 0), MOV(4, 0),
	  CALL(BPF_FUNC_for_each_map_elem), EXIT, INSN(BPF_ST | BPF_MEM | BPF_W, 2, 0, 0, 7),
	  MOV(0, 0), EXIT}},
	{"reads past an element",
	 INTERP_BOUNDS,
	 {MAP(1, GENERATE_MAP_ODD), FUNCTION(2, 8), MOV(3, 0), MOV(4, 0),
	  CALL(BPF_FUNC_for_each_map_elem), EXIT, LOAD(0, 3, 0), EXIT}},
	{"keeps a record in a callback",
	 INTERP_UNRELEASED,
	 {MOV(1, 1), FUNCTION(2, 7), MOV(3, 0), MOV(4, 0), CALL(BPF_FUNC_loop), EXIT,
	  MAP(1, GENERATE_MAP_RING), MOV(2, 8), MOV(3, 0), CALL(BPF_FUNC_ringbuf_reserve),
	  MOV(0, 0), EXIT}},
	{"reads a spin lock",
	 INTERP_LOCK,
	 {INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -8, 0), MOV_X(2, 10), ADD(2, -8),
	  MAP(1, GENERATE_MAP_LOCKED), CALL(BPF_FUNC_map_lookup_elem), LOAD(0, 0, 8), EXIT}},
	{"keeps a spin lock",
	 INTERP_LOCK,
	 {INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -8, 0), MOV_X(2, 10), ADD(2, -8),
	  MAP(1, GENERATE_MAP_LOCKED), CALL(BPF_FUNC_map_lookup_elem), MOV_X(1, 0), ADD(1, 8),
	  CALL(BPF_FUNC_spin_lock), MOV(0, 0), EXIT}},
	{"does nothing wrong", INTERP_FINE, {MOV(0, 7), ADD(0, 1), EXIT}},
};

/* A program for that entry of the host, plus 1; for a uprobe: 0. */
static void generate_for(uint32_t extension, struct generate_program *p)
{
	uint64_t seed = 0;
	do
		generate_program(++seed, p);
	while (p->extension != extension);
}

static void the_interpreter_traps_on_each_abuse(void **state)
{
	struct generate_program *p = mem_zalloc(sizeof *p);
	struct interp *i = mem_zalloc(sizeof *i);
	(void)state;
	assert_true(p && i);
	for (size_t n = 0; n < ARRAY_SIZE(abuses); n++) {
		generate_for(0, p);
		memcpy(p->insns, abuses[n].insns, sizeof abuses[n].insns);
		interp_reset(i, &p->object);
		i->limit = 100;
		i->stack_limit = 8;
		memset(i->granted, 0xff, sizeof i->granted);
		i->granted[0] &= ~(UINT64_C(1) << BPF_FUNC_get_prandom_u32);
		interp_run(i, &p->functions[0]);
		if (i->result.trap != abuses[n].trap)
			fail_msg("a program that %s: %s, not %s", abuses[n].what,
				 interp_trap_text(i->result.trap),
				 interp_trap_text(abuses[n].trap));
	}
	mem_free(p);
	mem_free(i);
}

/* ---- what extensions may not do ---- */
#define CALL_HOST(name) INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, WORLD_##name)
#define VARIABLE(d, name) \
	INSN(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_BTF_ID, 0, WORLD_##name), INSN(0, 0, 0, 0, 0)
#define SKIP_IF(op, d, i) INSN(BPF_JMP | BPF_##op | BPF_K, d, 0, 1, i)
#define OPEN_FILE	  GLOBAL(1, GENERATE_MAP_RODATA, 0), MOV(2, 0), CALL_HOST(open)

enum { ALL, SOME, TIGHT }; /* roles */

static const struct {
	const char *what;
	enum interp_trap trap; /* at least once in a few inputs */
	unsigned role;
	enum world_entry entry;
	struct bpf_insn insns[20];
} host_abuses[] = {
	{"reads past the size",
	 INTERP_BOUNDS,
	 ALL,
	 WORLD_ON_COPY,
	 {LOAD(1, 1, 32), LOAD(0, 1, 9), MOV(0, 0), EXIT}},
	{"reads what may be null",
	 INTERP_NO_POINTER,
	 ALL,
	 WORLD_ON_LONG,
	 {LOAD(1, 1, 16), LOAD(0, 1, 8), EXIT}},
	{"reads a field that another role has",
	 INTERP_GRANT,
	 SOME,
	 WORLD_ON_DATA,
	 {LOAD(1, 1, 0), INSN(BPF_LDX | BPF_MEM | BPF_B, 0, 1, 20, 0), EXIT}},
	{"writes a field though arguments are const",
	 INTERP_GRANT,
	 SOME,
	 WORLD_ON_DATA,
	 {MOV(0, 0), LOAD(1, 1, 0), STORE(1, 0, 32), EXIT}},
	{"writes over a pointer of the host's",
	 INTERP_READ_ONLY,
	 ALL,
	 WORLD_ON_DATA,
	 {MOV(0, 0), LOAD(1, 1, 0), STORE(1, 0, 40), EXIT}},
	{"writes memory without the attribute",
	 INTERP_READ_ONLY,
	 TIGHT,
	 WORLD_ON_LONG,
	 {MOV(0, 0), VARIABLE(1, tally), STORE(1, 0, 0), EXIT}},
	{"keeps a pointer while the host runs",
	 INTERP_BOUNDS,
	 ALL,
	 WORLD_ON_DATA,
	 {LOAD(6, 1, 0), LOAD(6, 6, 0), MOV(0, 0), SKIP_IF(JNE, 6, 0), EXIT, CALL_HOST(bound),
	  INSN(BPF_LDX | BPF_MEM | BPF_W, 0, 6, 0, 0), EXIT}},
	{"passes memory that was not written",
	 INTERP_UNINIT,
	 ALL,
	 WORLD_ON_DATA,
	 {MOV_X(1, 10), ADD(1, -8), MOV(2, 8), CALL_HOST(look), EXIT}},
	{"has constants written",
	 INTERP_READ_ONLY,
	 ALL,
	 WORLD_ON_DATA,
	 {GLOBAL(1, GENERATE_MAP_RODATA, 0), MOV(2, 8), CALL_HOST(fill), EXIT}},
	{"closes what was not opened",
	 INTERP_ARGUMENT,
	 ALL,
	 WORLD_ON_DATA,
	 {MOV(1, 3), CALL_HOST(close), EXIT}},
	{"keeps a file", INTERP_UNRELEASED, ALL, WORLD_ON_DATA, {OPEN_FILE, MOV(0, 0), EXIT}},
	{"leaves with a file",
	 INTERP_ARGUMENT,
	 ALL,
	 WORLD_ON_DATA,
	 {OPEN_FILE, SKIP_IF(JSGE, 0, 0), EXIT, MOV_X(1, 0), CALL_HOST(leave), EXIT}},
	{"ends a connection twice",
	 INTERP_ARGUMENT,
	 ALL,
	 WORLD_ON_DATA,
	 {MOV(1, 1), CALL_HOST(connect), MOV_X(6, 0), MOV(0, 0), SKIP_IF(JNE, 6, 0), EXIT,
	  MOV_X(1, 6), CALL_HOST(disconnect), MOV_X(1, 6), CALL_HOST(disconnect), EXIT}},
	{"follows a handle",
	 INTERP_NO_POINTER,
	 ALL,
	 WORLD_ON_DATA,
	 {CALL_HOST(first), SKIP_IF(JNE, 0, 0), EXIT, LOAD(0, 0, 0), EXIT}},
	{"changes what is const to it",
	 INTERP_ARGUMENT,
	 ALL,
	 WORLD_ON_DATA,
	 {CALL_HOST(first), SKIP_IF(JNE, 0, 0), EXIT, MOV_X(1, 0), CALL_HOST(bump), EXIT}},
	{"has a side effect",
	 INTERP_GRANT,
	 TIGHT,
	 WORLD_ON_DATA,
	 {MOV(1, 1), CALL_HOST(notify), MOV(0, 0), EXIT}},
	{"breaks the entry's promise", INTERP_ARGUMENT, ALL, WORLD_ON_TEXT, {MOV(0, 101), EXIT}},
};

static void the_interpreter_traps_on_each_abuse_of_the_host(void **state)
{
	struct generate_program *p = mem_zalloc(sizeof *p);
	struct interp *i = judge.interp;
	(void)state;
	assert_non_null(p);
	for (size_t n = 0; n < ARRAY_SIZE(host_abuses); n++) {
		bool is_seen = false;
		generate_for(1 + host_abuses[n].entry, p);
		memcpy(p->insns, host_abuses[n].insns, sizeof host_abuses[n].insns);
		for (uint64_t seed = 0; seed < 30 && !is_seen; seed++) {
			interp_reset(i, &p->object);
			world_begin(&judge.world, host_abuses[n].entry, seed);
			interp_extension(i, &judge.world, host_abuses[n].entry,
					 host_abuses[n].role);
			i->facts = NULL;
			i->limit = 100;
			i->stack_limit = 8;
			interp_run(i, &p->functions[0]);
			is_seen = i->result.trap == host_abuses[n].trap;
		}
		if (!is_seen)
			fail_msg("a program that %s: %s, not %s", host_abuses[n].what,
				 interp_trap_text(i->result.trap),
				 interp_trap_text(host_abuses[n].trap));
	}
	mem_free(p);
}

/* ---- programs that were findings once ---- */
static const struct {
	const char *what;
	struct bpf_insn insns[16];
} regressions[] = {
	{"reads behind a short string",
	 {LOAD(3, 1, 112), MOV_X(1, 10), ADD(1, -64), MOV(2, 64), CALL(BPF_FUNC_probe_read_str),
	  LOAD(0, 10, -8), EXIT}},
	{"sends nothing from far above the stack",
	 {MAP(1, GENERATE_MAP_RING), MOV_X(2, 10), ADD(2, 4194303), MOV(3, 0), MOV(4, 0),
	  CALL(BPF_FUNC_ringbuf_output), EXIT}},
	{"sends nothing from below what it uses of the stack",
	 {MAP(1, GENERATE_MAP_RING), MOV_X(2, 10), ADD(2, -300), MOV(3, 0), MOV(4, 0),
	  CALL(BPF_FUNC_ringbuf_output), EXIT}},
};

static void former_findings_are_none(void **state)
{
	struct generate_program *p = mem_zalloc(sizeof *p);
	(void)state;
	assert_non_null(p);
	for (size_t n = 0; n < ARRAY_SIZE(regressions); n++) {
		struct judge_finding f;
		bool accepted;
		generate_for(0, p);
		memcpy(p->insns, regressions[n].insns, sizeof regressions[n].insns);
		p->functions[0].count = p->object.insns_count = 16;
		while (p->insns[p->object.insns_count - 1].code == 0)
			p->functions[0].count = --p->object.insns_count;
		p->object.functions_count = 1;
		for (uint64_t seed = 0; seed < 30; seed += JUDGE_ROLES) /* the first role */
			if (!judge_program(&judge, p, seed, seed == 0, &accepted, &f) || !accepted)
				fail_msg("a program that %s: %s", regressions[n].what,
					 accepted ? f.message : "rejected");
	}
	mem_free(p);
}

static int set_up(void **state)
{
	(void)state;
	assert_ok(judge_init(&judge));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_interpreter_traps_on_each_abuse),
		cmocka_unit_test(the_interpreter_traps_on_each_abuse_of_the_host),
		cmocka_unit_test(former_findings_are_none),
		cmocka_unit_test(accepted_programs_keep_to_what_was_proved),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
