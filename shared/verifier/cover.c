/*
 * Comparing states.
 *
 * [I1] cover_check(n, s) implies: every execution from s does, at each instruction, what some execution
 *      explored from n does, as far as the verifier judges it.
 * [I2] Ids are names: they are compared by a mapping that is one to one.
 * [I3] A number that is not precise only ever met jumps of which both ways were explored, so any number
 *      may take its place.
 */
#include "shared/verifier/cover.h"

#include "shared/verifier/iter.h"
#include "shared/verifier/limit.h"

struct comparison {
	const struct tree_node *node; /* its marks tell what matters; NULL: everything does */
	const struct snapshot *old;
	const struct state *now;
	bool is_exact; /* nothing at all may differ */
	struct cover_names *names;
	uint64_t *work;
};

bool cover_same_name(struct cover_names *n, uint32_t old, uint32_t now)
{
	if (old == 0 || now == 0)
		return old == now;
	for (unsigned i = 0; i < n->count; i++)
		if (n->old[i] == old || n->now[i] == now)
			return n->old[i] == old && n->now[i] == now;
	if (n->count == COVER_MAX_NAMES)
		return false;
	n->old[n->count] = old;
	n->now[n->count++] = now;
	return true;
}

static bool is_precise(const struct comparison *k, unsigned var)
{
	return k->is_exact || !k->node || (k->node->precise[var / 64] >> var % 64 & 1);
}

static bool range_stands(const struct comparison *k, const struct range *old,
			 const struct range *now)
{
	return k->is_exact ? range_equal(old, now) : range_covers(old, now);
}

static bool limits_stand(const struct comparison *k, const struct state_reg *old,
			 const struct state_reg *now)
{
	static const int64_t unknown[STATE_SIZES];
	const int64_t *least = k->now ? k->now->least : unknown;
	return k->is_exact ? limit_equal(old, now) : limit_covers(old, now, least);
}

/* What was known of the sizes of the host's memory still is. */
static bool sizes_stand(const struct comparison *k)
{
	for (unsigned i = 0; i < STATE_SIZES; i++)
		if (k->is_exact ? k->old->least[i] != k->now->least[i]
				: k->old->least[i] > k->now->least[i])
			return false;
	return true;
}

/* A number that was acquired has to be that: other paths release it. */
static bool acquired_stands(const struct comparison *k, const struct state_reg *old,
			    const struct state_reg *now)
{
	if (old->ref == 0 && !k->is_exact)
		return true;
	return old->ref_bytes == now->ref_bytes && cover_same_name(k->names, old->ref, now->ref);
}

/* Members of one family then are members of one family now, as far from each other. */
static bool link_stands(const struct comparison *k, const struct state_reg *old,
			const struct state_reg *now)
{
	uint32_t name;
	int32_t plus;
	if (old->link == 0)
		return true;
	return limit_family(now, &name, &plus) && plus == old->plus &&
	       cover_same_name(k->names, old->link, name);
}

static bool number_stands(const struct comparison *k, unsigned var, const struct state_reg *old,
			  const struct state_reg *now)
{
	if (now->kind != STATE_SCALAR || !acquired_stands(k, old, now))
		return false;
	if (!is_precise(k, var))
		return true; /* [I3] */
	if (!range_stands(k, &old->range, &now->range) || !limits_stand(k, old, now))
		return false;
	return link_stands(k, old, now) &&
	       (old->id == 0 || cover_same_name(k->names, old->id, now->id));
}

/* A map is a number of the program's; the object that a pointer belongs to has a name [I2]. */
static bool same_map(const struct comparison *k, const struct state_reg *old,
		     const struct state_reg *now)
{
	if (state_flags(old) & STATE_IS_PART)
		return cover_same_name(k->names, old->map, now->map);
	return old->map == now->map;
}

static bool iterator_stands(const struct comparison *k, const struct state_reg *old,
			    const struct state_reg *now)
{
	return now->kind == STATE_ITERATOR && cover_same_name(k->names, old->id, now->id) &&
	       (k->is_exact ? iter_equal(old, now) : iter_covers(old, now));
}

static bool reg_stands(const struct comparison *k, unsigned var, const struct state_reg *old,
		       const struct state_reg *now)
{
	++*k->work;
	if (old->kind == STATE_SCALAR)
		return number_stands(k, var, old, now);
	if (old->kind == STATE_ITERATOR)
		return iterator_stands(k, old, now);
	return old->kind == now->kind && old->frame == now->frame && same_map(k, old, now) &&
	       old->size == now->size && cover_same_name(k->names, old->id, now->id) &&
	       range_stands(k, &old->range, &now->range) && limits_stand(k, old, now) &&
	       link_stands(k, old, now);
}

