/*
 * Numbers: constants, arithmetic, copies that cut or extend, swapped bytes, words of the context.
 */
#include "tests/sound/generate_part.h"

static void put_constant(struct writer *w)
{
	unsigned reg = any_target(w);
	uint64_t value = generate_number(&w->random);
	if (chance(w, 30))
		put_imm64(w, reg, 0, (uint32_t)value, (uint32_t)(value >> 32));
	else
		put(w, INSN((chance(w, 50) ? BPF_ALU : BPF_ALU64) | BPF_MOV | BPF_K, reg, 0, 0,
			    value));
	is_number(w, reg);
}

static void put_alu(struct writer *w)
{
	static const uint8_t ops[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,   BPF_AND,
				      BPF_LSH, BPF_RSH, BPF_MOD, BPF_XOR, BPF_ARSH, BPF_NEG};
	unsigned op = ops[below(w, ARRAY_SIZE(ops))], class = chance(w, 50) ? BPF_ALU : BPF_ALU64;
	unsigned dst = any_number(w), src = any_number(w);
	bool divides = op == BPF_DIV || op == BPF_MOD;
	int off = divides && chance(w, 40) ? 1 : 0;
	if (dst == 6)
		return;
	if (op == BPF_NEG)
		put(w, INSN(class | op, dst, 0, 0, 0));
	else if (chance(w, 50))
		put(w, INSN(class | op | BPF_X, dst, src, off, 0));
	else
		put(w, INSN(class | op | BPF_K, dst, 0, off, any_imm(w)));
}

static void put_copy(struct writer *w)
{
	static const uint8_t widths[] = {0, 0, 0, 8, 16, 32};
	unsigned dst = any_target(w), src = any_number(w),
		 class = chance(w, 30) ? BPF_ALU : BPF_ALU64;
	int off = widths[below(w, ARRAY_SIZE(widths))];
	if (class == BPF_ALU && off == 32)
		off = 0;
	put(w, INSN(class | BPF_MOV | BPF_X, dst, src, off, 0));
	is_number(w, dst);
}

static void put_swap(struct writer *w)
{
	static const uint8_t codes[] = {BPF_ALU | BPF_END | BPF_TO_LE,
					BPF_ALU | BPF_END | BPF_TO_BE, BPF_ALU64 | BPF_END};
	unsigned reg = any_number(w);
	if (reg != 6)
		put(w, INSN(codes[below(w, 3)], reg, 0, 0, 16 << below(w, 3)));
}

static void put_context(struct writer *w)
{
	unsigned reg = any_target(w);
	if (!w->has_ctx)
		return;
	put(w, INSN(BPF_LDX | BPF_MEM | (chance(w, 70) ? BPF_DW : BPF_W), reg, 6,
		    chance(w, 2) ? 8 * (int)below(w, 23) : generate_word(w), 0));
	is_number(w, reg);
}

/* ---- jumps ---- */

static const struct generate_statement statements[] = {
	{14, false, put_alu}, {6, false, put_copy},    {6, false, put_constant},
	{2, false, put_swap}, {8, false, put_context},
};

const struct generate_part generate_part_number = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
};
