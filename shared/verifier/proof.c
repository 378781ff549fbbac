/*
 * Constraints over intervals.
 *
 * A sum is bounded from what is known of its atoms; a relation is proved when it holds for all values
 * within the bounds. How a number reads depends on its type: a 32-bit parameter sees the low half, an
 * unsigned one no minus. Where the type's name is not a known one, the bounds hold every reading.
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
		return read_number(&r->range, p->f->params[i].type);
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
	if (!n.is_known || n.low < 0 || n.high > (wide)memory_left(p->c, r))
		return false;
	if (t->relation == CONSTRAINT_WRITABLE)
		return (state_flags(r) & STATE_IS_STORE) && memory_constant(p->c, r).size == 0;
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

static struct err *reject_term(const struct proof *p, const struct constraint_term *t)
{
	OWNED_BUF struct buf known = BUF_INIT(4096), text = BUF_INIT(4096);
	struct constraint only = {.terms = t, .count = 1};
	constraint_print(&only, &text);
	put_args(p, &t->left, &known);
	put_args(p, &t->right, &known);
	p->c->is_short |= known.failed || text.failed;
	const char *hint = check_text(
		p->c, "check before the call that \"%s\" holds, and return early where it does not",
		buf_text(&text));
	if (t->relation == CONSTRAINT_NULL_TERMINATED)
		hint = "pass a string literal: nothing else is known to end with a NUL";
	return check_reject(p->c, VERIFIER_CONSTRAINT, hint,
			    "%.*s asks for \"%s\", which is not proved here%s%s",
			    STR_FMT(p->f->name), buf_text(&text), known.size ? ": " : "",
			    buf_text(&known));
}

struct err *proof_before(struct check *c, const struct role_function *f)
{
	struct proof p = {c, f, &state_top(c->state)->regs[1], NULL};
	for (size_t i = 0; i < f->pre_count; i++) {
		const struct constraint *k = &f->pre[i];
		for (size_t n = 0; !k->is_prose && n < k->count; n++)
			if (!prove_term(&p, &k->terms[n]))
				return reject_term(&p, &k->terms[n]);
	}
	return NULL;
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

static struct err *reject_result(const struct proof *p, const struct constraint_term *t)
{
	OWNED_BUF struct buf text = BUF_INIT(4096);
	struct constraint only = {.terms = t, .count = 1};
	constraint_print(&only, &text);
	p->c->is_short |= text.failed;
	return check_reject(p->c, VERIFIER_CONSTRAINT,
			    check_text(p->c, "check before it returns that \"%s\" holds",
				       buf_text(&text)),
			    "entry %.*s promises the host \"%s\", which is not proved here: the "
			    "result is %s",
			    STR_FMT(p->entry->name), buf_text(&text),
			    words_of(p->c, check_reg(p->c, 0)));
}

struct err *proof_exit(struct check *c)
{
	const struct role_entry *e = c->host;
	struct role_function f = {.name = e->name,
				  .params = e->params,
				  .params_count = e->params_count};
	struct proof p = {c, &f, c->host_args, e};
	for (size_t i = 0; i < e->post_count; i++)
		for (size_t n = 0; !e->post[i].is_prose && n < e->post[i].count; n++)
			if (!prove_term(&p, &e->post[i].terms[n]) &&
			    !prove_by_limit(&p, &e->post[i].terms[n]))
				return reject_result(&p, &e->post[i].terms[n]);
	return NULL;
}

/* ---- after ---- */

struct learning {
	unsigned op, swapped; /* BPF_J*: return op number, number op return */
	bool holds;
};

static const struct learning learnings[] = {
	[CONSTRAINT_EQ] = {BPF_JEQ, BPF_JEQ, true},   [CONSTRAINT_NE] = {BPF_JNE, BPF_JNE, true},
	[CONSTRAINT_LT] = {BPF_JSLT, BPF_JSGT, true}, [CONSTRAINT_LE] = {BPF_JSLE, BPF_JSGE, true},
	[CONSTRAINT_GT] = {BPF_JSGT, BPF_JSLT, true}, [CONSTRAINT_GE] = {BPF_JSGE, BPF_JSLE, true},
};

/* Only relations of `return` with a known number teach; others are true, but of no use. */
static void learn_term(const struct proof *p, const struct constraint_term *t)
{
	bool is_left = is_return(&t->left);
	if (t->relation >= CONSTRAINT_NON_NULL || (!is_left && !is_return(&t->right)))
		return;
	struct bounded n = bound_sum(p, is_left ? &t->right : &t->left);
	if (!n.is_known || n.low != n.high || n.low < INT64_MIN || n.low > INT64_MAX)
		return;
	const struct learning *k = &learnings[t->relation];
	struct state_reg *r0 = check_reg(p->c, 0);
	struct range result = r0->range, number = range_const((uint64_t)(int64_t)n.low);
	if (refine_jump(is_left ? k->op : k->swapped, true, k->holds, &result, &number))
		r0->range = result;
}

/* What a helper returns is the runtime's to know: a document that says otherwise is not believed, or an
 * access that it vouches for would fall out of its bounds. */
void proof_after(struct check *c, const struct role_function *f, const struct state_reg args[5])
{
	struct proof p = {c, f, args, NULL};
	if (f->kind != ROLE_FUNCTION_HOST)
		return;
	for (size_t i = 0; i < f->post_count; i++)
		for (size_t n = 0; !f->post[i].is_prose && n < f->post[i].count; n++)
			learn_term(&p, &f->post[i].terms[n]);
}
