/*
 * Dynptrs of records and of maps' values. Each depth has a place of its own on the stack, so that those of nested
 * statements do not end those around them; now and then one is written over on purpose.
 */
#include "tests/sound/generate_part.h"

static int place_of(const struct writer *w)
{
	return -336 - 16 * (int)w->depth;
}

/* A size or an offset: small, most of the time. */
static void put_number(struct writer *w, unsigned reg, uint32_t most)
{
	if (chance(w, 60))
		put_set(w, reg, (int32_t)below(w, most + 2));
	else if (chance(w, 50))
		put_set(w, reg, any_imm(w));
	else
		put_mov(w, reg, 7 + below(w, 3));
}

static void put_read(struct writer *w, int place)
{
	put_set(w, 2, (int32_t)below(w, 17));
	put_stack(w, 3, place);
	put_number(w, 4, 24);
	put_set(w, 5, chance(w, 5));
	put_stack(w, 1, GENERATE_BUFFER + 8 * (int)below(w, 6));
	put_call(w, BPF_FUNC_dynptr_read);
	is_number(w, 0);
}

static void put_write(struct writer *w, int place)
{
	generate_fill(w);
	put_number(w, 2, 24);
	put_stack(w, 3, GENERATE_BUFFER + 8 * (int)below(w, 6));
	put_set(w, 4, (int32_t)below(w, 17));
	put_set(w, 5, chance(w, 5));
	put_stack(w, 1, place);
	put_call(w, BPF_FUNC_dynptr_write);
	is_number(w, 0);
}

static void put_data(struct writer *w, int place)
{
	uint32_t bytes = 1 + below(w, 24);
	uint16_t numbers = w->numbers;
	put_number(w, 2, 8);
	put_set(w, 3, (int32_t)bytes);
	put_stack(w, 1, place);
	put_call(w, BPF_FUNC_dynptr_data);
	uint32_t at = w->count;
	bool checks = !chance(w, 2);
	if (checks)
		put(w, INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0));
	w->is_slice = true;
	generate_uses(w, 0, bytes);
	w->is_slice = false;
	if (checks)
		land(w, at);
	w->numbers &= numbers & GENERATE_KEPT;
}

/* What should be refused where the dynptr is held, and end it where it is not. */
static void put_over(struct writer *w, int place)
{
	put(w, INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, place + 4 * (int)below(w, 4), 1));
}

static void put_uses(struct writer *w, int place, bool is_held)
{
	static void (*const uses[])(struct writer * w, int place) = {put_read, put_write, put_data};
	for (uint32_t count = 1 + below(w, 3); count--;)
		uses[below(w, ARRAY_SIZE(uses))](w, place);
	if (chance(w, is_held ? 1 : 10))
		put_over(w, place);
	if (chance(w, 25)) {
		generate_block(w, 2);
		if (chance(w, 50))
			put_read(w, place);
	}
}

static void put_record(struct writer *w)
{
	int place = place_of(w);
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, GENERATE_MAP_RING, 0);
	put_number(w, 2, 40);
	put_set(w, 3, chance(w, 3));
	put_stack(w, 4, place);
	put_call(w, BPF_FUNC_ringbuf_reserve_dynptr);
	is_number(w, 0);
	put_uses(w, place, true);
	if (chance(w, 2))
		return;
	put_stack(w, 1, place);
	put_set(w, 2, 0);
	put_call(w,
		 chance(w, 70) ? BPF_FUNC_ringbuf_submit_dynptr : BPF_FUNC_ringbuf_discard_dynptr);
	if (chance(w, 2))
		put_read(w, place);
}

static void put_release(struct writer *w, int place)
{
	put_stack(w, 1, place);
	put_set(w, 2, 0);
	put_call(w,
		 chance(w, 70) ? BPF_FUNC_ringbuf_submit_dynptr : BPF_FUNC_ringbuf_discard_dynptr);
}

/* A slice is kept, and now and then used when its record is gone. */
static void put_slice(struct writer *w)
{
	int place = place_of(w);
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, GENERATE_MAP_RING, 0);
	put_set(w, 2, 16);
	put_set(w, 3, 0);
	put_stack(w, 4, place);
	put_call(w, BPF_FUNC_ringbuf_reserve_dynptr);
	put_set(w, 2, (int32_t)below(w, 9));
	put_set(w, 3, 8);
	put_stack(w, 1, place);
	put_call(w, BPF_FUNC_dynptr_data);
	uint16_t numbers = w->numbers & GENERATE_KEPT;
	uint32_t at = w->count, over;
	put(w, INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0));
	put_store(w, 10, -256, 0);
	w->is_slice = true;
	generate_uses(w, 0, 8);
	w->is_slice = false;
	if (chance(w, 4))
		put_over(w, place);
	put_release(w, place);
	if (chance(w, 6)) {
		put_load(w, 1, 10, -256);
		generate_use(w, 1, 0, 3);
	}
	over = w->count;
	put(w, INSN(BPF_JMP | BPF_JA, 0, 0, 0, 0));
	land(w, at);
	put_release(w, place);
	land(w, over);
	w->numbers = numbers;
}

static void put_value(struct writer *w)
{
	static const uint8_t globals[] = {GENERATE_MAP_DATA, GENERATE_MAP_BSS, GENERATE_MAP_DATA,
					  GENERATE_MAP_BSS, GENERATE_MAP_RODATA};
	unsigned map = globals[chance(w, 5) ? below(w, 5) : below(w, 4)];
	uint32_t bytes = w->p->maps[map].value_size, from = below(w, bytes);
	int place = place_of(w);
	put_imm64(w, 1, BPF_PSEUDO_MAP_VALUE, map, from);
	put_set(w, 2, (int32_t)below(w, bytes - from + 1 + chance(w, 3)));
	put_set(w, 3, chance(w, 3));
	if (!w->has_ctx && chance(w, 15)) /* in a frame that is not its own */
		put_mov(w, 4, 6);
	else
		put_stack(w, 4, place);
	put_call(w, BPF_FUNC_dynptr_from_mem);
	is_number(w, 0);
	put_uses(w, place, false);
}

static void put_element(struct writer *w)
{
	int place = place_of(w);
	put(w, INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -64, below(w, 5)));
	w->slots |= 1u << 7;
	put_stack(w, 2, -64);
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, GENERATE_MAP_ARRAY, 0);
	put_call(w, BPF_FUNC_map_lookup_elem);
	uint16_t numbers = w->numbers & GENERATE_KEPT;
	uint32_t at = w->count;
	put(w, INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0));
	put_mov(w, 1, 0);
	put_set(w, 2, (int32_t)below(w, 17));
	put_set(w, 3, 0);
	put_stack(w, 4, place);
	put_call(w, BPF_FUNC_dynptr_from_mem);
	uint16_t slots = w->slots;
	bool has_buffer = w->has_buffer;
	put_uses(w, place, false);
	w->slots &= slots;
	w->has_buffer = has_buffer;
	land(w, at);
	w->numbers &= numbers;
}

static const struct generate_statement statements[] = {
	{4, true, put_record},
	{2, true, put_slice},
	{2, true, put_value},
	{1, true, put_element},
};

const struct generate_part generate_part_dynptr = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
};
