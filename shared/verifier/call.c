/*
 * Calls.
 *
 * A helper's row says what each argument is; a table says how each kind is checked, in the order of the
 * arguments, so that a MAP is known when its KEY is checked, and memory when its SIZE is. Only when
 * all of them are right does the call have effects.
 *
 * [I1] Nothing is called that the role does not grant.
 * [I2] After a call r1 … r5 hold nothing, and r0 what the helper's row says.
 */
#include "shared/verifier/call.h"

#include "shared/bpf/map_kind.h"
#include "shared/verifier/call_dynptr.h"
#include "shared/verifier/callback.h"
#include "shared/verifier/fact.h"
#include "shared/verifier/global.h"
#include "shared/verifier/grant.h"
#include "shared/verifier/host_call.h"
#include "shared/verifier/iter.h"
#include "shared/verifier/lock.h"
#include "shared/verifier/memory.h"
#include "shared/verifier/proof.h"
#include "shared/verifier/state_object.h"
#include "shared/verifier/uses.h"
#include "shared/verifier/words.h"

#include <stdio.h>

struct call {
	struct check *c;
	const struct helper *helper;
	const struct state_reg *args;	/* r1 … r5 before the call */
	char subject[96];		/* the argument that is being checked */
	const struct state_reg *map;	/* a MAP argument … */
	const struct object_map *shape; /* … and what its elements are like */
	uint64_t record_bytes;		/* of a CONST_SIZE or CONST_LENGTH argument */
	uint32_t released;		/* id of a RECORD or DYNPTR_RECORD argument */
	struct state_reg dynptr;	/* first slot of a DYNPTR argument */
	const struct state_reg *place;	/* DYNPTR_UNINIT: where one is made */
	const struct state_reg *out;	/* of a MEM_OUT argument; it is written with … */
	uint64_t out_min, out_max;	/* … so many bytes */
};

/* ---- arguments ---- */

static struct err *reject_argument(struct call *k, unsigned i, const char *wanted)
{
	return check_reject(k->c, VERIFIER_BAD_ARGUMENT, NULL, "%s is %s, but must be %s",
			    k->subject, words_of(k->c, &k->args[i]), wanted);
}

static struct err *arg_anything(struct call *k, unsigned i)
{
	(void)k;
	(void)i;
	return NULL;
}

static struct err *arg_scalar(struct call *k, unsigned i)
{
	if (k->args[i].kind == STATE_SCALAR)
		return NULL;
	return reject_argument(k, i, "a number");
}

/* Helpers that work on one kind of map; all others on those that programs may look up in. */
static const struct {
	uint32_t helper, kind;
} map_users[] = {
	{BPF_FUNC_ringbuf_output, MAP_KIND_RINGBUF},
	{BPF_FUNC_ringbuf_reserve, MAP_KIND_RINGBUF},
	{BPF_FUNC_ringbuf_query, MAP_KIND_RINGBUF},
	{BPF_FUNC_ringbuf_reserve_dynptr, MAP_KIND_RINGBUF},
	{BPF_FUNC_tail_call, MAP_KIND_PROG_ARRAY},
};

static bool does_kind_fit(const struct helper *h, const struct object_map *m)
{
	const struct map_kind *kind = map_kind_find(m->kind);
	if (!kind || m->role != OBJECT_MAP_DECLARED)
		return false;
	if (h->id == BPF_FUNC_map_lookup_elem && kind->flags & MAP_KIND_HOLDS_MAPS)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(map_users); i++)
		if (map_users[i].helper == h->id)
			return map_users[i].kind == m->kind;
	return kind->flags & MAP_KIND_UPDATABLE;
}

static struct err *reject_outer(struct call *k, const struct object_map *m)
{
	return check_reject(k->c, VERIFIER_BAD_MAP_USE,
			    "look up a map in it, check it against 0, and work on that",
			    "%s does not work on map %.*s, whose kind is %s: which maps are in it "
			    "stands in the program, for good",
			    k->helper->name, STR_FMT(m->name), map_kind_known_name(m->kind));
}

