/*
 * What extensions do with memory of the host: an index or a place is compared with the size that the host gave, in
 * one of many ways, some of them wrong; fields of structs, and of those behind them; variables.
 */
#include "tests/sound/generate_part.h"

/* ---- the entry ---- */
enum size_type { S32, U32, S64, U64 };

struct memory {
	uint8_t entry, pointer, size; /* words of the context */
	uint8_t type;		      /* enum size_type */
	int32_t base;		      /* bytes more than the size says */
	bool is_writable;
};

static const struct memory memories[] = {
	{WORLD_ON_DATA, 1, 2, S32, 0, false}, {WORLD_ON_DATA, 3, 4, U64, 0, true},
	{WORLD_ON_TEXT, 3, 2, U32, 8, false}, {WORLD_ON_COPY, 0, 1, U32, 0, true},
	{WORLD_ON_COPY, 2, 3, U32, 0, false}, {WORLD_ON_LONG, 0, 1, S64, 0, false},
};

static unsigned entry_of(const struct writer *w)
{
	return w->p->extension - 1;
}

static const struct memory *any_memory(struct writer *w)
{
	for (;;) {
		const struct memory *m = &memories[below(w, ARRAY_SIZE(memories))];
		if (m->entry == entry_of(w))
			return m;
	}
}

int generate_word(struct writer *w)
{
	if (!w->p->extension)
		return 8 * (int)below(w, 21);
	if (chance(w, 1))
		return 8 * (int)below(w, world_entries[entry_of(w)].params);
	for (;;) {
		unsigned word = below(w, world_entries[entry_of(w)].params);
		if (world_entries[entry_of(w)].numbers >> word & 1)
			return 8 * (int)word;
	}
}

void generate_result(struct writer *w)
{
	if (chance(w, 2))
		return;
	if (entry_of(w) == WORLD_ON_TEXT) {
		if (chance(w, 20))
			put_set(w, 0, chance(w, 90) ? -1 : -2);
		else
			put(w, INSN((chance(w, 50) ? BPF_ALU : BPF_ALU64) | BPF_AND | BPF_K, 0, 0,
				    0, chance(w, 95) ? 63 : 127));
	}
	if (entry_of(w) != WORLD_ON_COPY)
		return;
	if (!w->has_ctx || chance(w, 50)) {
		put_set(w, 0, chance(w, 95) ? 0 : 1);
		return;
	}
	put(w, INSN(BPF_LDX | BPF_MEM | BPF_W, 1, 6, chance(w, 90) ? 24 : 8, 0));
	put(w, INSN((chance(w, 60) ? BPF_JMP32 : BPF_JMP) | (chance(w, 90) ? BPF_JLE : BPF_JSLE) |
			    BPF_X,
		    0, 1, 1, 0));
	put_set(w, 0, 0);
}

/* ---- sizes ---- */

static void put_k(struct writer *w, unsigned class, unsigned op, unsigned reg, int32_t imm)
{
	put(w, INSN(class | op | BPF_K, reg, 0, 0, imm));
}

static void put_x(struct writer *w, unsigned class, unsigned op, unsigned reg, unsigned by)
{
	put(w, INSN(class | op | BPF_X, reg, by, 0, 0));
}

struct skips {
	uint32_t at[12];
	unsigned count;
};

/* The jump that is written now is taken where nothing is accessed. */
static void skip(struct writer *w, struct skips *s)
{
	s->at[s->count++] = w->count;
}

static void put_extend(struct writer *w, unsigned reg)
{
	if (chance(w, 50)) {
		put(w, INSN(BPF_ALU64 | BPF_MOV | BPF_X, reg, reg, 32, 0));
		return;
	}
	put_k(w, BPF_ALU64, BPF_LSH, reg, 32);
	put_k(w, BPF_ALU64, BPF_ARSH, reg, 32);
}

/* The number that the size's type reads, most of the time. */
static void put_size(struct writer *w, const struct memory *m, unsigned reg)
{
	bool is_half = m->type == U32 || (m->type == S32 && chance(w, 30));
	if (chance(w, 4))
		is_half = !is_half;
	put(w, INSN(BPF_LDX | BPF_MEM | (is_half ? BPF_W : BPF_DW), reg, 6, 8 * m->size, 0));
	if (m->type == S32 && !chance(w, 5))
		put_extend(w, reg);
	if (m->type == U32 && chance(w, 3))
		put_extend(w, reg);
}

