/*
 * A jump back whose loop is not proved to end is a metered one: the code charges it (fuel.h), and ends the
 * run there when there is nothing left. The analysis then shows of every execution, however long, that
 * each of its instructions is safe, by induction over the instructions executed so far:
 *
 * [I1] What was executed so far was shown to be covered, at its last instruction, by a state that is
 *      explored. The path from there either goes on, or ends at a checkpoint that stands for it.
 * [I2] Where that checkpoint is finished, its marks say what matters, and cover_check() compared that.
 * [I3] Where it is not (an ancestor: a loop), its marks are not final. So cover_all() compares all numbers,
 *      slots, pointers and references, and meter_go_round() marks all that the path has there: whatever
 *      the ancestor will turn out to need was compared by everything that is pruned against a
 *      checkpoint in between. What callbacks write below their frames is the one mark that cannot be told
 *      so: such checkpoints are `is_open`, and stand for states of the same walk only, which tells the
 *      ancestor's writes itself.
 * [I4] Longest ways are not known then, nor asked for: fuel bounds them. They are still proved where
 *      an attempt ends without a metered jump.
 * [I5] A run may end at each jump back and each round of a callback, of any loop, once the code counts. So
 *      nothing is held there, which would be lost. A local function that ends the run ends it in
 *      its callers as well, which hold nothing either: what they held was held at the jump.
 * [I6] Facts for the compiler are merged over attempts: they hold for all that was explored.
 */
#include "shared/verifier/meter.h"

#include "shared/verifier/words.h"

/* The rounds of each attempt, and how much of the steps that are left it may use. */
static const struct {
	uint32_t rounds, quarters;
} attempts[METER_ATTEMPTS] = {{0, 1}, {32, 3}, {1, 4}};

struct err *meter_init(struct check *c)
{
	uint32_t count;
	(void)object_insns(c->object, &count);
	struct fuel_code code = {c->insns, c->functions, count, c->functions_count};
	return c->role->attributes.metered ? fuel_init(&code, &c->meter.fuel) : NULL;
}

void meter_fini(struct check *c)
{
	fuel_fini(&c->meter.fuel);
}

void meter_begin(struct check *c, unsigned n)
{
	uint64_t used = c->verdict->steps, all = c->limits.max_steps;
	uint64_t left = all > used ? all - used : 0;
	c->meter.rounds = attempts[n].rounds;
	c->meter.is_needed = false;
	c->meter.max_steps =
		c->role->attributes.metered ? used + left / 4 * attempts[n].quarters : all;
}

static bool is_about_length(enum verifier_rule rule)
{
	return rule == VERIFIER_ENDLESS_LOOP || rule == VERIFIER_INSN_LIMIT ||
	       rule == VERIFIER_TOO_COMPLEX;
}

bool meter_retries(struct check *c, unsigned n, struct err *e)
{
	struct verdict *v = c->verdict;
	if (!e || err_code(e) != ERR_REJECTED || !v->is_rejected || n + 1 >= METER_ATTEMPTS ||
	    !c->role->attributes.metered || !is_about_length(v->finding.rule))
		return false;
	err_destroy(e);
	v->is_rejected = false;
	v->finding = (struct verifier_finding){0};
	return true;
}

struct err *meter_may_end(struct check *c, const char *what)
{
	const struct state *s = c->state;
	if (!meter_is_on(c) || (s->refs_count == 0 && !s->lock.id))
		return NULL;
	if (s->lock.id)
		return check_reject(
			c, VERIFIER_SPIN_LOCK,
			"take the lock in each round, or go round without it",
			"%s is metered: the run may end here, and the lock would stay taken", what);
	const struct btf_line *line = object_line_at(c->object, s->refs[0].insn);
	return check_reject(c, VERIFIER_UNRELEASED,
			    "submit or discard it before the loop, or fill it without one",
			    "%s is metered: the run may end here, and the record that was reserved "
			    "at line %u (instruction %u) would be lost",
			    what, line ? line->line : 0, s->refs[0].insn);
}

static void matters(void *context, struct state_reg *r)
{
	check_precise(context, r);
}

void meter_go_round(struct check *c)
{
	struct state *s = c->state;
	state_each(s, matters, c); /* [I3] */
	for (uint32_t i = 0; i < s->frames_count; i++)
		check_read(c, i, s->frames[i].used);
	tree_mark_open(c->node);
	c->meter.is_needed = true;
}

struct err *meter_finish(struct check *c, uint64_t longest, struct verifier_entry *out)
{
	uint64_t max = c->role->attributes.max_instructions;
	out->is_metered = c->meter.is_needed;
	out->worst_insns = out->is_metered ? max : longest;
	if (!out->is_metered || c->meter.fuel.totals[c->entry] <= max)
		return NULL;
	return check_reject(
		c, VERIFIER_INSN_LIMIT, "let the role allow more instructions",
		"before any loop goes round, an event may execute %llu instructions, but "
		"role %.*s allows max_instructions: %llu",
		(unsigned long long)c->meter.fuel.totals[c->entry], STR_FMT(c->role->name),
		(unsigned long long)max);
}
