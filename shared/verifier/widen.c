/*
 * Widening, for loops whose end nobody proves. Such a loop comes to its head in ever new states; the
 * analysis ends only when one of them is covered by an earlier one.
 *
 *	rounds 1 … n	walked exactly: a loop of few rounds keeps what is known of each
 *	round n+1	what differs from the round before is unknown from here on
 *	round n+2	is covered, or differs in something else: that becomes unknown too, …
 *
 * Numbers give up one bound after the other, along thresholds, so that "never negative" and "a 32-bit
 * number" survive; what the body compares gets new bounds there. Pointers that differ become unreadable:
 * an index that the body checks does what a pointer that walks along cannot.
 *
 * [I1] Nothing rests on what widen_state() makes being right: the caller compares (explore.c).
 * [I2] A loop is widened finitely often on a path: each time some variable knows less than at `from`, by
 *      a threshold, or after `at_once` all at once, and nothing comes to know more.
 * [I3] The rounds of a loop are counted anew in each round of the loops around it. A head counts as
 *      around another one where its frame is a caller's, or it stands before it: an order without
 *      circles, so the first head is never counted anew, and the others finitely often.
 */
#include "shared/verifier/widen.h"

#include "shared/verifier/cover.h"
#include "shared/verifier/iter.h"
#include "shared/verifier/limit.h"

/* ---- when ---- */

static bool is_before(const struct check *c, const struct snapshot *n)
{
	if (n->frames_count != c->state->frames_count)
		return n->frames_count < c->state->frames_count;
	return n->insn < c->insn;
}

/* The checkpoint of the round before `n`'s, or of the last one where `n` is NULL; NULL: none of this loop. */
static const struct tree_node *earlier_round(const struct check *c, const struct tree_node *n)
{
	for (n = n ? n->parent : c->node; n; n = n->parent) {
		const struct snapshot *s = n->state;
		if (s->insn == c->insn && cover_is_place(s, c->state))
			return n;
		if (c->flow.insns[s->insn].is_head && is_before(c, s))
			return NULL; /* [I3] */
	}
	return NULL;
}

struct err *widen_covers(struct check *c, bool *out)
{
	const struct tree_node *n = NULL;
	*out = false;
	while (!*out && (n = earlier_round(c, n)) != NULL) {
		uint64_t work = 0;
		*out = cover_all(n->state, c->state, &work);
		TRY(check_work(c, work));
	}
	return NULL;
}

const struct tree_node *widen_from(const struct check *c, uint32_t *steps)
{
	const struct tree_node *n = NULL;
	uint32_t rounds = 0, widened = 0;
	while ((n = earlier_round(c, n)) != NULL) {
		widened += n->is_widened;
		rounds++;
	}
	*steps = widened;
	return rounds >= c->meter.rounds || widened > 0 ? earlier_round(c, NULL) : NULL;
}

/* ---- numbers ---- */

static uint64_t raise(uint64_t old, uint64_t now)
{
	/* The largest number of a type, or of a size, is a step of its own: `i < n` leaves room for i + 1. */
	static const uint64_t steps[] = {UINT8_MAX,	UINT16_MAX,	INT32_MAX - 1,
					 INT32_MAX,	UINT32_MAX - 1, UINT32_MAX,
					 LIMIT_MAX - 1, INT64_MAX,	UINT64_MAX - 1};
	if (now <= old)
		return old;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (now <= steps[i])
			return steps[i];
	return UINT64_MAX;
}

static uint64_t lower(uint64_t old, uint64_t now)
{
	return now < old ? 0 : old;
}

static int64_t raise_signed(int64_t old, int64_t now)
{
	return now <= old ? old
	       : now < 0  ? -1
			  : (int64_t)MIN(raise(0, (uint64_t)now), (uint64_t)INT64_MAX);
}

static int64_t lower_signed(int64_t old, int64_t now)
{
	return now >= old ? old : now >= 0 ? 0 : now >= INT32_MIN ? INT32_MIN : INT64_MIN;
}

static struct interval widen_interval(unsigned width, struct interval old, struct interval now)
{
	struct interval all = interval_full(width);
	return (struct interval){
		.umin = lower(old.umin, now.umin),
		.umax = MIN(raise(old.umax, now.umax), all.umax),
		.smin = MAX(lower_signed(old.smin, now.smin), all.smin),
		.smax = MIN(raise_signed(old.smax, now.smax), all.smax),
	};
}

/* The low bits that both have, as of an index that goes up in fours; the others are unknown. */
static struct tnum widen_bits(struct tnum old, struct tnum now)
{
	uint64_t differ = (old.value ^ now.value) | old.mask | now.mask;
	uint64_t known = differ ? (differ & -differ) - 1 : UINT64_MAX;
	return tnum_covers(old, now) ? old : (struct tnum){old.value & known, ~known};
}

