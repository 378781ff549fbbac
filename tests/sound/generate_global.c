/*
 * Global functions, which are verified once, by the types of their parameters (judge_btf.c): r1 a number, r2 a
 * buffer of the caller, or null.
 */
#include "tests/sound/generate_part.h"

static void put_null_check(struct writer *w)
{
	if (chance(w, 4))
		return;
	put(w, INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 2, 0));
	put_set(w, 0, 0);
	put(w, INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

static void put_start(struct writer *w)
{
	put_mov(w, 6, 2);
	for (unsigned reg = 7; reg < 10; reg++)
		put_mov(w, reg, 1);
}

static void write_change(struct writer *w, const struct generate_kind *kind)
{
	(void)kind;
	put_start(w);
	put_null_check(w);
	if (chance(w, 50))
		generate_block(w, 3);
	put_mov(w, 3, 6);
	generate_uses(w, 3, GENERATE_BUFFER_BYTES);
	generate_block(w, 2);
	if (chance(w, 50))
		put_store(w, 6, 8 * (int)below(w, 8), 7 + below(w, 3));
}

static void write_look(struct writer *w, const struct generate_kind *kind)
{
	(void)kind;
	put_start(w);
	put_null_check(w);
	put_load(w, 7, 6, 8 * (int)below(w, chance(w, 4) ? 9 : 8));
	generate_block(w, 3);
	put_load(w, 8, 6, 8 * (int)below(w, 8));
	if (chance(w, 4))
		put_store(w, 6, 0, 8);
}

static const struct generate_kind change = {.name = "change",
					    .write = write_change,
					    .type = GENERATE_TYPE_CHANGE};
static const struct generate_kind look = {.name = "look",
					  .write = write_look,
					  .type = GENERATE_TYPE_LOOK};

/* r2 is null on one path; on the other one, too, most of the time. */
static void put_null(struct writer *w)
{
	put_set(w, 2, 0);
	uint32_t at = generate_condition(w);
	put_set(w, 2, chance(w, 70) ? 0 : 4096);
	land(w, at);
}

/* Where slot 7, which follows the buffer, was written, the memory may begin in between. */
static int any_shift(struct writer *w)
{
	if (w->slots >> 7 & 1)
		return chance(w, 30) ? 1 + (int)below(w, 8) : 0;
	return chance(w, 3) ? 8 : 0;
}

static void put_global_call(struct writer *w)
{
	const struct generate_kind *kind = chance(w, 60) ? &change : &look;
	uint32_t way = below(w, 10);
	if (!generate_may_refer(w, kind))
		return;
	generate_fill(w);
	put_mov(w, 1, 7 + below(w, 3));
	if (way == 0)
		put_set(w, 2, 0);
	else if (way == 1) /* too small a map's value, or a constant */
		put_imm64(w, 2, BPF_PSEUDO_MAP_VALUE,
			  chance(w, 50) ? GENERATE_MAP_DATA : GENERATE_MAP_RODATA, 0);
	else if (!w->has_ctx && way == 2)
		put_mov(w, 2, 6);
	else if (way == 3 && chance(w, 30))
		put_null(w);
	else
		put_stack(w, 2, GENERATE_BUFFER + any_shift(w));
	generate_refer(w, kind);
	put(w, INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0));
	w->numbers &= GENERATE_KEPT;
	is_number(w, 0);
	if (chance(w, 60)) {
		put_load(w, 7, 10, GENERATE_BUFFER + 8 * (int)below(w, 8));
		if (chance(w, 30)) /* what the caller knew of it is not so any more */
			put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, 7, 0, 0, 31));
	}
}

static const struct generate_statement statements[] = {
	{3, false, put_global_call},
};

const struct generate_part generate_part_global = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
};
