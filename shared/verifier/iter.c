/*
 * Number iterators.
 *
 * Of one that is not yet empty it is known that low ≤ next ≤ high ≤ end, where `next` is the number that it will hand
 * out next, if that is below its end; and that its end is at most `end`, or just that (is_exact). Each round adds 1
 * to low and high, so a loop of known bounds is walked exactly, and ends:
 *
 *	bpf_for(i, 0, 3)	low high end	 i
 *	after new		 0    0   3
 *	after next		 1    1   3	 0
 *	                	 2    2   3	 1
 *	                	 3    3   3	 2
 *	next is null, since low is end
 *
 * Where that would take too many rounds, or when the loop is widened, high becomes end, and low stays: then one round
 * stands for all of them.
 *
 * [I1] Everything known of an iterator comes from numbers that are precise, and stands in its slot, which states are
 *      always compared by; a number that was loaded needs no origins.
 * [I2] It lies in a frame that ends before any caller of a callback goes on; the callback makes, moves on and destroys its
 *      own ones only, since it runs any number of times.
 * [I3] The pointer that next returns leads to the number in the iterator itself: it ends where the
 *      iterator is moved on, or ends.
 * [I4] A number that was handed out was low … high before, so it is low - 1 … high - 1 now, also where low stayed;
 *      and it is at least `first`, as all are.
 */
#include "shared/verifier/iter.h"

#include "shared/verifier/fact.h"
#include "shared/verifier/memory.h"
#include "shared/verifier/proof.h"
#include "shared/verifier/state_object.h"
#include "shared/verifier/words.h"

#include <linux/bpf.h>

#include <errno.h>
#include <stdio.h>

#define MAX_LOOPS (INT64_C(1) << 23) /* more, and bpf_iter_num_new() makes an empty one */

/* Metered loops of more rounds are not walked one by one. */
#define EXACT_ROUNDS 1024

struct iter {
	int32_t first; /* no number is below it */
	int32_t low, high, end;
	bool is_exact;
};

static struct iter get(const struct state_reg *r)
{
	return (struct iter){(int32_t)r->ref, (int32_t)r->map, r->plus, (int32_t)r->size,
			     r->frame != 0};
}

static void put(struct state_reg *r, struct iter it)
{
	r->ref = (uint32_t)it.first;
	r->map = (uint32_t)it.low;
	r->plus = it.high;
	r->size = (uint32_t)it.end;
	r->frame = it.is_exact;
}

bool iter_covers(const struct state_reg *old, const struct state_reg *now)
{
	struct iter a = get(old), b = get(now);
	return a.first <= b.first && a.low <= b.low && a.high >= b.high && a.end >= b.end &&
	       (!a.is_exact || (b.is_exact && a.end == b.end));
}

bool iter_equal(const struct state_reg *old, const struct state_reg *now)
{
	return iter_covers(old, now) && iter_covers(now, old);
}

void iter_widen(const struct state_reg *old, struct state_reg *now)
{
	struct iter a = get(old), b = get(now);
	struct iter both = {MIN(a.first, b.first), MIN(a.low, b.low), MAX(a.end, b.end),
			    MAX(a.end, b.end), a.is_exact && b.is_exact && a.end == b.end};
	if (!iter_covers(old, now))
		put(now, both);
	else
		put(now, a);
}

/* ---- arguments ---- */

struct call {
	struct check *c;
	const struct kfunc *kfunc;
	struct state_reg args[KFUNC_MAX_ARGS];
	char subject[64];
};

static struct err *reject(struct call *k, unsigned i, const char *wanted)
{
	return check_reject(k->c, VERIFIER_BAD_ARGUMENT,
			    "declare it as a local variable: struct bpf_iter_num it; or write "
			    "bpf_for(i, start, end) { … }",
			    "%s is %s, but must be %s", k->subject, words_of(k->c, &k->args[i]),
			    wanted);
}

static struct err *check_frame(struct call *k, const struct state_reg *r)
{
	if (r->frame >= state_callback(k->c->state))
		return NULL;
	return check_reject(k->c, VERIFIER_READ_ONLY,
			    "use a struct bpf_iter_num of the callback's own",
			    "%s: the callback would use an iterator of its caller, in each round",
			    k->subject); /* [I2] */
}

static bool is_place(const struct state_reg *r)
{
	return r->kind == STATE_STACK && range_is_const(&r->range) && r->range.bits.value % 8 == 0;
}

