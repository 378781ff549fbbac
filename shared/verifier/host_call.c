/*
 * Calls of the host. A function of the host knows nothing of programs: it follows each pointer that it gets,
 * as far as its type or its constraints say. So of each argument the whole reach is checked here; what is a
 * constraint, in proof.c.
 *
 * [H1] A pointer argument is memory, of the program or such of the host as the role lets it touch, of which
 *      every byte in reach may be used so; or a handle or struct of the host, of the parameter's own type; or
 *      0 where a constraint allows that.
 * [H2] What the function may write, by its type or a constraint, is unknown afterwards.
 * [H3] A handle is never followed nor changed: a function of the host made it, others of it take it.
 * [H4] What was acquired has a reference until a function that releases it takes it, or it is known that
 *      nothing was acquired: null, or a number below 0.
 * [H5] The host's structs may be changed by any function of it: a pointer that was read from one of them is
 *      read again. What the entry was called with stays, as it does for whom the entry stands in for.
 */
#include "shared/verifier/host_call.h"

#include "shared/verifier/grant.h"
#include "shared/verifier/host.h"
#include "shared/verifier/iter.h"
#include "shared/verifier/memory.h"
#include "shared/verifier/proof.h"
#include "shared/verifier/words.h"

#include <stdio.h>

struct host_call {
	struct check *c;
	const struct role_function *f;
	const struct state_reg *args; /* r1 … r5 */
	char subject[160];	      /* the argument that is being checked */
	uint32_t released;	      /* id of what it releases */
};

static void name_argument(struct host_call *k, size_t i)
{
	snprintf(k->subject, sizeof k->subject, "argument %zu (r%zu) of %.*s", i + 1, i + 1,
		 (int)MIN(k->f->name.size, (size_t)100), k->f->name.data);
}

static struct err *reject_argument(struct host_call *k, size_t i, const char *hint,
				   const char *wanted)
{
	return check_reject(k->c, VERIFIER_BAD_ARGUMENT, hint, "%s is %s, but must be %s",
			    k->subject, words_of(k->c, &k->args[i]), wanted);
}

/* ---- numbers ---- */

static struct err *check_number(struct host_call *k, size_t i)
{
	if (k->args[i].kind == STATE_SCALAR)
		return NULL;
	return check_reject(k->c, VERIFIER_POINTER_LEAK, "pass a number",
			    "%s is %s, which the function would see as a number", k->subject,
			    words_of(k->c, &k->args[i]));
}

/* ---- things that are held ---- */

static struct err *reject_resource(struct host_call *k, size_t i, const struct state_ref *ref)
{
	struct str wanted = k->f->args[i].resource;
	const char *hint =
		check_text(k->c,
			   "pass what a function that acquires %.*s returned, once it is "
			   "known that it did, and before it is released",
			   STR_FMT(wanted));
	if (ref && ref->by)
		return check_reject(k->c, VERIFIER_BAD_ARGUMENT, hint,
				    "%s was acquired as %.*s (by %.*s), but must be %.*s",
				    k->subject, STR_FMT(ref->by->acquires), STR_FMT(ref->by->name),
				    STR_FMT(wanted));
	return reject_argument(k, i, hint,
			       check_text(k->c, "%.*s: acquired, and not yet released",
					  STR_FMT(wanted)));
}

/* A number below 0 stands for nothing. */
static bool is_surely_held(struct check *c, const struct state_reg *r, const struct state_ref *ref)
{
	struct range value = range_sign_extend(&r->range, ref->bytes);
	check_precise(c, r);
	return !ref->is_signed || value.full.smin >= 0;
}

static struct err *check_handle(struct host_call *k, size_t i)
{
	const struct state_reg *r = &k->args[i];
	const struct role_value *v = &k->f->args[i];
	struct str type = k->f->params[i].type;
	if (r->map != v->pointee)
		return reject_argument(k, i, NULL, check_text(k->c, "a \"%.*s\"", STR_FMT(type)));
	if (r->frame && !v->is_const)
		return check_reject(k->c, VERIFIER_READ_ONLY, NULL,
				    "%s is %s, which is const, but the function takes a \"%.*s\"",
				    k->subject, words_of(k->c, r), STR_FMT(type));
	return NULL;
}