static struct err *arg_map(struct call *k, unsigned i)
{
	const struct state_reg *r = &k->args[i];
	if (r->kind == STATE_INNER_MAP_OR_NULL)
		return check_reject(k->c, VERIFIER_NULL_POINTER,
				    "compare it with 0 first: if (!map) return 0;",
				    "%s may be null: it is %s", k->subject, words_of(k->c, r));
	if (r->kind != STATE_MAP && r->kind != STATE_INNER_MAP)
		return reject_argument(k, i, "a map: &name of a map in SEC(\".maps\")");
	const struct object_map *m =
		r->kind == STATE_MAP ? &k->c->maps[r->map] : check_map_shape(k->c, r);
	k->map = r;
	k->shape = m;
	if (does_kind_fit(k->helper, m)) {
		uses_map_by(k->c, r->map, k->helper);
		return NULL;
	}
	if (m->inner)
		return reject_outer(k, m);
	const char *kind = map_kind_known_name(m->kind);
	return check_reject(k->c, VERIFIER_BAD_MAP_USE,
			    "use a map of a kind that it works on, or the helpers of this kind",
			    "%s does not work on map %.*s, whose kind is %s", k->helper->name,
			    STR_FMT(m->name), kind ? kind : "unknown");
}

static bool is_memory(const struct state_reg *r)
{
	return (state_flags(r) & (STATE_IS_MEMORY | STATE_IS_NULL)) && r->kind != STATE_CTX;
}

/* `in`: the register that holds the size; NULL where it is known. */
static struct err *check_memory(struct call *k, unsigned i, uint64_t size, enum memory_use use,
				const struct state_reg *in)
{
	struct memory_span span;
	struct memory_access a = {k->subject, k->args[i], 0, size, use, in};
	if (!is_memory(&k->args[i]))
		return reject_argument(
			k, i, "memory of the program: a local variable, a map's value or a record");
	TRY(memory_check(k->c, &a, &span));
	if (use == MEMORY_WRITE && a.pointer.kind == STATE_STACK &&
	    state_object_touched(k->c->state, a.pointer.frame, (int)span.from,
				 (unsigned)(span.to - span.from)))
		return reject_argument(
			k, i,
			"memory without a dynptr in it, nor an iterator, since it is written");
	if (use == MEMORY_READ && a.pointer.kind == STATE_STACK)
		TRY(memory_check_stack(k->c, k->subject, a.pointer.frame, span));
	return NULL;
}

static struct err *arg_map_key(struct call *k, unsigned i)
{
	return check_memory(k, i, k->shape->key_size, MEMORY_READ, NULL);
}

static struct err *arg_map_value(struct call *k, unsigned i)
{
	return check_memory(k, i, k->shape->value_size, MEMORY_READ, NULL);
}

/* Memory is checked when its size is: by the next argument. */
static struct err *arg_memory(struct call *k, unsigned i)
{
	bool may_be_null = i < 4 && k->helper->args[i + 1] == HELPER_ARG_SIZE_OR_ZERO;
	if (is_memory(&k->args[i]) || (may_be_null && k->args[i].kind == STATE_SCALAR))
		return NULL;
	return reject_argument(
		k, i, "memory of the program: a local variable, a map's value or a record");
}

static struct err *name_argument(struct call *k, unsigned i)
{
	snprintf(k->subject, sizeof k->subject, "argument %u (r%u) of %s", i + 1, i + 1,
		 k->helper->name);
	return NULL;
}

static struct err *check_sized(struct call *k, unsigned i, const struct range *size)
{
	bool is_out = k->helper->args[i - 1] == HELPER_ARG_MEM_OUT;
	bool is_read = k->helper->args[i - 1] == HELPER_ARG_MEM_IN;
	TRY(name_argument(k, i - 1));
	TRY(check_memory(k, i - 1, size->full.umax, is_read ? MEMORY_READ : MEMORY_WRITE,
			 &k->args[i]));
	if (is_out) {
		k->out = &k->args[i - 1];
		k->out_min = size->full.umin;
		k->out_max = size->full.umax;
	}
	return NULL;
}

