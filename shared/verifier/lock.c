/*
 * Spin locks.
 *
 * What is held is part of the state: the id of the element, as the pointer to it has it. Each lookup gives
 * another id, so what was locked through one pointer is not unlocked through another one.
 *
 * [I1] One lock is held at the most, so no two runs wait for each other.
 * [I2] While one is held nothing is called but what gives it back, and static functions, which are walked
 *      into; so the time is that of instructions of the program alone.
 * [I3] Neither entry nor callback ends while it is held. Callbacks begin without one, by [I2].
 * [I4] bpf_spin_lock() may end the run, where another one keeps the lock. So nothing is held there that
 *      would be lost.
 *      Functions that are not static may be known by their types alone; so it is asked before they are called
 *      whether they, or what they name, take a lock.
 * [I5] The lock's bytes are never accessed by the program, nor by helpers on its behalf.
 */
#include "shared/verifier/lock.h"

#include "shared/base/mem.h"
#include "shared/bpf/helper.h"
#include "shared/verifier/words.h"

/* ---- which lock ---- */

static struct err *reject_argument(struct check *c, const char *subject, const struct state_reg *r)
{
	const char *hint = NULL;
	if (r->kind == STATE_VALUE && c->maps[r->map].role != OBJECT_MAP_DECLARED)
		hint = "keep the lock, with what it protects, in a map of one element";
	else if (r->kind == STATE_VALUE && check_map_shape(c, r)->lock_end)
		hint = check_text(c, "the lock is at offset %u",
				  check_map_shape(c, r)->lock_end - 4);
	else if (r->kind == STATE_VALUE)
		hint = "give the value a member of type struct bpf_spin_lock";
	return check_reject(
		c, VERIFIER_BAD_ARGUMENT, hint,
		"%s is %s, but must be a pointer to the struct bpf_spin_lock of a map's "
		"value",
		subject, words_of(c, r));
}

struct err *lock_check_argument(struct check *c, const char *subject, const struct state_reg *r)
{
	if (r->kind == STATE_VALUE_OR_NULL)
		return check_reject(c, VERIFIER_NULL_POINTER,
				    "compare it with 0 first: if (!p) return 0;",
				    "%s may be null here: it is %s", subject, words_of(c, r));
	uint32_t end = r->kind == STATE_VALUE && r->id ? check_map_shape(c, r)->lock_end : 0;
	if (end && range_is(&r->range, end - 4))
		return NULL;
	return reject_argument(c, subject, r);
}

static const char *place_of(struct check *c, uint32_t insn)
{
	const struct btf_line *line = object_line_at(c->object, insn);
	return line ? check_text(c, "line %u, instruction %u", line->line, insn)
		    : check_text(c, "instruction %u", insn);
}

/* ---- taking it and giving it back ---- */

static struct err *reject_second(struct check *c, const struct state_lock *held,
				 const struct state_reg *r)
{
	if (held->id == r->id && held->map == r->map)
		return check_reject(c, VERIFIER_SPIN_LOCK, "take it once",
				    "the lock was taken already, at %s: this would wait for ever",
				    place_of(c, held->insn));
	return check_reject(
		c, VERIFIER_SPIN_LOCK, "give the first one back before",
		"a second lock is taken, while that of %s is held: two programs that do "
		"so may wait for each other",
		place_of(c, held->insn));
}

static struct err *take(struct check *c, const struct state_reg *r)
{
	struct state *s = c->state;
	if (s->lock.id)
		return reject_second(c, &s->lock, r); /* [I1] */
	const struct state_ref *held = state_held(s);
	if (held)
		return check_reject(
			c, VERIFIER_SPIN_LOCK,
			"take the lock first, copy what is wanted to local variables, give it "
			"back, and then reserve the record",
			"the run may end here, where another one keeps the lock, and what was "
			"acquired at %s would be lost", /* [I4] */
			place_of(c, held->insn));
	s->lock = (struct state_lock){r->id, r->map, c->insn};
	return NULL;
}

static struct err *give_back(struct check *c, const struct state_reg *r)
{
	struct state *s = c->state;
	if (!s->lock.id)
		return check_reject(c, VERIFIER_SPIN_LOCK,
				    "take it first: bpf_spin_lock(&value->lock)",
				    "the lock is given back, but on this path it was not taken");
	if (s->lock.id != r->id || s->lock.map != r->map)
		return check_reject(c, VERIFIER_SPIN_LOCK,
				    "give it back through the pointer that it was taken through",
				    "another lock is given back than that which was taken at %s",
				    place_of(c, s->lock.insn));
	s->lock = (struct state_lock){0};
	return NULL;
}

struct err *lock_take_effect(struct check *c, uint32_t id, const struct state_reg *r)
{
	if (id == BPF_FUNC_spin_lock)
		return take(c, r);
	return id == BPF_FUNC_spin_unlock ? give_back(c, r) : NULL;
}

/* ---- meanwhile ---- */

static struct err *reject_call(struct check *c, const char *what)
{
	return check_reject(c, VERIFIER_SPIN_LOCK,
			    "call it before bpf_spin_lock() or after bpf_spin_unlock()",
			    "%s is called while the lock of %s is held", what,
			    place_of(c, c->state->lock.insn));
}

