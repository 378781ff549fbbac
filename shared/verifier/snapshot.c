/*
 * A snapshot is a header, then all registers of all frames, then pointers to blocks of slots, in ascending
 * order, then the frames' rows and the references. Masks per frame say which registers and blocks are there,
 * so an index is a population count.
 *
 *	frame   slots 0…3  4…7  …  60…63		most paths change few slots between two snapshots,
 *	like      [a]     [b]        [c]		so most blocks are those of the one before
 *	this      [a]     [d]        [c]
 *
 * [S1] A block is shared only where all its slots are the same, byte by byte, and as many are in use.
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

#define BLOCK_MASK ((1u << SNAPSHOT_BLOCK_SLOTS) - 1)

static uint8_t used_in_block(const struct state_frame *f, unsigned block)
{
	return (uint8_t)(f->used >> block * SNAPSHOT_BLOCK_SLOTS & BLOCK_MASK);
}

static uint16_t known_blocks(const struct state_frame *f)
{
	uint16_t mask = 0;
	for (unsigned b = 0; b < SNAPSHOT_BLOCKS; b++)
		if (used_in_block(f, b))
			mask |= (uint16_t)(1u << b);
	return mask;
}

/* The frames' rows, and how much there is in all. */
static void measure(const struct state *s, struct snapshot_frame frames[STATE_FRAMES],
		    struct snapshot *head, size_t *regs)
{
	size_t slots = 0;
	*regs = 0;
	for (uint32_t i = 0; i < s->frames_count; i++) {
		const struct state_frame *f = &s->frames[i];
		frames[i] = (struct snapshot_frame){
			.used = f->used,
			.written = f->written,
			.objects = f->objects,
			.function = f->function,
			.return_to = f->return_to,
			.is_callback = f->is_callback,
			.regs = known_regs(f),
			.blocks = known_blocks(f),
			.first_reg = (uint16_t)*regs,
			.first_block = (uint16_t)head->blocks_count,
		};
		*regs += (size_t)__builtin_popcount(frames[i].regs);
		slots += (size_t)__builtin_popcountll(f->used);
		head->blocks_count += (uint32_t)__builtin_popcount(frames[i].blocks);
	}
	head->items = (uint32_t)(*regs + slots);
}

static void pack_regs(const struct state *s, struct snapshot *out)
{
	struct state_reg *reg = out->regs;
	for (uint32_t i = 0; i < s->frames_count; i++)
		for (unsigned left = out->frames[i].regs; left; left &= left - 1)
			*reg++ = s->frames[i].regs[__builtin_ctz(left)];
}

/* ---- blocks ---- */

static struct snapshot_block *block_of(const struct snapshot *s, unsigned frame, unsigned block)
{
	if (!s || frame >= s->frames_count)
		return NULL;
	const struct snapshot_frame *f = &s->frames[frame];
	if (!(f->blocks & 1u << block))
		return NULL;
	unsigned before = f->blocks & ((1u << block) - 1);
	return s->blocks[f->first_block + (unsigned)__builtin_popcount(before)];
}

/* [S1] */
static bool is_same(const struct snapshot_block *b, const struct state_slot *slots, uint8_t used)
{
	if (!b || b->used != used)
		return false;
	for (unsigned left = used; left; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctz(left);
		if (memcmp(&b->slots[slot], &slots[slot], sizeof slots[slot]) != 0)
			return false;
	}
	return true;
}

static struct snapshot_block *take_block(struct snapshot_pool *pool, struct snapshot_block *like,
					 const struct state_slot *slots, uint8_t used)
{
	if (is_same(like, slots, used)) {
		like->holders++;
		return like;
	}
	struct snapshot_block *b = mem_alloc(sizeof *b);
	if (!b)
		return NULL;
	b->holders = 1;
	b->used = used;
	memcpy(b->slots, slots, sizeof b->slots);
	pool->used_bytes += sizeof *b;
	return b;
}

static void drop_block(struct snapshot_pool *pool, struct snapshot_block *b)
{
	if (--b->holders > 0)
		return;
	pool->used_bytes -= sizeof *b;
	mem_free(b);
}