static struct err *check_held(struct host_call *k, size_t i)
{
	const struct state_reg *r = &k->args[i];
	const struct role_value *v = &k->f->args[i];
	bool is_number = r->kind == STATE_SCALAR;
	uint32_t id = is_number ? r->ref : r->kind == STATE_HANDLE ? r->id : 0;
	const struct state_ref *ref = id ? state_find_ref(k->c->state, id) : NULL;
	if (r->kind == STATE_HANDLE_OR_NULL)
		return check_reject(k->c, VERIFIER_NULL_POINTER,
				    "compare it with 0 first: if (!p) return 0;", "%s may be null",
				    k->subject);
	if (!ref || !ref->by || !str_equal(ref->by->acquires, v->resource) ||
	    (v->kind == ROLE_VALUE_NUMBER) != is_number ||
	    (is_number && (ref->bytes != v->size_bytes || r->ref_bytes != ref->bytes)))
		return reject_resource(k, i, ref);
	if (is_number && !is_surely_held(k->c, r, ref))
		return check_reject(k->c, VERIFIER_BAD_ARGUMENT,
				    "check it first: if (x < 0) return 0;",
				    "%s may be less than 0, where no %.*s was acquired: it is %s",
				    k->subject, STR_FMT(v->resource), words_of(k->c, r));
	if (!is_number && v->pointee)
		TRY(check_handle(k, i));
	if (k->released || !str_equal(k->f->releases, v->resource))
		return NULL;
	k->released = id;
	if (state_owns(k->c->state, id))
		return NULL;
	return check_reject(
		k->c, VERIFIER_BAD_ARGUMENT, "let the function that acquired it do that",
		"%s was not acquired by this callback, which may run any number of times",
		k->subject);
}

/* ---- pointers ---- */

static bool is_program_memory(const struct state_reg *r)
{
	return (state_flags(r) & STATE_IS_MEMORY) && r->kind != STATE_CTX && !host_is(r);
}

/* The bytes in reach of one term, where `t` speaks of parameter `i`. */
static bool reach_of(struct host_call *k, size_t i, const struct constraint_term *t, uint64_t *out,
		     bool *is_exact)
{
	const struct constraint_atom *a = &t->left.atoms[0];
	if (t->relation < CONSTRAINT_READABLE || a->kind != CONSTRAINT_NAME ||
	    !str_equal(a->name, k->f->params[i].name))
		return false;
	*out = proof_reach(k->c, k->f, t, is_exact);
	return true;
}

static struct err *check_reach(struct host_call *k, size_t i, enum memory_use use, bool is_read,
			       uint64_t bytes)
{
	struct memory_access a = {.subject = k->subject,
				  .pointer = k->args[i],
				  .size_bytes = bytes,
				  .use = use};
	struct memory_span span;
	TRY(memory_check(k->c, &a, &span));
	if (is_read && a.pointer.kind == STATE_STACK)
		TRY(memory_check_stack(k->c, k->subject, a.pointer.frame, span));
	return NULL;
}

/* What must hold in any case, said as of accesses: a better reason than an unproved constraint. */
static struct err *check_terms(struct host_call *k, size_t i)
{
	uint64_t bytes;
	bool is_exact;
	for (size_t n = 0; n < k->f->pre_count; n++) {
		const struct constraint *p = &k->f->pre[n];
		for (size_t t = 0; t < p->count && !constraint_has_choice(p); t++) {
			if (!reach_of(k, i, &p->terms[t], &bytes, &is_exact) || bytes == 0 ||
			    !is_exact || bytes > INT32_MAX)
				continue;
			bool is_read = p->terms[t].relation == CONSTRAINT_READABLE;
			TRY(check_reach(k, i, is_read ? MEMORY_READ : MEMORY_WRITE, is_read,
					bytes));
		}
	}
	return NULL;
}

static struct err *check_memory(struct host_call *k, size_t i)
{
	const struct role_value *v = &k->f->args[i];
	const struct state_reg *r = &k->args[i];
	struct str type = k->f->params[i].type;
	if (v->is_handle)
		return reject_argument(
			k, i, "what the type leads to is not for programs to make up",
			check_text(k->c, "what a function of the host returned as \"%.*s\"",
				   STR_FMT(type)));
	if (!v->is_const && !memory_is_writable(k->c, r))
		return check_reject(k->c, VERIFIER_READ_ONLY,
				    "copy it to a local variable and pass that; or let the host "
				    "declare the parameter as const",
				    "%s is %s, which is read-only, but the parameter is \"%.*s\": "
				    "the function may write there",
				    k->subject, words_of(k->c, r), STR_FMT(type));
	return check_terms(k, i);
}

