/*
 * Loads, stores and atomic operations: of the stack, and of whatever a register points to.
 */
#include "tests/sound/generate_part.h"

static const uint8_t sizes[] = {BPF_B, BPF_H, BPF_W, BPF_DW};

static const int32_t atomics[] = {BPF_ADD,
				  BPF_OR,
				  BPF_AND,
				  BPF_XOR,
				  BPF_ADD | BPF_FETCH,
				  BPF_OR | BPF_FETCH,
				  BPF_AND | BPF_FETCH,
				  BPF_XOR | BPF_FETCH,
				  BPF_XCHG,
				  BPF_CMPXCHG};

static void put_atomic(struct writer *w, unsigned reg, int offset, unsigned size)
{
	int32_t op = atomics[below(w, ARRAY_SIZE(atomics))];
	unsigned by = 7 + below(w, 3);
	if (op == BPF_CMPXCHG) {
		if (reg == 0)
			return;
		put_mov(w, 0, any_number(w));
		is_number(w, 0);
	}
	put(w, INSN(BPF_STX | INSN_ATOMIC | (size == 8 ? BPF_DW : BPF_W), reg, by, offset, op));
}

/* Something with `size` bytes at `offset` behind `reg`. */
void generate_use(struct writer *w, unsigned reg, int offset, unsigned size_index)
{
	static const uint8_t signed_sizes[] = {BPF_B, BPF_H, BPF_W};
	unsigned bytes = 1u << size_index, target = 7 + below(w, 3);
	switch (below(w, 5)) {
	case 0:
		put(w, INSN(BPF_STX | BPF_MEM | sizes[size_index], reg, any_number(w), offset, 0));
		return;
	case 1:
		put(w, INSN(BPF_ST | BPF_MEM | sizes[size_index], reg, 0, offset, any_imm(w)));
		return;
	case 2:
		if (bytes >= 4 && (!w->is_slice || chance(w, 3)) &&
		    (offset % (int)bytes == 0 || chance(w, 5))) {
			put_atomic(w, reg, offset, bytes);
			return;
		}
		break;
	case 3:
		if (bytes < 8) {
			put(w, INSN(BPF_LDX | INSN_MEMSX | signed_sizes[size_index], target, reg,
				    offset, 0));
			return;
		}
		break;
	}
	put(w, INSN(BPF_LDX | BPF_MEM | sizes[size_index], target, reg, offset, 0));
}

/* Uses of an object of `bytes` bytes behind `reg` (r0 … r5), which is spoilt. */
void generate_uses(struct writer *w, unsigned reg, uint32_t bytes)
{
	uint32_t skips[8], count = 1 + below(w, 3);
	unsigned skips_count = 0;
	w->numbers &= (uint16_t) ~(1u << reg);
	for (uint32_t n = 0; n < count; n++) {
		unsigned size_index = below(w, 4), size = 1u << size_index;
		if (size > bytes)
			continue;
		uint32_t room = bytes - size + (chance(w, 4) ? 1 : 0);
		uint32_t at = below(w, room + 1);
		generate_use(w, reg, chance(w, 70) ? (int)(at / size * size) : (int)at, size_index);
	}
	unsigned size_index = below(w, 4), size = 1u << size_index;
	if (chance(w, 50) || size > bytes || w->numbers >> reg & 1)
		return;
	uint32_t base = below(w, 4), limit = bytes - size;
	int offset = base <= limit ? (int)base : 0;
	limit -= (uint32_t)offset;
	uint16_t before = w->numbers;
	unsigned index = generate_index(w, limit, skips, &skips_count);
	if (w->numbers >> reg & 1) { /* the index took the pointer's register */
		for (unsigned n = 0; n < skips_count; n++)
			land(w, skips[n]);
		w->numbers &= before;
		return;
	}
	if (chance(w, 90)) {
		put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_X, reg, index, 0, 0));
		generate_use(w, reg, offset, size_index);
	} else {
		put(w, INSN(BPF_ALU64 | BPF_SUB | BPF_X, reg, index, 0, 0));
		generate_use(w, reg, (int)limit, size_index);
	}
	for (unsigned n = 0; n < skips_count; n++)
		land(w, skips[n]);
	w->numbers &= before;
}

/* Of the slot, or of one of its halves. */
static void put_slot_atomic(struct writer *w, int at)
{
	bool is_half = chance(w, 40);
	put_atomic(w, 10, at + (chance(w, is_half ? 50 : 3) ? 4 : 0), is_half ? 4 : 8);
}

static void put_slot(struct writer *w)
{
	unsigned slot = below(w, 8), target = 7 + below(w, 3), size_index = below(w, 4);
	int at = -8 * (int)(slot + 1) +
		 (int)(chance(w, 50) ? below(w, 8) >> size_index << size_index : 0);
	if (slot > 0 && w->slots >> (slot - 1) & 1 && chance(w, 15))
		at += 1 + (int)below(w, 7); /* into the next one */
	if (!(w->slots >> slot & 1)) {
		put(w,
		    INSN(BPF_STX | BPF_MEM | BPF_DW, 10, any_number(w), -8 * (int)(slot + 1), 0));
		w->slots |= (uint16_t)(1u << slot);
		return;
	}
	if (chance(w, 50))
		put(w, INSN(BPF_STX | BPF_MEM | sizes[size_index], 10, any_number(w), at, 0));
	else if (chance(w, 75))
		put(w, INSN(BPF_LDX | (size_index < 3 && chance(w, 30) ? INSN_MEMSX : BPF_MEM) |
				    sizes[size_index],
			    target, 10, at, 0));
	else
		put_slot_atomic(w, -8 * (int)(slot + 1));
}

/* A pointer goes to the stack, and comes back for a use: the context, or a place in the buffer. */
static void put_spill(struct writer *w)
{
	unsigned slot = below(w, 8), reg = 1 + below(w, 5);
	int at = -8 * (int)(slot + 1);
	bool is_ctx = w->has_ctx && chance(w, 60);
	uint32_t past = below(w, 33);
	if (!is_ctx) {
		generate_fill(w);
		put_stack(w, reg, GENERATE_BUFFER + (int)past);
	}
	w->slots &= (uint16_t) ~(1u << slot);
	put_store(w, 10, at, is_ctx ? 6 : reg);
	is_no_number(w, reg);
	if (chance(w, 30))
		generate_block(w, 1);
	if (w->slots >> slot & 1) /* overwritten */
		return;
	put_load(w, reg, 10, at);
	if (!is_ctx) {
		generate_uses(w, reg, GENERATE_BUFFER_BYTES - past);
		return;
	}
	put_load(w, reg, reg, generate_word(w));
	is_number(w, reg);
}

void generate_fill(struct writer *w)
{
	if (w->has_buffer)
		return;
	for (int n = 0; n < GENERATE_BUFFER_BYTES / 8; n++)
		put(w, chance(w, 60) ? INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0,
					    GENERATE_BUFFER + 8 * n, any_imm(w))
				     : INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 7 + below(w, 3),
					    GENERATE_BUFFER + 8 * n, 0));
	w->has_buffer = true;
}

static void put_buffer(struct writer *w)
{
	unsigned reg = 1 + below(w, 5);
	generate_fill(w);
	put_stack(w, reg, GENERATE_BUFFER);
	generate_uses(w, reg, GENERATE_BUFFER_BYTES);
}

static const struct generate_statement statements[] = {
	{8, false, put_slot},
	{4, true, put_spill},
	{7, false, put_buffer},
};

const struct generate_part generate_part_memory = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
};
