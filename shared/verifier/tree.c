/*
 * Checkpoints. Exploration is depth first, so the unfinished ones are the ancestors of the current path.
 *
 * [I1] branches of a node = paths below it that are pending or current, or children unfinished.
 * [I2] longest of a finished node >= instructions of every execution from its state to the exit:
 *      each path below it ended at an exit, or was pruned against a finished node whose own longest was
 *      added.
 * [I3] Marks on a node are complete when it is finished: everything that marks it happens below it. A path
 *      that ends at an unfinished node marks all numbers and slots that it has there. Only what callbacks
 *      write is not known then: the walk's first node gets to know it, an is_open one need not.
 */
#include "shared/verifier/tree.h"

#include "shared/base/mem.h"

#include <string.h>

#define TREE_PATIENCE 48 /* misses that a checkpoint which never covered anything is kept for */

struct err *tree_init(struct tree *t, uint32_t insns)
{
	*t = (struct tree){.count = insns};
	t->lists = mem_zalloc_array(insns, sizeof *t->lists);
	TRY_MEMORY(t->lists);
	return NULL;
}

static void free_node(struct tree *t, struct tree_node *n)
{
	t->used_bytes -= sizeof *n;
	if (n->previous_all)
		n->previous_all->next_all = n->next_all;
	else
		t->all = n->next_all;
	if (n->next_all)
		n->next_all->previous_all = n->previous_all;
	snapshot_destroy(n->state);
	mem_free(n);
}

void tree_clear(struct tree *t)
{
	while (t->all)
		free_node(t, t->all);
	if (t->lists)
		memset(t->lists, 0, t->count * sizeof *t->lists);
}

void tree_fini(struct tree *t)
{
	tree_clear(t);
	mem_free(t->lists);
	*t = (struct tree){0};
}

struct err *tree_add(struct tree *t, struct tree_node *parent, struct snapshot *state,
		     bool is_listed, struct tree_node **out)
{
	struct tree_node *n = mem_zalloc(sizeof *n);
	if (!n) {
		snapshot_destroy(state);
		return err_no_memory();
	}
	n->parent = parent;
	n->state = state;
	n->branches = 1; /* the parent's path is now a child: its count stays [I1] */
	n->is_listed = is_listed;
	n->walk = t->walk;
	if (is_listed) {
		n->next = t->lists[state->insn];
		t->lists[state->insn] = n;
	}
	n->next_all = t->all;
	if (t->all)
		t->all->previous_all = n;
	t->all = n;
	t->used_bytes += sizeof *n;
	*out = n;
	return NULL;
}

void tree_fork(struct tree_node *n)
{
	n->branches++;
}

static void tell(const struct tree_node *n)
{
	if (!n->result)
		return;
	n->result->longest = n->longest;
	memcpy(n->result->written, n->written, sizeof n->written);
}

void tree_end(struct tree *t, struct tree_node *n, uint64_t length)
{
	while (n) {
		struct tree_node *parent = n->parent;
		n->longest = MAX(n->longest, length); /* [I2] */
		if (--n->branches > 0)
			return;
		tell(n);
		length = n->longest + n->state->count - (parent ? parent->state->count : 0);
		if (!n->is_listed)
			free_node(t, n);
		n = parent;
	}
}

void tree_mark_tail(struct tree_node *n, uint64_t length)
{
	for (; n && length > n->tail; n = n->parent) {
		n->tail = length;
		if (n->parent)
			length += n->state->count - n->parent->state->count;
	}
}

bool tree_miss(struct tree *t, struct tree_node **link)
{
	struct tree_node *n = *link;
	if (!n->parent || ++n->misses < TREE_PATIENCE + 4 * n->hits)
		return false;
	*link = n->next;
	n->is_listed = false;
	if (tree_is_finished(n))
		free_node(t, n);
	return true;
}

/* What the variables `found` of `n` came from, as variables of its parent. */
static void origins(const struct tree_node *n, const uint64_t *found, uint64_t *out)
{
	for (unsigned w = 0; w < STATE_VAR_WORDS; w++) {
		for (uint64_t left = found[w]; left; left &= left - 1) {
			const struct state_reg *r =
				snapshot_var(n->state, w * 64 + (unsigned)__builtin_ctzll(left));
			for (unsigned i = 0; r && i < STATE_DEPS; i++)
				if (r->deps[i])
					out[(r->deps[i] - 1u) / 64] |= UINT64_C(1)
								       << (r->deps[i] - 1u) % 64;
		}
	}
}

void tree_mark_precise(struct tree_node *n, const uint64_t vars[STATE_VAR_WORDS])
{
	uint64_t want[STATE_VAR_WORDS];
	memcpy(want, vars, sizeof want);
	for (; n; n = n->parent) {
		uint64_t any = 0, next[STATE_VAR_WORDS] = {0};
		for (unsigned w = 0; w < STATE_VAR_WORDS; w++) {
			want[w] &= ~n->precise[w];
			n->precise[w] |= want[w];
			any |= want[w];
		}
		if (!any)
			return;
		origins(n, want, next);
		memcpy(want, next, sizeof want);
	}
}

void tree_mark_read(struct tree_node *n, unsigned frame, uint64_t slots)
{
	for (; n && frame < n->state->frames_count; n = n->parent) {
		slots &= ~n->read[frame];
		if (!slots)
			return;
		n->read[frame] |= slots;
		slots &= ~n->state->frames[frame].written;
	}
}

void tree_mark_open(struct tree_node *n)
{
	for (uint32_t walk = n->walk; n && n->walk == walk && !n->is_open; n = n->parent)
		n->is_open = true; /* where one is, so are those above it */
}

void tree_mark_written(struct tree_node *n, unsigned frame, uint64_t slots)
{
	for (; n; n = n->parent) {
		slots &= ~n->written[frame];
		if (!slots)
			return; /* and so it is in all that lead to it */
		n->written[frame] |= slots;
	}
}