static struct err *arg_size_or_zero(struct call *k, unsigned i)
{
	const struct state_reg *r = &k->args[i];
	TRY(arg_scalar(k, i));
	check_precise(k->c, r);
	if (r->range.full.umax == 0)
		return NULL;
	if (r->range.full.umax <= INT32_MAX)
		return check_sized(k, i, &r->range);
	return check_reject(k->c, VERIFIER_OUT_OF_BOUNDS,
			    "limit it first: if (size > sizeof(buffer)) return 0;",
			    "%s is a size without a usable limit: %s", k->subject,
			    words_of(k->c, r));
}

static struct err *arg_size(struct call *k, unsigned i)
{
	const struct state_reg *r = &k->args[i];
	TRY(arg_scalar(k, i));
	if (r->range.full.umin == 0)
		return check_reject(k->c, VERIFIER_BAD_ARGUMENT,
				    "check it first: if (size == 0) return 0;",
				    "%s is a size that may be 0: %s", k->subject,
				    words_of(k->c, r));
	return arg_size_or_zero(k, i);
}

static struct err *arg_const_size(struct call *k, unsigned i)
{
	const struct state_reg *r = &k->args[i];
	const struct object_map *m = k->shape;
	TRY(arg_scalar(k, i));
	check_precise(k->c, r);
	if (!range_is_const(&r->range))
		return reject_argument(k, i, "a constant, such as sizeof(struct event)");
	k->record_bytes = r->range.bits.value;
	if (k->record_bytes > 0 && k->record_bytes <= m->max_entries &&
	    k->record_bytes <= INT32_MAX / 4)
		return NULL;
	return check_reject(k->c, VERIFIER_BAD_ARGUMENT, "make the ring buffer larger",
			    "%s is %llu: a record has at least 1 byte and fits into map %.*s, "
			    "which has %u",
			    k->subject, (unsigned long long)k->record_bytes, STR_FMT(m->name),
			    m->max_entries);
}

static struct err *arg_const_length(struct call *k, unsigned i)
{
	const struct state_reg *r = &k->args[i];
	TRY(arg_scalar(k, i));
	check_precise(k->c, r);
	if (!range_is_const(&r->range) || r->range.bits.value > INT32_MAX)
		return reject_argument(k, i, "a constant, such as sizeof(struct event)");
	k->record_bytes = r->range.bits.value;
	return NULL;
}

static struct err *arg_mem_value(struct call *k, unsigned i)
{
	if (k->args[i].kind == STATE_VALUE)
		return NULL;
	return reject_argument(k, i,
			       "memory of a map: a value in it that is not null, or a global");
}

static struct err *arg_dynptr_uninit(struct call *k, unsigned i)
{
	k->place = &k->args[i];
	return call_dynptr_check_place(k->c, k->subject, k->place);
}

static struct err *arg_dynptr(struct call *k, unsigned i)
{
	return call_dynptr_check(k->c, k->subject, &k->args[i], &k->dynptr);
}

static struct err *arg_dynptr_record(struct call *k, unsigned i)
{
	TRY(call_dynptr_check_record(k->c, k->subject, &k->args[i], &k->dynptr));
	k->released = k->dynptr.id;
	return NULL;
}

