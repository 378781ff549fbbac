/*
 * Constraints over intervals.
 *
 * A sum is bounded from what is known of its atoms; a relation is proved when it holds for all values
 * within the bounds. How a number reads depends on its type: a 32-bit parameter sees the low half, an
 * unsigned one no minus. Of a host's function its BTF says the type; else, where the type's name is not a
 * known one, the bounds hold every reading. Of alternatives one is proved; what follows from each that is
 * possible follows from all.
 *
 * [I1] A constraint that is not understood is not proved.
 * [I2] An argument that a proof used is precise.
 */
#include "shared/verifier/proof.h"

#include "shared/verifier/host.h"
#include "shared/verifier/limit.h"
#include "shared/verifier/refine.h"
#include "shared/verifier/words.h"

typedef __int128 wide;

struct bounded {
	bool is_known;
	wide low, high;
};

struct proof {
	struct check *c;
	const struct role_function *f;
	const struct state_reg *args;	/* r1 … r5 */
	const struct role_entry *entry; /* at its exit: r0 is `return`; else NULL */
};

/* ---- how a type reads a register ---- */

struct reading {
	const char *type;
	bool is64, is_signed;
};

static const struct reading readings[] = {
	{"int", false, true},
	{"s32", false, true},
	{"__s32", false, true},
	{"int32_t", false, true},
	{"unsigned int", false, false},
	{"unsigned", false, false},
	{"u32", false, false},
	{"__u32", false, false},
	{"uint32_t", false, false},
	{"long", true, true},
	{"long long", true, true},
	{"s64", true, true},
	{"__s64", true, true},
	{"int64_t", true, true},
	{"ssize_t", true, true},
	{"unsigned long", true, false},
	{"unsigned long long", true, false},
	{"u64", true, false},
	{"__u64", true, false},
	{"uint64_t", true, false},
	{"size_t", true, false},
	{"uintptr_t", true, false},
};

static void widen(struct bounded *b, wide low, wide high)
{
	b->low = b->is_known ? MIN(b->low, low) : low;
	b->high = b->is_known ? MAX(b->high, high) : high;
	b->is_known = true;
}

static struct bounded read_number(const struct range *r, struct str type)
{
	struct bounded b = {0};
	bool is_known = false;
	for (size_t i = 0; i < ARRAY_SIZE(readings); i++) {
		const struct reading *k = &readings[i];
		if (!str_is(type, k->type))
			continue;
		const struct interval *v = k->is64 ? &r->full : &r->low;
		if (k->is_signed)
			widen(&b, v->smin, v->smax);
		else
			widen(&b, v->umin, v->umax);
		is_known = true;
	}
	if (is_known)
		return b;
	widen(&b, r->full.smin, r->full.smax);
	widen(&b, r->full.umin, r->full.umax);
	widen(&b, r->low.smin, r->low.smax);
	widen(&b, r->low.umin, r->low.umax);
	return b;
}

static struct bounded read_value(const struct range *r, const struct role_value *v)
{
	struct bounded b = {0};
	struct range value = v->is_signed ? range_sign_extend(r, v->size_bytes)
					  : range_zero_extend(r, v->size_bytes);
	if (v->is_signed)
		widen(&b, value.full.smin, value.full.smax);
	else
		widen(&b, value.full.umin, value.full.umax);
	return b;
}

static struct bounded read_arg(const struct proof *p, const struct state_reg *r, size_t i)
{
	const struct role_value *v = &p->f->args[i];
	if (p->f->kind == ROLE_FUNCTION_HOST && v->kind == ROLE_VALUE_NUMBER)
		return read_value(&r->range, v);
	return read_number(&r->range, p->f->params[i].type);
}

/* ---- sums ---- */

static const struct state_reg *find_arg(const struct proof *p, struct str name, size_t *index)
{
	for (size_t i = 0; i < p->f->params_count && i < 5; i++) {
		if (str_equal(p->f->params[i].name, name)) {
			*index = i;
			return &p->args[i];
		}
	}
	return NULL;
}

static struct bounded bound_size(const struct proof *p, const struct state_reg *r)
{
	uint64_t left = memory_left(p->c, r);
	if (host_is(r) || left == 0 || !range_is_const(&r->range))
		return (struct bounded){0};
	return (struct bounded){true, (wide)left, (wide)left};
}

