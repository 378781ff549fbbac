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
static void put_local(struct writer *w, const struct generate_kind *kind);

static void write_local(struct writer *w, const struct generate_kind *kind)
{
	put_mov(w, 6, 3);
	put_mov(w, 7, 1);
	put_mov(w, 8, 1);
	put_mov(w, 9, 2);
	if (chance(w, kind->value))
		put_local(w, kind);
	put_body(w, kind->value > 50 ? 1 : 4);
}

/* value: in how many percent it calls the next one of its kind */
static const struct generate_kind local = {.name = "local", .write = write_local, .value = 20};
static const struct generate_kind deep = {.name = "deep", .write = write_local, .value = 90};

static void put_local(struct writer *w, const struct generate_kind *kind)
{
	if (!generate_may_refer(w, kind))
		return;
	generate_fill(w);
	put_mov(w, 1, 7 + below(w, 3));
	put_mov(w, 2, 7 + below(w, 3));
	put_stack(w, 3, GENERATE_BUFFER);
	generate_refer(w, kind);
	put(w, INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0));
	w->numbers &= GENERATE_KEPT;
	is_number(w, 0);
}

static void put_any_local(struct writer *w)
{
	put_local(w, chance(w, 8) ? &deep : &local);
}

/* ---- what callbacks are handed ---- */
enum hand { HAND_BUFFER, HAND_CONTEXT, HAND_GLOBAL, HAND_NUMBER, HAND_POINTER, HANDS };

static enum hand any_hand(struct writer *w)
{
	static const uint8_t hands[] = {HAND_BUFFER,  HAND_BUFFER, HAND_BUFFER,
					HAND_CONTEXT, HAND_GLOBAL, HAND_NUMBER};
	enum hand hand = hands[below(w, ARRAY_SIZE(hands))];
	return hand == HAND_CONTEXT && !w->has_ctx ? HAND_BUFFER : hand;
}

static void put_hand(struct writer *w, unsigned reg, enum hand hand)
{
	if (hand == HAND_CONTEXT)
		put_mov(w, reg, 6);
	else if (hand == HAND_GLOBAL)
		put_imm64(w, reg, BPF_PSEUDO_MAP_VALUE, GENERATE_MAP_DATA, 0);
	else if (hand == HAND_NUMBER)
		put_mov(w, reg, 7 + below(w, 3));
	else
		put_stack(w, reg, GENERATE_BUFFER);
}

/* In the callback, which got it in `reg`; r7 … r9 are numbers already. */
static void put_handed(struct writer *w, unsigned reg, enum hand hand)
{
	put_mov(w, 6, reg);
	w->has_ctx = hand == HAND_CONTEXT;
	if (hand == HAND_BUFFER) {
		put_round(w);
		return;
	}
	if (hand == HAND_NUMBER) {
		put_mov(w, 8, 6);
	} else if (hand == HAND_GLOBAL || hand == HAND_POINTER) {
		put_mov(w, 3, 6);
		generate_uses(w, 3, hand == HAND_GLOBAL ? 32 : 8);
	}
	generate_block(w, 3);
	if (hand == HAND_POINTER && chance(w, 10)) { /* not the callback's to release */
		put_mov(w, 1, 6);
		put_set(w, 2, 0);
		put_call(w, BPF_FUNC_ringbuf_submit);
	}
	if (chance(w, 50))
		put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, 7, 0, 0, 1));
}

/* What was written is looked at, and perhaps used. */
static void look_at_buffer(struct writer *w)
{
	unsigned reg = 1 + below(w, 5);
	is_number(w, 0);
	if (!w->has_buffer || !chance(w, 60))
		return;
	put_load(w, reg, 10, GENERATE_BUFFER + 8 * (int)below(w, 8));
	is_number(w, reg);
}

/* ---- bpf_loop(): r1 the index, r2 what is handed on ---- */
static void write_round(struct writer *w, const struct generate_kind *kind)
{
	for (unsigned reg = 7; reg < 10; reg++)
		put_mov(w, reg, 1);
	put_handed(w, 2, (enum hand)kind->value);
}

#define KIND(hand) [HAND_##hand] = {.name = "round", .write = write_round, .value = HAND_##hand}
static const struct generate_kind rounds[HANDS] = {
	KIND(BUFFER), KIND(CONTEXT), KIND(GLOBAL), KIND(NUMBER), KIND(POINTER),
};
#undef KIND

