/*
 * Depth first, with a stack of paths that are still to be walked.
 *
 *	at a conditional jump that may go both ways: note the other way, go on with this one
 *	where paths meet: stop if a finished checkpoint covers the state; else perhaps leave a checkpoint
 *	at the entry's exit: the path ends; take the last noted way
 *
 * [I1] Every way that jump_ways() calls possible is walked, or covered by one that was.
 * [I2] A path's last checkpoint is unfinished as long as the path is noted or current.
 * [I3] Where a helper calls back, its callback is walked as a path of its own that ends where the callback
 *      does, from a state that stands for each round (callback.h).
 * [I4] Where the exploration ends without a finding, the root's `longest` bounds every execution, or the
 *      code counts: then what ends a path, and why that is enough, stands in meter.c.
 */
#include "shared/verifier/explore.h"

#include "shared/base/mem.h"
#include "shared/verifier/alu.h"
#include "shared/verifier/call.h"
#include "shared/verifier/callback.h"
#include "shared/verifier/cover.h"
#include "shared/verifier/fact.h"
#include "shared/verifier/global.h"
#include "shared/verifier/host.h"
#include "shared/verifier/host_call.h"
#include "shared/verifier/jump.h"
#include "shared/verifier/lock.h"
#include "shared/verifier/memory.h"
#include "shared/verifier/meter.h"
#include "shared/verifier/tail.h"
#include "shared/verifier/uses.h"
#include "shared/verifier/widen.h"

/* A path gets a checkpoint where paths meet, after a decision or after so many instructions. */
#define EXPLORE_STRIDE 200

#define PATH_END UINT32_MAX

/* A loop that was widened so often on a path gives up all bounds of what still differs. */
#define EXPLORE_WIDENINGS 10

/* A step's share of the analysis's work, in registers compared. */
#define EXPLORE_STEP_WORK 16

/* A way not gone yet: take the jump at state->insn. */
struct noted {
	struct noted *below;
	struct snapshot *state;
	struct tree_node *node;
};

struct walk {
	struct check *c;
	struct noted *noted; /* the last one first */
	size_t noted_bytes;
};

static struct err *reject_size(struct check *c)
{
	return check_reject(c, VERIFIER_TOO_COMPLEX,
			    "split the program, or make loops and branches fewer",
			    "the analysis needs more than %zu MiB of memory",
			    c->limits.max_memory_bytes >> 20);
}

static bool is_too_large(const struct walk *w)
{
	const struct check *c = w->c;
	return w->noted_bytes + c->tree.used_bytes + c->pool.used_bytes >
	       c->limits.max_memory_bytes;
}

/* ---- noted ways ---- */

static void drop_noted(struct walk *w)
{
	struct noted *n = w->noted;
	w->noted = n->below;
	w->noted_bytes -= sizeof *n;
	snapshot_destroy(n->state);
	mem_free(n);
}

static struct err *note(struct walk *w)
{
	struct noted *n = mem_zalloc(sizeof *n);
	TRY_MEMORY(n);
	struct err *e =
		snapshot_take(&w->c->pool, w->c->state, w->c->insn, w->c->node->state, &n->state);
	if (e) {
		mem_free(n);
		return e;
	}
	n->node = w->c->node;
	n->below = w->noted;
	w->noted = n;
	w->noted_bytes += sizeof *n;
	tree_fork(n->node); /* [I2] */
	TRY(check_work(w->c, n->state->items));
	if (is_too_large(w))
		return reject_size(w->c);
	return NULL;
}

static void decide(struct check *c, bool taken)
{
	struct state *s = c->state;
	s->path[s->decisions++ % STATE_PATH] = (struct state_decision){c->insn, taken};
	s->forks++;
	jump_go(c, &c->insns[c->insn], taken);
}

/* A jump back may end the run, once it is metered. */
static struct err *check_jump(struct check *c, uint32_t next)
{
	return fuel_is_back(c->insn, next) ? meter_may_end(c, "the jump back") : NULL;
}