/* The struct that `r` points to may be changed by a function. */
static bool is_struct_const(const struct check *c, const struct state_reg *r)
{
	if (r->kind == STATE_HOST_VAR)
		return !c->role->variables[r->map].is_write || c->role->variables[r->map].is_const;
	return c->role->attributes.always_const || c->role->places[r->map].is_const;
}

/* Memory of the host. What lies in reach, if it is not of the parameter's own type, constraints ask. */
static struct err *check_host_memory(struct host_call *k, size_t i)
{
	struct check *c = k->c;
	const struct state_reg *r = &k->args[i];
	const struct role_value *v = &k->f->args[i];
	struct str type = k->f->params[i].type;
	bool is_same = v->pointee && host_pointer_type(c, r) == v->pointee;
	if (!v->is_const && !c->role->attributes.allow_memory_write)
		return check_reject(
			c, VERIFIER_ATTRIBUTE, "a role with allow_memory_write: true may pass it",
			"%s is %s, and the parameter is \"%.*s\": the function may "
			"write there, which role %.*s forbids (allow_memory_write: false)",
			k->subject, words_of(c, r), STR_FMT(type), STR_FMT(c->role->name));
	if (is_same && !v->is_const && is_struct_const(c, r))
		return check_reject(
			c, VERIFIER_READ_ONLY, NULL,
			"%s is %s, which is const to the program, but the function takes "
			"a \"%.*s\"",
			k->subject, words_of(c, r), STR_FMT(type));
	if (is_same || !v->is_handle)
		return NULL;
	return reject_argument(k, i, NULL, check_text(c, "a \"%.*s\"", STR_FMT(type)));
}

static struct err *check_pointer(struct host_call *k, size_t i)
{
	const struct state_reg *r = &k->args[i];
	if (r->kind == STATE_SCALAR) {
		check_precise(k->c, r);
		if (range_is(&r->range, 0))
			return NULL; /* constraints decide */
		return check_reject(
			k->c, VERIFIER_NO_POINTER,
			"pass the address of a local variable, of a map's value or of a "
			"global",
			"%s is %s, but the function follows it as a pointer", k->subject,
			words_of(k->c, r));
	}
	/* Memory of a size that may be 0 is null then. */
	if ((state_flags(r) & (STATE_IS_NULL | STATE_IS_MEMORY)) == STATE_IS_NULL)
		return check_reject(k->c, VERIFIER_NULL_POINTER,
				    "compare it with 0 first: if (!p) return 0;",
				    "%s may be null here: it is %s", k->subject, words_of(k->c, r));
	if (r->kind == STATE_HANDLE)
		return check_handle(k, i);
	if (host_is(r))
		return check_host_memory(k, i);
	if (is_program_memory(r))
		return check_memory(k, i);
	return reject_argument(
		k, i, NULL, "memory of the program: a local variable, a map's value or a global");
}

static struct err *check_argument(struct host_call *k, size_t i)
{
	const struct role_value *v = &k->f->args[i];
	name_argument(k, i);
	if (k->args[i].kind == STATE_NONE)
		return check_reject(k->c, VERIFIER_UNINIT_REGISTER,
				    "give the variable a value on every path",
				    "%s holds nothing: nothing was written to it on this path, or "
				    "a call has used it up",
				    k->subject);
	if (v->resource.size)
		return check_held(k, i);
	return v->kind == ROLE_VALUE_POINTER ? check_pointer(k, i) : check_number(k, i);
}

/* ---- effects ---- */