static struct range widen_range(const struct range *old, const struct range *now, bool at_once)
{
	if (range_covers(old, now))
		return *old;
	struct range r = {widen_bits(old->bits, now->bits),
			  widen_interval(64, old->full, now->full),
			  widen_interval(32, old->low, now->low)};
	if (at_once || !range_settle(&r) || !range_covers(&r, old) || !range_covers(&r, now))
		return range_unknown();
	return r;
}

/* ---- registers and slots ---- */

struct widening {
	struct cover_names names;
	const int64_t *from_least, *least; /* what is known of sizes, there and here */
	bool at_once;
};

/* What is known of families, of things acquired: as much as both know. */
static void widen_relations(struct widening *w, const struct state_reg *old, struct state_reg *now)
{
	if (old->link == 0 || now->link == 0 || old->plus != now->plus ||
	    !cover_same_name(&w->names, old->link, now->link))
		now->link = 0;
	if (old->ref != now->ref)
		now->ref = now->ref_bytes = 0;
}

/* Whether any number at all, with nothing known of it beside others, would do for this one. */
static bool is_any(const struct state_reg *r)
{
	const struct state_limit none[STATE_LIMITS] = {{0}};
	struct range all = range_unknown();
	return range_equal(&r->range, &all) && r->id == 0 && r->link == 0 && r->ref == 0 &&
	       memcmp(r->limits, none, sizeof none) == 0;
}

static void widen_number(struct widening *w, const struct state_reg *old, struct state_reg *now)
{
	struct state_reg was = *now;
	widen_relations(w, old, now);
	if (old->id == 0 || now->id == 0 || !cover_same_name(&w->names, old->id, now->id))
		now->id = 0;
	now->range = widen_range(&old->range, &now->range, w->at_once);
	limit_widen(old, w->from_least, &was, w->least, now);
	if (is_any(now))
		memset(now->deps, 0, sizeof now->deps);
}

/* False where nothing is left to read. */
static bool widen_value(struct widening *w, const struct state_reg *old, struct state_reg *now)
{
	if (old->kind == STATE_SCALAR && now->kind == STATE_SCALAR) {
		widen_number(w, old, now);
		return true;
	}
	if (old->kind == STATE_SCALAR || now->kind == STATE_SCALAR ||
	    !cover_reg(&w->names, old, now))
		return false;
	now->range = old->range;
	memcpy(now->limits, old->limits, sizeof now->limits);
	return true;
}

static void widen_slot(struct widening *w, const struct state_slot *old, struct state_slot *now)
{
	bool same_form = old->at == now->at && old->size == now->size;
	bool is_pointer = (old->size > 0 && state_is_opaque(&old->reg)) ||
			  (now->size > 0 && state_is_opaque(&now->reg));
	bool is_kept = old->size > 0 && same_form && widen_value(w, &old->reg, &now->reg);
	if (!is_kept) {
		now->size = now->at = 0;
		now->reg = (struct state_reg){0};
		now->init = is_pointer ? 0 : now->init;
	}
	now->init &= old->init;
}

static void widen_object(const struct state_slot *old, struct state_reg *now)
{
	if (old && now->kind == STATE_ITERATOR && old->reg.kind == STATE_ITERATOR)
		iter_widen(&old->reg, now);
}

static void widen_regs(struct widening *w, const struct snapshot *from, unsigned frame,
		       struct state_frame *f)
{
	for (unsigned r = 0; r < STATE_REGS; r++) {
		const struct state_reg *old = snapshot_reg(from, frame, r);
		if (!old || f->regs[r].kind == STATE_NONE || !widen_value(w, old, &f->regs[r]))
			f->regs[r] = (struct state_reg){0};
	}
}

static void widen_slots(struct widening *w, const struct snapshot *from, unsigned frame,
			struct state_frame *f)
{
	const struct state_slot nothing = {0};
	for (uint64_t left = f->used; left; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctzll(left);
		const struct state_slot *old = snapshot_slot(from, frame, slot);
		if (f->objects >> slot &
		    1) { /* part of an object: it stays, or nothing stands for it */
			widen_object(old, &f->slots[slot].reg);
			continue;
		}
		widen_slot(w, old ? old : &nothing, &f->slots[slot]);
		if (f->slots[slot].init == 0)
			f->used &= ~(UINT64_C(1) << slot);
	}
}

void widen_state(struct check *c, const struct snapshot *from, bool at_once)
{
	struct widening w = {.from_least = from->least,
			     .least = c->state->least,
			     .at_once = at_once};
	for (uint32_t i = 0; i < c->state->frames_count; i++) {
		widen_regs(&w, from, i, &c->state->frames[i]);
		widen_slots(&w, from, i, &c->state->frames[i]);
	}
	c->state->widened = c->insn + 1;
}