/* What the host takes from r0. */
static struct bounded bound_result(const struct proof *p)
{
	unsigned bytes = p->entry->result_bytes;
	const struct state_reg *r0 = check_reg(p->c, 0);
	if (bytes == 0)
		return (struct bounded){0};
	check_precise(p->c, r0); /* [I2] */
	const struct interval *low = &r0->range.low;
	if (bytes == 4 && p->entry->is_result_signed)
		return (struct bounded){true, low->smin, low->smax};
	struct range r = p->entry->is_result_signed ? range_sign_extend(&r0->range, bytes)
						    : range_zero_extend(&r0->range, bytes);
	if (p->entry->is_result_signed)
		return (struct bounded){true, r.full.smin, r.full.smax};
	return (struct bounded){true, r.full.umin, r.full.umax};
}

static struct bounded bound_atom(const struct proof *p, const struct constraint_atom *a)
{
	size_t i = 0;
	const struct state_reg *r = NULL;
	switch (a->kind) {
	case CONSTRAINT_INTEGER:
		return (struct bounded){true, a->integer, a->integer};
	case CONSTRAINT_NAME:
	case CONSTRAINT_VALUE: /* what is left of it names a parameter "value" */
		r = find_arg(p, a->kind == CONSTRAINT_NAME ? a->name : STR("value"), &i);
		if (!r || r->kind != STATE_SCALAR)
			return (struct bounded){0};
		check_precise(p->c, r); /* [I2] */
		return read_arg(p, r, i);
	case CONSTRAINT_SIZEOF:
		r = find_arg(p, a->name, &i);
		return r ? bound_size(p, r) : (struct bounded){0};
	case CONSTRAINT_RETURN:
		return p->entry ? bound_result(p) : (struct bounded){0};
	}
	return (struct bounded){0};
}

static struct bounded bound_sum(const struct proof *p, const struct constraint_sum *s)
{
	struct bounded all = {true, 0, 0};
	for (size_t i = 0; i < s->count; i++) {
		struct bounded a = bound_atom(p, &s->atoms[i]);
		if (!a.is_known)
			return (struct bounded){0};
		all.low += s->atoms[i].negative ? -a.high : a.low;
		all.high += s->atoms[i].negative ? -a.low : a.high;
	}
	return all;
}

static bool is_return(const struct constraint_sum *s)
{
	return s->count == 1 && s->atoms[0].kind == CONSTRAINT_RETURN && !s->atoms[0].negative;
}

/* ---- terms ---- */

static bool prove_relation(const struct proof *p, const struct constraint_term *t)
{
	struct bounded l = bound_sum(p, &t->left), r = bound_sum(p, &t->right);
	if (!l.is_known || !r.is_known)
		return false;
	switch (t->relation) {
	case CONSTRAINT_EQ:
		return l.low == l.high && r.low == r.high && l.low == r.low;
	case CONSTRAINT_NE:
		return l.high < r.low || r.high < l.low;
	case CONSTRAINT_LT:
		return l.high < r.low;
	case CONSTRAINT_LE:
		return l.high <= r.low;
	case CONSTRAINT_GT:
		return l.low > r.high;
	case CONSTRAINT_GE:
		return l.low >= r.high;
	case CONSTRAINT_NON_NULL:
	case CONSTRAINT_NULL_TERMINATED:
	case CONSTRAINT_READABLE:
	case CONSTRAINT_WRITABLE:
		break;
	}
	return false;
}

static bool prove_non_null(const struct proof *p, const struct state_reg *r)
{
	if (state_is_pointer(r))
		return !(state_flags(r) & STATE_IS_NULL) &&
		       (!host_is(r) || r->range.full.smin >= 0);
	struct range number = r->range, zero = range_const(0);
	check_precise(p->c, r);
	return r->kind == STATE_SCALAR && !refine_jump(BPF_JEQ, true, true, &number, &zero);
}

static bool prove_terminated(const struct proof *p, const struct state_reg *r)
{
	struct bytes text = memory_constant(p->c, r);
	if (host_is_terminated(p->c, r))
		return true;
	return text.size > 0 && memchr(text.data, 0, text.size);
}

/* The register that is the whole sum, or NULL. */
static const struct state_reg *sole_number(const struct proof *p, const struct constraint_sum *s)
{
	size_t i;
	if (s->count != 1 || s->atoms[0].kind != CONSTRAINT_NAME || s->atoms[0].negative)
		return NULL;
	const struct state_reg *r = find_arg(p, s->atoms[0].name, &i);
	return r && r->kind == STATE_SCALAR ? r : NULL;
}

