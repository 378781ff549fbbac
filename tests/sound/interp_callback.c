/*
 * bpf_loop() and bpf_for_each_map_elem(). The order in which elements of a hash come is not defined: here
 * it begins somewhere, by the run's seed, and the outcome is open where there are two of them.
 */
#include "tests/sound/interp_part.h"

static struct interp_round round_of(const struct interp_call *k, const struct interp_caller *caller)
{
	return (struct interp_round){.caller = caller,
				     .first = (uint32_t)k->args[1].bits,
				     .records = k->i->records_count,
				     .held = k->i->held_count,
				     .ctx = k->args[2]};
}

/* ---- bpf_loop() ---- */
static bool find_index(struct interp *i, struct interp_round *round)
{
	(void)i;
	return round->called < round->count;
}

static bool set_index(struct interp *i, const struct interp_round *round)
{
	*interp_reg(i, 1) = interp_number(round->called - 1);
	*interp_reg(i, 2) = round->ctx;
	return true;
}

static const struct interp_caller indexes = {find_index, set_index};

static bool do_loop(struct interp_call *k)
{
	struct interp_round round = round_of(k, &indexes);
	round.count = (uint32_t)k->args[0].bits;
	if (k->args[3].bits)
		return interp_returns(k, -EINVAL);
	if (round.count > 1u << 23)
		return interp_returns(k, -E2BIG);
	k->is_entered = true;
	return interp_enter(k->i, &round);
}

/* ---- bpf_for_each_map_elem() ---- */
static struct interp_element *element_at(struct interp *i, const struct interp_round *round,
					 uint64_t index)
{
	struct interp_map_state *m = &i->maps[round->map];
	uint64_t from = m->map->kind == MAP_KIND_ARRAY ? 0 : i->seed;
	return &m->elements[(from + index) % m->map->max_entries];
}

static bool find_element(struct interp *i, struct interp_round *round)
{
	while (round->index < round->count && !element_at(i, round, round->index)->is_used)
		round->index++;
	return round->index++ < round->count;
}

static bool set_element(struct interp *i, const struct interp_round *round)
{
	struct interp_element *e = element_at(i, round, round->index - 1);
	const struct interp_map_state *m = &i->maps[round->map];
	if (e->key_object == 0) {
		uint32_t object = interp_object(i, INTERP_KEY, e->key, m->map->key_size);
		if (object == UINT32_MAX)
			return false;
		i->objects[object].is_constant = true;
		e->key_object = object + 1;
	}
	*interp_reg(i, 1) = (struct interp_value){round->map, 0, INTERP_MAP};
	*interp_reg(i, 2) = (struct interp_value){0, e->key_object - 1, INTERP_POINTER};
	*interp_reg(i, 4) = round->ctx;
	return interp_element_pointer(i, m, e, interp_reg(i, 3));
}

static const struct interp_caller elements = {find_element, set_element};

static bool do_each(struct interp_call *k)
{
	struct interp_round round = round_of(k, &elements);
	uint32_t used = 0;
	if (k->args[3].bits)
		return interp_returns(k, -EINVAL);
	round.map = k->map_index;
	round.count = k->map->map->max_entries;
	for (uint32_t n = 0; n < round.count; n++)
		used += k->map->elements[n].is_used;
	k->i->result.is_open |= k->map->map->kind != MAP_KIND_ARRAY && used > 1;
	k->is_entered = true;
	return interp_enter(k->i, &round);
}

static const struct interp_model models[] = {
	{BPF_FUNC_loop, 0, do_loop},
	{BPF_FUNC_for_each_map_elem, 0, do_each},
};

const struct interp_part interp_part_callback = {models, ARRAY_SIZE(models), NULL};
