/*
 * Records of ring buffers.
 */
#include "tests/sound/generate_part.h"

static void put_record(struct writer *w)
{
	static const uint32_t lengths[] = {8, 16, 24, 40, 13};
	uint32_t bytes = lengths[below(w, ARRAY_SIZE(lengths))];
	int at_stack = -200 - 8 * (int)w->depth;
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, GENERATE_MAP_RING, 0);
	put_set(w, 2, (int32_t)bytes);
	put_set(w, 3, chance(w, 95) ? 0 : any_imm(w));
	put_call(w, BPF_FUNC_ringbuf_reserve);
	uint16_t numbers = w->numbers;
	uint32_t at = w->count;
	put(w, INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0));
	put_store(w, 10, at_stack, 0);
	generate_uses(w, 0, bytes);
	w->numbers &= GENERATE_KEPT;
	if (chance(w, 30))
		generate_block(w, 2);
	if (chance(w, 10))
		generate_hand_on(w, at_stack);
	put_load(w, 1, 10, at_stack);
	put_set(w, 2, 0);
	if (!chance(w, 2))
		put_call(w, chance(w, 70) ? BPF_FUNC_ringbuf_submit : BPF_FUNC_ringbuf_discard);
	land(w, at);
	w->numbers &= numbers & GENERATE_KEPT;
}

static void put_output(struct writer *w)
{
	uint32_t skips[4];
	unsigned skips_count = 0;
	generate_fill(w);
	uint16_t numbers = w->numbers & GENERATE_KEPT;
	unsigned size = generate_index(w, GENERATE_BUFFER_BYTES, skips, &skips_count);
	put_mov(w, 3, size);
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, GENERATE_MAP_RING, 0);
	put_stack(w, 2, GENERATE_BUFFER);
	put_set(w, 4, 0);
	put_call(w, BPF_FUNC_ringbuf_output);
	for (unsigned n = 0; n < skips_count; n++)
		land(w, skips[n]);
	w->numbers = numbers;
}
static void put_query(struct writer *w)
{
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, GENERATE_MAP_RING, 0);
	put_set(w, 2, (int32_t)below(w, 5));
	put_call(w, BPF_FUNC_ringbuf_query);
	is_number(w, 0);
}

static const struct generate_statement statements[] = {
	{4, true, put_record},
	{3, false, put_output},
	{1, false, put_query},
};

const struct generate_part generate_part_ring = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
};
