/*
 * A snapshot is a header, then all registers of all frames and all slots, in ascending order, then the
 * frames' rows and the references. A mask per frame says which registers and slots are there, so an
 * index is a population count.
 */
#include "shared/verifier/snapshot.h"

#include "shared/base/mem.h"

#include <string.h>

static uint16_t known_regs(const struct state_frame *f)
{
	uint16_t mask = 0;
	for (unsigned r = 0; r < STATE_REGS; r++)
		if (f->regs[r].kind != STATE_NONE)
			mask |= (uint16_t)(1u << r);
	return mask;
}

/* The frames' rows, and how many registers and slots there are in all. */
static void measure(const struct state *s, struct snapshot_frame frames[STATE_FRAMES], size_t *regs,
		    size_t *slots)
{
	*regs = *slots = 0;
	for (uint32_t i = 0; i < s->frames_count; i++) {
		const struct state_frame *f = &s->frames[i];
		frames[i] = (struct snapshot_frame){
			.used = f->used,
			.written = f->written,
			.function = f->function,
			.return_to = f->return_to,
			.is_callback = f->is_callback,
			.regs = known_regs(f),
			.first_reg = (uint16_t)*regs,
			.first_slot = (uint16_t)*slots,
		};
		*regs += (size_t)__builtin_popcount(frames[i].regs);
		*slots += (size_t)__builtin_popcountll(f->used);
	}
}

static void pack(const struct state *s, struct snapshot *out)
{
	struct state_reg *reg = out->regs;
	struct state_slot *slot = out->slots;
	for (uint32_t i = 0; i < s->frames_count; i++) {
		const struct state_frame *f = &s->frames[i];
		for (unsigned left = out->frames[i].regs; left; left &= left - 1)
			*reg++ = f->regs[__builtin_ctz(left)];
		for (uint64_t left = f->used; left; left &= left - 1)
			*slot++ = f->slots[__builtin_ctzll(left)];
	}
}

struct err *snapshot_take(const struct state *s, uint32_t insn, struct snapshot **out)
{
	struct snapshot head = {.insn = insn,
				.frames_count = s->frames_count,
				.refs_count = s->refs_count,
				.forks = s->forks,
				.since = s->since,
				.decisions = s->decisions,
				.widened = s->widened,
				.count = s->count};
	struct snapshot_frame frames[STATE_FRAMES];
	size_t regs, slots, frames_bytes = s->frames_count * sizeof frames[0];
	size_t refs_bytes = s->refs_count * sizeof s->refs[0];
	measure(s, frames, &regs, &slots);
	head.size_bytes = sizeof head + regs * sizeof(struct state_reg) +
			  slots * sizeof(struct state_slot) + frames_bytes + refs_bytes;
	struct snapshot *copy = mem_alloc(head.size_bytes);
	TRY_MEMORY(copy);
	*copy = head;
	memcpy(copy->path, s->path, sizeof copy->path);
	memcpy(copy->least, s->least, sizeof copy->least);
	copy->regs = (struct state_reg *)(copy + 1);
	copy->slots = (struct state_slot *)(copy->regs + regs);
	copy->frames = (struct snapshot_frame *)(copy->slots + slots);
	copy->refs = (struct state_ref *)(copy->frames + s->frames_count);
	memcpy(copy->frames, frames, frames_bytes);
	memcpy(copy->refs, s->refs, refs_bytes);
	pack(s, copy);
	*out = copy;
	return NULL;
}

void snapshot_destroy(struct snapshot *s)
{
	mem_free(s);
}

void snapshot_restore(const struct snapshot *from, struct state *s)
{
	s->frames_count = from->frames_count;
	s->refs_count = from->refs_count;
	s->forks = from->forks;
	s->since = from->since;
	s->decisions = from->decisions;
	s->widened = from->widened;
	s->count = from->count;
	memcpy(s->path, from->path, sizeof s->path);
	memcpy(s->least, from->least, sizeof s->least);
	memcpy(s->refs, from->refs, from->refs_count * sizeof s->refs[0]);
	const struct state_reg *reg = from->regs;
	const struct state_slot *slot = from->slots;
	for (uint32_t i = 0; i < from->frames_count; i++) {
		const struct snapshot_frame *in = &from->frames[i];
		struct state_frame *f = &s->frames[i];
		memset(f, 0, sizeof *f);
		f->used = in->used;
		f->written = in->written;
		f->function = in->function;
		f->return_to = in->return_to;
		f->is_callback = in->is_callback;
		for (unsigned left = in->regs; left; left &= left - 1)
			f->regs[__builtin_ctz(left)] = *reg++;
		for (uint64_t left = in->used; left; left &= left - 1)
			f->slots[__builtin_ctzll(left)] = *slot++;
	}
}

const struct state_reg *snapshot_reg(const struct snapshot *s, unsigned frame, unsigned reg)
{
	const struct snapshot_frame *f = &s->frames[frame];
	if (!(f->regs & 1u << reg))
		return NULL;
	unsigned before = f->regs & ((1u << reg) - 1);
	return &s->regs[f->first_reg + (unsigned)__builtin_popcount(before)];
}

const struct state_slot *snapshot_slot(const struct snapshot *s, unsigned frame, unsigned slot)
{
	const struct snapshot_frame *f = &s->frames[frame];
	if (!(f->used & UINT64_C(1) << slot))
		return NULL;
	uint64_t before = f->used & ((UINT64_C(1) << slot) - 1);
	return &s->slots[f->first_slot + (unsigned)__builtin_popcountll(before)];
}

const struct state_reg *snapshot_var(const struct snapshot *s, unsigned var)
{
	unsigned frame = var / STATE_FRAME_VARS, index = var % STATE_FRAME_VARS;
	if (frame >= s->frames_count)
		return NULL;
	if (index < STATE_REGS)
		return snapshot_reg(s, frame, index);
	const struct state_slot *slot = snapshot_slot(s, frame, index - STATE_REGS);
	return slot && slot->size > 0 ? &slot->reg : NULL;
}
