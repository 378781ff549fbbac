/*
 * snapshot - a state, packed: only what is known is kept, and slots that are as they were in another
 * snapshot are shared with it.
 *
 * Memory:  a snapshot is one allocation, its blocks of slots are one each, counted by who holds them; owned
 *          by whoever took it. All that are alive are in the pool's sum.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/verifier/state.h"

#define SNAPSHOT_BLOCK_SLOTS 4
#define SNAPSHOT_BLOCKS	     (STATE_SLOTS / SNAPSHOT_BLOCK_SLOTS) /* of a frame */

/* Bytes of all snapshots that are alive, shared blocks once. */
struct snapshot_pool {
	size_t used_bytes;
};

/* Never changed once it is made. */
struct snapshot_block {
	uint32_t holders;
	uint8_t used; /* bit n: slot n of it was written */
	struct state_slot slots[SNAPSHOT_BLOCK_SLOTS];
};

struct snapshot_frame {
	uint64_t used, written, objects;
	uint32_t function, return_to;
	bool is_callback;
	uint16_t regs;			 /* bit n: register n holds something */
	uint16_t blocks;		 /* bit n: block n has slots in use */
	uint16_t first_reg, first_block; /* where this frame's begin in the packed arrays */
};

struct snapshot {
	struct snapshot_pool *pool;
	size_t size_bytes; /* without blocks */
	uint32_t insn;	   /* what comes next */
	uint32_t items;	   /* registers and slots */
	uint32_t frames_count, refs_count, blocks_count, forks, since, decisions, widened;
	uint64_t count;
	struct state_lock lock;
	int64_t least[STATE_SIZES];
	struct state_decision path[STATE_PATH];
	struct state_reg *regs; /* this and what follows lies behind this struct */
	struct snapshot_block **blocks;
	struct snapshot_frame *frames;
	struct state_ref *refs;
};

/*
 *   like   an earlier one, to share with (NULL: none); borrowed for the call
 *   fails  NO_MEMORY
 */
MUST_CHECK struct err *snapshot_take(struct snapshot_pool *pool, const struct state *s,
				     uint32_t insn, const struct snapshot *like,
				     struct snapshot **out);
void snapshot_destroy(struct snapshot *s);
OWN_DEFINE(snapshot, struct snapshot *, snapshot_destroy)

/* Makes `s` the state that the snapshot was taken of. */
void snapshot_restore(const struct snapshot *from, struct state *s);

/* NULL where the register holds nothing, or the slot was never written. */
const struct state_reg *snapshot_reg(const struct snapshot *s, unsigned frame, unsigned reg);
const struct state_slot *snapshot_slot(const struct snapshot *s, unsigned frame, unsigned slot);

/* What variable `var` holds, if it is a register or a kept one; else NULL. */
const struct state_reg *snapshot_var(const struct snapshot *s, unsigned var);