static struct err *check_helper(struct check *c)
{
	uint32_t id = (uint32_t)c->insns[c->insn].imm;
	const char *name = helper_known_name(id);
	if (id == BPF_FUNC_spin_lock || id == BPF_FUNC_spin_unlock)
		return NULL; /* take() and give_back() tell */
	return reject_call(c, name ? name : "a helper");
}

static struct err *check_local(struct check *c)
{
	const struct object_function *f = &c->functions[c->flow.insns[c->insn].target];
	if (!f->is_global)
		return NULL;
	return reject_call(c, check_text(c, "%.*s(), which is not static,", STR_FMT(f->name)));
}

static struct err *check_exit(struct check *c)
{
	const struct state *s = c->state;
	if (s->frames_count > 1 && !s->frames[s->frames_count - 1].is_callback)
		return NULL;
	return check_reject(c, VERIFIER_SPIN_LOCK, "call bpf_spin_unlock() on every path",
			    "the lock that was taken at %s is still held when the %s returns",
			    place_of(c, s->lock.insn), s->frames_count > 1 ? "callback" : "entry");
}

/* ---- functions that may end the run ---- */

/* Looks through function `f`: whether it takes a lock itself. The functions that it calls or hands to helpers
 * are put behind the others in `found`, of which there are *count. */
static bool takes_lock(const struct check *c, uint32_t f, uint32_t *found, uint32_t *count,
		       uint8_t *seen)
{
	const struct object_function *fn = &c->functions[f];
	for (uint32_t i = fn->first; i < fn->first + fn->count; i = c->flow.insns[i].next) {
		const struct bpf_insn *insn = &c->insns[i];
		const struct object_function *named = NULL;
		if (c->flow.insns[i].kind == INSN_CALL_HELPER && insn->imm == BPF_FUNC_spin_lock)
			return true;
		if (c->flow.insns[i].kind == INSN_CALL_LOCAL)
			named = &c->functions[c->flow.insns[i].target];
		else if (c->flow.insns[i].kind == INSN_LD_IMM64 && insn->src_reg == BPF_PSEUDO_FUNC)
			named = object_function_at(c->object, (uint32_t)insn->imm);
		if (!named || seen[named - c->functions])
			continue;
		seen[named - c->functions] = true;
		found[(*count)++] = (uint32_t)(named - c->functions);
	}
	return false;
}

static struct err *may_lock(const struct check *c, uint32_t function, bool *out)
{
	size_t n = c->functions_count;
	OWNED(mem) void *queue = mem_zalloc_array(n, sizeof(uint32_t));
	OWNED(mem) void *seen = mem_zalloc_array(n, 1);
	TRY_MEMORY(queue);
	TRY_MEMORY(seen);
	uint32_t *found = queue, count = 1;
	found[0] = function;
	((uint8_t *)seen)[function] = true;
	*out = false;
	for (uint32_t i = 0; i < count && !*out; i++)
		*out = takes_lock(c, found[i], found, &count, seen);
	return NULL;
}

/* [I4] */
static struct err *check_global(struct check *c)
{
	const struct state *s = c->state;
	const struct state_ref *held = state_held(s);
	uint32_t target = c->flow.insns[c->insn].target;
	bool may_end = false;
	if (!held || !c->functions[target].is_global)
		return NULL;
	TRY(may_lock(c, target, &may_end));
	if (!may_end)
		return NULL;
	return check_reject(
		c, VERIFIER_SPIN_LOCK, "call it before, or give back first what was acquired",
		"%.*s() takes a lock: the run may end there, where another one keeps it, "
		"and what was acquired at %s would be lost",
		STR_FMT(c->functions[target].name), place_of(c, held->insn));
}

struct err *lock_check_step(struct check *c, enum insn_kind kind)
{
	if (!c->state->lock.id)
		return kind == INSN_CALL_LOCAL ? check_global(c) : NULL;
	if (kind == INSN_CALL_HELPER)
		return check_helper(c);
	if (kind == INSN_CALL_KFUNC)
		return reject_call(c, "a function");
	if (kind == INSN_CALL_LOCAL)
		return check_local(c);
	return kind == INSN_EXIT ? check_exit(c) : NULL;
}

/* ---- its bytes ---- */

struct err *lock_check_access(struct check *c, const char *subject, const struct state_reg *pointer,
			      int64_t from, int64_t to)
{
	int64_t end = check_map_shape(c, pointer)->lock_end;
	if (end == 0 || from >= end || to <= end - 4)
		return NULL;
	return check_reject(
		c, VERIFIER_SPIN_LOCK,
		"copy the members beside it one by one; only bpf_spin_lock() and "
		"bpf_spin_unlock() take the lock itself",
		"%s: the access at offset %lld reaches into the spin lock at offset %lld "
		"of %.*s",
		subject, (long long)from, (long long)end - 4, STR_FMT(c->maps[pointer->map].name));
}

int64_t lock_bound(const struct check *c, const struct state_reg *pointer, int64_t size)
{
	int64_t end = check_map_shape(c, pointer)->lock_end;
	return end && pointer->range.full.smin < end ? end - 4 : size;
}