static struct err *arg_new(struct call *k, unsigned i)
{
	struct memory_access a = {.subject = k->subject,
				  .pointer = k->args[i],
				  .size_bytes = 8,
				  .use = MEMORY_WRITE};
	struct memory_span span;
	if (!is_place(&k->args[i]))
		return reject(
			k, i,
			"the place of a struct bpf_iter_num on the stack, at a multiple of 8");
	TRY(memory_check(k->c, &a, &span));
	return check_frame(k, &k->args[i]);
}

static struct state_reg *iterator_at(struct check *c, const struct state_reg *place)
{
	if (!is_place(place))
		return NULL;
	int64_t offset = (int64_t)place->range.bits.value;
	const struct state_reg *r = state_object_at(c->state, place->frame, offset);
	if (!r || r->kind != STATE_ITERATOR)
		return NULL;
	return &c->state->frames[place->frame].slots[(offset + STATE_FRAME_SIZE) / 8].reg;
}

static struct err *arg_iterator(struct call *k, unsigned i)
{
	const struct state_reg *r = &k->args[i];
	if (!iterator_at(k->c, r))
		return reject(
			k, i,
			"a struct bpf_iter_num that bpf_iter_num_new() has made on this path, "
			"and that was not destroyed");
	check_read(k->c, r->frame, state_slots((int)(int64_t)r->range.bits.value, 8));
	return check_frame(k, r);
}

static struct err *arg_int(struct call *k, unsigned i)
{
	if (k->args[i].kind != STATE_SCALAR)
		return check_reject(k->c, VERIFIER_POINTER_LEAK, "pass a number",
				    "%s is %s, which the function would see as a number",
				    k->subject, words_of(k->c, &k->args[i]));
	check_precise(k->c, &k->args[i]); /* [I1] */
	return NULL;
}

static struct err *(*const checks[])(struct call *k, unsigned i) = {
	[KFUNC_ARG_INT] = arg_int,
	[KFUNC_ARG_ITER_NEW] = arg_new,
	[KFUNC_ARG_ITER] = arg_iterator,
};

static struct err *check_arguments(struct call *k)
{
	for (unsigned i = 0; i < k->kfunc->args_count; i++) {
		k->args[i] = *check_reg(k->c, i + 1);
		snprintf(k->subject, sizeof k->subject, "argument %u (r%u) of %s", i + 1, i + 1,
			 k->kfunc->name);
		if (k->args[i].kind == STATE_NONE)
			return check_reject(k->c, VERIFIER_UNINIT_REGISTER,
					    "give the variable a value on every path",
					    "%s holds nothing: nothing was written to it on this "
					    "path, or a call has used it up",
					    k->subject);
		TRY(checks[k->kfunc->args[i]](k, i));
	}
	return NULL;
}

/* ---- effects ---- */

/* Whether the rounds are too many to walk each of them. */
static bool is_loose(const struct check *c, const struct iter *it)
{
	const struct role_attributes *a = &c->role->attributes;
	uint64_t rounds = it->low < it->end ? (uint64_t)((int64_t)it->end - it->low) : 0;
	return rounds > (a->metered ? (uint64_t)EXACT_ROUNDS : a->max_instructions);
}

static struct iter begin(const struct check *c, const struct interval *start,
			 const struct interval *end, bool *is_surely_made)
{
	struct iter it = {(int32_t)start->smin, (int32_t)start->smin, (int32_t)start->smax,
			  (int32_t)end->smax, end->smin == end->smax};
	bool never = end->smax < start->smin || end->smin - start->smax > MAX_LOOPS;
	*is_surely_made = end->smin >= start->smax && end->smax - start->smin <= MAX_LOOPS;
	it.end = (int32_t)MIN((int64_t)it.end, start->smax + MAX_LOOPS);
	it.high = MIN(it.high, it.end);
	it.is_exact &= *is_surely_made;
	if (never)
		it = (struct iter){.is_exact = true};
	else if (is_loose(c, &it))
		it.high = it.end;
	return it;
}

static struct err *reject_rounds(struct check *c, const struct iter *it)
{
	return check_reject(c, VERIFIER_INSN_LIMIT,
			    "check the bounds before, or use a role that counts at run time "
			    "(metered: true)",
			    "the range may have up to %lld numbers, but role %.*s, which does not "
			    "meter, allows max_instructions: %llu",
			    (long long)it->end - it->low, STR_FMT(c->role->name),
			    (unsigned long long)c->role->attributes.max_instructions);
}