/* out->blocks_count counts those that are there, so that destroying works at any time. */
static struct err *pack_blocks(const struct state *s, const struct snapshot *like,
			       struct snapshot *out)
{
	out->blocks_count = 0;
	for (uint32_t i = 0; i < s->frames_count; i++) {
		for (unsigned left = out->frames[i].blocks; left; left &= left - 1) {
			unsigned block = (unsigned)__builtin_ctz(left);
			struct snapshot_block *b =
				take_block(out->pool, block_of(like, i, block),
					   &s->frames[i].slots[block * SNAPSHOT_BLOCK_SLOTS],
					   used_in_block(&s->frames[i], block));
			TRY_MEMORY(b);
			out->blocks[out->blocks_count++] = b;
		}
	}
	return NULL;
}

/* ---- whole snapshots ---- */

struct err *snapshot_take(struct snapshot_pool *pool, const struct state *s, uint32_t insn,
			  const struct snapshot *like, struct snapshot **out)
{
	struct snapshot head = {.pool = pool,
				.insn = insn,
				.frames_count = s->frames_count,
				.refs_count = s->refs_count,
				.forks = s->forks,
				.since = s->since,
				.decisions = s->decisions,
				.widened = s->widened,
				.count = s->count,
				.lock = s->lock};
	struct snapshot_frame frames[STATE_FRAMES];
	size_t regs, frames_bytes = s->frames_count * sizeof frames[0];
	size_t refs_bytes = s->refs_count * sizeof s->refs[0];
	measure(s, frames, &head, &regs);
	head.size_bytes = sizeof head + regs * sizeof(struct state_reg) +
			  head.blocks_count * sizeof(struct snapshot_block *) + frames_bytes +
			  refs_bytes;
	OWNED(snapshot) struct snapshot *copy = mem_alloc(head.size_bytes);
	TRY_MEMORY(copy);
	pool->used_bytes += head.size_bytes;
	*copy = head;
	memcpy(copy->path, s->path, sizeof copy->path);
	memcpy(copy->least, s->least, sizeof copy->least);
	copy->regs = (struct state_reg *)(copy + 1);
	copy->blocks = (struct snapshot_block **)(copy->regs + regs);
	copy->frames = (struct snapshot_frame *)(copy->blocks + head.blocks_count);
	copy->refs = (struct state_ref *)(copy->frames + s->frames_count);
	memcpy(copy->frames, frames, frames_bytes);
	memcpy(copy->refs, s->refs, refs_bytes);
	pack_regs(s, copy);
	TRY(pack_blocks(s, like, copy));
	*out = MOVE(copy);
	return NULL;
}

void snapshot_destroy(struct snapshot *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->blocks_count; i++)
		drop_block(s->pool, s->blocks[i]);
	s->pool->used_bytes -= s->size_bytes;
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
	s->lock = from->lock;
	memcpy(s->path, from->path, sizeof s->path);
	memcpy(s->least, from->least, sizeof s->least);
	memcpy(s->refs, from->refs, from->refs_count * sizeof s->refs[0]);
	const struct state_reg *reg = from->regs;
	for (uint32_t i = 0; i < from->frames_count; i++) {
		const struct snapshot_frame *in = &from->frames[i];
		struct state_frame *f = &s->frames[i];
		memset(f, 0, sizeof *f);
		f->used = in->used;
		f->written = in->written;
		f->objects = in->objects;
		f->function = in->function;
		f->return_to = in->return_to;
		f->is_callback = in->is_callback;
		for (unsigned left = in->regs; left; left &= left - 1)
			f->regs[__builtin_ctz(left)] = *reg++;
		for (uint64_t left = in->used; left; left &= left - 1)
			f->slots[__builtin_ctzll(left)] =
				*snapshot_slot(from, i, (unsigned)__builtin_ctzll(left));
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
	const struct snapshot_block *b = block_of(s, frame, slot / SNAPSHOT_BLOCK_SLOTS);
	return &b->slots[slot % SNAPSHOT_BLOCK_SLOTS];
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
