/*
 * Functions of the program: local ones, and those that bpf_loop() and bpf_for_each_map_elem() call.
 */
#include "tests/sound/generate_part.h"

/* What a function ends with: uses of the caller's buffer. */
static void put_body(struct writer *w, uint32_t most)
{
	generate_block(w, most);
	put_mov(w, 3, 6);
	generate_uses(w, 3, GENERATE_BUFFER_BYTES);
}

/* What a round leaves is what the next one finds. */
static void put_round(struct writer *w)
{
	put_body(w, 3);
	if (chance(w, 60)) {
		put_load(w, 7, 6, 8 * (int)below(w, 8));
		put_store(w, 6, 8 * (int)below(w, 8), 7 + below(w, 3));
	}
	if (chance(w, 50))
		put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, 7, 0, 0, 1));
}

/* ---- local functions: r1, r2 numbers, r3 a buffer of the caller ---- */
static void write_local(struct writer *w)
{
	put_mov(w, 6, 3);
	put_mov(w, 7, 1);
	put_mov(w, 8, 1);
	put_mov(w, 9, 2);
	put_body(w, 4);
}

static const struct generate_kind local = {"local", write_local};

static void put_local(struct writer *w)
{
	if (!generate_may_refer(w, &local))
		return;
	generate_fill(w);
	put_mov(w, 1, 7 + below(w, 3));
	put_mov(w, 2, 7 + below(w, 3));
	put_stack(w, 3, GENERATE_BUFFER);
	generate_refer(w, &local);
	put(w, INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0));
	w->numbers &= GENERATE_KEPT;
	is_number(w, 0);
}

/* What was written is looked at, and perhaps used. */
static void look_at_buffer(struct writer *w)
{
	unsigned reg = 1 + below(w, 5);
	is_number(w, 0);
	if (!chance(w, 60))
		return;
	put_load(w, reg, 10, GENERATE_BUFFER + 8 * (int)below(w, 8));
	is_number(w, reg);
}

/* ---- bpf_loop(): r1 the index, r2 a buffer of the caller ---- */
static void write_round(struct writer *w)
{
	put_mov(w, 6, 2);
	for (unsigned reg = 7; reg < 10; reg++)
		put_mov(w, reg, 1);
	put_round(w);
}

static const struct generate_kind round_kind = {"round", write_round};

static void put_rounds(struct writer *w)
{
	if (!generate_may_refer(w, &round_kind))
		return;
	generate_fill(w);
	if (chance(w, 60)) {
		put_set(w, 1, (int32_t)below(w, w->has_ctx ? 9 : 4));
	} else {
		put_mov(w, 1, any_number(w));
		put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, 1, 0, 0, w->has_ctx ? 7 : 3));
	}
	generate_refer(w, &round_kind);
	put_imm64(w, 2, BPF_PSEUDO_FUNC, 0, 0);
	put_stack(w, 3, GENERATE_BUFFER);
	put_set(w, 4, chance(w, 95) ? 0 : 1);
	put_call(w, BPF_FUNC_loop);
	look_at_buffer(w);
}

/* ---- statements ---- */
static const struct generate_statement statements[] = {
	{3, false, put_local},
	{4, false, put_rounds},
};

const struct generate_part generate_part_function = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
};
