/*
 * How a number comes to be known to lie within 0 … limit: masks, rests, checks of it, of its copies, of its
 * halves, before or after it was on the stack. Some ways are wrong now and then, by one or by a width.
 */
#include "tests/sound/generate_part.h"

struct index {
	unsigned reg; /* r7 … r9 */
	int32_t limit;
	uint32_t *skips;
	unsigned *skips_count;
};

static void skip(struct writer *w, struct index *x, unsigned class, unsigned op, unsigned reg,
		 int32_t imm)
{
	put(w, INSN(class | op | BPF_K, reg, 0, 0, imm));
	x->skips[(*x->skips_count)++] = w->count - 1;
}

static unsigned wide(struct writer *w, uint32_t percent)
{
	return chance(w, percent) ? BPF_JMP : BPF_JMP32;
}

static void put_k(struct writer *w, unsigned class, unsigned op, unsigned reg, int32_t imm)
{
	put(w, INSN(class | op | BPF_K, reg, 0, 0, imm));
}

static int any_slot(struct writer *w)
{
	unsigned slot = below(w, 8);
	w->slots |= (uint16_t)(1u << slot);
	return -8 * (int)(slot + 1);
}

/* More arithmetic after the check. */
static void blur(struct writer *w, struct index *x)
{
	if (chance(w, 15))
		put_k(w, chance(w, 50) ? BPF_ALU : BPF_ALU64, chance(w, 50) ? BPF_RSH : BPF_AND,
		      x->reg, (int32_t)below(w, 8));
}

/* ---- ways ---- */
static void by_itself(struct writer *w, struct index *x)
{
	if (chance(w, 50)) /* perhaps it is known from before */
		skip(w, x, wide(w, 85), BPF_JGT, x->reg, x->limit);
}

static void by_mask(struct writer *w, struct index *x)
{
	put_k(w, BPF_ALU64, BPF_AND, x->reg, x->limit);
}

static void by_rest(struct writer *w, struct index *x)
{
	put(w, INSN((chance(w, 50) ? BPF_ALU : BPF_ALU64) | BPF_MOD | BPF_K, x->reg, 0,
		    chance(w, 10) ? 1 : 0, x->limit + 1));
}

static void by_shift(struct writer *w, struct index *x)
{
	put_k(w, BPF_ALU64, BPF_RSH, x->reg, 60);
	skip(w, x, BPF_JMP, BPF_JGT, x->reg, x->limit);
	blur(w, x);
}

static void by_check(struct writer *w, struct index *x)
{
	skip(w, x, wide(w, 85), BPF_JGT, x->reg, x->limit);
	blur(w, x);
}

static void by_both_sides(struct writer *w, struct index *x)
{
	skip(w, x, BPF_JMP, BPF_JSGT, x->reg, x->limit);
	skip(w, x, wide(w, 90), BPF_JSLT, x->reg, 0);
	blur(w, x);
}

static void by_copy(struct writer *w, struct index *x)
{
	unsigned copy = any_target(w);
	put_mov(w, copy, x->reg);
	is_number(w, copy);
	skip(w, x, BPF_JMP, BPF_JGT, copy, x->limit);
	blur(w, x);
}

static void by_register(struct writer *w, struct index *x)
{
	unsigned other = below(w, 6);
	if (chance(w, 50)) {
		put_set(w, other, x->limit);
	} else { /* one that is bounded itself */
		put_mov(w, other, 7 + below(w, 3));
		put_k(w, BPF_ALU64, BPF_AND, other, x->limit);
	}
	is_number(w, other);
	put(w,
	    INSN(wide(w, 80) | (chance(w, 70) ? BPF_JGT : BPF_JSGT) | BPF_X, x->reg, other, 0, 0));
	x->skips[(*x->skips_count)++] = w->count - 1;
	blur(w, x);
}

static void by_low_half(struct writer *w, struct index *x)
{
	skip(w, x, BPF_JMP32, BPF_JGT, x->reg, x->limit);
	if (chance(w, 85))
		put(w, INSN(BPF_ALU | BPF_MOV | BPF_X, x->reg, x->reg, 0, 0));
}

/* Kept before the check, and back after it. */
static void by_kept(struct writer *w, struct index *x)
{
	int at = any_slot(w);
	put_store(w, 10, at, x->reg);
	skip(w, x, wide(w, 85), BPF_JGT, x->reg, x->limit);
	x->reg = 7 + below(w, 3);
	put_load(w, x->reg, 10, at);
}

