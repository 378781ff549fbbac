/*
 * Branches, choices, loops.
 */
#include "tests/sound/generate_part.h"

static const uint8_t jumps[] = {BPF_JEQ,  BPF_JNE,  BPF_JGT,  BPF_JGE,	BPF_JLT, BPF_JLE,
				BPF_JSET, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE};

/* A conditional jump on numbers; gives its place. */
uint32_t generate_condition(struct writer *w)
{
	unsigned op = jumps[below(w, ARRAY_SIZE(jumps))],
		 class = chance(w, 40) ? BPF_JMP32 : BPF_JMP;
	unsigned dst = any_number(w), src = any_number(w);
	if (chance(w, 40))
		put(w, INSN(class | op | BPF_X, dst, src, 0, 0));
	else
		put(w, INSN(class | op | BPF_K, dst, 0, 0,
			    chance(w, 50) ? (int32_t)below(w, 40) : any_imm(w)));
	return w->count - 1;
}

static void put_branch(struct writer *w)
{
	uint32_t at = generate_condition(w);
	uint16_t numbers = w->numbers, slots = w->slots;
	bool has_buffer = w->has_buffer;
	generate_block(w, 4);
	if (chance(w, 40)) {
		uint32_t over = w->count;
		uint16_t then_numbers = w->numbers, then_slots = w->slots;
		bool then_buffer = w->has_buffer;
		put(w, chance(w, 50) ? INSN(BPF_JMP | BPF_JA, 0, 0, 0, 0)
				     : INSN(BPF_JMP32 | BPF_JA, 0, 0, 0, 0));
		land(w, at);
		w->numbers = numbers;
		w->slots = slots;
		w->has_buffer = has_buffer;
		generate_block(w, 4);
		if (w->p->insns[over].code == (BPF_JMP | BPF_JA))
			land(w, over);
		else
			w->p->insns[over].imm = (int32_t)(w->count - over - 1);
		w->numbers &= then_numbers;
		w->slots &= then_slots;
		w->has_buffer &= then_buffer;
		return;
	}
	land(w, at);
	w->numbers &= numbers;
	w->slots &= slots;
	w->has_buffer &= has_buffer;
}

/* One of two constants, by chance: what is pruned must not forget which. */
static void put_choice(struct writer *w)
{
	unsigned reg = 7 + below(w, 3);
	put_set(w, reg, (int32_t)below(w, 12));
	uint32_t at = generate_condition(w);
	put_set(w, reg, (int32_t)below(w, chance(w, 10) ? 64 : 12));
	land(w, at);
	if (chance(w, 40)) {
		unsigned slot = below(w, 8);
		put(w, INSN(BPF_STX | BPF_MEM | BPF_DW, 10, reg, -8 * (int)(slot + 1), 0));
		w->slots |= (uint16_t)(1u << slot);
	}
}

static void put_loop(struct writer *w)
{
	unsigned reg = 7 + below(w, 3);
	uint16_t kept = w->numbers, slots = w->slots;
	bool has_buffer = w->has_buffer;
	int32_t limit = (int32_t)(1 + below(w, 12));
	if (w->depth > 1)
		return;
	if (chance(w, 60))
		put_set(w, reg, 0);
	else
		put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, reg, 0, 0, 7));
	int slot =
		8 + (int)below(w, 4); /* the counter lives below the buffer while the body runs */
	uint32_t start = w->count;
	put(w, INSN(BPF_STX | BPF_MEM | BPF_DW, 10, reg, -128 - 8 * (slot - 7), 0));
	w->numbers &= GENERATE_KEPT; /* at the second round the others may be gone */
	generate_block(w, 3);
	put(w, INSN(BPF_LDX | BPF_MEM | BPF_DW, reg, 10, -128 - 8 * (slot - 7), 0));
	put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, 1 + below(w, 3)));
	unsigned op = chance(w, 50) ? BPF_JLT : chance(w, 50) ? BPF_JSLT : BPF_JNE;
	put(w, INSN((chance(w, 80) ? BPF_JMP : BPF_JMP32) | op | BPF_K, reg, 0,
		    (int)start - (int)w->count - 1, limit));
	w->numbers &= kept;
	w->slots &= slots | w->slots;
	w->has_buffer &= has_buffer | w->has_buffer;
}

static const struct generate_statement statements[] = {
	{10, true, put_branch},
	{6, false, put_choice},
	{5, true, put_loop},
};

const struct generate_part generate_part_jump = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
};