/* Goes the last noted way. */
static struct err *resume(struct walk *w, uint32_t *next)
{
	struct check *c = w->c;
	snapshot_restore(w->noted->state, c->state);
	c->insn = w->noted->state->insn;
	c->node = w->noted->node;
	drop_noted(w);
	decide(c, true);
	*next = c->flow.insns[c->insn].target;
	return check_jump(c, *next);
}

/* ---- checkpoints ---- */

static void clear_dead(struct check *c, struct state_frame *f, uint16_t live)
{
	(void)c;
	for (unsigned r = 0; r < 10; r++)
		if (!(live & 1u << r) && f->regs[r].kind != STATE_NONE)
			memset(&f->regs[r], 0, sizeof f->regs[r]);
}

/* What no path from here reads is forgotten, so that it tells no two states apart. */
static void forget_dead(struct check *c)
{
	struct state *s = c->state;
	clear_dead(c, state_top(s), c->flow.insns[c->insn].live);
	for (uint32_t i = 1; i < s->frames_count; i++)
		clear_dead(c, &s->frames[i - 1],
			   c->flow.insns[s->frames[i].return_to].live & 0x3c0);
}

#define NAME_BUCKETS 1024

static void count_name(void *context, struct state_reg *r)
{
	uint8_t *seen = context;
	uint8_t *bucket = &seen[r->id % NAME_BUCKETS], *link = &seen[r->link % NAME_BUCKETS];
	if (r->kind == STATE_SCALAR && r->id != 0 && *bucket < 2)
		++*bucket;
	if (r->link != 0 && *link < 2)
		++*link;
}

static void drop_single_name(void *context, struct state_reg *r)
{
	const uint8_t *seen = context;
	if (r->kind == STATE_SCALAR && r->id != 0 && seen[r->id % NAME_BUCKETS] < 2)
		r->id = 0;
	if (r->link != 0 && seen[r->link % NAME_BUCKETS] < 2)
		r->link = 0;
}

/* A name that only one number has says nothing. (Two names in one bucket are both kept.) */
static void forget_single_names(struct check *c)
{
	uint8_t seen[NAME_BUCKETS] = {0};
	state_each(c->state, count_name, seen);
	state_each(c->state, drop_single_name, seen);
}

static void own_origin(struct state_reg *r, unsigned var)
{
	memset(r->deps, 0, sizeof r->deps);
	if (r->kind == STATE_SCALAR)
		r->deps[0] = (uint16_t)(var + 1);
}

/* From now on every number comes from itself as it is at the checkpoint. */
static void start_segment(struct state *s)
{
	for (uint32_t i = 0; i < s->frames_count; i++) {
		struct state_frame *f = &s->frames[i];
		f->written = 0;
		for (unsigned r = 0; r < STATE_REGS; r++)
			own_origin(&f->regs[r], state_var_reg(i, r));
		for (uint64_t left = f->used; left; left &= left - 1) {
			unsigned slot = (unsigned)__builtin_ctzll(left);
			own_origin(&f->slots[slot].reg, state_var_slot(i, slot));
		}
	}
}

static struct err *leave_checkpoint(struct walk *w, bool is_listed)
{
	struct check *c = w->c;
	struct snapshot *state;
	forget_single_names(c);
	TRY(snapshot_take(&c->pool, c->state, c->insn, c->node ? c->node->state : NULL, &state));
	TRY(tree_add(&c->tree, c->node, state, is_listed, &c->node));
	start_segment(c->state);
	TRY(check_work(c, state->items));
	if (is_listed)
		c->state->forks = c->state->since = 0;
	if (is_too_large(w))
		return reject_size(c);
	return NULL;
}

