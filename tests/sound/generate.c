/*
 * A writer keeps, while it writes, what each register holds on all paths so far (nothing, a number, the
 * context) and which slots of the stack are written. A statement picks among those; what happens under
 * a branch only adds nothing: after a branch the registers are those that both ways have.
 *
 *	r6 is the context and stays so; r7 … r9 are numbers throughout; r0 … r5 come and go
 *	slots 0 … 7 (r10-8 … r10-64) are for numbers and spills, slots 8 … 15 are a buffer
 *
 * [I1] No jump is written that leaves its function: a program is never just rejected for its shape.
 */
#include "tests/sound/generate.h"

#include "shared/bpf/helper.h"
#include "shared/bpf/map_kind.h"

#define INSN(c, d, s, o, i)                              \
	((struct bpf_insn){.code = (uint8_t)(c),         \
			   .dst_reg = (uint8_t)((d)&15), \
			   .src_reg = (uint8_t)((s)&15), \
			   .off = (int16_t)(o),          \
			   .imm = (int32_t)(i)})
#define NUMBERS_MAX_DEPTH 3
#define BUFFER		  (-128) /* … -65 */
#define BUFFER_BYTES	  64

/* ---- chance ---- */
uint64_t generate_next(struct generate_random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * UINT64_C(2685821657736338717);
}

uint32_t generate_below(struct generate_random *r, uint32_t count)
{
	return (uint32_t)((generate_next(r) >> 32) * count >> 32);
}

uint64_t generate_number(struct generate_random *r)
{
	uint64_t power = UINT64_C(1) << generate_below(r, 64);
	switch (generate_below(r, 8)) {
	case 0:
		return 0;
	case 1:
		return power;
	case 2:
		return power - 1;
	case 3:
		return 0 - power;
	case 4:
		return generate_next(r);
	case 5:
		return UINT64_MAX - generate_below(r, 4);
	case 6:
		return generate_next(r) >> generate_below(r, 64);
	}
	return generate_below(r, 40);
}

/* ---- the writer ---- */
struct writer {
	struct generate_random random;
	struct generate_program *p;
	uint32_t count, calls[16], calls_count; /* calls whose targets are not yet known */
	uint32_t callbacks[8], callbacks_count; /* … and constants */
	uint16_t numbers;			/* registers that hold numbers */
	uint16_t slots;				/* numbers among slots 0 … 7 */
	bool has_buffer, has_ctx;
	unsigned depth;
};

static uint32_t below(struct writer *w, uint32_t count)
{
	return generate_below(&w->random, count);
}

static bool chance(struct writer *w, uint32_t percent)
{
	return below(w, 100) < percent;
}

static void put(struct writer *w, struct bpf_insn insn)
{
	if (w->count < GENERATE_INSNS)
		w->p->insns[w->count++] = insn;
}

static bool is_full(const struct writer *w)
{
	return w->count + 120 > GENERATE_INSNS;
}

static void put_imm64(struct writer *w, unsigned reg, unsigned kind, uint32_t low, uint32_t high)
{
	put(w, INSN(BPF_LD | BPF_IMM | BPF_DW, reg, kind, 0, low));
	put(w, INSN(0, 0, 0, 0, high));
}

static void put_mov(struct writer *w, unsigned reg, unsigned from)
{
	put(w, INSN(BPF_ALU64 | BPF_MOV | BPF_X, reg, from, 0, 0));
}

static void put_set(struct writer *w, unsigned reg, int32_t value)
{
	put(w, INSN(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, value));
}

static void put_stack(struct writer *w, unsigned reg, int offset)
{
	put_mov(w, reg, 10);
	put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, offset));
}

static void put_call(struct writer *w, uint32_t id)
{
	put(w, INSN(BPF_JMP | BPF_CALL, 0, 0, 0, id));
	w->numbers &= 0x3c0;
}

/* A register that holds a number; r7 … r9 always do. */
static unsigned any_number(struct writer *w)
{
	for (;;) {
		unsigned reg = below(w, 10);
		if (w->numbers >> reg & 1)
			return reg;
	}
}

/* One that may be written to. */
static unsigned any_target(struct writer *w)
{
	static const uint8_t targets[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 7, 8, 9};
	return targets[below(w, ARRAY_SIZE(targets))];
}

