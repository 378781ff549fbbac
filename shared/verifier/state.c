/*
 * One path's knowledge.
 *
 * [I1] A slot's `size` is 0, or all bytes at … at+size-1 are initialised and `reg` is what they hold.
 * [I2] `used` has the bit of every slot with init != 0.
 * [I3] A kept pointer fills its slot; when a part of it is overwritten, the rest becomes unreadable,
 *      so a pointer's bytes are never seen as numbers. The same holds of a slot of an object.
 */
#include "shared/verifier/state.h"

#include "shared/verifier/verifier.h"

const struct state_kind_row state_kinds[] = {
#define KIND(name, words, base, not_null, flags) \
	[STATE_##name] = {words, VERIFIER_BASE_##base, STATE_##not_null, flags},
#include "shared/verifier/kind.tbl.h"
#undef KIND
};

uint32_t state_callback(const struct state *s)
{
	uint32_t i = s->frames_count;
	while (i-- > 1)
		if (s->frames[i].is_callback)
			return i;
	return 0;
}

struct state_reg state_scalar(struct range range)
{
	return (struct state_reg){.kind = STATE_SCALAR, .range = range};
}

bool state_push(struct state *s, uint32_t function, uint32_t return_to)
{
	if (s->frames_count == STATE_FRAMES)
		return false;
	struct state_frame *f = &s->frames[s->frames_count];
	memset(f, 0, sizeof *f);
	f->function = function;
	f->return_to = return_to;
	f->written = UINT64_MAX; /* nothing of it comes from before the last checkpoint */
	f->regs[10] = (struct state_reg){.kind = STATE_STACK,
					 .frame = (uint8_t)s->frames_count,
					 .range = range_const(0)};
	s->frames_count++;
	return true;
}

void state_each(struct state *s, void (*visit)(void *context, struct state_reg *r), void *context)
{
	for (uint32_t i = 0; i < s->frames_count; i++) {
		struct state_frame *f = &s->frames[i];
		for (unsigned r = 0; r < STATE_REGS; r++)
			if (f->regs[r].kind != STATE_NONE)
				visit(context, &f->regs[r]);
		for (uint64_t left = f->used; left; left &= left - 1) {
			struct state_slot *slot = &f->slots[__builtin_ctzll(left)];
			if (slot->size > 0)
				visit(context, &slot->reg);
		}
	}
}

struct null_check {
	uint32_t id;
	bool is_null;
};

static void settle_one(void *context, struct state_reg *r)
{
	const struct null_check *n = context;
	if (!(state_flags(r) & STATE_IS_NULL) || r->id != n->id || !range_is(&r->range, 0))
		return; /* where a pointer that may be null was moved to says nothing of it */
	if (n->is_null)
		*r = state_scalar(range_const(0));
	else
		r->kind = state_kinds[r->kind].not_null;
}

static void drop_number(void *context, struct state_reg *r)
{
	const uint32_t *id = context;
	if (r->kind == STATE_SCALAR && r->ref == *id)
		r->ref = r->ref_bytes = 0;
}

static bool end_ref(struct state *s, uint32_t id)
{
	for (uint32_t i = 0; i < s->refs_count; i++) {
		if (s->refs[i].id != id)
			continue;
		memmove(&s->refs[i], &s->refs[i + 1], (s->refs_count - i - 1) * sizeof s->refs[0]);
		s->refs_count--;
		state_each(s, drop_number, &id);
		return true;
	}
	return false;
}

void state_settle_null(struct state *s, uint32_t id, bool is_null)
{
	struct null_check n = {id, is_null};
	state_each(s, settle_one, &n);
	if (is_null)
		(void)end_ref(s, id);
}

static bool is_record(const struct state_reg *r, uint32_t id)
{
	return (r->kind == STATE_RECORD || r->kind == STATE_RECORD_OR_NULL ||
		r->kind == STATE_HANDLE || r->kind == STATE_HANDLE_OR_NULL) &&
	       r->id == id;
}

struct state_ref *state_find_ref(struct state *s, uint32_t id)
{
	for (uint32_t i = 0; i < s->refs_count; i++)
		if (s->refs[i].id == id)
			return &s->refs[i];
	return NULL;
}

void state_drop_ref(struct state *s, uint32_t id)
{
	(void)end_ref(s, id);
}

bool state_release(struct state *s, uint32_t id)
{
	if (!end_ref(s, id))
		return false;
	for (uint32_t i = 0; i < s->frames_count; i++) {
		struct state_frame *f = &s->frames[i];
		for (unsigned r = 0; r < STATE_REGS; r++)
			if (is_record(&f->regs[r], id))
				f->regs[r].kind = STATE_NONE;
		for (uint64_t left = f->used; left; left &= left - 1) {
			int slot = __builtin_ctzll(left);
			if (f->slots[slot].size > 0 && is_record(&f->slots[slot].reg, id))
				state_forget(f, slot * 8 - STATE_FRAME_SIZE, 8, false);
		}
	}
	return true;
}

const struct state_ref *state_held(const struct state *s)
{
	for (uint32_t i = 0; i < s->refs_count; i++)
		if (!s->refs[i].is_iterator)
			return &s->refs[i];
	return NULL;
}

bool state_owns(const struct state *s, uint32_t id)
{
	uint32_t owner = state_callback(s);
	for (uint32_t i = 0; i < s->refs_count; i++)
		if (s->refs[i].id == id)
			return s->refs[i].owner == owner;
	return false;
}

bool state_acquire(struct state *s, uint32_t id, uint32_t insn)
{
	if (s->refs_count == STATE_REFS)
		return false;
	s->refs[s->refs_count++] =
		(struct state_ref){.id = id, .insn = insn, .owner = state_callback(s)};
	return true;
}

/* ---- the stack's bytes ---- */

/* The bytes of [from, from+size) that lie in slot `slot`, as a mask; positions from the frame's bottom. */
static uint8_t bytes_in_slot(unsigned from, unsigned size, unsigned slot)
{
	uint8_t mask = 0;
	for (unsigned i = 0; i < 8; i++)
		if (slot * 8 + i >= from && slot * 8 + i < from + size)
			mask |= (uint8_t)(1u << i);
	return mask;
}

static void forget_in_slot(struct state_frame *f, unsigned slot, uint8_t mask, bool initialised)
{
	struct state_slot *s = &f->slots[slot];
	uint8_t kept = (uint8_t)(((1u << s->size) - 1) << s->at);
	if (s->size > 0 && (kept & mask)) {
		if (state_is_opaque(&s->reg))
			s->init = 0; /* [I3] */
		s->size = 0;
		f->objects &= ~(UINT64_C(1) << slot);
	}
	s->init = initialised ? s->init | mask : s->init & (uint8_t)~mask;
	if (mask == 0xff)
		f->written |= UINT64_C(1) << slot;
	if (s->init)
		f->used |= UINT64_C(1) << slot;
	else
		f->used &= ~(UINT64_C(1) << slot);
}

void state_forget(struct state_frame *f, int offset, unsigned size, bool initialised)
{
	unsigned from = (unsigned)(offset + STATE_FRAME_SIZE);
	for (uint64_t left = state_slots(offset, size); left; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctzll(left);
		forget_in_slot(f, slot, bytes_in_slot(from, size, slot), initialised);
	}
}

void state_blur(struct state_frame *f, int offset, unsigned size)
{
	unsigned from = (unsigned)(offset + STATE_FRAME_SIZE);
	for (uint64_t left = state_slots(offset, size); left; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctzll(left);
		struct state_slot *s = &f->slots[slot];
		uint8_t kept = (uint8_t)(((1u << s->size) - 1) << s->at);
		if (s->size == 0 || !(kept & bytes_in_slot(from, size, slot)))
			continue;
		if (state_is_opaque(&s->reg))
			forget_in_slot(f, slot, s->init, false); /* [I3] */
		s->size = 0;
	}
}

bool state_is_readable(const struct state_frame *f, int offset, unsigned size, bool *is_pointer)
{
	unsigned from = (unsigned)(offset + STATE_FRAME_SIZE);
	for (uint64_t left = state_slots(offset, size); left; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctzll(left);
		const struct state_slot *s = &f->slots[slot];
		uint8_t mask = bytes_in_slot(from, size, slot);
		*is_pointer = s->size > 0 && state_is_opaque(&s->reg);
		if ((s->init & mask) != mask || *is_pointer)
			return false;
	}
	return true;
}

uint64_t state_slots(int offset, unsigned size)
{
	if (size == 0)
		return 0;
	unsigned first = (unsigned)(offset + STATE_FRAME_SIZE) / 8;
	unsigned last = (unsigned)(offset + STATE_FRAME_SIZE + (int)size - 1) / 8;
	uint64_t to_last = last >= 63 ? UINT64_MAX : (UINT64_C(1) << (last + 1)) - 1;
	return to_last & ~((UINT64_C(1) << first) - 1);
}