/* What mattered below `n` matters on this path too. */
static void inherit_marks(struct check *c, const struct tree_node *n)
{
	const struct state *s = c->state;
	for (unsigned word = 0; word < STATE_VAR_WORDS; word++) {
		for (uint64_t left = n->precise[word]; left; left &= left - 1) {
			unsigned var = word * 64 + (unsigned)__builtin_ctzll(left);
			unsigned frame = var / STATE_FRAME_VARS, index = var % STATE_FRAME_VARS;
			const struct state_frame *f = &s->frames[frame];
			check_precise(c, index < STATE_REGS ? &f->regs[index]
							    : &f->slots[index - STATE_REGS].reg);
		}
	}
	for (uint32_t i = 0; i < s->frames_count; i++) {
		check_read(c, i, n->read[i]);
		check_written(c, i, n->written[i]);
	}
}

static struct err *prune(struct check *c, struct tree_node *n)
{
	uint64_t since = c->state->count - c->node->state->count;
	n->hits++;
	inherit_marks(c, n);
	if (n->is_open)
		tree_mark_open(c->node);
	if (n->tail)
		tree_mark_tail(c->node, since + n->tail);
	if (c->state->count + n->longest > c->role->attributes.max_instructions)
		TRY(check_too_long(c, c->state->count + n->longest));
	tree_end(&c->tree, c->node, since + n->longest);
	return NULL;
}

static struct err *reject_loop(struct check *c)
{
	return check_reject(
		c, VERIFIER_ENDLESS_LOOP,
		"count the rounds, and end the loop at a constant number of them; or use "
		"a role that counts at run time (metered: true)",
		"the loop comes back here with nothing changed, so nothing says that "
		"it ends");
}

/* Whether finished checkpoint `n` tells all of what lies behind it. */
static bool is_told(const struct check *c, const struct tree_node *n)
{
	return !n->is_open || n->walk == c->tree.walk;
}

/* Looks for a checkpoint that stands for the current state. Where loops are metered, unfinished ones are
 * looked for by come_round(). */
static struct err *compare_all(struct check *c, bool *ends)
{
	struct tree_node **link = &c->tree.lists[c->insn];
	uint64_t work = 0;
	while (*link) {
		struct tree_node *n = *link;
		if (!tree_is_finished(n)) {
			if (meter_is_on(c)) {
				link = &n->next;
				continue;
			}
			if (cover_equals(n, c->state, &work))
				return reject_loop(c);
		} else if (is_told(c, n) && cover_check(n, c->state, &work)) {
			*ends = true;
			return prune(c, n);
		}
		if (!tree_miss(&c->tree, link))
			link = &n->next;
		TRY(check_work(c, work));
		work = 0;
	}
	return NULL;
}

/* The current state becomes one for all further rounds of the loop. That it is one is what is asked here, not
 * in widen.c. */
static struct err *widen(struct walk *w, const struct tree_node *from, uint32_t steps)
{
	struct check *c = w->c;
	OWNED(snapshot) struct snapshot *before = NULL, *after = NULL;
	uint64_t work = 0;
	TRY(snapshot_take(&c->pool, c->state, c->insn, from->state, &before));
	widen_state(c, from->state, steps >= EXPLORE_WIDENINGS);
	TRY(snapshot_take(&c->pool, c->state, c->insn, before, &after));
	snapshot_restore(before, c->state);
	if (!cover_all(after, c->state, &work))
		return check_reject(
			c, VERIFIER_TOO_COMPLEX, "make the loop simpler",
			"what the loop changes cannot be told for any number of rounds");
	snapshot_restore(after, c->state);
	return check_work(c, work);
}

/* The path ends where a checkpoint of an earlier round stands for the current state. */
static struct err *come_round(struct check *c, bool *ends)
{
	TRY(widen_covers(c, ends));
	if (!*ends)
		return NULL;
	meter_go_round(c);
	tree_end(&c->tree, c->node, c->state->count - c->node->state->count);
	return NULL;
}

/* A head of a loop, where loops are metered. */
static struct err *meet_head(struct walk *w, bool *ends)
{
	struct check *c = w->c;
	uint32_t steps;
	TRY(come_round(c, ends));
	const struct tree_node *from = *ends ? NULL : widen_from(c, &steps);
	if (from) {
		TRY(widen(w, from, steps));
		TRY(compare_all(c, ends));
		if (!*ends)
			TRY(come_round(c, ends));
	}
	if (*ends)
		return NULL;
	TRY(leave_checkpoint(w, true));
	c->node->is_widened = from != NULL;
	return NULL;
}

