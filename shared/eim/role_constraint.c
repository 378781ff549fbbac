/*
 * Constraints are written from the point of view of a type (`value`), of a function (its parameters) or of
 * a capability (whatever its functions have). Here they all become terms about one function's parameters
 * and `return`, split into what must hold before and what may be assumed after the call.
 */
#include "shared/eim/ctype.h"
#include "shared/eim/role_internal.h"

/* What `value` stands for. */
struct subject {
	enum constraint_atom_kind kind; /* NAME, RETURN, or VALUE: as it is */
	struct str name;
};

/* ---- does a term speak of what the function has? ---- */

static bool has_param(const struct spec_param *params, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal(params[i].name, name))
			return true;
	return false;
}

static bool sum_fits(const struct constraint_sum *sum, const struct spec_param *params,
		     size_t count)
{
	for (size_t i = 0; i < sum->count; i++) {
		const struct constraint_atom *atom = &sum->atoms[i];
		bool named = atom->kind == CONSTRAINT_NAME || atom->kind == CONSTRAINT_SIZEOF;
		if (named && !has_param(params, count, atom->name))
			return false;
		if (atom->kind == CONSTRAINT_VALUE && !has_param(params, count, STR("value")))
			return false;
	}
	return true;
}

bool role_term_fits(const struct constraint_term *term, const struct spec_param *params,
		    size_t count)
{
	return sum_fits(&term->left, params, count) && sum_fits(&term->right, params, count);
}

/* ---- gathering ---- */

static void substitute(struct constraint_sum *sum, struct subject subject)
{
	for (size_t i = 0; i < sum->count; i++) {
		struct constraint_atom *atom = &sum->atoms[i];
		bool is_value = atom->kind == CONSTRAINT_VALUE;
		bool is_size = atom->kind == CONSTRAINT_SIZEOF && str_is(atom->name, "value") &&
			       subject.kind == CONSTRAINT_NAME;
		if (is_value)
			atom->kind = subject.kind;
		if ((is_value && subject.kind == CONSTRAINT_NAME) || is_size)
			atom->name = subject.name;
	}
}

static struct err *grow(struct arena *a, struct constraint **items, const struct spec_place ***at,
			size_t count, size_t *capacity)
{
	if (count < *capacity)
		return NULL;
	if (count >= ROLE_MAX_CONSTRAINTS)
		return err_at(ERR_INVALID, "/host_functions",
			      "more than %d constraints on one function", ROLE_MAX_CONSTRAINTS);
	size_t wanted = MAX(*capacity * 2, (size_t)4);
	struct constraint *larger = arena_alloc_array(a, wanted, sizeof(*larger));
	const struct spec_place **places = arena_alloc_array(a, wanted, sizeof(*places));
	TRY_MEMORY(larger);
	TRY_MEMORY(places);
	if (count) {
		memcpy(larger, *items, count * sizeof(*larger));
		memcpy(places, *at, count * sizeof(*places));
	}
	*items = larger;
	*at = places;
	*capacity = wanted;
	return NULL;
}

static struct err *append(struct arena *a, struct role_constraints *list, bool post,
			  struct constraint c, const struct spec_place *at)
{
	if (post) {
		TRY(grow(a, &list->post, &list->post_at, list->post_count, &list->post_capacity));
		list->post_at[list->post_count] = at;
		list->post[list->post_count++] = c;
	} else {
		TRY(grow(a, &list->pre, &list->pre_at, list->pre_count, &list->pre_capacity));
		list->pre_at[list->pre_count] = at;
		list->pre[list->pre_count++] = c;
	}
	return NULL;
}

struct err *role_add_default(struct role_builder *b, struct role_constraints *list,
			     const struct constraint *c)
{
	return append(&b->scratch, list, false, *c, NULL);
}

/* What is gathered, and for whom. */
struct gathering {
	struct role_builder *b;
	struct subject subject;		  /* put in for `value` */
	const struct role_function *fits; /* not NULL: only what speaks of what it has */
	struct role_constraints *list;
};

static bool fits(const struct gathering *g, const struct constraint_term *term)
{
	return !g->fits || role_term_fits(term, g->fits->params, g->fits->params_count);
}

static struct constraint_term substituted(const struct gathering *g,
					  const struct constraint_term *from)
{
	struct constraint_term term = *from;
	substitute(&term.left, g->subject);
	substitute(&term.right, g->subject);
	return term;
}

/* The terms of `c` that are (not) about the result. [R2] */
static struct err *add_half(const struct gathering *g, const struct constraint *c, bool post,
			    const struct spec_place *at)
{
	struct constraint_term *terms = arena_alloc_array(&g->b->scratch, c->count, sizeof(*terms));
	struct constraint half = {.terms = terms};
	TRY_MEMORY(terms);
	for (size_t i = 0; i < c->count; i++) {
		terms[half.count] = substituted(g, &c->terms[i]);
		half.count += fits(g, &c->terms[i]) &&
			      constraint_term_is_post(&terms[half.count]) == post;
	}
	return half.count ? append(&g->b->scratch, g->list, post, half, at) : NULL;
}