static struct err *arg_record(struct call *k, unsigned i)
{
	const struct state_reg *r = &k->args[i];
	if (r->kind == STATE_RECORD_OR_NULL)
		return check_reject(k->c, VERIFIER_NULL_POINTER,
				    "compare it with 0 first: if (!record) return 0;",
				    "%s may be null", k->subject);
	if (r->kind != STATE_RECORD || !range_is(&r->range, 0))
		return reject_argument(k, i,
				       "the record as bpf_ringbuf_reserve() returned it, not "
				       "yet submitted or discarded");
	k->released = r->id;
	if (state_owns(k->c->state, r->id))
		return NULL;
	return check_reject(
		k->c, VERIFIER_BAD_ARGUMENT, "let the function that reserved it do that",
		"%s was not reserved by this callback, which may run any number of times",
		k->subject);
}

static struct err *arg_const_string(struct call *k, unsigned i)
{
	struct bytes text = memory_constant(k->c, &k->args[i]);
	if (text.size > 0 && memchr(text.data, 0, text.size))
		return NULL;
	return reject_argument(k, i, "a string literal, or a constant array that ends with a NUL");
}

static struct err *arg_ctx(struct call *k, unsigned i)
{
	if (k->args[i].kind == STATE_CTX && range_is(&k->args[i].range, 0))
		return NULL;
	return reject_argument(k, i, "the context as the entry got it");
}

static struct err *arg_callback(struct call *k, unsigned i)
{
	if (k->args[i].kind != STATE_FUNCTION)
		return reject_argument(k, i, "a function of the program");
	if (fact_callback(k->c, k->args[i].map))
		return NULL;
	return check_reject(k->c, VERIFIER_BAD_ARGUMENT, "write one call for each of the functions",
			    "%s is another function on another path", k->subject);
}

static struct err *arg_spin_lock(struct call *k, unsigned i)
{
	return lock_check_argument(k->c, k->subject, &k->args[i]);
}

static struct err *(*const arg_checks[])(struct call *k, unsigned i) = {
	[HELPER_ARG_ANYTHING] = arg_anything,
	[HELPER_ARG_SCALAR] = arg_scalar,
	[HELPER_ARG_MAP] = arg_map,
	[HELPER_ARG_MAP_KEY] = arg_map_key,
	[HELPER_ARG_MAP_VALUE] = arg_map_value,
	[HELPER_ARG_MEM_IN] = arg_memory,
	[HELPER_ARG_MEM_OUT] = arg_memory,
	[HELPER_ARG_SIZE] = arg_size,
	[HELPER_ARG_SIZE_OR_ZERO] = arg_size_or_zero,
	[HELPER_ARG_CONST_SIZE] = arg_const_size,
	[HELPER_ARG_RECORD] = arg_record,
	[HELPER_ARG_CONST_STRING] = arg_const_string,
	[HELPER_ARG_CTX] = arg_ctx,
	[HELPER_ARG_CALLBACK] = arg_callback,
	[HELPER_ARG_CALLBACK_CTX] = arg_anything,
	[HELPER_ARG_CONST_LENGTH] = arg_const_length,
	[HELPER_ARG_MEM_VALUE] = arg_mem_value,
	[HELPER_ARG_DYNPTR_UNINIT] = arg_dynptr_uninit,
	[HELPER_ARG_DYNPTR] = arg_dynptr,
	[HELPER_ARG_DYNPTR_RECORD] = arg_dynptr_record,
	[HELPER_ARG_SPIN_LOCK] = arg_spin_lock,
};

static struct err *check_arguments(struct call *k)
{
	for (unsigned i = 0; i < 5 && k->helper->args[i] != HELPER_ARG_NONE; i++) {
		TRY(name_argument(k, i));
		if (k->args[i].kind == STATE_NONE)
			return check_reject(k->c, VERIFIER_UNINIT_REGISTER,
					    "give the variable a value on every path",
					    "%s holds nothing: nothing was written to it on this "
					    "path, or a call "
					    "has used it up",
					    k->subject);
		TRY(arg_checks[k->helper->args[i]](k, i));
	}
	return NULL;
}

/* ---- effects ---- */

static void use_up(struct check *c)
{
	for (unsigned r = 0; r <= 5; r++)
		memset(check_reg(c, r), 0, sizeof(struct state_reg)); /* [I2] */
}