/* Where paths meet. */
static struct err *meet(struct walk *w, bool *ends)
{
	struct check *c = w->c;
	*ends = false;
	forget_dead(c);
	TRY(compare_all(c, ends));
	if (*ends)
		return NULL;
	if (meter_is_on(c) && c->flow.insns[c->insn].is_head)
		return meet_head(w, ends);
	if (c->state->forks > 0 || c->state->since >= EXPLORE_STRIDE)
		return leave_checkpoint(w, true);
	return NULL;
}

static unsigned count_deps(const struct state_reg *r)
{
	unsigned n = 0;
	for (unsigned i = 0; i < STATE_DEPS; i++)
		n += r->deps[i] != 0;
	return n;
}

/* The instruction brings two numbers together that come from more than can be kept: a checkpoint that
 * nothing is compared with lets each of them come from itself. */
static struct err *split_if_crowded(struct walk *w, const struct bpf_insn *insn)
{
	unsigned class = BPF_CLASS(insn->code);
	if (class == BPF_LD || class == BPF_LDX || class == BPF_ST || class == BPF_STX ||
	    BPF_SRC(insn->code) != BPF_X)
		return NULL;
	if (count_deps(check_reg(w->c, insn->dst_reg)) +
		    count_deps(check_reg(w->c, insn->src_reg)) <=
	    STATE_DEPS)
		return NULL;
	return leave_checkpoint(w, false);
}

/* ---- steps ---- */

static struct err *step_alu(struct walk *w, const struct bpf_insn *insn, uint32_t *next)
{
	(void)next;
	return alu_step(w->c, insn);
}

static struct err *step_end(struct walk *w, const struct bpf_insn *insn, uint32_t *next)
{
	(void)next;
	return alu_swap(w->c, insn);
}

static struct err *step_imm64(struct walk *w, const struct bpf_insn *insn, uint32_t *next)
{
	(void)next;
	return alu_constant(w->c, insn);
}

static struct err *step_load(struct walk *w, const struct bpf_insn *insn, uint32_t *next)
{
	(void)next;
	return memory_load(w->c, insn);
}

static struct err *step_store(struct walk *w, const struct bpf_insn *insn, uint32_t *next)
{
	(void)next;
	return memory_store(w->c, insn);
}

static struct err *step_atomic(struct walk *w, const struct bpf_insn *insn, uint32_t *next)
{
	(void)next;
	return memory_atomic(w->c, insn);
}

static struct err *step_goto(struct walk *w, const struct bpf_insn *insn, uint32_t *next)
{
	(void)insn;
	*next = w->c->flow.insns[w->c->insn].target;
	return check_jump(w->c, *next);
}

static struct err *step_jump(struct walk *w, const struct bpf_insn *insn, uint32_t *next)
{
	struct check *c = w->c;
	struct jump_ways ways;
	TRY(jump_ways(c, insn, &ways));
	if (ways.may_take == ways.may_pass) {
		TRY(note(w)); /* [I1] */
		decide(c, false);
		return NULL;
	}
	jump_go(c, insn, ways.may_take);
	if (!ways.may_take)
		return NULL;
	*next = c->flow.insns[c->insn].target;
	return check_jump(c, *next);
}

static struct err *step_may_goto(struct walk *w, const struct bpf_insn *insn, uint32_t *next)
{
	(void)insn;
	(void)next;
	if (!w->c->role->attributes.metered)
		return check_reject(
			w->c, VERIFIER_UNSUPPORTED,
			"end the loop at a constant number of rounds, or use a role that "
			"counts at run time (metered: true)",
			"may_goto asks how much is left to execute with, but role %.*s "
			"does not meter",
			STR_FMT(w->c->role->name));
	TRY(note(w)); /* [I1] */
	decide(w->c, false);
	return NULL;
}