/* A choice is one condition, before the call or after it. An alternative that speaks of what the function
 * does not have is none of it: so less is allowed before; after the call nothing can be assumed then. */
static struct err *add_choice(const struct gathering *g, const struct constraint *c,
			      const struct spec_place *at)
{
	struct constraint_term *terms = arena_alloc_array(&g->b->scratch, c->count, sizeof(*terms));
	struct constraint all = {.terms = terms};
	bool is_whole = true;
	size_t from, to = 0;
	TRY_MEMORY(terms);
	while (constraint_next(c, &from, &to)) {
		bool does_fit = true;
		for (size_t i = from; i < to; i++)
			does_fit &= fits(g, &c->terms[i]);
		for (size_t i = from; i < to && does_fit; i++)
			terms[all.count++] = substituted(g, &c->terms[i]);
		is_whole &= does_fit;
	}
	bool post = constraint_is_post(&all);
	if (all.count == 0 || (post && !is_whole))
		return NULL;
	terms[0].is_or = false;
	return append(&g->b->scratch, g->list, post, all, at);
}

static struct err *add(const struct gathering *g, const struct spec_constraints *from)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct constraint *c = &from->items[i];
		if (constraint_has_choice(c)) {
			TRY(add_choice(g, c, &from->at[i]));
			continue;
		}
		TRY(add_half(g, c, false, &from->at[i]));
		TRY(add_half(g, c, true, &from->at[i]));
	}
	return NULL;
}

static struct err *add_type(struct role_builder *b, struct str name, struct subject subject,
			    struct role_constraints *list)
{
	const struct spec_type *type = spec_find_type(b->spec, name);
	const struct gathering g = {b, subject, NULL, list};
	for (size_t steps = 0; type; type = ctype_base_of(b->spec, type)) {
		if (++steps > b->spec->types_count)
			return err_at(ERR_INVALID, type->at.path,
				      "line %u:%u: type \"%.*s\" is its own base", type->at.line,
				      type->at.column, STR_FMT(type->name));
		TRY(add(&g, &type->constraints));
	}
	return NULL;
}

/* In a function's constraints `value` can only be a parameter of that name. */
static struct subject own_subject(const struct role_function *f)
{
	if (has_param(f->params, f->params_count, STR("value")))
		return (struct subject){CONSTRAINT_NAME, STR("value")};
	return (struct subject){.kind = CONSTRAINT_VALUE};
}

struct err *role_add_declared(struct role_builder *b, const struct spec_function *declared,
			      const struct role_function *f, struct role_constraints *list)
{
	for (size_t i = 0; i < declared->params_count; i++)
		TRY(add_type(b, declared->params[i].type,
			     (struct subject){CONSTRAINT_NAME, declared->params[i].name}, list));
	TRY(add_type(b, declared->return_type, (struct subject){.kind = CONSTRAINT_RETURN}, list));
	return add(&(struct gathering){b, own_subject(f), NULL, list}, &declared->constraints);
}

struct err *role_add_capability(struct role_builder *b, const struct spec_capability *capability,
				const struct role_function *f, struct role_constraints *list)
{
	return add(&(struct gathering){b, own_subject(f), f, list}, &capability->constraints);
}

/* ---- keeping ---- */

/* Copied, not parsed again from its text: a parameter may have any name. */
static struct err *keep(struct role_builder *b, const struct constraint *from,
			struct constraint *out)
{
	OWNED_BUF struct buf text = BUF_INIT(65536);
	struct constraint with_text = *from;
	constraint_print(from, &text);
	TRY(buf_check(&text));
	with_text.text = buf_str(&text);
	return constraint_copy(&with_text, &b->role->arena, out);
}

/* Type, function and capability often say the same. */
static bool is_repeated(const struct constraint *kept, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (str_equal(kept[i].text, kept[at].text))
			return true;
	return false;
}

static struct err *keep_list(struct role_builder *b, const struct constraint *from, size_t count,
			     const struct constraint **out, size_t *out_count)
{
	struct constraint *kept = arena_alloc_array(&b->role->arena, count, sizeof(*kept));
	TRY_MEMORY(kept);
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		TRY(keep(b, &from[i], &kept[used]));
		used += !is_repeated(kept, used);
	}
	*out = kept;
	*out_count = used;
	return NULL;
}

struct err *role_keep_constraints(struct role_builder *b, const struct role_constraints *list,
				  struct role_function *f)
{
	TRY(keep_list(b, list->pre, list->pre_count, &f->pre, &f->pre_count));
	return keep_list(b, list->post, list->post_count, &f->post, &f->post_count);
}