static struct err *result_none(struct call *k, struct state_reg *r0)
{
	(void)k;
	(void)r0;
	return NULL;
}

static struct err *result_number(struct call *k, struct state_reg *r0)
{
	(void)k;
	*r0 = state_scalar(range_unknown());
	return NULL;
}

static struct err *result_value(struct call *k, struct state_reg *r0)
{
	*r0 = (struct state_reg){.kind = k->shape->inner ? STATE_INNER_MAP_OR_NULL
							 : STATE_VALUE_OR_NULL,
				 .map = k->map->map,
				 .id = check_new_id(k->c),
				 .range = range_const(0)};
	return NULL;
}

static struct err *result_record(struct call *k, struct state_reg *r0)
{
	*r0 = (struct state_reg){.kind = STATE_RECORD_OR_NULL,
				 .map = k->map->map,
				 .id = check_new_id(k->c),
				 .size = (uint32_t)k->record_bytes,
				 .range = range_const(0)};
	if (state_acquire(k->c->state, r0->id, k->c->insn))
		return NULL;
	return check_reject(k->c, VERIFIER_TOO_COMPLEX, "submit or discard records earlier",
			    "more than %d records are held at the same time", STATE_REFS);
}

static struct err *result_slice(struct call *k, struct state_reg *r0)
{
	*r0 = (struct state_reg){.kind = STATE_SLICE_OR_NULL,
				 .map = k->dynptr.id,
				 .id = check_new_id(k->c),
				 .size = (uint32_t)k->record_bytes,
				 .range = range_const(0)};
	return NULL;
}

static struct err *(*const results[])(struct call *k, struct state_reg *r0) = {
	[HELPER_RETURN_VOID] = result_none,
	[HELPER_RETURN_INTEGER] = result_number,
	[HELPER_RETURN_MAP_VALUE_OR_NULL] = result_value,
	[HELPER_RETURN_RECORD_OR_NULL] = result_record,
	[HELPER_RETURN_SLICE_OR_NULL] = result_slice,
};

static struct err *take_effect(struct call *k)
{
	TRY(lock_take_effect(k->c, k->helper->id, &k->args[0]));
	if (k->out)
		memory_written(k->c, k->out, k->out_min, k->out_max);
	if ((k->helper->flags & HELPER_RELEASES) && !state_release(k->c->state, k->released))
		return check_reject(k->c, VERIFIER_BAD_ARGUMENT, NULL, "%s was released before",
				    k->subject);
	if (k->helper->flags & HELPER_RELEASES)
		state_object_end(k->c->state, k->released);
	if (k->place)
		TRY(call_dynptr_make(k->c, k->place, k->helper->flags & HELPER_ACQUIRES));
	use_up(k->c);
	return results[k->helper->returns](k, check_reg(k->c, 0));
}

static struct err *begin(struct call *k, const struct bpf_insn *insn,
			 const struct role_function **granted)
{
	struct check *c = k->c;
	TRY(grant_helper(c, (uint32_t)insn->imm, &k->helper, granted)); /* [I1] */
	TRY(check_arguments(k));
	TRY(proof_before(c, *granted));
	fact_call(c, k->helper);
	verdict_add_helper(c->verdict, k->helper);
	return NULL;
}

struct err *call_helper(struct check *c, const struct bpf_insn *insn)
{
	const struct role_function *granted;
	struct state_reg args[5];
	struct call k = {.c = c, .args = args};
	memcpy(args, check_reg(c, 1), sizeof args);
	TRY(begin(&k, insn, &granted));
	TRY(take_effect(&k));
	if (k.helper->returns == HELPER_RETURN_INTEGER)
		proof_after(c, granted, args);
	return NULL;
}

struct err *call_check(struct check *c, const struct bpf_insn *insn, struct state_reg args[5])
{
	const struct role_function *granted;
	struct call k = {.c = c, .args = args};
	memcpy(args, check_reg(c, 1), 5 * sizeof *args);
	return begin(&k, insn, &granted);
}