static bool same_kept(const struct state_slot *a, const struct state_slot *b)
{
	return a->at == b->at && a->size == b->size;
}

static bool slot_stands(const struct comparison *k, unsigned var, const struct state_slot *old,
			const struct state_slot *now)
{
	++*k->work;
	if ((old->init & now->init) != old->init || (k->is_exact && !same_kept(old, now)))
		return false;
	bool holds_pointer = now->size > 0 && state_is_opaque(&now->reg);
	if (old->size == 0)
		return !holds_pointer;
	if (same_kept(old, now))
		return reg_stands(k, var, &old->reg, &now->reg);
	if (state_is_opaque(&old->reg) || holds_pointer || old->reg.ref != 0)
		return false;
	/* One of them keeps the number in another form. */
	return !is_precise(k, var); /* [I3] */
}

static bool regs_stand(const struct comparison *k, unsigned frame)
{
	const struct state_frame *now = &k->now->frames[frame];
	for (unsigned r = 0; r < STATE_REGS; r++) {
		const struct state_reg *reg = snapshot_reg(k->old, frame, r);
		if (!reg && k->is_exact && now->regs[r].kind != STATE_NONE)
			return false;
		if (reg && !reg_stands(k, state_var_reg(frame, r), reg, &now->regs[r]))
			return false;
	}
	return true;
}

static bool slots_stand(const struct comparison *k, unsigned frame)
{
	const struct snapshot_frame *old = &k->old->frames[frame];
	const struct state_frame *now = &k->now->frames[frame];
	/* Whether a store is allowed depends on the objects there: they are always compared. */
	uint64_t wanted =
		k->is_exact || !k->node ? UINT64_MAX : k->node->read[frame] | old->objects;
	if (old->objects != now->objects || (k->is_exact && old->used != now->used))
		return false;
	for (uint64_t left = wanted & old->used; left; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctzll(left);
		if (!slot_stands(k, state_var_slot(frame, slot), snapshot_slot(k->old, frame, slot),
				 &now->slots[slot]))
			return false;
	}
	return true;
}

static bool refs_stand(const struct comparison *k)
{
	if (k->old->refs_count != k->now->refs_count)
		return false;
	for (uint32_t i = 0; i < k->old->refs_count; i++)
		if (k->old->refs[i].owner != k->now->refs[i].owner ||
		    k->old->refs[i].by != k->now->refs[i].by ||
		    k->old->refs[i].is_iterator != k->now->refs[i].is_iterator ||
		    !cover_same_name(k->names, k->old->refs[i].id, k->now->refs[i].id))
			return false;
	return true;
}

static bool lock_stands(const struct comparison *k)
{
	const struct state_lock *old = &k->old->lock, *now = &k->now->lock;
	return old->map == now->map && cover_same_name(k->names, old->id, now->id);
}

bool cover_is_place(const struct snapshot *old, const struct state *s)
{
	if (old->frames_count != s->frames_count)
		return false;
	for (uint32_t i = 0; i < s->frames_count; i++)
		if (old->frames[i].function != s->frames[i].function ||
		    old->frames[i].return_to != s->frames[i].return_to)
			return false;
	return true;
}

static bool compare(const struct comparison *k)
{
	*k->work += 1 + k->now->frames_count;
	if (!cover_is_place(k->old, k->now) || !sizes_stand(k))
		return false;
	for (uint32_t i = k->now->frames_count; i-- > 0;) /* the current frame differs most */
		if (!regs_stand(k, i) || !slots_stand(k, i))
			return false;
	return refs_stand(k) && lock_stands(k);
}

bool cover_check(const struct tree_node *n, const struct state *s, uint64_t *work)
{
	struct cover_names names = {.count = 0};
	return compare(&(struct comparison){n, n->state, s, false, &names, work});
}

bool cover_equals(const struct tree_node *n, const struct state *s, uint64_t *work)
{
	struct cover_names names = {.count = 0};
	return compare(&(struct comparison){n, n->state, s, true, &names, work});
}

bool cover_all(const struct snapshot *old, const struct state *s, uint64_t *work)
{
	struct cover_names names = {.count = 0};
	return compare(&(struct comparison){NULL, old, s, false, &names, work});
}

bool cover_reg(struct cover_names *names, const struct state_reg *old, const struct state_reg *now)
{
	uint64_t work = 0; /* of one register */
	struct comparison k = {.names = names, .work = &work};
	return reg_stands(&k, 0, old, now);
}
