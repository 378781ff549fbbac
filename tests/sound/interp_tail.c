/*
 * Tail calls: the frame goes, another entry begins with the same context; HELPER_MAX_TAIL_CALLS times at the
 * most. Where there is none, the call leaves nothing to read.
 */
#include "tests/sound/interp_part.h"

static uint32_t entry_in(const struct interp *i, const struct object_map *m, uint32_t index)
{
	const struct object_function *fns = object_functions(i->object, &(uint32_t){0});
	for (uint32_t n = 0; n < m->slots_count; n++)
		if (m->slots[n].slot == index)
			return fns[m->slots[n].index].first;
	return UINT32_MAX;
}

static bool do_tail_call(struct interp_call *k)
{
	struct interp *i = k->i;
	struct interp_value ctx = k->args[0];
	uint32_t first = entry_in(i, k->map->map, (uint32_t)k->args[2].bits);
	if (i->frames_count > 1)
		return interp_stop(i, INTERP_DEPTH, "a tail call in an inner frame");
	for (uint32_t n = 0; n < i->records_count; n++)
		if (i->records[n].is_busy)
			return interp_stop(i, INTERP_UNRELEASED, "record %u is held at a tail call",
					   n);
	if (first == UINT32_MAX || i->tail_calls == HELPER_MAX_TAIL_CALLS)
		return true;
	i->tail_calls++;
	i->objects[interp_top(i)->object].is_alive = false;
	i->frames_count = 0;
	k->is_entered = true;
	if (!interp_push(i, UINT32_MAX))
		return false;
	*interp_reg(i, 1) = ctx;
	i->next = first;
	return true;
}

static void reset(struct interp *i)
{
	i->tail_calls = 0;
}

static const struct interp_model models[] = {
	{BPF_FUNC_tail_call, INTERP_KIND(PROG_ARRAY), do_tail_call},
};

const struct interp_part interp_part_tail = {models, ARRAY_SIZE(models), reset};
