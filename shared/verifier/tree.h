/*
 * tree - the checkpoints of an exploration, by the path that led to each.
 *
 * A checkpoint is a state that was explored from, or still is. When nothing below it is left to
 * explore it is *finished*: then it knows the longest way from it to the exit, which of its slots were
 * ever read, and which of its numbers ever mattered (are *precise*). Only then may a later state that
 * it covers be pruned against it; an unfinished one is an ancestor of the current path.
 *
 * Memory:  owned by the tree. A finished checkpoint that is not listed any more is freed.
 */
#pragma once

#include "shared/verifier/snapshot.h"

/* What was found below a checkpoint. */
struct tree_result {
	uint64_t longest;
	uint64_t written[STATE_FRAMES];
};

struct tree_node {
	struct tree_node *parent; /* the checkpoint before it on the path */
	struct tree_node *next;	  /* in the list of its instruction */
	struct tree_node *next_all, *previous_all;
	struct snapshot *state;
	uint64_t longest;  /* instructions from here to the exit at the most; final when finished */
	uint64_t tail;	   /* … to a tail call; 0: there is none */
	uint32_t branches; /* paths below it that are not explored to their end */
	uint32_t misses, hits;
	bool is_listed;
	bool is_widened; /* it stands for a loop's further rounds (widen.h) */
	bool is_open; /* a path below it ended at a checkpoint that was unfinished: its `written` lacks
			  * what is found there */
	uint32_t walk;			   /* of the callback it belongs to; 0: of the entry */
	uint64_t precise[STATE_VAR_WORDS]; /* numbers that matter */
	uint64_t read[STATE_FRAMES];	   /* slots that are read before they are overwritten */
	uint64_t written[STATE_FRAMES];	   /* slots that callbacks write below their own frame */
	struct tree_result *result;	   /* filled when it is finished; NULL: nobody asks */
};

struct tree {
	struct tree_node **lists; /* by instruction */
	struct tree_node *all;
	uint32_t count;	   /* of instructions */
	uint32_t walk;	   /* the current one: what new checkpoints belong to */
	size_t used_bytes; /* of nodes: their snapshots are in a pool */
};

/* fails NO_MEMORY */
MUST_CHECK struct err *tree_init(struct tree *t, uint32_t insns);
void tree_fini(struct tree *t);
/* Forgets all checkpoints. */
void tree_clear(struct tree *t);

/*
 * A checkpoint at snapshot `state` (moved in), below `parent` (NULL for the first), with one path below
 * it: the current one, which `parent` hands over to it.
 *   is_listed  later states may be compared with it
 */
MUST_CHECK struct err *tree_add(struct tree *t, struct tree_node *parent, struct snapshot *state,
				bool is_listed, struct tree_node **out);

static inline bool tree_is_finished(const struct tree_node *n)
{
	return n->branches == 0;
}

/* One more path below `n`. */
void tree_fork(struct tree_node *n);

/* A path below `n` has ended, `length` instructions after `n`. Finishes what is finished with it. */
void tree_end(struct tree *t, struct tree_node *n, uint64_t length);

/* A tail call is executed as the last of `length` (> 0) instructions after `n`. */
void tree_mark_tail(struct tree_node *n, uint64_t length);

/* The checkpoint that `link` of a list holds did not cover a state: after many of those it leaves the
 * list, and `link` holds the next. True where it left. */
bool tree_miss(struct tree *t, struct tree_node **link);

/* Variables of `n` matter, and so do those of its ancestors that they came from. */
void tree_mark_precise(struct tree_node *n, const uint64_t vars[STATE_VAR_WORDS]);

/* Slots of a frame of `n` are read, and so are those of the ancestors that they came from. */
void tree_mark_read(struct tree_node *n, unsigned frame, uint64_t slots);

/* A path below `n` ends where an unfinished checkpoint of the same walk goes on. */
void tree_mark_open(struct tree_node *n);

/* A callback below `n` writes slots of a frame below its own. */
void tree_mark_written(struct tree_node *n, unsigned frame, uint64_t slots);