static void is_number(struct writer *w, unsigned reg)
{
	w->numbers |= (uint16_t)(1u << reg);
}

static const uint8_t sizes[] = {BPF_B, BPF_H, BPF_W, BPF_DW};

/* Patches the jump at `at` to lead to the next instruction. */
static void land(struct writer *w, uint32_t at)
{
	w->p->insns[at].off = (int16_t)(w->count - at - 1);
}

static void put_statement(struct writer *w);

static void put_block(struct writer *w, uint32_t most)
{
	uint32_t count = 1 + below(w, most);
	w->depth++;
	while (count-- && !is_full(w))
		put_statement(w);
	w->depth--;
}

/* ---- numbers ---- */
static int32_t any_imm(struct writer *w)
{
	return (int32_t)generate_number(&w->random);
}

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
		    8 * below(w, chance(w, 2) ? 23 : 21), 0));
	is_number(w, reg);
}

/* ---- jumps ---- */
static const uint8_t jumps[] = {BPF_JEQ,  BPF_JNE,  BPF_JGT,  BPF_JGE,	BPF_JLT, BPF_JLE,
				BPF_JSET, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE};

/* A conditional jump on numbers; gives its place. */
static uint32_t put_condition(struct writer *w)
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
	uint32_t at = put_condition(w);
	uint16_t numbers = w->numbers, slots = w->slots;
	bool has_buffer = w->has_buffer;
	put_block(w, 4);
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
		put_block(w, 4);
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
	uint32_t at = put_condition(w);
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
	w->numbers &= 0x3c0; /* at the second round the others may be gone */
	put_block(w, 3);
	put(w, INSN(BPF_LDX | BPF_MEM | BPF_DW, reg, 10, -128 - 8 * (slot - 7), 0));
	put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, 1 + below(w, 3)));
	unsigned op = chance(w, 50) ? BPF_JLT : chance(w, 50) ? BPF_JSLT : BPF_JNE;
	put(w, INSN((chance(w, 80) ? BPF_JMP : BPF_JMP32) | op | BPF_K, reg, 0,
		    (int)start - (int)w->count - 1, limit));
	w->numbers &= kept;
	w->slots &= slots | w->slots;
	w->has_buffer &= has_buffer | w->has_buffer;
}

/* ---- an index within 0 … limit, most of the time ---- */
static unsigned put_index(struct writer *w, uint32_t limit, uint32_t *skips, unsigned *skips_count)
{
	unsigned reg = 7 + below(w, 3);
	uint32_t way = below(w, 9);
	if (chance(w, 8))
		limit += 1 + below(w, 4);
	if (way == 0 && chance(w, 50))
		way = 5;
	switch (way) {
	case 0: /* as it is: perhaps it is known from before */
		return reg;
	case 1:
		put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, reg, 0, 0, limit));
		return reg;
	case 2:
		put(w, INSN((chance(w, 50) ? BPF_ALU : BPF_ALU64) | BPF_MOD | BPF_K, reg, 0,
			    chance(w, 10) ? 1 : 0, limit + 1));
		return reg;
	case 3:
		put(w, INSN(BPF_ALU64 | BPF_RSH | BPF_K, reg, 0, 0, 60));
		put(w, INSN(BPF_JMP | BPF_JGT | BPF_K, reg, 0, 0, limit));
		break;
	case 4: /* checked from both sides, signed */
		put(w, INSN(BPF_JMP | BPF_JSGT | BPF_K, reg, 0, 0, limit));
		skips[(*skips_count)++] = w->count - 1;
		put(w,
		    INSN((chance(w, 90) ? BPF_JMP : BPF_JMP32) | BPF_JSLT | BPF_K, reg, 0, 0, 0));
		break;
	case 5:
		put(w, INSN((chance(w, 85) ? BPF_JMP : BPF_JMP32) | BPF_JGT | BPF_K, reg, 0, 0,
			    limit));
		break;
	case 6: { /* a copy is checked */
		unsigned copy = any_target(w);
		put_mov(w, copy, reg);
		is_number(w, copy);
		put(w, INSN(BPF_JMP | BPF_JGT | BPF_K, copy, 0, 0, limit));
		break;
	}
	case 7: { /* against a register */
		unsigned other = below(w, 6);
		put_set(w, other, (int32_t)limit);
		is_number(w, other);
		put(w, INSN((chance(w, 80) ? BPF_JMP : BPF_JMP32) | BPF_JGT | BPF_X, reg, other, 0,
			    0));
		break;
	}
	case 8: /* in 32 bits, then cut */
		put(w, INSN(BPF_JMP32 | BPF_JGT | BPF_K, reg, 0, 0, limit));
		skips[(*skips_count)++] = w->count - 1;
		if (chance(w, 85))
			put(w, INSN(BPF_ALU | BPF_MOV | BPF_X, reg, reg, 0, 0));
		return reg;
	}
	skips[(*skips_count)++] = w->count - 1;
	if (chance(w, 15)) /* more arithmetic after the check */
		put(w, INSN((chance(w, 50) ? BPF_ALU : BPF_ALU64) |
				    (chance(w, 50) ? BPF_RSH : BPF_AND) | BPF_K,
			    reg, 0, 0, below(w, 8)));
	return reg;
}