/* The pointer in r1, the size in r2; sometimes checked. */
static void put_both(struct writer *w, const struct memory *m, struct skips *s)
{
	put_load(w, 1, 6, 8 * m->pointer);
	put_size(w, m, 2);
	is_no_number(w, 1);
	is_no_number(w, 2);
	if (chance(w, 25)) {
		skip(w, s);
		put_k(w, BPF_JMP, BPF_JEQ, 1, 0);
	}
	if (chance(w, 35)) {
		skip(w, s);
		put_k(w, chance(w, 85) ? BPF_JMP : BPF_JMP32, chance(w, 80) ? BPF_JSLE : BPF_JSLT,
		      2, (int32_t)below(w, 3));
	}
}

static void put_use(struct writer *w, const struct memory *m, unsigned reg, int offset,
		    unsigned size_index)
{
	static const uint8_t sizes[] = {BPF_B, BPF_H, BPF_W, BPF_DW};
	bool writes = m->is_writable ? chance(w, 50) : chance(w, 1);
	if (!writes)
		put(w, INSN(BPF_LDX | (size_index < 3 && chance(w, 25) ? INSN_MEMSX : BPF_MEM) |
				    sizes[size_index],
			    7 + below(w, 3), reg, offset, 0));
	else if (chance(w, 50))
		put(w, INSN(BPF_ST | BPF_MEM | sizes[size_index], reg, 0, offset, any_imm(w)));
	else
		put(w,
		    INSN(BPF_STX | BPF_MEM | sizes[size_index], reg, 7 + below(w, 3), offset, 0));
}

/* A byte more, a byte less. */
static int nearly(struct writer *w, int n)
{
	return chance(w, 4) ? n + 1 : chance(w, 4) ? n - 1 : n;
}

/* ---- ways: r1 the pointer, r2 the size; r3 … r5 are free ---- */

/* size < k: out. Bytes below k. */
static void by_constant(struct writer *w, const struct memory *m, struct skips *s)
{
	static const uint8_t ops[] = {BPF_JSLT, BPF_JSLT, BPF_JSLE, BPF_JLT};
	int k = 1 + (int)below(w, 24);
	unsigned size_index = below(w, 4), bytes = 1u << size_index, op = ops[below(w, 4)];
	bool is_less = op == BPF_JSLE;
	skip(w, s);
	put_k(w, chance(w, 85) ? BPF_JMP : BPF_JMP32, op, 2, k - is_less);
	int room = k + m->base - (int)bytes;
	if (room >= 0)
		put_use(w, m, 1, nearly(w, (int)below(w, (uint32_t)room + 1)), size_index);
}

static void put_any_index(struct writer *w, struct skips *s, unsigned reg)
{
	static const int32_t masks[] = {7, 63, 0x3fff, 0x7fffffff};
	if (chance(w, 35)) { /* any number at all */
		put_imm64(w, reg, BPF_PSEUDO_BTF_ID, WORLD_tally, 0);
		put_load(w, reg, reg, 0);
	} else {
		put_mov(w, reg, 7 + below(w, 3));
	}
	switch (below(w, 6)) {
	case 0:
		put(w, INSN(BPF_ALU | BPF_MOV | BPF_X, reg, reg, 0, 0));
		return;
	case 1:
		skip(w, s);
		put_k(w, chance(w, 70) ? BPF_JMP : BPF_JMP32, BPF_JSLT, reg, -(int)chance(w, 5));
		return;
	case 2:
		if (chance(w, 50))
			put_extend(w, reg);
		return;
	}
	put_k(w, BPF_ALU64, BPF_AND, reg, masks[below(w, 4)]);
}

/* i + room <= size, as one comparison or another. */
static void by_index(struct writer *w, const struct memory *m, struct skips *s)
{
	static const uint8_t below_ops[] = {BPF_JGE, BPF_JSGE}, sum_ops[] = {BPF_JGT, BPF_JSGT};
	unsigned size_index = below(w, 4), bytes = 1u << size_index, index = 3;
	unsigned class = chance(w, 75) ? BPF_JMP : BPF_JMP32;
	unsigned sign = m->type == S32 || m->type == S64 ? chance(w, 75) : chance(w, 15);
	put_any_index(w, s, 3);
	uint32_t detour = w->count, has_detour = chance(w, 8);
	if (has_detour) /* a way around the check */
		detour = generate_condition(w);
	if (bytes > 1 || chance(w, 40)) {
		index = 4;
		put_mov(w, 4, 3);
		put_k(w, chance(w, 75) ? BPF_ALU64 : BPF_ALU, BPF_ADD, 4, nearly(w, (int)bytes));
		skip(w, s);
		put_x(w, class, sum_ops[sign], 4, 2);
	} else if (chance(w, 80)) {
		skip(w, s);
		put_x(w, class, below_ops[sign], 3, 2);
	} else { /* the other way round */
		skip(w, s);
		put_x(w, class, sign ? BPF_JSLE : BPF_JLE, 2, 3);
	}
	if (has_detour)
		land(w, detour);
	if (chance(w, 4))
		generate_statement(w);
	if (chance(w, 25) && !(w->numbers & 0x18)) {
		put_x(w, BPF_ALU64, BPF_ADD, 1, index);
		put_use(w, m, 1, index == 4 ? -(int)bytes : 0, size_index);
		return;
	}
	if (w->numbers & 0xe) /* what was written in between has taken them */
		return;
	put_x(w, BPF_ALU64, BPF_ADD, 1, 3);
	put_use(w, m, 1, nearly(w, 0), size_index);
}

