/*
 * Dynptrs: two slots of a frame that name a row of interp->dynptrs. Slices of records are objects of their own, which
 * die with the dynptr; slices of values are pointers into the value.
 *
 * A reservation that fails is a record too, of no map's: so it has to be released as any other.
 */
#include "tests/sound/interp_part.h"

#define MAX_SIZE ((1u << 24) - 1)
#define NOTHING	 UINT32_MAX

/* The two slots at argument `n`, or NULL with a trap noted. */
static struct interp_value *slots_at(struct interp_call *k, unsigned n)
{
	const struct interp_value *p = &k->args[n];
	if (p->kind == INTERP_POINTER && k->i->objects[p->object].place == INTERP_STACK &&
	    k->i->objects[p->object].is_alive && p->bits % 8 == 0 && p->bits <= INTERP_FRAME - 16)
		return &k->i->objects[p->object].frame->slots[p->bits / 8];
	interp_stop(k->i, INTERP_ARGUMENT, "argument %u is no place for a dynptr", n + 1);
	return NULL;
}

struct interp_dynptr *interp_dynptr_at(struct interp_call *k, unsigned n)
{
	const struct interp_value *s = slots_at(k, n);
	if (!s)
		return NULL;
	if (s[0].kind == INTERP_DYNPTR && s[1].kind == INTERP_DYNPTR && s[0].bits == s[1].bits &&
	    s[0].object == 0 && s[1].object == 1)
		return &k->i->dynptrs[s[0].bits];
	interp_stop(k->i, INTERP_ARGUMENT, "argument %u is no dynptr", n + 1);
	return NULL;
}

bool interp_dynptr_place(struct interp_call *k, unsigned n)
{
	return slots_at(k, n) != NULL;
}

void interp_dynptr_end(struct interp *i, uint64_t index)
{
	for (uint32_t n = 0; n < i->objects_count; n++)
		if (i->objects[n].place == INTERP_SLICE && i->objects[n].record == index)
			i->objects[n].is_alive = false;
}

static struct interp_dynptr *make(struct interp_call *k, unsigned n, struct interp_dynptr d)
{
	if (k->i->dynptrs_count == INTERP_DYNPTRS) {
		k->i->result.is_open = true;
		interp_stop(k->i, INTERP_FINE, "too many dynptrs for this interpreter");
		return NULL;
	}
	uint32_t index = k->i->dynptrs_count++;
	k->i->dynptrs[index] = d;
	interp_wrote(k->i, &k->args[n], 0, 16);
	struct interp_value *s = slots_at(k, n);
	for (uint32_t half = 0; half < 2; half++)
		s[half] = (struct interp_value){index, half, INTERP_DYNPTR};
	return &k->i->dynptrs[index];
}

static bool do_from_mem(struct interp_call *k)
{
	const struct interp_value *p = &k->args[0];
	bool is_large = k->args[1].bits > MAX_SIZE, fails = is_large || k->args[2].bits;
	struct interp_dynptr d = {.object = fails ? NOTHING : p->object,
				  .offset = p->bits,
				  .size = (uint32_t)k->args[1].bits};
	return make(k, 3, d) && interp_returns(k, is_large ? -E2BIG : fails ? -EINVAL : 0);
}

static bool do_reserve(struct interp_call *k)
{
	uint32_t size = (uint32_t)k->args[1].bits;
	int64_t e = k->args[2].bits ? -EINVAL : size > MAX_SIZE ? -E2BIG : 0;
	struct interp_record *r = e ? NULL : interp_take_record(k, size);
	struct interp_dynptr d = {.object = NOTHING, .size = size};
	if (k->i->result.is_open && !r)
		return interp_stop(k->i, INTERP_FINE, "too many records for this interpreter");
	if (r) {
		d.object = interp_object(k->i, INTERP_RING, r->data, size);
		if (d.object == UINT32_MAX)
			return false;
	} else {
		if (k->i->records_count == INTERP_RECORDS) {
			k->i->result.is_open = true;
			return interp_stop(k->i, INTERP_FINE, "too many records");
		}
		r = &k->i->records[k->i->records_count++];
		*r = (struct interp_record){.is_discarded = true};
		e = e ?: -EINVAL;
	}
	r->is_busy = true;
	r->object = d.object;
	d.record = (uint32_t)(r - k->i->records) + 1;
	return make(k, 3, d) && interp_returns(k, e);
}