/* Bytes behind argument `i` that may be written. [H2] */
static uint64_t written_reach(struct host_call *k, size_t i)
{
	bool is_const = k->f->args[i].is_const, is_said = false, is_exact;
	uint64_t bytes, most = 0;
	for (size_t n = 0; n < k->f->pre_count; n++) {
		for (size_t t = 0; t < k->f->pre[n].count; t++) {
			const struct constraint_term *term = &k->f->pre[n].terms[t];
			if (!reach_of(k, i, term, &bytes, &is_exact) ||
			    (is_const && term->relation != CONSTRAINT_WRITABLE))
				continue;
			most = MAX(most, bytes);
			is_said = true;
		}
	}
	uint64_t left = memory_left(k->c, &k->args[i]);
	return is_said || is_const ? MIN(most, left) : left;
}

static struct err *write_back(struct host_call *k, size_t i)
{
	const struct state_reg *r = &k->args[i];
	if (k->f->args[i].kind != ROLE_VALUE_POINTER || !is_program_memory(r))
		return NULL;
	uint64_t bytes = written_reach(k, i);
	if (bytes == 0)
		return NULL;
	name_argument(k, i);
	TRY(check_reach(k, i, MEMORY_WRITE, false, bytes));
	memory_written(k->c, r, 0, bytes);
	return NULL;
}

static struct range number_range(const struct role_value *v)
{
	struct range any = range_unknown();
	if (v->is_bool)
		return range_unsigned(0, 1);
	return v->is_signed ? range_sign_extend(&any, v->size_bytes)
			    : range_zero_extend(&any, v->size_bytes);
}

static struct state_reg result_of(struct host_call *k)
{
	const struct role_value *v = &k->f->result;
	if (v->kind == ROLE_VALUE_NUMBER)
		return state_scalar(number_range(v));
	if (v->kind != ROLE_VALUE_POINTER)
		return (struct state_reg){.kind = STATE_NONE};
	return (struct state_reg){.kind = STATE_HANDLE_OR_NULL,
				  .map = v->pointee,
				  .size = v->pointee_bytes,
				  .frame = v->is_const,
				  .id = check_new_id(k->c),
				  .maker = k->f,
				  .range = range_const(0)};
}

/* [H4] */
static struct err *acquire(struct host_call *k, struct state_reg *r0)
{
	const struct role_value *v = &k->f->result;
	bool is_number = v->kind == ROLE_VALUE_NUMBER;
	struct state *s = k->c->state;
	if (is_number && v->is_signed && r0->range.full.smax < 0)
		return NULL;
	uint32_t id = is_number ? check_new_id(k->c) : r0->id;
	if (!state_acquire(s, id, k->c->insn))
		return check_reject(k->c, VERIFIER_TOO_COMPLEX, "release what was acquired earlier",
				    "more than %d things are held at the same time", STATE_REFS);
	struct state_ref *ref = &s->refs[s->refs_count - 1];
	ref->by = k->f;
	if (!is_number)
		return NULL;
	ref->bytes = v->size_bytes;
	ref->is_signed = v->is_signed;
	r0->ref = id;
	r0->ref_bytes = v->size_bytes;
	return NULL;
}

static bool is_child(const struct check *c, const struct state_reg *r)
{
	bool is_struct = r->kind == STATE_HOST_STRUCT || r->kind == STATE_HOST_STRUCT_OR_NULL;
	return is_struct && c->role->places[r->map].parent != UINT32_MAX;
}

/* [H5] */
static void forget_children(struct check *c)
{
	struct state *s = c->state;
	for (uint32_t i = 0; i < s->frames_count; i++) {
		struct state_frame *f = &s->frames[i];
		for (unsigned r = 0; r < STATE_REGS; r++)
			if (is_child(c, &f->regs[r]))
				memset(&f->regs[r], 0, sizeof f->regs[r]);
		for (uint64_t left = f->used; left; left &= left - 1) {
			int slot = __builtin_ctzll(left);
			if (f->slots[slot].size > 0 && is_child(c, &f->slots[slot].reg)) {
				check_written(c, i, UINT64_C(1) << slot);
				state_forget(f, slot * 8 - STATE_FRAME_SIZE, 8, false);
			}
		}
	}
}

void host_call_expect(struct check *c)
{
	uint32_t count;
	const struct object_extern *externs = object_externs(c->object, &count);
	for (uint32_t i = 0; i < count; i++)
		if (externs[i].is_function) {
			forget_children(c);
			return;
		}
}