/* p + k <= p + size */
static void by_end(struct writer *w, const struct memory *m, struct skips *s)
{
	unsigned size_index = below(w, 4), bytes = 1u << size_index;
	bool is_swapped = chance(w, 30), is_signed = chance(w, 15);
	put_mov(w, 4, 1);
	put_x(w, BPF_ALU64, BPF_ADD, 4, 2);
	if (chance(w, 50)) {
		put_any_index(w, s, 3);
		put_x(w, BPF_ALU64, BPF_ADD, 1, 3);
	}
	put_mov(w, 5, 1);
	put_k(w, BPF_ALU64, BPF_ADD, 5, nearly(w, (int)bytes));
	skip(w, s);
	if (is_swapped)
		put_x(w, BPF_JMP, is_signed ? BPF_JSLT : BPF_JLT, 4, 5);
	else
		put_x(w, BPF_JMP, is_signed ? BPF_JSGT : BPF_JGT, 5, 4);
	if (chance(w, 30))
		put_use(w, m, 5, -(int)bytes, size_index);
	else
		put_use(w, m, 1, nearly(w, 0), size_index);
}

static void by_rest(struct writer *w, const struct memory *m, struct skips *s)
{
	bool masks = chance(w, 40);
	put_any_index(w, s, 3);
	if (!masks || chance(w, 50)) {
		skip(w, s);
		put_k(w, BPF_JMP, BPF_JSLE, 2, 0);
	}
	if (masks)
		put_x(w, chance(w, 80) ? BPF_ALU64 : BPF_ALU, BPF_AND, 3, 2);
	else
		put_x(w, chance(w, 80) ? BPF_ALU64 : BPF_ALU, BPF_MOD, 3, 2);
	if (masks) {
		skip(w, s);
		put_x(w, BPF_JMP, chance(w, 50) ? BPF_JSGE : BPF_JGE, 3, 2);
	}
	put_x(w, BPF_ALU64, BPF_ADD, 1, 3);
	put_use(w, m, 1, nearly(w, 0), 0);
}

/* From behind: size - k is the last place. */
static void by_difference(struct writer *w, const struct memory *m, struct skips *s)
{
	unsigned size_index = below(w, 4), bytes = 1u << size_index;
	int k = (int)bytes + (int)below(w, 4);
	skip(w, s);
	put_k(w, BPF_JMP, BPF_JSLT, 2, nearly(w, k));
	put_k(w, BPF_ALU64, BPF_SUB, 2, k);
	if (chance(w, 50)) {
		put_any_index(w, s, 3);
		skip(w, s);
		put_x(w, BPF_JMP, chance(w, 50) ? BPF_JSGT : BPF_JGT, 3, 2);
		put_mov(w, 2, 3);
	}
	put_x(w, BPF_ALU64, BPF_ADD, 1, 2);
	put_use(w, m, 1, nearly(w, 0), size_index);
}