/* `r` points to at least as many bytes as the sum may say, all of them readable or writable. */
static bool prove_memory(const struct proof *p, const struct constraint_term *t,
			 const struct state_reg *r)
{
	struct bounded n = bound_sum(p, &t->right);
	if (host_is(r) && n.is_known && n.low >= 0)
		return host_allows(p->c, r, (uint64_t)MIN(n.high, (wide)INT64_MAX / 4),
				   sole_number(p, &t->right),
				   t->relation == CONSTRAINT_WRITABLE ? MEMORY_WRITE : MEMORY_READ);
	if (!n.is_known || n.low < 0)
		return false;
	if (n.high == 0 && r->kind == STATE_SCALAR && range_is(&r->range, 0)) {
		check_precise(p->c, r);
		return true;
	}
	if (r->kind ==
	    STATE_HANDLE) /* of a type that is as large, and not const where that matters */
		return n.high <= (wide)r->size && (t->relation != CONSTRAINT_WRITABLE || !r->frame);
	if (!state_is_pointer(r) || n.high > (wide)memory_left(p->c, r))
		return false;
	if (t->relation == CONSTRAINT_WRITABLE)
		return memory_is_writable(p->c, r);
	if (r->kind != STATE_STACK)
		return true;
	bool is_pointer;
	int from = (int)r->range.full.smin;
	unsigned size = (unsigned)(r->range.full.smax - from + (int64_t)n.high);
	check_read(p->c, r->frame, state_slots(from, size));
	return state_is_readable(&p->c->state->frames[r->frame], from, size, &is_pointer);
}

static bool prove_term(const struct proof *p, const struct constraint_term *t)
{
	size_t i;
	if (t->relation < CONSTRAINT_NON_NULL)
		return prove_relation(p, t);
	if (t->left.count != 1 || t->left.atoms[0].kind != CONSTRAINT_NAME)
		return false; /* [I1] */
	const struct state_reg *r = find_arg(p, t->left.atoms[0].name, &i);
	if (!r)
		return false;
	if (t->relation == CONSTRAINT_NON_NULL)
		return prove_non_null(p, r);
	if (t->relation == CONSTRAINT_NULL_TERMINATED)
		return prove_terminated(p, r);
	return prove_memory(p, t, r);
}

/* ---- before ---- */

static void put_args(const struct proof *p, const struct constraint_sum *s, struct buf *out)
{
	for (size_t n = 0; n < s->count; n++) {
		size_t i;
		const struct constraint_atom *a = &s->atoms[n];
		bool is_named = a->kind == CONSTRAINT_NAME || a->kind == CONSTRAINT_SIZEOF;
		const struct state_reg *r = is_named ? find_arg(p, a->name, &i) : NULL;
		if (!r)
			continue;
		buf_printf(out, "%s%.*s (r%zu) is ", out->size ? ", " : "", STR_FMT(a->name),
			   i + 1);
		words_reg(p->c, r, out);
	}
}

static struct err *reject_terms(const struct proof *p, const struct constraint_term *t,
				size_t count)
{
	OWNED_BUF struct buf known = BUF_INIT(4096), text = BUF_INIT(4096);
	struct constraint only = {.terms = t, .count = count};
	constraint_print(&only, &text);
	for (size_t i = 0; i < count; i++) {
		put_args(p, &t[i].left, &known);
		put_args(p, &t[i].right, &known);
	}
	p->c->is_short |= known.failed || text.failed;
	const char *hint = check_text(
		p->c, "check before the call that \"%s\" holds, and return early where it does not",
		buf_text(&text));
	if (count == 1 && t->relation == CONSTRAINT_NULL_TERMINATED)
		hint = "pass a string literal: nothing else is known to end with a NUL";
	return check_reject(p->c, VERIFIER_CONSTRAINT, hint,
			    "%.*s asks for \"%s\", which is not proved here%s%s",
			    STR_FMT(p->f->name), buf_text(&text), known.size ? ": " : "",
			    buf_text(&known));
}

/* How many of the terms are proved, from the first one on. */
static size_t prove_terms(const struct proof *p, const struct constraint_term *terms, size_t count)
{
	size_t n = 0;
	while (n < count && prove_term(p, &terms[n]))
		n++;
	return n;
}

static struct err *prove(const struct proof *p, const struct constraint *k)
{
	size_t from = 0, to = 0, proved = 0;
	while (constraint_next(k, &from, &to)) {
		proved = prove_terms(p, &k->terms[from], to - from);
		if (proved == to - from)
			return NULL;
	}
	if (k->count == 0)
		return NULL;
	return constraint_has_choice(k) ? reject_terms(p, k->terms, k->count)
					: reject_terms(p, &k->terms[proved], 1);
}

