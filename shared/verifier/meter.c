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
 *      What was proved without metering may hold something there, and then does not run in metered code:
 *      entries do not, since their counter has no end; functions and chains of entries are asked (`holds`).
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
	c->meter.is_needed = c->meter.holds = false;
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

static struct err *reject_held(struct check *c, const char *what)
{
	const struct state *s = c->state;
	const struct state_ref *held = state_held(s);
	bool is_lock = !held;
	uint32_t insn = is_lock ? s->lock.insn : held->insn;
	const struct btf_line *line = object_line_at(c->object, insn);
	return check_reject(c, is_lock ? VERIFIER_SPIN_LOCK : VERIFIER_UNRELEASED,
			    is_lock ? "give the lock back before the loop"
				    : "submit, discard or release it before the loop, or fill it "
				      "without one",
			    "%s is metered: the run may end here, and what was %s at line %u "
			    "(instruction %u) would be lost",
			    what, is_lock ? "locked" : "acquired", line ? line->line : 0, insn);
}

static bool holds(const struct state *s)
{
	return state_held(s) || s->lock.id;
}

struct err *meter_may_end(struct check *c, const char *what)
{
	if (!holds(c->state))
		return NULL;
	c->meter.holds = true;
	return meter_is_on(c) ? reject_held(c, what) : NULL;
}

struct err *meter_call(struct check *c, bool function_holds)
{
	TRY(meter_may_end(c, "the called function"));
	if (!function_holds)
		return NULL;
	c->meter.holds = true;
	if (!meter_is_on(c))
		return NULL;
	return check_reject(
		c, VERIFIER_UNRELEASED,
		"let the function release what it acquires before its loops, or make it "
		"static",
		"the run is metered and may end within the called function, which holds "
		"something over a loop");
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

/* What is charged before anything is executed. */
static struct err *check_total(struct check *c, uint32_t function)
{
	uint64_t total = c->meter.fuel.totals[function];
	if (total <= c->role->attributes.max_instructions)
		return NULL;
	c->insn = c->functions[function].first;
	return check_reject(
		c, VERIFIER_INSN_LIMIT, "let the role allow more instructions",
		"before any loop goes round, an event may execute %llu instructions, but "
		"role %.*s allows max_instructions: %llu",
		(unsigned long long)total, STR_FMT(c->role->name),
		(unsigned long long)c->role->attributes.max_instructions);
}

static struct err *become_metered(struct check *c, struct verifier_entry *e)
{
	e->is_metered = true;
	e->worst_insns = c->role->attributes.max_instructions;
	return check_total(c, (uint32_t)(e->function - c->functions));
}

struct err *meter_finish(struct check *c, struct verifier_entry *e)
{
	return c->meter.is_needed ? become_metered(c, e) : NULL;
}

struct err *meter_chain(struct check *c, struct verifier_entry *e)
{
	c->insn = e->function->first;
	if (c->meter.any_holds)
		return check_reject(
			c, VERIFIER_UNRELEASED, "release what is acquired before each loop",
			"programs that go on with one another are metered together, and "
			"one of them holds something over a loop, where the run may end");
	return become_metered(c, e);
}