/* for (i = 0; i < size && i < most; i++) */
static void by_loop(struct writer *w, const struct memory *m, struct skips *s)
{
	unsigned size_index = below(w, 3), bytes = 1u << size_index;
	int at = -136 - 8 * (int)w->depth;
	uint32_t most = 1 + below(w, 12);
	bool is_signed = m->type == S32 || m->type == S64 ? chance(w, 85) : chance(w, 10);
	put_store(w, 10, -448 - 8 * (int)w->depth, 1);
	put_store(w, 10, -240, 2);
	put(w, INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, at, 0));
	uint32_t start = w->count;
	put_load(w, 3, 10, at);
	put_load(w, 2, 10, -240);
	put_mov(w, 4, 3);
	put_k(w, BPF_ALU64, BPF_ADD, 4, nearly(w, (int)bytes));
	skip(w, s);
	put_x(w, chance(w, 85) ? BPF_JMP : BPF_JMP32, is_signed ? BPF_JSGT : BPF_JGT, 4, 2);
	put_load(w, 1, 10, -448 - 8 * (int)w->depth);
	put_x(w, BPF_ALU64, BPF_ADD, 1, 3);
	put_use(w, m, 1, 0, size_index);
	put_k(w, BPF_ALU64, BPF_ADD, 3, 1 + (int)below(w, 3));
	put_store(w, 10, at, 3);
	uint32_t back = w->count;
	put_k(w, BPF_JMP, BPF_JLT, 3, (int32_t)most);
	w->p->insns[back].off = (int16_t)(start - back - 1);
}

static void (*const ways[])(struct writer *w, const struct memory *m, struct skips *s) = {
	by_constant, by_index, by_index, by_index, by_end, by_rest, by_difference, by_loop,
};

static void put_memory(struct writer *w)
{
	const struct memory *m = any_memory(w);
	struct skips s = {0};
	uint16_t slots = w->slots, kept;
	bool has_buffer = w->has_buffer;
	if (!w->has_ctx)
		return;
	w->numbers &= GENERATE_KEPT;
	put_both(w, m, &s);
	ways[below(w, ARRAY_SIZE(ways))](w, m, &s);
	kept = w->numbers & GENERATE_KEPT;
	for (unsigned n = 0; n < s.count; n++)
		land(w, s.at[n]);
	w->numbers = kept;
	w->slots &= slots;
	w->has_buffer = has_buffer;
}

/* A header of known size, and text of none. */
static void put_fixed(struct writer *w)
{
	unsigned size_index = below(w, 4);
	static const struct memory head = {.is_writable = false};
	if (!w->has_ctx || (entry_of(w) != WORLD_ON_COPY && entry_of(w) != WORLD_ON_TEXT))
		return;
	bool is_head = entry_of(w) == WORLD_ON_COPY;
	put_load(w, 1, 6, is_head ? 32 : 0);
	is_no_number(w, 1);
	if (!is_head)
		put_use(w, &head, 1, nearly(w, 0), 0);
	else if (chance(w, 60))
		put_use(w, &head, 1, nearly(w, (int)below(w, 17 - (1u << size_index))), size_index);
	else
		generate_uses(w, 1, WORLD_HEAD);
}

/* ---- structs ---- */
struct field {
	uint8_t place, offset, bytes;
	uint8_t readers, writers; /* of the roles */
};