struct err *proof_before(struct check *c, const struct role_function *f)
{
	struct proof p = {c, f, &state_top(c->state)->regs[1], NULL};
	for (size_t i = 0; i < f->pre_count; i++)
		if (!f->pre[i].is_prose)
			TRY(prove(&p, &f->pre[i]));
	return NULL;
}

uint64_t proof_reach(struct check *c, const struct role_function *f,
		     const struct constraint_term *t, bool *is_exact)
{
	struct proof p = {c, f, &state_top(c->state)->regs[1], NULL};
	struct bounded n = bound_sum(&p, &t->right);
	*is_exact = n.is_known && n.low == n.high;
	if (!n.is_known || n.high > INT32_MAX)
		return UINT64_MAX;
	return n.high < 0 ? 0 : (uint64_t)n.high;
}

/* ---- at the exit of an entry ---- */

/* return <= length, where length is the size of memory. */
static bool prove_by_limit(const struct proof *p, const struct constraint_term *t)
{
	size_t i;
	int64_t left;
	const struct constraint_atom *a = &t->right.atoms[0];
	if (!is_return(&t->left) || t->right.count != 1 || a->kind != CONSTRAINT_NAME ||
	    a->negative || !find_arg(p, a->name, &i) || p->entry->result_bytes < 4)
		return false;
	bool is64 = p->entry->result_bytes == 8, is_signed = p->entry->is_result_signed;
	enum limit_form form =
		is_signed ? (is64 ? LIMIT_S64 : LIMIT_S32) : (is64 ? LIMIT_U64 : LIMIT_U32);
	const struct state_reg *r0 = check_reg(p->c, 0);
	if (!limit_find(r0, (uint8_t)(i + 1), form, &left))
		return false;
	check_precise(p->c, r0); /* [I2] */
	return (t->relation == CONSTRAINT_LE && left >= 0) ||
	       (t->relation == CONSTRAINT_LT && left > 0);
}

static struct err *reject_result(const struct proof *p, const struct constraint *k)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 14);
	constraint_print(k, &text);
	p->c->is_short |= text.failed;
	return check_reject(p->c, VERIFIER_CONSTRAINT,
			    check_text(p->c, "check before it returns that \"%s\" holds",
				       buf_text(&text)),
			    "entry %.*s promises the host \"%s\", which is not proved here: the "
			    "result is %s",
			    STR_FMT(p->entry->name), buf_text(&text),
			    words_of(p->c, check_reg(p->c, 0)));
}

static struct err *prove_result(const struct proof *p, const struct constraint *k)
{
	size_t from, to = 0;
	while (constraint_next(k, &from, &to)) {
		size_t n = from;
		while (n < to && (prove_term(p, &k->terms[n]) || prove_by_limit(p, &k->terms[n])))
			n++;
		if (n == to)
			return NULL;
	}
	return reject_result(p, k);
}

struct err *proof_exit(struct check *c)
{
	const struct role_entry *e = c->host;
	struct role_function f = {.name = e->name,
				  .params = e->params,
				  .params_count = e->params_count};
	struct proof p = {c, &f, c->host_args, e};
	for (size_t i = 0; i < e->post_count; i++)
		if (!e->post[i].is_prose)
			TRY(prove_result(&p, &e->post[i]));
	return NULL;
}

/* ---- after ---- */

struct learning {
	unsigned op, swapped; /* BPF_J*: return op number, number op return */
};

static const struct learning signed_learnings[] = {
	[CONSTRAINT_EQ] = {BPF_JEQ, BPF_JEQ},	[CONSTRAINT_NE] = {BPF_JNE, BPF_JNE},
	[CONSTRAINT_LT] = {BPF_JSLT, BPF_JSGT}, [CONSTRAINT_LE] = {BPF_JSLE, BPF_JSGE},
	[CONSTRAINT_GT] = {BPF_JSGT, BPF_JSLT}, [CONSTRAINT_GE] = {BPF_JSGE, BPF_JSLE},
};

static const struct learning unsigned_learnings[] = {
	[CONSTRAINT_EQ] = {BPF_JEQ, BPF_JEQ}, [CONSTRAINT_NE] = {BPF_JNE, BPF_JNE},
	[CONSTRAINT_LT] = {BPF_JLT, BPF_JGT}, [CONSTRAINT_LE] = {BPF_JLE, BPF_JGE},
	[CONSTRAINT_GT] = {BPF_JGT, BPF_JLT}, [CONSTRAINT_GE] = {BPF_JGE, BPF_JLE},
};