static struct err *take_effect(struct host_call *k)
{
	struct check *c = k->c;
	for (size_t i = 0; i < k->f->params_count; i++)
		TRY(write_back(k, i));
	if (k->released && !state_release(c->state, k->released))
		return check_reject(c, VERIFIER_BAD_ARGUMENT, NULL, "%.*s: released before",
				    STR_FMT(k->f->name));
	forget_children(c);
	for (unsigned r = 0; r <= 5; r++)
		memset(check_reg(c, r), 0, sizeof(struct state_reg));
	struct state_reg *r0 = check_reg(c, 0);
	*r0 = result_of(k);
	if (r0->kind != STATE_NONE)
		proof_after(c, k->f, k->args);
	return k->f->acquires.size ? acquire(k, r0) : NULL;
}

/* ---- the call ---- */

static struct verifier_value value_of(const struct role_value *v)
{
	return (struct verifier_value){v->size_bytes, v->is_signed};
}

static void tell_compiler(struct check *c, uint32_t index, const struct role_function *f)
{
	struct verifier_extern *e = &c->verdict->externs[index];
	if (e->is_used)
		return;
	*e = (struct verifier_extern){.is_used = true,
				      .is_function = true,
				      .symbol = f->name,
				      .name = f->name,
				      .args_count = (uint8_t)f->params_count,
				      .result = value_of(&f->result)};
	for (size_t i = 0; i < f->params_count; i++)
		e->args[i] = value_of(&f->args[i]);
}

/* A function of the runtime has no symbol. */
static void tell_runtime(struct check *c, uint32_t index, const struct kfunc *k)
{
	struct verifier_extern *e = &c->verdict->externs[index];
	*e = (struct verifier_extern){.is_used = true,
				      .is_function = true,
				      .name = str_of(k->name),
				      .args_count = k->args_count,
				      .result = {k->result_bytes, k->is_result_signed}};
	for (unsigned i = 0; i < k->args_count; i++)
		e->args[i] =
			(struct verifier_value){kfunc_arg_bytes(k, i), k->args[i] == KFUNC_ARG_INT};
}

struct err *host_call(struct check *c, const struct bpf_insn *insn)
{
	uint32_t count, index = (uint32_t)insn->imm;
	const struct object_extern *externs = object_externs(c->object, &count);
	struct state_reg args[5];
	struct host_call k = {.c = c, .args = args};
	if (index >= count || !externs[index].is_function)
		return check_reject(c, VERIFIER_BAD_INSN, NULL, "there is no extern function %u",
				    index);
	const struct kfunc *runtime = NULL;
	TRY(grant_extern(c, externs[index].name, &k.f, &runtime));
	if (runtime) {
		tell_runtime(c, index, runtime);
		return iter_call(c, runtime, k.f);
	}
	memcpy(args, check_reg(c, 1), sizeof args);
	for (size_t i = 0; i < k.f->params_count; i++)
		TRY(check_argument(&k, i)); /* [H1] */
	TRY(proof_before(c, k.f));
	tell_compiler(c, index, k.f);
	return take_effect(&k);
}

/* ---- what is left ---- */

static void put_releasers(const struct role *r, struct str resource, struct buf *out)
{
	size_t count = 0;
	for (size_t i = 0; i < r->functions_count; i++)
		if (str_equal(r->functions[i].releases, resource))
			buf_printf(out, "%s%.*s()", count++ ? " or " : "",
				   STR_FMT(r->functions[i].name));
	if (count == 0)
		buf_printf(out, "a function that releases it (the role has none)");
}

struct err *host_call_reject_unreleased(struct check *c, const struct state_ref *ref,
					const char *where)
{
	OWNED_BUF struct buf hint = BUF_INIT(1 << 14);
	const struct btf_line *line = object_line_at(c->object, ref->insn);
	buf_puts(&hint, "call ");
	put_releasers(c->role, ref->by->acquires, &hint);
	buf_puts(&hint, ref->bytes && ref->is_signed
				? " on every path but those where the number is less than 0"
				: " on every path");
	c->is_short |= hint.failed;
	return check_reject(c, VERIFIER_UNRELEASED, buf_text(&hint),
			    "the %.*s that %.*s acquired at line %u (instruction %u) is not "
			    "released %s",
			    STR_FMT(ref->by->acquires), STR_FMT(ref->by->name),
			    line ? line->line : 0, ref->insn, where);
}