/* ---- callbacks ---- */

static struct err *walk_all(struct walk *w);

/* Walks the callback once, from the current state, as a path beside the current one. A callback that
 * starts another one comes here again: at most STATE_FRAMES deep, since each has a frame. */
static struct err *walk_callback(struct walk *w, const struct callback *b, struct tree_result *out)
{
	struct check *c = w->c;
	struct walk inner = {.c = c, .noted_bytes = w->noted_bytes};
	TRY(callback_enter(c, b));
	tree_fork(c->node);
	c->insn = c->functions[state_top(c->state)->function].first;
	uint32_t outer = c->tree.walk;
	c->tree.walk = ++c->meter.walks;
	struct err *e = leave_checkpoint(&inner, false);
	if (!e) {
		c->node->result = out;
		e = walk_all(&inner);
	}
	while (inner.noted)
		drop_noted(&inner);
	c->tree.walk = outer;
	return e;
}

static bool add_written(uint64_t all[STATE_FRAMES], const uint64_t more[STATE_FRAMES])
{
	bool is_new = false;
	for (unsigned i = 0; i < STATE_FRAMES; i++) {
		is_new |= more[i] & ~all[i];
		all[i] |= more[i];
	}
	return is_new;
}

/* Until no slot is written that the state still knows: then it stands for every round. The current state
 * becomes the one behind the last. */
static struct err *walk_rounds(struct walk *w, const struct callback *b, uint64_t *longest)
{
	struct check *c = w->c;
	struct tree_node *node = c->node;
	uint64_t written[STATE_FRAMES] = {0};
	struct tree_result found;
	OWNED(snapshot) struct snapshot *before = NULL;
	TRY(snapshot_take(&c->pool, c->state, c->insn, c->node->state, &before));
	do {
		found = (struct tree_result){0};
		TRY(walk_callback(w, b, &found));
		bool is_new = add_written(written, found.written);
		snapshot_restore(before, c->state);
		callback_forget(c->state, written);
		c->insn = before->insn;
		c->node = node;
		if (!is_new)
			break;
	} while (true);
	*longest = found.longest;
	return NULL;
}

static struct err *pay_rounds(struct check *c, uint64_t rounds, uint64_t longest)
{
	uint64_t all;
	if (__builtin_mul_overflow(rounds, longest + FUEL_ROUND, &all))
		all = UINT64_MAX;
	return check_spend(c, all);
}

static struct err *step_callback(struct walk *w, const struct bpf_insn *insn)
{
	struct check *c = w->c;
	struct state_reg args[5];
	uint64_t longest = 0;
	host_call_expect(c);
	TRY(leave_checkpoint(w, false)); /* the call is where both paths part */
	TRY(meter_may_end(c, "what calls a function in rounds"));
	TRY(call_check(c, insn, args));
	struct callback b = callback_of(c, (uint32_t)insn->imm, args);
	if (b.rounds > 0)
		TRY(walk_rounds(w, &b, &longest));
	TRY(pay_rounds(c, b.rounds, longest));
	return call_finish(c, insn, args);
}

static struct err *step_helper(struct walk *w, const struct bpf_insn *insn, uint32_t *next)
{
	const struct helper *h = helper_find((uint32_t)insn->imm);
	(void)next;
	if (h && h->flags & HELPER_CALLS)
		return step_callback(w, insn);
	if (h && h->flags & HELPER_TAIL_CALLS)
		return tail_call(w->c, insn);
	return call_helper(w->c, insn);
}

static struct err *step_local(struct walk *w, const struct bpf_insn *insn, uint32_t *next)
{
	uint32_t callee = w->c->flow.insns[w->c->insn].target;
	if (global_is(w->c, callee))
		return global_call(w->c, callee);
	*next = w->c->functions[callee].first;
	return call_local(w->c, insn);
}

