/*
 * Tail calls: the entry's frame begins anew, with the context and nothing else.
 */
#include "tests/sound/interp_part.h"

#define MAX_TAIL_CALLS 33

static const struct object_slot *find_slot(const struct object_map *m, uint32_t index)
{
	for (uint32_t n = 0; n < m->slots_count; n++)
		if (m->slots[n].slot == index)
			return &m->slots[n];
	return NULL;
}

static bool enter(struct interp_call *k, const struct object_function *f)
{
	struct interp *i = k->i;
	i->objects[interp_top(i)->object].is_alive = false;
	i->frames_count = 0;
	if (!interp_push(i, UINT32_MAX))
		return false;
	*interp_reg(i, 1) = k->args[0];
	i->tail_calls++;
	i->next = f->first;
	k->is_entered = true;
	return true;
}

static bool do_tail_call(struct interp_call *k)
{
	struct interp *i = k->i;
	uint32_t count;
	const struct object_slot *slot = find_slot(k->map->map, (uint32_t)k->args[2].bits);
	const struct object_function *f = object_functions(i->object, &count);
	if (i->frames_count != 1)
		return interp_stop(i, INTERP_ARGUMENT, "a tail call in a function that was called");
	for (uint32_t n = 0; n < i->records_count; n++)
		if (i->records[n].is_busy)
			return interp_stop(i, INTERP_UNRELEASED, "record %u is held at a tail call",
					   n);
	if (!interp_iters_gone(i) || !interp_host_released(i, 0))
		return false;
	k->r0 = (struct interp_value){.kind = INTERP_NONE};
	if (!slot || i->tail_calls == MAX_TAIL_CALLS)
		return true;
	if (slot->index >= count || !f[slot->index].is_entry)
		return interp_stop(i, INTERP_ARGUMENT, "a tail call to no entry");
	return enter(k, &f[slot->index]);
}

static void reset(struct interp *i)
{
	i->tail_calls = 0;
}

static const struct interp_model models[] = {
	{BPF_FUNC_tail_call, INTERP_KIND(PROG_ARRAY), do_tail_call},
};

const struct interp_part interp_part_tail = {models, ARRAY_SIZE(models), reset};