/* ---- memory ---- */
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
static void put_use(struct writer *w, unsigned reg, int offset, unsigned size_index)
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
		if (bytes >= 4 && (offset % (int)bytes == 0 || chance(w, 5))) {
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
static void put_uses(struct writer *w, unsigned reg, uint32_t bytes)
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
		put_use(w, reg, chance(w, 70) ? (int)(at / size * size) : (int)at, size_index);
	}
	unsigned size_index = below(w, 4), size = 1u << size_index;
	if (chance(w, 50) || size > bytes || w->numbers >> reg & 1)
		return;
	uint32_t base = below(w, 4), limit = bytes - size;
	int offset = base <= limit ? (int)base : 0;
	limit -= (uint32_t)offset;
	uint16_t before = w->numbers;
	unsigned index = put_index(w, limit, skips, &skips_count);
	if (w->numbers >> reg & 1) { /* the index took the pointer's register */
		for (unsigned n = 0; n < skips_count; n++)
			land(w, skips[n]);
		w->numbers &= before;
		return;
	}
	if (chance(w, 90)) {
		put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_X, reg, index, 0, 0));
		put_use(w, reg, offset, size_index);
	} else {
		put(w, INSN(BPF_ALU64 | BPF_SUB | BPF_X, reg, index, 0, 0));
		put_use(w, reg, (int)limit, size_index);
	}
	for (unsigned n = 0; n < skips_count; n++)
		land(w, skips[n]);
	w->numbers &= before;
}

static void put_slot(struct writer *w)
{
	unsigned slot = below(w, 8), target = 7 + below(w, 3), size_index = below(w, 4);
	int at = -8 * (int)(slot + 1) +
		 (int)(chance(w, 50) ? below(w, 8) >> size_index << size_index : 0);
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
		put_atomic(w, 10, -8 * (int)(slot + 1), 8);
}

/* A pointer goes to the stack, and comes back for a use. */
static void put_spill(struct writer *w)
{
	unsigned slot = below(w, 8), reg = 1 + below(w, 5);
	int at = -8 * (int)(slot + 1);
	if (!w->has_ctx)
		return;
	w->slots &= (uint16_t) ~(1u << slot);
	put(w, INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 6, at, 0));
	if (chance(w, 20))
		put_block(w, 1);
	put(w, INSN(BPF_LDX | BPF_MEM | BPF_DW, reg, 10, at, 0));
	put(w, INSN(BPF_LDX | BPF_MEM | BPF_DW, reg, reg, 8 * below(w, 21), 0));
	is_number(w, reg);
}

static void fill_buffer(struct writer *w)
{
	if (w->has_buffer)
		return;
	for (int n = 0; n < BUFFER_BYTES / 8; n++)
		put(w, chance(w, 60)
			       ? INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, BUFFER + 8 * n, any_imm(w))
			       : INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 7 + below(w, 3),
				      BUFFER + 8 * n, 0));
	w->has_buffer = true;
}

static void put_buffer(struct writer *w)
{
	unsigned reg = 1 + below(w, 5);
	fill_buffer(w);
	put_stack(w, reg, BUFFER);
	put_uses(w, reg, BUFFER_BYTES);
}