static struct err *step_kfunc(struct walk *w, const struct bpf_insn *insn, uint32_t *next)
{
	(void)next;
	return host_call(w->c, insn);
}

static struct err *step_exit(struct walk *w, const struct bpf_insn *insn, uint32_t *next)
{
	struct check *c = w->c;
	(void)insn;
	TRY(call_exit(c, next));
	if (*next == PATH_END)
		tree_end(&c->tree, c->node, c->state->count - c->node->state->count);
	return NULL;
}

static struct err *(*const steps[])(struct walk *w, const struct bpf_insn *insn, uint32_t *next) = {
	[INSN_ALU] = step_alu,		 [INSN_END] = step_end,
	[INSN_LD_IMM64] = step_imm64,	 [INSN_LOAD] = step_load,
	[INSN_STORE] = step_store,	 [INSN_ATOMIC_OP] = step_atomic,
	[INSN_JUMP] = step_jump,	 [INSN_GOTO] = step_goto,
	[INSN_MAY_GOTO] = step_may_goto, [INSN_CALL_HELPER] = step_helper,
	[INSN_CALL_LOCAL] = step_local,	 [INSN_CALL_KFUNC] = step_kfunc,
	[INSN_EXIT] = step_exit,
};

static struct err *count_step(struct check *c)
{
	c->state->since++;
	if (++c->state->count > c->role->attributes.max_instructions)
		TRY(check_too_long(c, c->state->count));
	if (++c->verdict->steps <= c->meter.max_steps)
		return check_work(c, EXPLORE_STEP_WORK);
	return check_reject(c, VERIFIER_TOO_COMPLEX,
			    "split the program, or make loops and branches fewer",
			    "no answer after %llu steps of analysis",
			    (unsigned long long)c->limits.max_steps);
}

/* One instruction; *next is the one after it, or PATH_END. */
static struct err *step(struct walk *w, uint32_t *next)
{
	struct check *c = w->c;
	const struct flow_insn *at = &c->flow.insns[c->insn];
	bool is_new = c->state->count == c->node->state->count && c->insn == c->node->state->insn;
	if (at->is_join && !is_new) {
		bool ends;
		TRY(meet(w, &ends));
		*next = PATH_END;
		if (ends)
			return NULL;
	}
	TRY(count_step(c));
	fact_reach(c);
	TRY(split_if_crowded(w, &c->insns[c->insn]));
	*next = at->next;
	TRY(lock_check_step(c, at->kind));
	uses_insn(c);
	return steps[at->kind](w, &c->insns[c->insn], next);
}

static struct err *walk_all(struct walk *w)
{
	for (;;) {
		uint32_t next;
		TRY(step(w, &next));
		if (next == PATH_END) {
			if (!w->noted)
				return NULL;
			TRY(resume(w, &next));
		}
		w->c->insn = next;
	}
}

/* ---- one function ---- */

static void start(struct check *c)
{
	struct state *s = c->state;
	memset(s, 0, sizeof *s);
	c->insn = c->functions[c->root].first;
	c->node = NULL;
	c->ctx_reads = c->tail_maps = 0;
	c->frames_most = 1;
	uses_start(c);
	memset(c->depth, 0, c->functions_count * sizeof *c->depth);
	memset(c->calls, 0, (c->functions_count * c->functions_count / 64 + 1) * sizeof *c->calls);
	host_begin(c);
	(void)state_push(s, c->root, PATH_END);
	if (c->root == c->entry)
		s->frames[0].regs[1] =
			(struct state_reg){.kind = STATE_CTX, .range = range_const(0)};
	else
		global_arguments(c, s->frames[0].regs);
}

static bool calls(const struct check *c, uint32_t caller, uint32_t callee)
{
	uint64_t bit = (uint64_t)caller * c->functions_count + callee;
	return c->calls[bit / 64] >> bit % 64 & 1;
}

/* The deepest chain of at most STATE_FRAMES frames, over all calls that were seen: round n knows the
 * chains of n frames. */
