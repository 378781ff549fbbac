/*
 * snapshot - a state, packed: only what is known is kept.
 *
 * Memory:  one allocation; owned by whoever took it.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/verifier/state.h"

struct snapshot_frame {
	uint64_t used, written;
	uint32_t function, return_to;
	bool is_callback;
	uint16_t regs;			/* bit n: register n holds something */
	uint16_t first_reg, first_slot; /* where this frame's begin in the packed arrays */
};

struct snapshot {
	size_t size_bytes; /* of the whole */
	uint32_t insn;	   /* what comes next */
	uint32_t frames_count, refs_count, forks, since, decisions, widened;
	uint64_t count;
	int64_t least[STATE_SIZES];
	struct state_decision path[STATE_PATH];
	struct state_reg *regs; /* this and what follows lies behind this struct */
	struct state_slot *slots;
	struct snapshot_frame *frames;
	struct state_ref *refs;
};

/* fails NO_MEMORY */
MUST_CHECK struct err *snapshot_take(const struct state *s, uint32_t insn, struct snapshot **out);
void snapshot_destroy(struct snapshot *s);
OWN_DEFINE(snapshot, struct snapshot *, snapshot_destroy)

/* Makes `s` the state that the snapshot was taken of. */
void snapshot_restore(const struct snapshot *from, struct state *s);

/* NULL where the register holds nothing, or the slot was never written. */
const struct state_reg *snapshot_reg(const struct snapshot *s, unsigned frame, unsigned reg);
const struct state_slot *snapshot_slot(const struct snapshot *s, unsigned frame, unsigned slot);

/* What variable `var` holds, if it is a register or a kept one; else NULL. */
const struct state_reg *snapshot_var(const struct snapshot *s, unsigned var);