/* ---- maps ---- */
static const struct {
	uint32_t key, value;
} shapes[GENERATE_MAPS] = {
	[GENERATE_MAP_ARRAY] = {4, 16},	 [GENERATE_MAP_HASH] = {8, 24},
	[GENERATE_MAP_RODATA] = {4, 16}, [GENERATE_MAP_DATA] = {4, 32},
	[GENERATE_MAP_BSS] = {4, 12},	 [GENERATE_MAP_SMALL] = {4, 8},
	[GENERATE_MAP_ODD] = {4, 5},
};

static unsigned any_map(struct writer *w)
{
	static const uint8_t maps[] = {GENERATE_MAP_ARRAY, GENERATE_MAP_HASH, GENERATE_MAP_SMALL,
				       GENERATE_MAP_ODD};
	return maps[below(w, ARRAY_SIZE(maps))];
}

/* r1 = map, r2 = key in slot 7 */
static void put_key(struct writer *w, unsigned map)
{
	if (chance(w, 60))
		put(w, INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -64, below(w, 5)));
	else {
		unsigned reg = 7 + below(w, 3);
		put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, reg, 0, 0, 3));
		put(w, INSN(BPF_STX | BPF_MEM | BPF_DW, 10, reg, -64, 0));
	}
	w->slots |= 1u << 7;
	put_stack(w, 2, -64);
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, map, 0);
	w->numbers &= (uint16_t)~6u;
}

static void put_lookup(struct writer *w)
{
	unsigned map = any_map(w);
	put_key(w, map);
	put_call(w, BPF_FUNC_map_lookup_elem);
	uint32_t at = w->count;
	uint16_t numbers = w->numbers;
	bool checks = !chance(w, 2);
	if (checks)
		put(w, INSN(BPF_JMP | (chance(w, 98) ? BPF_JEQ : BPF_JNE) | BPF_K, 0, 0, 0, 0));
	put_uses(w, 0, shapes[map].value);
	if (checks)
		land(w, at);
	w->numbers &= numbers & 0x3c0;
}

static void put_update(struct writer *w)
{
	unsigned map = any_map(w);
	fill_buffer(w);
	put_key(w, map);
	if (chance(w, 30)) {
		put_call(w, BPF_FUNC_map_delete_elem);
	} else {
		put_stack(w, 3, BUFFER + 8 * (int)below(w, 6));
		put_set(w, 4, chance(w, 90) ? (int32_t)below(w, 3) : any_imm(w));
		put_call(w, BPF_FUNC_map_update_elem);
	}
	is_number(w, 0);
}

static void put_global(struct writer *w)
{
	static const uint8_t maps[] = {GENERATE_MAP_RODATA, GENERATE_MAP_DATA, GENERATE_MAP_BSS,
				       GENERATE_MAP_DATA, GENERATE_MAP_BSS};
	unsigned map = maps[below(w, ARRAY_SIZE(maps))], reg = 1 + below(w, 5);
	uint32_t at = chance(w, 70) ? 0 : below(w, shapes[map].value);
	put_imm64(w, reg, BPF_PSEUDO_MAP_VALUE, map, at);
	if (map == GENERATE_MAP_RODATA && !chance(w, 3)) {
		put(w, INSN(BPF_LDX | BPF_MEM | BPF_B, reg, reg, below(w, 16 - at), 0));
		is_number(w, reg);
		return;
	}
	put_uses(w, reg, shapes[map].value - at);
}

/* ---- ring buffers ---- */
static void put_record(struct writer *w)
{
	static const uint32_t lengths[] = {8, 16, 24, 40, 13};
	uint32_t bytes = lengths[below(w, ARRAY_SIZE(lengths))];
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, GENERATE_MAP_RING, 0);
	put_set(w, 2, (int32_t)bytes);
	put_set(w, 3, chance(w, 95) ? 0 : any_imm(w));
	put_call(w, BPF_FUNC_ringbuf_reserve);
	uint16_t numbers = w->numbers;
	uint32_t at = w->count;
	put(w, INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0));
	put(w, INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 0, -200, 0));
	put_uses(w, 0, bytes);
	w->numbers &= 0x3c0;
	if (chance(w, 30))
		put_block(w, 2);
	put(w, INSN(BPF_LDX | BPF_MEM | BPF_DW, 1, 10, -200, 0));
	put_set(w, 2, 0);
	if (!chance(w, 2))
		put_call(w, chance(w, 70) ? BPF_FUNC_ringbuf_submit : BPF_FUNC_ringbuf_discard);
	land(w, at);
	w->numbers &= numbers & 0x3c0;
}

