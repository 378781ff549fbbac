/*
 * Ring buffers: a list of records.
 */
#include "tests/sound/interp_part.h"

struct interp_record *interp_take_record(struct interp_call *k, uint64_t size)
{
	uint64_t room = (size + 8 + 7) / 8 * 8;
	if (room > k->map->map->max_entries || k->map->taken > k->map->map->max_entries - room)
		return NULL;
	if (k->i->records_count == INTERP_RECORDS || size > INTERP_RECORD) {
		k->i->result.is_open = true;
		return NULL;
	}
	k->map->taken += room;
	struct interp_record *r = &k->i->records[k->i->records_count++];
	*r = (struct interp_record){.map = k->map_index, .size = (uint32_t)size};
	return r;
}

static bool do_output(struct interp_call *k)
{
	if (k->args[3].bits & ~UINT64_C(3))
		return interp_returns(k, -EINVAL);
	struct interp_record *r = interp_take_record(k, k->size);
	if (!r)
		return interp_returns(k, -EAGAIN);
	if (k->size)
		memcpy(r->data, k->memory[1], k->size);
	return interp_returns(k, 0);
}

static bool do_reserve(struct interp_call *k)
{
	struct interp_record *r = k->args[2].bits ? NULL : interp_take_record(k, k->size);
	if (!r)
		return interp_returns(k, 0);
	uint32_t object = interp_object(k->i, INTERP_RING, r->data, r->size);
	if (object == UINT32_MAX)
		return false;
	r->is_busy = true;
	r->object = object;
	k->i->objects[object].record = (uint32_t)(r - k->i->records);
	k->r0 = (struct interp_value){0, object, INTERP_POINTER};
	return true;
}

static bool do_finish(struct interp_call *k)
{
	struct interp_object *o = &k->i->objects[k->args[0].object];
	struct interp_record *r = &k->i->records[o->record];
	o->is_alive = r->is_busy = false;
	r->is_discarded = k->helper->id == BPF_FUNC_ringbuf_discard;
	return true;
}

static bool do_query(struct interp_call *k)
{
	switch (k->args[1].bits) {
	case BPF_RB_AVAIL_DATA:
	case BPF_RB_PROD_POS:
		return interp_returns(k, (int64_t)k->map->taken);
	case BPF_RB_RING_SIZE:
		return interp_returns(k, k->map->map->max_entries);
	}
	return interp_returns(k, 0);
}

static const struct interp_model models[] = {
	{BPF_FUNC_ringbuf_output, INTERP_KIND(RINGBUF), do_output},
	{BPF_FUNC_ringbuf_reserve, INTERP_KIND(RINGBUF), do_reserve},
	{BPF_FUNC_ringbuf_submit, 0, do_finish},
	{BPF_FUNC_ringbuf_discard, 0, do_finish},
	{BPF_FUNC_ringbuf_query, INTERP_KIND(RINGBUF), do_query},
};

const struct interp_part interp_part_ring = {models, ARRAY_SIZE(models), NULL};