static bool do_finish(struct interp_call *k)
{
	struct interp_dynptr *d = interp_dynptr_at(k, 0);
	if (!d || !d->record)
		return interp_stop(k->i, INTERP_ARGUMENT, "the dynptr is not of a record");
	struct interp_record *r = &k->i->records[d->record - 1];
	if (!r->is_busy)
		return interp_stop(k->i, INTERP_ARGUMENT, "the dynptr is not held");
	r->is_busy = false;
	r->is_discarded |= k->helper->id == BPF_FUNC_ringbuf_discard_dynptr;
	interp_wrote(k->i, &k->args[0], 0, 16);
	memset(&k->i->objects[k->args[0].object].frame->init[k->args[0].bits], 0, 16);
	return true;
}

/* Where those bytes are; NULL with the helper's answer in `e`. */
static uint8_t *memory_of(struct interp_call *k, const struct interp_dynptr *d, uint32_t offset,
			  uint64_t size, int64_t *e)
{
	*e = d->object == NOTHING ? -EINVAL : -E2BIG;
	if (d->object == NOTHING || size > d->size || offset > d->size - size)
		return NULL;
	struct interp_object *o = &k->i->objects[d->object];
	if (o->is_stale)
		k->i->result.is_open = true;
	*e = 0;
	return o->data + d->offset + offset;
}

static bool do_read(struct interp_call *k)
{
	int64_t e;
	struct interp_dynptr d = k->i->dynptrs[slots_at(k, 2)->bits];
	uint8_t *from = memory_of(k, &d, (uint32_t)k->args[3].bits, k->size, &e);
	if (k->args[4].bits) {
		from = NULL;
		e = -EINVAL;
	}
	if (k->size && from)
		memmove(k->memory[0], from, k->size);
	else if (k->size)
		memset(k->memory[0], 0, k->size);
	if (k->size)
		interp_wrote(k->i, &k->args[0], 0, k->size);
	return interp_returns(k, e);
}

static bool do_write(struct interp_call *k)
{
	int64_t e;
	uint8_t *to = memory_of(k, &k->i->dynptrs[slots_at(k, 0)->bits], (uint32_t)k->args[1].bits,
				k->size, &e);
	if (to && k->args[4].bits)
		e = -EINVAL;
	else if (to && k->size)
		memmove(to, k->memory[2], k->size);
	return interp_returns(k, e);
}

static bool do_data(struct interp_call *k)
{
	int64_t e;
	uint64_t index = slots_at(k, 0)->bits;
	const struct interp_dynptr *d = &k->i->dynptrs[index];
	uint32_t offset = (uint32_t)k->args[1].bits, size = (uint32_t)k->size;
	uint8_t *at = memory_of(k, d, offset, size, &e);
	if (!at)
		return interp_returns(k, 0);
	if (!d->record) {
		k->r0 = (struct interp_value){d->offset + offset, d->object, INTERP_POINTER};
		return true;
	}
	uint32_t object = interp_object(k->i, INTERP_SLICE, at, size);
	if (object == UINT32_MAX)
		return false;
	k->i->objects[object].record = (uint32_t)index;
	k->r0 = (struct interp_value){0, object, INTERP_POINTER};
	return true;
}

static void reset(struct interp *i)
{
	i->dynptrs_count = 0;
}

static const struct interp_model models[] = {
	{BPF_FUNC_dynptr_from_mem, 0, do_from_mem},
	{BPF_FUNC_ringbuf_reserve_dynptr, INTERP_KIND(RINGBUF), do_reserve},
	{BPF_FUNC_ringbuf_submit_dynptr, 0, do_finish},
	{BPF_FUNC_ringbuf_discard_dynptr, 0, do_finish},
	{BPF_FUNC_dynptr_read, 0, do_read},
	{BPF_FUNC_dynptr_write, 0, do_write},
	{BPF_FUNC_dynptr_data, 0, do_data},
};

const struct interp_part interp_part_dynptr = {models, ARRAY_SIZE(models), reset};