/* The numbers of `n` that the result, of 64 bits, can be compared with; false where there is none. */
static bool range_of(const struct bounded *n, bool is_signed, struct range *out)
{
	const wide least = is_signed ? (wide)INT64_MIN : 0;
	const wide most = is_signed ? (wide)INT64_MAX : (wide)UINT64_MAX;
	*out = range_unknown();
	if (!n->is_known || n->low > most || n->high < least)
		return false;
	if (is_signed) {
		out->full.smin = (int64_t)MAX(n->low, least);
		out->full.smax = (int64_t)MIN(n->high, most);
	} else {
		out->full.umin = (uint64_t)MAX(n->low, least);
		out->full.umax = (uint64_t)MIN(n->high, most);
	}
	return range_settle(out);
}

/* Whether the term, of arguments alone, is known not to hold. */
static bool is_refuted(const struct proof *p, const struct constraint_term *t)
{
	static const enum constraint_relation opposite[] = {
		[CONSTRAINT_EQ] = CONSTRAINT_NE, [CONSTRAINT_NE] = CONSTRAINT_EQ,
		[CONSTRAINT_LT] = CONSTRAINT_GE, [CONSTRAINT_LE] = CONSTRAINT_GT,
		[CONSTRAINT_GT] = CONSTRAINT_LE, [CONSTRAINT_GE] = CONSTRAINT_LT,
	};
	struct constraint_term other = *t;
	if (t->relation > CONSTRAINT_GE)
		return false;
	other.relation = opposite[t->relation];
	return prove_relation(p, &other);
}

/* `return.non_null` */
static bool learn_non_null(struct state_reg *r0)
{
	struct range zero = range_const(0), result = r0->range;
	if (state_is_pointer(r0)) {
		r0->kind = state_kinds[r0->kind].not_null;
		return true;
	}
	if (!refine_jump(BPF_JNE, true, true, &result, &zero))
		return false;
	r0->range = result;
	return true;
}

/* Relations of `return` with what is known of a sum teach; others are true, but of no use. False where the
 * term cannot hold. */
static bool learn_term(const struct proof *p, const struct constraint_term *t, struct state_reg *r0)
{
	const struct role_value *v = &p->f->result;
	bool is_signed = v->is_signed || v->size_bytes < 8, is_left = is_return(&t->left);
	struct range result = r0->range, number;
	if (t->relation == CONSTRAINT_NON_NULL && is_left)
		return learn_non_null(r0);
	if (!constraint_term_is_post(t))
		return !is_refuted(p, t);
	if (t->relation > CONSTRAINT_GE || is_left == is_return(&t->right) ||
	    r0->kind != STATE_SCALAR)
		return true;
	struct bounded n = bound_sum(p, is_left ? &t->right : &t->left);
	if ((t->relation == CONSTRAINT_NE && n.low != n.high) || !range_of(&n, is_signed, &number))
		return true;
	const struct learning *k =
		is_signed ? &signed_learnings[t->relation] : &unsigned_learnings[t->relation];
	if (!refine_jump(is_left ? k->op : k->swapped, true, true, &result, &number))
		return false;
	r0->range = result;
	return true;
}

/* False where the terms cannot all hold: then *r0 says nothing. */
static bool learn_terms(const struct proof *p, const struct constraint_term *terms, size_t count,
			struct state_reg *r0)
{
	for (size_t i = 0; i < count; i++)
		if (!learn_term(p, &terms[i], r0))
			return false;
	return true;
}

/* What holds whichever alternative does. */
static void learn(const struct proof *p, const struct constraint *k, struct state_reg *r0)
{
	struct state_reg all = *r0;
	size_t from, to = 0;
	bool any = false;
	while (constraint_next(k, &from, &to)) {
		struct state_reg one = *r0;
		if (!learn_terms(p, &k->terms[from], to - from, &one))
			continue;
		if (!any)
			all = one;
		all.range = range_join(&all.range, &one.range);
		if (all.kind != one.kind)
			all.kind = r0->kind;
		any = true;
	}
	if (any)
		*r0 = all;
}

/* What a helper returns is the runtime's to know: a document that says otherwise is not believed, or an
 * access that it vouches for would fall out of its bounds. */
void proof_after(struct check *c, const struct role_function *f, const struct state_reg args[5])
{
	struct proof p = {c, f, args, NULL};
	if (f->kind != ROLE_FUNCTION_HOST)
		return;
	for (size_t i = 0; i < f->post_count; i++)
		if (!f->post[i].is_prose)
			learn(&p, &f->post[i], check_reg(c, 0));
}
