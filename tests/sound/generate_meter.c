/*
 * Loops whose end nobody proves: for roles that meter.
 */
#include "tests/sound/generate_part.h"

/* Jumps back to `start`, perhaps for ever. */
static void put_back(struct writer *w, uint32_t start)
{
	if (chance(w, 30)) {
		put(w, INSN(BPF_JMP | BPF_JA, 0, 0, (int)start - (int)w->count - 1, 0));
		return;
	}
	uint32_t at = generate_condition(w);
	w->p->insns[at].off = (int16_t)(start - at - 1);
}

/* The way out stands first, so that a jump back without a condition can be behind the body. */
static void put_open_loop(struct writer *w)
{
	uint16_t numbers = w->numbers & GENERATE_KEPT, slots = w->slots;
	bool has_buffer = w->has_buffer;
	unsigned reg = 7 + below(w, 3);
	if (w->depth > 1)
		return;
	if (chance(w, 50))
		put_set(w, reg, (int32_t)below(w, 3));
	w->numbers = numbers; /* at the second round the others may be gone */
	uint32_t start = w->count, out;
	if (chance(w, 30)) {
		out = w->count;
		put(w, INSN(BPF_JMP | INSN_JCOND, 0, 0, 0, 0));
	} else {
		out = generate_condition(w);
	}
	generate_block(w, 4);
	if (chance(w, 70))
		put(w, INSN(BPF_ALU64 | (chance(w, 80) ? BPF_ADD : BPF_SUB) | BPF_K, reg, 0, 0,
			    1 + below(w, 4)));
	put_back(w, start);
	land(w, out);
	w->numbers = numbers;
	w->slots = slots;
	w->has_buffer = has_buffer;
}

/* An index that goes up without an end, compared in the body. */
static void put_walk(struct writer *w)
{
	uint16_t numbers = w->numbers & GENERATE_KEPT, slots = w->slots;
	unsigned reg = 7 + below(w, 3);
	if (w->depth > 1)
		return;
	generate_fill(w);
	numbers &= w->numbers;
	w->numbers = numbers;
	put_set(w, reg, chance(w, 70) ? 0 : (int32_t)below(w, 80));
	uint32_t start = w->count, skip = w->count;
	put(w, INSN((chance(w, 80) ? BPF_JMP : BPF_JMP32) | (chance(w, 70) ? BPF_JGT : BPF_JSGT) |
			    BPF_K,
		    reg, 0, 0, GENERATE_BUFFER_BYTES - (int)below(w, 12)));
	put_stack(w, 1, GENERATE_BUFFER);
	put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_X, 1, reg, 0, 0));
	generate_use(w, 1, 0, below(w, 4));
	land(w, skip);
	w->numbers = numbers;
	put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, 1 + below(w, 8)));
	if (chance(w, 50))
		generate_block(w, 2);
	w->numbers &= numbers;
	put_back(w, start);
	w->numbers = numbers;
	w->slots = slots;
}

static const struct generate_statement statements[] = {
	{2, true, put_open_loop},
	{2, true, put_walk},
};

const struct generate_part generate_part_meter = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
};