static struct err *make(struct call *k, struct state_reg *r0)
{
	struct check *c = k->c;
	const struct state_reg *place = &k->args[0];
	int offset = (int)(int64_t)place->range.bits.value;
	struct state_reg made = {.kind = STATE_ITERATOR, .id = check_new_id(c)};
	bool is_made;
	struct iter it = begin(c, &k->args[1].range.low, &k->args[2].range.low, &is_made);
	if (is_loose(c, &it) && !c->role->attributes.metered)
		return reject_rounds(c, &it);
	put(&made, it);
	check_written(c, place->frame, state_slots(offset, 8));
	state_object_put(c->state, place->frame, offset, 1, made);
	*r0 = state_scalar(is_made ? range_const(0) : range_signed(-EINVAL, 0));
	if (!state_acquire(c->state, made.id, c->insn))
		return check_reject(c, VERIFIER_TOO_COMPLEX, "destroy iterators earlier",
				    "more than %d things are held at the same time", STATE_REFS);
	c->state->refs[c->state->refs_count - 1].is_iterator = true;
	return NULL;
}

/* One more number, or null. */
static struct err *go_on(struct call *k, struct state_reg *r0)
{
	struct check *c = k->c;
	struct state_reg *r = iterator_at(c, &k->args[0]);
	struct iter it = get(r);
	state_object_end_parts(c->state, r->id); /* [I3] */
	if (it.low >= it.end) {
		*r0 = state_scalar(range_const(0));
		return NULL;
	}
	bool is_sure = it.is_exact && it.high < it.end;
	*r0 = (struct state_reg){.kind = is_sure ? STATE_INTEGER : STATE_INTEGER_OR_NULL,
				 .map = r->id,
				 .id = check_new_id(c),
				 .size = sizeof(int32_t),
				 .range = range_const(0)};
	if (!(it.high == it.end && is_loose(c, &it)))
		it.low++;
	it.high = it.high < it.end ? it.high + 1 : it.end;
	put(r, it);
	return NULL;
}

static struct err *end(struct call *k, struct state_reg *r0)
{
	struct check *c = k->c;
	uint32_t id = iterator_at(c, &k->args[0])->id;
	(void)r0;
	state_object_end(c->state, id);
	(void)state_release(c->state, id);
	return NULL;
}

static struct err *(*const effects[])(struct call *k, struct state_reg *r0) = {
	[KFUNC_iter_num_new] = make,
	[KFUNC_iter_num_next] = go_on,
	[KFUNC_iter_num_destroy] = end,
};

struct err *iter_call(struct check *c, const struct kfunc *kfunc,
		      const struct role_function *granted)
{
	struct call k = {.c = c, .kfunc = kfunc};
	struct state_reg args[5], result = {.kind = STATE_NONE};
	memcpy(args, check_reg(c, 1), sizeof args);
	TRY(check_arguments(&k));
	TRY(proof_before(c, granted));
	fact_runtime(c, kfunc->args_count);
	TRY(effects[kfunc->id](&k, &result));
	for (unsigned r = 0; r <= 5; r++)
		memset(check_reg(c, r), 0, sizeof(struct state_reg));
	*check_reg(c, 0) = result;
	if (kfunc->id == KFUNC_iter_num_new)
		proof_after(c, granted, args);
	return NULL;
}

/* ---- numbers ---- */

static const struct state_reg *find(const struct state *s, uint32_t id)
{
	for (uint32_t i = 0; i < s->frames_count; i++)
		for (uint64_t left = s->frames[i].objects; left; left &= left - 1) {
			const struct state_reg *r = &s->frames[i].slots[__builtin_ctzll(left)].reg;
			if (r->kind == STATE_ITERATOR && r->id == id)
				return r;
		}
	return NULL;
}

struct state_reg iter_load(const struct check *c, const struct state_reg *pointer, int32_t offset,
			   unsigned size)
{
	const struct state_reg *r = find(c->state, pointer->map);
	if (!r || !range_is(&pointer->range, 0) || offset != 0 || size != sizeof(int32_t))
		return state_scalar(range_bytes(size));
	struct iter it = get(r);
	int64_t low = MAX((int64_t)it.low - 1, (int64_t)it.first); /* [I4] */
	struct range number = range_signed(low, (int64_t)it.high - 1);
	return state_scalar(range_zero_extend(&number, sizeof(int32_t)));
}

struct err *iter_reject_undestroyed(struct check *c, const struct state_ref *ref, const char *where)
{
	const struct btf_line *line = object_line_at(c->object, ref->insn);
	return check_reject(c, VERIFIER_UNRELEASED,
			    "call bpf_iter_num_destroy() on every path; bpf_for() does that",
			    "the number iterator that was made at line %u (instruction %u) is not "
			    "destroyed %s",
			    line ? line->line : 0, ref->insn, where);
}
