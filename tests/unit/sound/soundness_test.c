/*
 * Programs at random, verified, and what was accepted is run: no promise may be broken. The generator
 * writes what verifiers find hard: indices behind bound checks that are right or off by one, checks of
 * copies, values kept on the stack across joins, loops, local calls, pointers that move.
 */
#include "tests/sound/judge.h"
#include "tests/unit/test.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 6000
#define RUNS   12
#define ROOM   120 /* fillers in the entry */
#define INNER  24  /* … in the local function */

struct writer {
	uint64_t seed;
	struct bpf_insn *at, *end;
	uint16_t numbers; /* registers that hold a number, as far as the writer can tell */
	bool is_inner;
	int32_t inner_at; /* the call's immediate, from instruction 0 of the room */
	struct bpf_insn *start;
};

static uint64_t roll(struct writer *w, uint64_t n)
{
	uint64_t z = (w->seed += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % n;
}

static void emit(struct writer *w, uint8_t code, unsigned dst, unsigned src, int off, int64_t imm)
{
	if (w->at < w->end)
		*w->at++ = (struct bpf_insn){.code = code,
					     .dst_reg = dst & 15,
					     .src_reg = src & 15,
					     .off = (int16_t)off,
					     .imm = (int32_t)imm};
}

static unsigned any_reg(struct writer *w)
{
	static const uint8_t regs[] = {0, 2, 3, 4, 5, 7, 8};
	return regs[roll(w, sizeof(regs))];
}

static unsigned number(struct writer *w)
{
	for (int tries = 0; tries < 20; tries++) {
		unsigned r = any_reg(w);
		if (w->numbers & 1u << r)
			return r;
	}
	emit(w, BPF_ALU64 | BPF_MOV | BPF_K, 7, 0, 0, (int64_t)roll(w, 40));
	w->numbers |= 1u << 7;
	return 7;
}

static int64_t small(struct writer *w)
{
	static const int64_t values[] = {0,  1,	 2,  3,	 4,  7,	 8,  9,		15,	  16,
					 24, 31, 32, 33, 63, -1, -8, INT32_MAX, INT32_MIN};
	return values[roll(w, ARRAY_SIZE(values))];
}

static void write_alu(struct writer *w)
{
	static const uint8_t ops[] = {BPF_ADD,	BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD,
				      BPF_AND,	BPF_OR,	 BPF_XOR, BPF_LSH, BPF_RSH,
				      BPF_ARSH, BPF_ADD, BPF_AND, BPF_NEG};
	uint8_t op = ops[roll(w, sizeof(ops))], class = roll(w, 3) ? BPF_ALU64 : BPF_ALU;
	bool is_reg = roll(w, 2) && op != BPF_NEG;
	int off = (op == BPF_DIV || op == BPF_MOD) && roll(w, 2) ? 1 : 0;
	int64_t imm = op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH ? (int64_t)roll(w, 32)
		      : op == BPF_NEG				       ? 0
								       : small(w);
	unsigned src = is_reg ? number(w) : 0;
	emit(w, class | op | (is_reg ? BPF_X : BPF_K), number(w), src, off, is_reg ? 0 : imm);
}

static void write_move(struct writer *w)
{
	static const uint8_t widths[] = {8, 16, 32};
	unsigned dst = any_reg(w), src = number(w);
	uint64_t form = roll(w, 5);
	if (form == 0)
		emit(w, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, small(w));
	else if (form == 1)
		emit(w, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, widths[roll(w, 3)], 0);
	else if (form == 2)
		emit(w, BPF_ALU | BPF_MOV | BPF_X, dst, src, 0, 0);
	else
		emit(w, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
	w->numbers |= (uint16_t)(1u << dst);
}

static void write_swap(struct writer *w)
{
	static const uint8_t widths[] = {16, 32, 64};
	uint8_t code = roll(w, 2) ? BPF_ALU64 | BPF_END
				  : BPF_ALU | BPF_END | (roll(w, 2) ? BPF_TO_BE : BPF_TO_LE);
	emit(w, code, number(w), 0, 0, widths[roll(w, 3)]);
}

static void write_context(struct writer *w)
{
	unsigned dst = any_reg(w);
	if (w->is_inner)
		return;
	emit(w, BPF_LDX | BPF_MEM | (roll(w, 4) ? BPF_DW : BPF_W), dst, 6, 8 * (int)roll(w, 21), 0);
	w->numbers |= (uint16_t)(1u << dst);
}

static void write_mask(struct writer *w)
{
	static const uint8_t masks[] = {1, 3, 7, 8, 15, 16, 24, 31, 32};
	emit(w, (roll(w, 3) ? BPF_ALU64 : BPF_ALU) | BPF_AND | BPF_K, number(w), 0, 0,
	     masks[roll(w, sizeof(masks))]);
}

static uint8_t jump_code(struct writer *w)
{
	static const uint8_t ops[] = {BPF_JEQ,	BPF_JNE,  BPF_JGT,  BPF_JGE,  BPF_JLT, BPF_JLE,
				      BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE, BPF_JSET};
	return ops[roll(w, sizeof(ops))] | (roll(w, 3) ? BPF_JMP : BPF_JMP32);
}

static void write_jump(struct writer *w)
{
	int room = (int)(w->end - w->at) - 2, off = 1 + (int)roll(w, 6);
	bool is_reg = roll(w, 3) == 0;
	if (off > room)
		return;
	unsigned src = is_reg ? number(w) : 0;
	emit(w, jump_code(w) | (is_reg ? BPF_X : BPF_K), number(w), src, off,
	     is_reg ? 0 : small(w));
}

static void write_spill(struct writer *w)
{
	static const uint8_t sizes[] = {BPF_DW, BPF_DW, BPF_DW, BPF_W, BPF_H, BPF_B};
	uint8_t size = sizes[roll(w, sizeof(sizes))];
	int at = -8 * (1 + (int)roll(w, 4)) + (size == BPF_DW ? 0 : 4 * (int)roll(w, 2));
	if (roll(w, 2)) {
		emit(w, BPF_STX | BPF_MEM | size, 10, number(w), at, 0);
		return;
	}
	unsigned dst = any_reg(w);
	bool is_signed = size != BPF_DW && roll(w, 4) == 0;
	emit(w, BPF_LDX | (is_signed ? INSN_MEMSX : BPF_MEM) | size, dst, 10, at, 0);
	w->numbers |= (uint16_t)(1u << dst);
}

/* A pointer to the stack's low 32 bytes or to the cells, moved by a number, and used. */
static void write_access(struct writer *w)
{
	static const uint8_t sizes[] = {BPF_B, BPF_B, BPF_H, BPF_W, BPF_DW};
	uint8_t size = sizes[roll(w, sizeof(sizes))];
	unsigned p = roll(w, 2) ? 2 : 8, index = number(w), value = number(w);
	if (index == p || value == p)
		return;
	if (roll(w, 2) && !w->is_inner) {
		emit(w, BPF_ALU64 | BPF_MOV | BPF_X, p, 9, 0, 0);
	} else {
		emit(w, BPF_ALU64 | BPF_MOV | BPF_X, p, 10, 0, 0);
		emit(w, BPF_ALU64 | BPF_ADD | BPF_K, p, 0, 0, -32);
	}
	if (roll(w, 3))
		emit(w, BPF_ALU64 | (roll(w, 6) ? BPF_ADD : BPF_SUB) | BPF_X, p, index, 0, 0);
	int off = (int)roll(w, 4) * (roll(w, 2) ? 8 : 1);
	if (roll(w, 2))
		emit(w, BPF_STX | BPF_MEM | size, p, value, off, 0);
	else if (roll(w, 6) == 0)
		emit(w, BPF_STX | INSN_ATOMIC | BPF_DW, p, value, off, BPF_ADD | BPF_FETCH);
	else
		emit(w, BPF_LDX | BPF_MEM | size, value, p, off, 0);
	w->numbers &= (uint16_t) ~(1u << p);
	if (roll(w, 3) == 0) {
		emit(w, BPF_ALU64 | BPF_MOV | BPF_K, p, 0, 0, small(w));
		w->numbers |= (uint16_t)(1u << p);
	}
}

/* A bound check, perhaps of a copy, that leaves the program where it fails. */
static void write_check(struct writer *w)
{
	static const uint8_t limits[] = {7, 8, 15, 23, 24, 25, 28, 31, 32};
	unsigned r = number(w), copy = r;
	if (roll(w, 3) == 0) {
		copy = any_reg(w);
		emit(w, BPF_ALU64 | BPF_MOV | BPF_X, copy, r, 0, 0);
		w->numbers |= (uint16_t)(1u << copy);
	}
	int off = (int)(w->end - w->at) - 3;
	uint8_t op = roll(w, 4) ? BPF_JGT : BPF_JSGT;
	if (off > 0)
		emit(w, (roll(w, 4) ? BPF_JMP : BPF_JMP32) | op | BPF_K, roll(w, 2) ? r : copy, 0,
		     off, limits[roll(w, sizeof(limits))]);
}

/* A pointer is kept on the stack, and comes back. */
static void write_pointer_spill(struct writer *w)
{
	int at = -8 * (1 + (int)roll(w, 6));
	unsigned p = roll(w, 2) ? 4 : 7;
	emit(w, BPF_STX | BPF_MEM | BPF_DW, 10, roll(w, 2) && !w->is_inner ? 9 : 10, at, 0);
	if (roll(w, 2))
		return;
	emit(w, BPF_LDX | BPF_MEM | BPF_DW, p, 10, at, 0);
	emit(w, BPF_LDX | BPF_MEM | BPF_DW, any_reg(w), p, -8 * (int)roll(w, 4), 0);
	w->numbers &= (uint16_t) ~(1u << p);
}

/* One of two numbers, by a jump that joins right behind. */
static void write_select(struct writer *w)
{
	static const uint8_t values[] = {0, 1, 7, 8, 24, 31, 32};
	bool is_stack = roll(w, 3) == 0;
	unsigned dst = any_reg(w), on = number(w);
	int at = -8 * (1 + (int)roll(w, 4));
	if (w->end - w->at < 6)
		return;
	for (int i = 0; i < 2; i++) {
		int64_t value = values[roll(w, sizeof(values))];
		if (is_stack)
			emit(w, BPF_ST | BPF_MEM | BPF_DW, 10, 0, at, value);
		else
			emit(w, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value);
		if (i == 0)
			emit(w, jump_code(w) | BPF_K, on, 0, 1, small(w));
	}
	if (!is_stack)
		w->numbers |= (uint16_t)(1u << dst);
}

/* A bound that is itself a number of the program. */
static void write_bound(struct writer *w)
{
	unsigned a = number(w), b = number(w);
	int off = (int)(w->end - w->at) - 3;
	if (off > 0 && a != b)
		emit(w, BPF_JMP | (roll(w, 2) ? BPF_JGT : BPF_JGE) | BPF_X, a, b, off, 0);
}

static void write_loop(struct writer *w)
{
	unsigned r = number(w);
	int body = (int)roll(w, 4);
	emit(w, BPF_ALU64 | BPF_MOV | BPF_K, r, 0, 0, 0);
	if (w->at + body + 2 >= w->end)
		return;
	struct bpf_insn *head = w->at;
	for (int i = 0; i < body; i++)
		roll(w, 2) ? write_alu(w) : write_spill(w);
	emit(w, BPF_ALU64 | BPF_ADD | BPF_K, r, 0, 0, 1);
	emit(w, BPF_JMP | BPF_JLT | BPF_K, r, 0, (int)(head - w->at) - 1, 1 + (int64_t)roll(w, 12));
}

static void write_call(struct writer *w)
{
	uint64_t form = roll(w, 3);
	if (form == 0 && !w->is_inner) {
		emit(w, BPF_ALU64 | BPF_MOV | BPF_X, 1, 10, 0, 0);
		emit(w, BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, -32);
		emit(w, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0,
		     w->inner_at - (int32_t)(w->at - w->start));
	} else if (form == 1) {
		emit(w, BPF_ALU64 | BPF_MOV | BPF_X, 1, 10, 0, 0);
		emit(w, BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, -32);
		if (roll(w, 2))
			emit(w, BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 1 + (int64_t)roll(w, 33));
		emit(w, BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 0);
		emit(w, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_probe_read_user);
	} else {
		emit(w, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32);
	}
	w->numbers = (uint16_t)((w->numbers & ~0x3eu) | 1);
}

static void write_some(struct writer *w)
{
	static void (*const forms[])(struct writer *) = {
		write_alu,    write_alu,    write_move,	  write_move,  write_context,
		write_mask,   write_mask,   write_jump,	  write_jump,  write_jump,
		write_spill,  write_spill,  write_access, write_check, write_access,
		write_check,  write_loop,   write_call,	  write_swap,  write_select,
		write_select, write_select, write_bound,  write_bound, write_pointer_spill,
	};
	forms[roll(w, ARRAY_SIZE(forms))](w);
}

static void write_body(struct writer *w, bool is_inner)
{
	unsigned length = is_inner ? (unsigned)roll(w, 10) : 3 + (unsigned)roll(w, 14);
	w->is_inner = is_inner;
	w->numbers = is_inner ? 0 : 0x1a1;
	if (!is_inner) {
		emit(w, BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0);
		emit(w, BPF_LDX | BPF_MEM | BPF_DW, 7, 6, 8, 0);
		emit(w, BPF_LDX | BPF_MEM | BPF_DW, 8, 6, 16, 0);
		emit(w, BPF_LDX | BPF_MEM | BPF_DW, 5, 6, 24, 0);
		emit(w, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 5);
	}
	for (int at = -8; at >= -32; at -= 8)
		if (roll(w, 8))
			emit(w, BPF_ST | BPF_MEM | BPF_DW, 10, 0, at, (int64_t)roll(w, 20));
	for (unsigned i = 0; i < length; i++)
		write_some(w);
	while (w->at < w->end - 1)
		emit(w, BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 0);
	emit(w, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
}

/* ---- the object that the program is written into ---- */

struct room {
	struct object *object;
	struct bpf_insn *inner, *entry; /* the fillers */
	int32_t inner_at;		/* where inner() is, from the entry's first filler */
};

static bool is_filler(const struct bpf_insn *i)
{
	return i->code == (BPF_ALU64 | BPF_MOV | BPF_K) && i->dst_reg == 0 && i->imm == 24301;
}

/* Written to in place: a parsed object's instructions are its own memory, and calls need no relocation
 * any more. */
static struct bpf_insn *find_room(struct object *o, bool is_entry, uint32_t wanted, uint32_t *first)
{
	uint32_t all, functions;
	const struct bpf_insn *insns = object_insns(o, &all);
	const struct object_function *f = object_functions(o, &functions);
	for (uint32_t i = 0; i < functions; i++) {
		if (f[i].is_entry != is_entry)
			continue;
		uint32_t at = f[i].first, end = f[i].first + f[i].count;
		*first = at;
		while (at < end && !is_filler(&insns[at]))
			at += insn_slots(&insns[at]);
		assert_true(at + wanted <= end && is_filler(&insns[at + wanted - 1]));
		return (struct bpf_insn *)(uintptr_t)&insns[at];
	}
	fail();
	return NULL;
}

static void open_room(struct room *r)
{
	uint32_t inner_first, entry_first, all;
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	assert_ok(file_read("build/tests/programs/soundness.bpf.o", &image));
	assert_ok(object_parse(buf_bytes(&image), &r->object));
	r->entry = find_room(r->object, true, ROOM, &entry_first);
	r->inner = find_room(r->object, false, INNER, &inner_first);
	r->inner_at =
		(int32_t)inner_first - (int32_t)(r->entry - object_insns(r->object, &all)) - 1;
	/* The template's call, which made clang keep inner(), would use up the context in r1. */
	r->entry[-1] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K};
}

/* The interesting numbers of a context. */
static uint64_t context_number(struct writer *w)
{
	static const uint64_t ends[] = {0,
					7,
					8,
					15,
					16,
					24,
					31,
					32,
					INT32_MAX,
					UINT32_MAX,
					INT64_MAX,
					UINT64_MAX,
					(uint64_t)INT64_MIN};
	uint64_t r = roll(w, UINT64_MAX);
	if (r % 3 == 0)
		return ends[(r >> 8) % ARRAY_SIZE(ends)] + (r >> 16) % 3 - 1;
	return r % 3 == 1 ? (r >> 8) % 40 : roll(w, UINT64_MAX);
}

static void print_program(const struct object *o)
{
	uint32_t count;
	const struct bpf_insn *insns = object_insns(o, &count);
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	for (uint32_t i = 0; i < count; i += insn_slots(&insns[i])) {
		buf_printf(&text, "%4u: ", i);
		insn_print(&insns[i], &text);
		buf_putc(&text, '\n');
	}
	print_message("%s", buf_text(&text));
}

static void set_inputs(struct interp *i, uint64_t seed)
{
	struct writer w = {.seed = seed};
	struct interp_element *cells = &i->maps[0].elements[0];
	for (size_t n = 0; n < INTERP_CTX / 8; n++) {
		uint64_t x = context_number(&w);
		memcpy(i->ctx + 8 * n, &x, 8);
	}
	for (size_t n = 0; n < i->maps[0].map->value_size; n++)
		cells->value[n] = (uint8_t)roll(&w, 256);
	i->seed = seed;
}

static void run_accepted(struct interp *i, const struct object *o, const struct verdict *v,
			 uint64_t seed)
{
	uint32_t count;
	const struct verifier_entry *entry = verdict_entries(v, &count);
	i->facts = verdict_facts(v);
	i->limit = entry->worst_insns;
	i->stack_limit = entry->stack_bytes ?: 1;
	i->is_wild = true;
	for (int run = 0; run < RUNS; run++) {
		interp_reset(i, o);
		set_inputs(i, seed * 1000 + (uint64_t)run);
		interp_run(i, entry->function);
		const struct interp_result *r = &i->result;
		if (r->trap == INTERP_FINE && !(r->ctx_reads & ~entry->ctx_reads))
			continue;
		print_program(o);
		fail_msg("program %lu, run %d, instruction %u: %s %s (context %#lx)", seed, run,
			 r->insn, interp_trap_text(r->trap), r->message, r->ctx_reads);
	}
}

static struct role *make_role(void)
{
	struct role *role = NULL;
	OWNED(spec) struct spec *spec = NULL;
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	assert_ok(file_read("tests/cases/specs/all.yaml", &text));
	assert_ok(spec_parse(buf_str(&text), &spec));
	assert_ok(role_resolve(spec, STR("Everyone"), NULL, &role));
	return role;
}

/* Rounds and the first program can be given, to look for more or to look at one again. */
static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	(void)(text && str_to_u64(str_of(text), &otherwise));
	return otherwise;
}

static void write_program(struct room *r, uint64_t seed)
{
	struct writer inner = {.seed = seed ^ 0x5eed, .at = r->inner, .end = r->inner + INNER};
	struct writer entry = {.seed = seed, .at = r->entry, .end = r->entry + ROOM};
	entry.start = r->entry;
	entry.inner_at = r->inner_at;
	write_body(&inner, true);
	write_body(&entry, false);
}

static void keeps_its_promises_on_random_programs(void **state UNUSED)
{
	struct room room;
	struct interp *i = mem_zalloc(sizeof *i);
	OWNED(role) struct role *role = make_role();
	uint64_t accepted = 0, first = setting("SOUNDNESS_FIRST", 1);
	uint64_t rounds = setting("SOUNDNESS_ROUNDS", ROUNDS), by_rule[256] = {0};
	assert_non_null(i);
	judge_grants(role, i->granted);
	open_room(&room);
	for (uint64_t seed = first; seed < first + rounds; seed++) {
		OWNED(verdict) struct verdict *v = NULL;
		write_program(&room, seed);
		assert_ok(verifier_run(room.object, role, VERIFIER_LIMITS_DEFAULT, &v));
		const struct verifier_finding *f = verdict_finding(v);
		by_rule[f ? f->rule : 0]++;
		if (f)
			continue;
		accepted++;
		run_accepted(i, room.object, v, seed);
	}
	if (getenv("SOUNDNESS_VERBOSE"))
		for (int n = 0; n <= VERIFIER_TOO_COMPLEX; n++)
			print_message("%6lu %s\n", by_rule[n], verifier_rule_text(n));
	object_destroy(room.object);
	mem_free(i);
	if (rounds >= ROUNDS && accepted < rounds / 20)
		fail_msg("only %lu of %lu programs were accepted: the test shows too little",
			 accepted, rounds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_its_promises_on_random_programs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