static void put_output(struct writer *w)
{
	uint32_t skips[4];
	unsigned skips_count = 0;
	fill_buffer(w);
	uint16_t numbers = w->numbers & 0x3c0;
	unsigned size = put_index(w, BUFFER_BYTES, skips, &skips_count);
	put_mov(w, 3, size);
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, GENERATE_MAP_RING, 0);
	put_stack(w, 2, BUFFER);
	put_set(w, 4, 0);
	put_call(w, BPF_FUNC_ringbuf_output);
	for (unsigned n = 0; n < skips_count; n++)
		land(w, skips[n]);
	w->numbers = numbers;
}

/* ---- other helpers ---- */
static void put_simple(struct writer *w)
{
	static const uint8_t ids[] = {BPF_FUNC_get_current_pid_tgid, BPF_FUNC_get_current_pid_tgid,
				      BPF_FUNC_ktime_get_ns, BPF_FUNC_get_prandom_u32,
				      BPF_FUNC_get_smp_processor_id};
	put_call(w, ids[chance(w, 85) ? below(w, 2) : below(w, ARRAY_SIZE(ids))]);
	is_number(w, 0);
}

static void put_query(struct writer *w)
{
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, GENERATE_MAP_RING, 0);
	put_set(w, 2, (int32_t)below(w, 5));
	put_call(w, BPF_FUNC_ringbuf_query);
	is_number(w, 0);
}

static void put_probe(struct writer *w)
{
	static const uint8_t ids[] = {BPF_FUNC_probe_read, BPF_FUNC_probe_read_user,
				      BPF_FUNC_probe_read_user_str, BPF_FUNC_probe_read_str};
	uint32_t skips[4];
	unsigned skips_count = 0;
	uint16_t numbers = w->numbers & 0x3c0;
	bool is_fixed = chance(w, 50);
	unsigned size = is_fixed ? 0 : put_index(w, BUFFER_BYTES, skips, &skips_count);
	if (is_fixed)
		put_set(w, 2, (int32_t)(1 + below(w, BUFFER_BYTES)));
	else
		put_mov(w, 2, size);
	if (!is_fixed && chance(w, 80)) {
		skips[skips_count++] = w->count;
		put(w, INSN(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 0, 0));
	}
	if (w->has_ctx && chance(w, 80))
		put(w, INSN(BPF_LDX | BPF_MEM | BPF_DW, 3, 6, 8 * below(w, 21), 0));
	else
		put_mov(w, 3, 7 + below(w, 3));
	put_stack(w, 1, BUFFER);
	put_call(w, ids[below(w, ARRAY_SIZE(ids))]);
	if (is_fixed) {
		int at = (int)below(w, 8);
		put(w, INSN(BPF_LDX | BPF_MEM | BPF_B, 7, 10, BUFFER + at, 0));
	}
	for (unsigned n = 0; n < skips_count; n++)
		land(w, skips[n]);
	w->numbers = numbers;
}

static void put_strncmp(struct writer *w)
{
	fill_buffer(w);
	put_stack(w, 1, BUFFER);
	put_set(w, 2, (int32_t)(1 + below(w, BUFFER_BYTES)));
	put_imm64(w, 3, BPF_PSEUDO_MAP_VALUE, GENERATE_MAP_RODATA, below(w, 4));
	put_call(w, BPF_FUNC_strncmp);
	is_number(w, 0);
}

/* ---- local functions: r1, r2 numbers, r3 a buffer of the caller ---- */
static void put_local(struct writer *w)
{
	if (w->calls_count == ARRAY_SIZE(w->calls))
		return;
	fill_buffer(w);
	put_mov(w, 1, 7 + below(w, 3));
	put_mov(w, 2, 7 + below(w, 3));
	put_stack(w, 3, BUFFER);
	w->calls[w->calls_count++] = w->count;
	put(w, INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0));
	w->numbers &= 0x3c0;
	is_number(w, 0);
}