/* What comes back is checked, what was kept is used. */
static void by_kept_copy(struct writer *w, struct index *x)
{
	int at = any_slot(w);
	unsigned copy = any_target(w);
	put_store(w, 10, at, x->reg);
	put_load(w, copy, 10, at);
	is_number(w, copy);
	skip(w, x, wide(w, 85), BPF_JGT, copy, x->limit);
}

static void by_kept_half(struct writer *w, struct index *x)
{
	static const uint8_t narrow[] = {BPF_W, BPF_H, BPF_B};
	uint8_t size = narrow[below(w, 3)];
	int at = any_slot(w);
	put_store(w, 10, at, 7 + below(w, 3));
	at += chance(w, 30) ? 4 : 0;
	put(w, INSN(BPF_STX | BPF_MEM | size, 10, x->reg, at, 0));
	if (chance(w, 50))
		skip(w, x, BPF_JMP32, BPF_JGT, x->reg, x->limit);
	put(w, INSN(BPF_LDX | (chance(w, 25) ? INSN_MEMSX : BPF_MEM) | size, x->reg, 10, at, 0));
	if (chance(w, 90))
		skip(w, x, wide(w, 90), BPF_JGT, x->reg, x->limit);
}

static void by_sign(struct writer *w, struct index *x)
{
	static const uint8_t widths[] = {8, 16, 32};
	put(w, INSN(BPF_ALU64 | BPF_MOV | BPF_X, x->reg, x->reg, widths[below(w, 3)], 0));
	skip(w, x, wide(w, 90), BPF_JSGT, x->reg, x->limit);
	if (chance(w, 95))
		skip(w, x, wide(w, 90), BPF_JSLT, x->reg, 0);
}

static void by_swap(struct writer *w, struct index *x)
{
	put(w, INSN(BPF_ALU64 | BPF_END, x->reg, 0, 0, 16 << below(w, 3)));
	put_k(w, chance(w, 50) ? BPF_ALU : BPF_ALU64, BPF_AND, x->reg, x->limit);
}

static void by_bits(struct writer *w, struct index *x)
{
	skip(w, x, wide(w, 80), BPF_JSET, x->reg, ~x->limit);
}

static void by_equality(struct writer *w, struct index *x)
{
	skip(w, x, wide(w, 85), BPF_JNE, x->reg, (int32_t)below(w, (uint32_t)MAX(x->limit, 0) + 1));
}

static void by_scaling(struct writer *w, struct index *x)
{
	unsigned bits = below(w, 4);
	put_k(w, BPF_ALU64, BPF_AND, x->reg, x->limit >> bits);
	put_k(w, chance(w, 50) ? BPF_ALU : BPF_ALU64, chance(w, 60) ? BPF_LSH : BPF_MUL, x->reg,
	      w->p->insns[w->count - 1].imm ? (int32_t)bits : 0);
}

static void by_difference(struct writer *w, struct index *x)
{
	unsigned other = below(w, 6);
	put_mov(w, other, 7 + below(w, 3));
	is_number(w, other);
	put_k(w, BPF_ALU64, BPF_AND, other, 7);
	put_k(w, BPF_ALU64, BPF_AND, x->reg, x->limit);
	put(w, INSN((chance(w, 85) ? BPF_ALU64 : BPF_ALU) | BPF_SUB | BPF_X, x->reg, other, 0, 0));
	if (chance(w, 50))
		skip(w, x, wide(w, 90), BPF_JGT, x->reg, x->limit);
	else
		skip(w, x, wide(w, 90), BPF_JSLT, x->reg, 0);
}

/* From below: a jump that is taken when the index is good. */
static void by_detour(struct writer *w, struct index *x)
{
	put(w, INSN(wide(w, 85) | BPF_JLE | BPF_K, x->reg, 0, 1, x->limit));
	put(w, INSN(BPF_JMP | BPF_JA, 0, 0, 0, 0));
	x->skips[(*x->skips_count)++] = w->count - 1;
}

static void (*const ways[])(struct writer *w, struct index *x) = {
	by_itself,   by_mask, by_rest,	   by_shift,	 by_check,	by_both_sides, by_copy,
	by_register, by_kept, by_low_half, by_kept_copy, by_kept_half,	by_sign,       by_swap,
	by_bits,     by_mask, by_equality, by_scaling,	 by_difference, by_detour,     by_check,
};

unsigned generate_index(struct writer *w, uint32_t limit, uint32_t *skips, unsigned *skips_count)
{
	struct index x = {7 + below(w, 3), (int32_t)limit, skips, skips_count};
	if (chance(w, 5))
		x.limit += 1 + (int32_t)below(w, 4);
	ways[below(w, ARRAY_SIZE(ways))](w, &x);
	return x.reg;
}