struct err *call_finish(struct check *c, const struct bpf_insn *insn,
			const struct state_reg args[5])
{
	const struct role_function *granted;
	struct call k = {.c = c, .args = args};
	TRY(grant_helper(c, (uint32_t)insn->imm, &k.helper, &granted));
	TRY(take_effect(&k));
	proof_after(c, granted, args);
	return NULL;
}

/* ---- local functions ---- */

struct err *call_local(struct check *c, const struct bpf_insn *insn)
{
	const struct flow_insn *at = &c->flow.insns[c->insn];
	uint32_t caller = state_top(c->state)->function;
	(void)insn;
	if (!state_push(c->state, at->target, at->next))
		return check_reject(
			c, VERIFIER_CALL_DEPTH,
			"write a function that calls itself as a loop with a constant bound; "
			"or make the innermost function __always_inline",
			"calls nest deeper than %d frames", STATE_FRAMES);
	c->frames_most = MAX(c->frames_most, c->state->frames_count);
	struct state_frame *f = state_top(c->state);
	memcpy(&f->regs[1], &f[-1].regs[1], 5 * sizeof f->regs[0]);
	memset(&f[-1].regs[0], 0, 6 * sizeof f->regs[0]); /* [I2] */
	check_calls(c, caller, at->target);
	return NULL;
}

static struct err *leave_entry(struct check *c)
{
	const struct state_reg *r0 = check_reg(c, 0);
	const struct state *s = c->state;
	if (r0->kind != STATE_SCALAR)
		return check_reject(c, VERIFIER_BAD_RETURN, "end with: return 0;",
				    "the entry must return a number, but r0 is %s",
				    words_of(c, r0));
	if (s->refs_count == 0)
		return c->host ? proof_exit(c) : NULL;
	if (s->refs[0].by)
		return host_call_reject_unreleased(c, &s->refs[0], "on this path");
	if (s->refs[0].is_iterator)
		return iter_reject_undestroyed(c, &s->refs[0], "on this path");
	const struct btf_line *line = object_line_at(c->object, s->refs[0].insn);
	const char *place =
		line ? check_text(c, "line %u, instruction %u", line->line, s->refs[0].insn)
		     : check_text(c, "instruction %u", s->refs[0].insn);
	return check_reject(c, VERIFIER_UNRELEASED,
			    "call bpf_ringbuf_submit() or bpf_ringbuf_discard() on every path",
			    "the record that was reserved at %s is neither submitted nor discarded "
			    "on this path",
			    place);
}

/* What has to be released must not be lost with the frame that it lies in. */
static struct err *check_objects_released(struct check *c)
{
	const struct state_reg *r = state_object_in_top(c->state);
	if (!r)
		return NULL;
	return check_reject(c, VERIFIER_UNRELEASED,
			    "release it before the function returns, or let the caller pass in its "
			    "place",
			    "the function returns, and with it ends a %s on its stack that is not "
			    "released",
			    state_kinds[r->kind].words);
}

struct err *call_exit(struct check *c, uint32_t *next)
{
	struct state *s = c->state;
	if (s->frames_count == 1) {
		*next = UINT32_MAX;
		return c->root == c->entry ? leave_entry(c) : global_leave(c);
	}
	struct state_frame *f = state_top(s);
	TRY(check_objects_released(c));
	if (f->is_callback) {
		*next = UINT32_MAX;
		return callback_leave(c);
	}
	if (f->regs[0].kind == STATE_STACK && f->regs[0].frame + 1u == s->frames_count)
		return check_reject(c, VERIFIER_BAD_RETURN, "let the caller pass the memory in",
				    "the function returns a pointer to its own stack, which ends "
				    "with it");
	f[-1].regs[0] = f->regs[0];
	*next = f->return_to;
	s->frames_count--;
	return NULL;
}