/* ---- bpf_loop(): r1 the index, r2 a buffer of the caller ---- */
static void put_rounds(struct writer *w)
{
	if (w->callbacks_count == ARRAY_SIZE(w->callbacks))
		return;
	fill_buffer(w);
	if (chance(w, 60)) {
		put_set(w, 1, (int32_t)below(w, 9));
	} else {
		put_mov(w, 1, any_number(w));
		put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, 1, 0, 0, 7));
	}
	w->callbacks[w->callbacks_count++] = w->count;
	put_imm64(w, 2, BPF_PSEUDO_FUNC, 0, 0);
	put_stack(w, 3, BUFFER);
	put_set(w, 4, chance(w, 95) ? 0 : 1);
	put_call(w, BPF_FUNC_loop);
	is_number(w, 0);
	if (chance(w, 60)) { /* what was written is looked at, and perhaps used */
		unsigned reg = 1 + below(w, 5);
		put(w, INSN(BPF_LDX | BPF_MEM | BPF_DW, reg, 10, BUFFER + 8 * (int)below(w, 8), 0));
		is_number(w, reg);
	}
}

/* ---- statements ---- */
static const struct {
	uint32_t weight;
	bool nests;
	void (*write)(struct writer *w);
} statements[] = {
	{14, false, put_alu},	{6, false, put_copy},	 {6, false, put_constant},
	{2, false, put_swap},	{8, false, put_context}, {10, true, put_branch},
	{6, false, put_choice}, {5, true, put_loop},	 {8, false, put_slot},
	{4, true, put_spill},	{7, false, put_buffer},	 {9, false, put_lookup},
	{4, false, put_update}, {6, false, put_global},	 {4, true, put_record},
	{3, false, put_output}, {2, false, put_simple},	 {1, false, put_query},
	{3, false, put_probe},	{1, false, put_strncmp}, {3, false, put_local},
	{4, false, put_rounds},
};

static void put_statement(struct writer *w)
{
	uint32_t all = 0;
	for (size_t n = 0; n < ARRAY_SIZE(statements); n++)
		all += statements[n].weight;
	uint32_t pick = below(w, all);
	size_t n = 0;
	while (pick >= statements[n].weight)
		pick -= statements[n++].weight;
	if (statements[n].nests && w->depth >= NUMBERS_MAX_DEPTH)
		n = 0;
	statements[n].write(w);
}

/* ---- programs ---- */
static void begin_function(struct writer *w, uint32_t index)
{
	struct object_function *f = &w->p->functions[index];
	*f = (struct object_function){.name = index ? STR("local") : STR("entry"),
				      .section = index ? STR(".text") : STR("uprobe"),
				      .first = w->count,
				      .is_entry = index == 0,
				      .is_global = index == 0,
				      .kind = index ? NULL : section_find(STR("uprobe"))};
	w->numbers = 0x380;
	w->slots = 0;
	w->has_buffer = false;
	w->has_ctx = index == 0;
	if (w->has_ctx)
		put_mov(w, 6, 1);
	else
		put_mov(w, 6, 3);
	for (unsigned reg = 7; reg < 10; reg++) {
		if (w->has_ctx)
			put(w, INSN(BPF_LDX | BPF_MEM | BPF_DW, reg, 6, 8 * below(w, 21), 0));
		else
			put_mov(w, reg, reg == 9 ? 2 : 1);
	}
}

static void end_function(struct writer *w, uint32_t index)
{
	put_mov(w, 0, any_number(w));
	put(w, INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
	w->p->functions[index].count = w->count - w->p->functions[index].first;
	w->p->object.functions_count = index + 1;
}

/* A local function: some statements, a use of the caller's buffer. */
static void put_function(struct writer *w, uint32_t index)
{
	begin_function(w, index);
	w->depth = 1;
	put_block(w, 4);
	put_mov(w, 3, 6);
	put_uses(w, 3, BUFFER_BYTES);
	end_function(w, index);
}

/* The function that bpf_loop() calls: as a local one, but for its arguments. */
static void put_callback(struct writer *w, uint32_t index)
{
	begin_function(w, index);
	w->count = w->p->functions[index].first;
	put_mov(w, 6, 2);
	for (unsigned reg = 7; reg < 10; reg++)
		put_mov(w, reg, 1);
	w->calls_count = ARRAY_SIZE(w->calls);
	for (uint32_t n = 0; n < w->callbacks_count; n++)
		w->p->insns[w->callbacks[n]].imm = (int32_t)w->p->functions[index].first;
	w->callbacks_count = ARRAY_SIZE(w->callbacks); /* and none from here */
	w->depth = 1;
	put_block(w, 3);
	put_mov(w, 3, 6);
	put_uses(w, 3, BUFFER_BYTES);
	if (chance(w, 60)) { /* what a round leaves is what the next one finds */
		put(w, INSN(BPF_LDX | BPF_MEM | BPF_DW, 7, 6, 8 * (int)below(w, 8), 0));
		put(w,
		    INSN(BPF_STX | BPF_MEM | BPF_DW, 6, 7 + below(w, 3), 8 * (int)below(w, 8), 0));
	}
	if (chance(w, 50))
		put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, 7, 0, 0, 1));
	end_function(w, index);
}