static void put_count(struct writer *w)
{
	bool is_outer = w->p->functions[0].count == 0; /* in the entry: rounds multiply inside */
	if (chance(w, 60)) {
		put_set(w, 1, (int32_t)below(w, is_outer ? 9 : 4));
	} else {
		put_mov(w, 1, any_number(w));
		put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, 1, 0, 0, is_outer ? 7 : 3));
	}
}

static void put_rounds(struct writer *w)
{
	enum hand hand = any_hand(w);
	if (!generate_may_refer(w, &rounds[hand]))
		return;
	if (hand == HAND_BUFFER)
		generate_fill(w);
	put_count(w);
	generate_refer(w, &rounds[hand]);
	put_imm64(w, 2, BPF_PSEUDO_FUNC, 0, 0);
	put_hand(w, 3, hand);
	put_set(w, 4, chance(w, 95) ? 0 : 1);
	put_call(w, BPF_FUNC_loop);
	look_at_buffer(w);
}

void generate_hand_on(struct writer *w, int at_stack)
{
	const struct generate_kind *kind = &rounds[HAND_POINTER];
	if (!generate_may_refer(w, kind))
		return;
	put_set(w, 1, (int32_t)below(w, 4));
	generate_refer(w, kind);
	put_imm64(w, 2, BPF_PSEUDO_FUNC, 0, 0);
	put_load(w, 3, 10, at_stack);
	put_set(w, 4, 0);
	put_call(w, BPF_FUNC_loop);
}

/* ---- bpf_for_each_map_elem(): the map, the key, the value, what is handed on ---- */
static const struct {
	uint32_t map;
	enum hand hand;
} elements_of[] = {
	{GENERATE_MAP_ARRAY, HAND_BUFFER}, {GENERATE_MAP_HASH, HAND_BUFFER},
	{GENERATE_MAP_SMALL, HAND_BUFFER}, {GENERATE_MAP_ODD, HAND_GLOBAL},
	{GENERATE_MAP_SMALL, HAND_NUMBER}, {GENERATE_MAP_ARRAY, HAND_CONTEXT},
};

/* The element is deleted, written to itself, or written at another place. */
static void change_element(struct writer *w)
{
	uint32_t way = below(w, 10);
	if (way == 0) {
		put_call(w, BPF_FUNC_map_delete_elem);
	} else if (way == 1) {
		put_set(w, 4, (int32_t)below(w, 3));
		put_call(w, BPF_FUNC_map_update_elem);
	}
}

static void write_each(struct writer *w, const struct generate_kind *kind)
{
	uint32_t map = elements_of[kind->value].map, bytes = w->p->maps[map].value_size;
	put_mov(w, 6, 4);
	put(w, INSN(BPF_LDX | BPF_MEM | (chance(w, 97) ? BPF_W : BPF_DW), 7, 2, 0, 0));
	put(w, INSN(BPF_LDX | BPF_MEM | BPF_B, 8, 3, below(w, bytes + chance(w, 3)), 0));
	put_mov(w, 9, 7);
	put_store(w, 10, -168, 3);
	if (chance(w, 40))
		generate_uses(w, 3, bytes);
	else
		change_element(w);
	if (chance(w, 50)) {
		put_load(w, 3, 10, -168);
		generate_uses(w, 3, bytes);
	}
	w->numbers &= GENERATE_KEPT;
	put_handed(w, 6, elements_of[kind->value].hand);
}

#define KIND(n)                                                   \
	{                                                         \
		.name = "each", .write = write_each, .value = (n) \
	}
static const struct generate_kind each[ARRAY_SIZE(elements_of)] = {
	KIND(0), KIND(1), KIND(2), KIND(3), KIND(4), KIND(5),
};
#undef KIND

static void put_each(struct writer *w)
{
	uint32_t n = below(w, ARRAY_SIZE(each));
	enum hand hand = elements_of[n].hand;
	if (!generate_may_refer(w, &each[n]) || (hand == HAND_CONTEXT && !w->has_ctx))
		return;
	if (hand == HAND_BUFFER)
		generate_fill(w);
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, chance(w, 99) ? elements_of[n].map : GENERATE_MAP_RING,
		  0);
	generate_refer(w, &each[n]);
	put_imm64(w, 2, BPF_PSEUDO_FUNC, 0, 0);
	put_hand(w, 3, hand);
	put_set(w, 4, chance(w, 95) ? 0 : 1);
	put_call(w, BPF_FUNC_for_each_map_elem);
	look_at_buffer(w);
}

/* ---- statements ---- */
static const struct generate_statement statements[] = {
	{3, false, put_any_local},
	{4, false, put_rounds},
	{3, false, put_each},
};

const struct generate_part generate_part_function = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
};
