/*
 * Tail calls: a second entry in an array of programs, beside the first one.
 */
#include "tests/sound/generate_part.h"

/* A slot for the entry that is written now; the others stay empty, or lead back to the start. */
static void write_tail(struct writer *w, const struct generate_kind *kind)
{
	struct object_map *m = &w->p->maps[GENERATE_MAP_PROGRAMS];
	uint32_t count = 0;
	(void)kind;
	if (chance(w, 15))
		w->p->slots[count++] = (struct object_slot){0, 0};
	w->p->slots[count++] = (struct object_slot){1 + below(w, 2), w->functions - 1};
	m->slots_count = count;
	generate_prologue(w);
	generate_block(w, 5);
}

static const struct generate_kind tail = {.name = "tail", .write = write_tail, .is_entry = true};

static void put_tail(struct writer *w)
{
	bool is_first = w->functions == 1;
	if (!(is_first ? generate_may_refer(w, &tail) : chance(w, 20)))
		return;
	if (is_first)
		generate_refer(w, &tail);
	put_mov(w, 1, 6);
	put_imm64(w, 2, BPF_PSEUDO_MAP_FD, chance(w, 98) ? GENERATE_MAP_PROGRAMS : GENERATE_MAP_ODD,
		  0);
	if (chance(w, 60))
		put_set(w, 3, (int32_t)below(w, 4));
	else
		put_mov(w, 3, 7 + below(w, 3));
	put_call(w, BPF_FUNC_tail_call);
}

static const struct generate_statement statements[] = {
	{2, false, put_tail},
};

const struct generate_part generate_part_tail = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
};