static void connect_calls(struct writer *w, uint32_t first, uint32_t upto)
{
	for (uint32_t n = first; n < upto; n++) {
		uint32_t at = w->calls[n];
		w->p->insns[at].imm =
			(int32_t)(w->p->functions[w->p->object.functions_count - 1].first - at - 1);
	}
}

static const uint8_t rodata[16] = "abc\0\1\2\3\377hello\0\0";
static const uint8_t data[32] = {1, 2, 3, 4, [16] = 200, 255, [31] = 7};

static void set_maps(struct generate_program *p)
{
#define MAP(n, r, k, ks, vs, max)                                                  \
	{                                                                          \
		.name = STR("m" #n), .role = OBJECT_MAP_##r, .kind = MAP_KIND_##k, \
		.key_size = (ks), .value_size = (vs), .max_entries = (max)         \
	}
	const struct object_map maps[GENERATE_MAPS] = {
		[GENERATE_MAP_ARRAY] = MAP(0, DECLARED, ARRAY, 4, 16, 4),
		[GENERATE_MAP_HASH] = MAP(1, DECLARED, HASH, 8, 24, 6),
		[GENERATE_MAP_RING] = MAP(2, DECLARED, RINGBUF, 0, 0, 4096),
		[GENERATE_MAP_RODATA] = MAP(3, RODATA, ARRAY, 4, 16, 1),
		[GENERATE_MAP_DATA] = MAP(4, DATA, ARRAY, 4, 32, 1),
		[GENERATE_MAP_BSS] = MAP(5, BSS, ARRAY, 4, 12, 1),
		[GENERATE_MAP_SMALL] = MAP(6, DECLARED, HASH, 4, 8, 3),
		[GENERATE_MAP_ODD] = MAP(7, DECLARED, ARRAY, 4, 5, 3),
	};
#undef MAP
	memcpy(p->maps, maps, sizeof maps);
	p->maps[GENERATE_MAP_RODATA].initial = bytes_of(rodata, sizeof rodata);
	p->maps[GENERATE_MAP_DATA].initial = bytes_of(data, sizeof data);
}

static void connect_parts(struct generate_program *p)
{
	p->object.insns = p->insns;
	p->object.maps = p->maps;
	p->object.functions = p->functions;
	p->object.maps_count = GENERATE_MAPS;
}

void generate_program(uint64_t seed, struct generate_program *out)
{
	struct writer w = {.random = {(seed + 1) * UINT64_C(0x9e3779b97f4a7c15)}, .p = out};
	memset(out, 0, sizeof *out);
	if (w.random.state == 0)
		w.random.state = 1;
	generate_next(&w.random);
	set_maps(out);
	connect_parts(out);
	begin_function(&w, 0);
	put_block(&w, 12);
	end_function(&w, 0);
	for (uint32_t n = 1, done = 0; n < GENERATE_FUNCTIONS - 1 && done < w.calls_count; n++) {
		uint32_t upto = w.calls_count;
		bool is_last = n + 2 == GENERATE_FUNCTIONS;
		if (is_last) /* no more calls from here */
			w.calls_count = ARRAY_SIZE(w.calls);
		put_function(&w, n);
		connect_calls(&w, done, upto);
		done = is_last ? w.calls_count : upto;
	}
	if (w.callbacks_count)
		put_callback(&w, out->object.functions_count);
	out->object.insns_count = w.count;
}

void generate_copy(const struct generate_program *from, struct generate_program *out)
{
	*out = *from;
	connect_parts(out);
}