static struct err *deepest(const struct check *c, uint32_t *out)
{
	uint32_t n = c->functions_count;
	OWNED(mem) void *memory = mem_zalloc_array(2 * (size_t)n, sizeof(uint32_t));
	TRY_MEMORY(memory);
	uint32_t *best = memory, *next = best + n;
	for (int round = 0; round < STATE_FRAMES; round++) {
		for (uint32_t f = 0; f < n; f++) {
			uint32_t below = 0;
			for (uint32_t g = 0; g < n; g++)
				if (calls(c, f, g))
					below = MAX(below, best[g]);
			next[f] = c->depth[f] + below;
		}
		memcpy(best, next, n * sizeof *best);
	}
	*out = best[c->root];
	return NULL;
}

/* Walks all paths of c->root; what was proved is in `out`. */
static struct err *walk_root(struct check *c, struct verifier_entry *out)
{
	struct walk w = {.c = c};
	start(c);
	struct err *e = leave_checkpoint(&w, true); /* the root */
	if (!e)
		e = walk_all(&w);
	while (w.noted)
		drop_noted(&w);
	struct tree_node *root = c->tree.all;
	while (root && root->next_all)
		root = root->next_all; /* the first one that was added */
	if (!e) {
		*out = (struct verifier_entry){.function = &c->functions[c->root],
					       .host = c->host,
					       .worst_insns = root->longest,
					       .tail_insns = root->tail,
					       .tail_maps = c->tail_maps,
					       .ctx_reads = c->ctx_reads};
		e = deepest(c, &out->stack_bytes);
	}
	tree_clear(&c->tree);
	return e;
}

/* A proof, or else metered. */
static struct err *walk_attempts(struct check *c, struct verifier_entry *out)
{
	struct err *e;
	unsigned n = 0;
	do {
		meter_begin(c, n);
		e = walk_root(c, out);
	} while (meter_retries(c, n++, e));
	return e ? e : meter_finish(c, out);
}

static struct err *check_stack(struct check *c, uint32_t stack)
{
	c->insn = c->functions[c->root].first;
	if (stack <= c->role->attributes.max_memory)
		return NULL;
	return check_reject(c, VERIFIER_STACK_LIMIT,
			    "use smaller local variables, or keep large ones in a map",
			    "the stack grows to %u bytes over all calls, but role %.*s "
			    "allows max_memory: %u",
			    stack, STR_FMT(c->role->name), c->role->attributes.max_memory);
}

static struct err *explore_global(struct check *c, uint32_t function)
{
	struct global *g = &c->globals[function];
	struct verifier_entry proved;
	c->root = function;
	c->insn = c->functions[function].first;
	c->state->frames_count = 0;
	TRY(global_read(c));
	TRY(walk_attempts(c, &proved));
	TRY(check_stack(c, proved.stack_bytes));
	g->holds = c->meter.holds;
	g->longest = proved.worst_insns;
	g->stack_bytes = proved.stack_bytes;
	g->frames = c->frames_most;
	g->ctx_reads = proved.ctx_reads;
	g->uses = c->uses;
	g->is_verified = true;
	return NULL;
}

static struct err *explore_globals(struct check *c)
{
	OWNED(mem) void *memory = mem_zalloc_array(c->functions_count, sizeof(uint32_t));
	TRY_MEMORY(memory);
	uint32_t *order = memory, count;
	TRY(global_order(c, c->entry, order, &count));
	for (uint32_t i = 0; i < count; i++)
		if (!c->globals[order[i]].is_verified)
			TRY(explore_global(c, order[i]));
	return NULL;
}

struct err *explore_entry(struct check *c, uint32_t entry)
{
	struct verifier_entry proved;
	c->entry = entry;
	TRY(explore_globals(c));
	c->root = entry;
	TRY(walk_attempts(c, &proved));
	TRY(check_stack(c, proved.stack_bytes));
	c->meter.any_holds |= c->meter.holds;
	proved.uses = c->uses;
	c->verdict->entries[c->verdict->entries_count++] = proved;
	return NULL;
}
