/*
 * Tail calls of the entry to itself: an array of programs with a hole.
 */
#include "tests/sound/generate_part.h"

static void put_tail_call(struct writer *w)
{
	if (!w->has_ctx && !chance(w, 2))
		return;
	unsigned reg = 7 + below(w, 3);
	uint32_t skip = w->count;
	bool is_rare = chance(w, 50);
	if (is_rare)
		put(w, INSN(BPF_JMP | BPF_JSET | BPF_K, reg, 0, 0, 1u << below(w, 8)));
	put_mov(w, 1, 6);
	put_imm64(w, 2, BPF_PSEUDO_MAP_FD, GENERATE_MAP_PROGRAMS, 0);
	if (chance(w, 50))
		put_set(w, 3, (int32_t)below(w, 5));
	else
		put_mov(w, 3, 7 + below(w, 3));
	put_call(w, BPF_FUNC_tail_call);
	if (is_rare)
		land(w, skip);
	w->numbers &= GENERATE_KEPT;
}

static void set_up(struct generate_program *p)
{
	static const struct object_slot slots[] = {{0, 0}, {2, 0}};
	p->maps[GENERATE_MAP_PROGRAMS].slots = slots;
	p->maps[GENERATE_MAP_PROGRAMS].slots_count = ARRAY_SIZE(slots);
}

static const struct generate_statement statements[] = {
	{2, false, put_tail_call},
};

const struct generate_part generate_part_tail = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
	.set_up = set_up,
};