static const struct field fields[] = {
#define FIELD(path, place, offset, bytes, reading, writing) \
	{WORLD_PLACE_##place, offset, bytes, (reading) | (writing), writing},
#include "tests/sound/world_field.tbl.h"
#undef FIELD
};

static const struct {
	uint8_t parent, offset;
} places[WORLD_PLACES] = {
#define PLACE(name, parent, offset) [WORLD_PLACE_##name] = {WORLD_PLACE_##parent, offset},
#include "tests/sound/world_field.tbl.h"
#undef PLACE
};

/* Those that more roles have come more often. */
static const struct field *any_field(struct writer *w, unsigned place, bool writes)
{
	const struct field *f = &fields[below(w, ARRAY_SIZE(fields))];
	for (unsigned n = 0; n < 60; n++) {
		unsigned roles = writes ? f->writers : f->readers;
		if (f->place == place && roles >> below(w, 4) & 1)
			break;
		f = &fields[below(w, ARRAY_SIZE(fields))];
	}
	return f;
}

static void put_field(struct writer *w, unsigned reg, unsigned place)
{
	static const uint8_t sizes[] = {[1] = BPF_B, [2] = BPF_H, [4] = BPF_W, [8] = BPF_DW};
	bool writes = chance(w, 20);
	const struct field *f = any_field(w, place, writes);
	unsigned bytes = f->bytes, offset = f->offset;
	if (bytes > 1 && chance(w, 30)) {
		bytes = 1u << below(w, 3);
		offset += below(w, f->bytes) / bytes * bytes;
	}
	offset = (unsigned)nearly(w, (int)offset);
	if (!writes)
		put(w, INSN(BPF_LDX | (bytes < 8 && chance(w, 20) ? INSN_MEMSX : BPF_MEM) |
				    sizes[bytes],
			    7 + below(w, 3), reg, offset, 0));
	else if (bytes >= 4 && chance(w, 30))
		put(w, INSN(BPF_STX | INSN_ATOMIC | sizes[bytes], reg, 7 + below(w, 3), offset,
			    BPF_ADD | (chance(w, 50) ? BPF_FETCH : 0)));
	else
		put(w, INSN(BPF_STX | BPF_MEM | sizes[bytes], reg, any_number(w), offset, 0));
}

static int request_word(const struct writer *w)
{
	static const int8_t words[] = {[WORLD_ON_DATA] = 0,
				       [WORLD_ON_TEXT] = 1,
				       [WORLD_ON_COPY] = -1,
				       [WORLD_ON_LONG] = 2};
	return words[entry_of(w)];
}

static void put_null_check(struct writer *w, struct skips *s, unsigned reg)
{
	if (chance(w, 2))
		return;
	skip(w, s);
	put_k(w, BPF_JMP, BPF_JEQ, reg, 0);
}

/* What is behind a pointer is used, kept, and used again after something else. */
static void put_child(struct writer *w, struct skips *s, unsigned parent)
{
	unsigned child = 1 + below(w, WORLD_PLACES - 1);
	int at = -448 - 8 * (int)w->depth;
	if (s->count > 6 || (places[child].parent != parent && !chance(w, 3)))
		return;
	put_load(w, 1, 1, places[child].offset);
	put_null_check(w, s, 1);
	put_field(w, 1, child);
	if (chance(w, 15)) { /* kept in a register while the host runs, perhaps */
		put_mov(w, 8, 1);
		if (chance(w, 30))
			put(w, INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, WORLD_first));
		put_mov(w, 1, 8);
		put_mov(w, 8, 7);
		put_field(w, 1, child);
	}
	if (chance(w, 40)) {
		put_store(w, 10, at, 1);
		generate_block(w, 2);
		put_load(w, 1, 10, at);
		put_field(w, 1, child);
		if (chance(w, 20))
			generate_hand_on(w, at);
		return;
	}
	if (chance(w, 50))
		put_child(w, s, child);
}

static void put_struct(struct writer *w)
{
	struct skips s = {0};
	uint16_t slots = w->slots;
	bool has_buffer = w->has_buffer;
	if (!w->has_ctx || request_word(w) < 0)
		return;
	w->numbers &= GENERATE_KEPT;
	put_load(w, 1, 6, 8 * request_word(w));
	if (entry_of(w) != WORLD_ON_DATA)
		put_null_check(w, &s, 1);
	for (uint32_t n = below(w, 3); n--;)
		put_field(w, 1, WORLD_PLACE_R);
	if (chance(w, 60))
		put_child(w, &s, WORLD_PLACE_R);
	for (unsigned n = 0; n < s.count; n++)
		land(w, s.at[n]);
	w->numbers &= GENERATE_KEPT;
	w->slots &= slots;
	w->has_buffer = has_buffer;
}

/* ---- variables ---- */
static void put_variable(struct writer *w)
{
	unsigned variable = WORLD_counter + below(w, WORLD_EXTERNS - WORLD_counter);
	static const uint8_t bytes[] = {4, 8, 8 * WORLD_LIMITS};
	unsigned reg = 1 + below(w, 5);
	put_imm64(w, reg, BPF_PSEUDO_BTF_ID, variable, 0);
	is_no_number(w, reg);
	if (variable == WORLD_counter || chance(w, 40))
		put(w, INSN(BPF_LDX | BPF_MEM |
				    (bytes[variable - WORLD_counter] == 4 ? BPF_W : BPF_DW),
			    7 + below(w, 3), reg, nearly(w, 0), 0));
	else
		generate_uses(w, reg, bytes[variable - WORLD_counter]);
}

static void set_up(struct generate_program *p)
{
	static const struct object_extern externs[WORLD_EXTERNS] = {
#define FUNCTION(name, ...) [WORLD_##name] = {STR("host_" #name), true, 0},
#define VARIABLE(name)	    [WORLD_##name] = {STR("host_" #name), false, 0},
#include "tests/sound/world.tbl.h"
#undef FUNCTION
#undef VARIABLE
	};
	_Static_assert((int)WORLD_EXTERNS <= (int)GENERATE_ITER_DESTROY, "room for them");
	memcpy(p->externs, externs, sizeof externs);
}

static const struct generate_statement statements[] = {
	{26, true, put_memory},
	{4, false, put_fixed},
	{16, true, put_struct},
	{5, false, put_variable},
};

const struct generate_part generate_part_extension = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
	.set_up = set_up,
	.is_for_extensions = true,
};
