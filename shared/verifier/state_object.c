/*
 * Objects in slots.
 *
 * [I1] `objects` of a frame has the bit of each slot that holds a part of an object, and of no other; such a slot
 *      is kept whole (at 0, size 8, all bytes written).
 * [I2] The slots of one object lie side by side in one frame: when one is overwritten, all of them end.
 * [I3] No pointer with STATE_IS_PART and the id of an object outlives the object, but where the
 *      object's frame ended before: what it pointed to is not in the frame.
 */
#include "shared/verifier/state_object.h"

#include <string.h>

const struct state_reg *state_object_at(const struct state *s, unsigned frame, int64_t offset)
{
	if (offset < -STATE_FRAME_SIZE || offset >= 0 || offset % 8 != 0)
		return NULL;
	const struct state_frame *f = &s->frames[frame];
	unsigned slot = (unsigned)(offset + STATE_FRAME_SIZE) / 8;
	const struct state_reg *r = &f->slots[slot].reg;
	return (f->objects >> slot & 1) && range_is(&r->range, 0) ? r : NULL;
}

bool state_object_is_held(const struct state *s, const struct state_reg *object)
{
	for (uint32_t i = 0; i < s->refs_count; i++)
		if (s->refs[i].id == object->id)
			return true;
	return false;
}

static const struct state_reg *find(const struct state *s, unsigned frame, uint64_t slots)
{
	const struct state_frame *f = &s->frames[frame];
	const struct state_reg *any = NULL;
	for (uint64_t left = f->objects & slots; left; left &= left - 1) {
		any = &f->slots[__builtin_ctzll(left)].reg;
		if (state_object_is_held(s, any))
			return any;
	}
	return any;
}

const struct state_reg *state_object_touched(const struct state *s, unsigned frame, int offset,
					     unsigned size)
{
	return find(s, frame, state_slots(offset, size));
}

const struct state_reg *state_object_in_top(const struct state *s)
{
	const struct state_reg *r = find(s, s->frames_count - 1, UINT64_MAX);
	return r && state_object_is_held(s, r) ? r : NULL;
}

void state_object_put(struct state *s, unsigned frame, int offset, unsigned slots,
		      struct state_reg object)
{
	struct state_frame *f = &s->frames[frame];
	state_object_overwrite(s, frame, offset, slots * 8);
	state_forget(f, offset, slots * 8, true);
	for (unsigned i = 0; i < slots; i++) {
		unsigned slot = (unsigned)(offset + STATE_FRAME_SIZE) / 8 + i;
		object.range = range_const(8 * i);
		f->slots[slot] = (struct state_slot){object, 0xff, 0, 8};
		f->objects |= UINT64_C(1) << slot;
	}
}

static bool is_part(const struct state_reg *r, uint32_t id)
{
	return (state_flags(r) & STATE_IS_PART) && r->map == id;
}

static void end(struct state *s, uint32_t id, bool only_parts)
{
	for (uint32_t i = 0; i < s->frames_count; i++) {
		struct state_frame *f = &s->frames[i];
		for (unsigned r = 0; r < STATE_REGS; r++)
			if (is_part(&f->regs[r], id))
				memset(&f->regs[r], 0, sizeof f->regs[r]);
		for (uint64_t left = f->used; left; left &= left - 1) {
			int slot = __builtin_ctzll(left);
			const struct state_reg *kept = &f->slots[slot].reg;
			bool is_object = !only_parts && (f->objects >> slot & 1) && kept->id == id;
			if (is_object || (f->slots[slot].size > 0 && is_part(kept, id)))
				state_forget(f, slot * 8 - STATE_FRAME_SIZE, 8, false);
		}
	}
}

void state_object_end(struct state *s, uint32_t id)
{
	end(s, id, false);
}

void state_object_end_parts(struct state *s, uint32_t id)
{
	end(s, id, true);
}

void state_object_overwrite(struct state *s, unsigned frame, int offset, unsigned size)
{
	const struct state_reg *r;
	while ((r = state_object_touched(s, frame, offset, size)))
		state_object_end(s, r->id); /* [I2] */
}
