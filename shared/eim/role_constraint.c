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

static struct err *grow(struct arena *a, struct constraint **items, size_t count, size_t *capacity)
{
	if (count < *capacity)
		return NULL;
	if (count >= ROLE_MAX_CONSTRAINTS)
		return err_at(ERR_INVALID, "/host_functions",
			      "more than %d constraints on one function", ROLE_MAX_CONSTRAINTS);
	size_t wanted = MAX(*capacity * 2, (size_t)4);
	struct constraint *larger = arena_alloc_array(a, wanted, sizeof(*larger));
	TRY_MEMORY(larger);
	if (count)
		memcpy(larger, *items, count * sizeof(*larger));
	*items = larger;
	*capacity = wanted;
	return NULL;
}

static struct err *append(struct arena *a, struct role_constraints *list, bool post,
			  struct constraint c)
{
	if (post) {
		TRY(grow(a, &list->post, list->post_count, &list->post_capacity));
		list->post[list->post_count++] = c;
	} else {
		TRY(grow(a, &list->pre, list->pre_count, &list->pre_capacity));
		list->pre[list->pre_count++] = c;
	}
	return NULL;
}

/* The terms of `c` that are (not) about the result, with the subject put in for `value`; where `fits` is
 * given, only those that speak of what it has. */
static struct err *add_half(struct role_builder *b, const struct constraint *c, bool post,
			    struct subject subject, const struct role_function *fits,
			    struct role_constraints *list)
{
	struct constraint_term *terms = arena_alloc_array(&b->scratch, c->count, sizeof(*terms));
	struct constraint half = {.terms = terms};
	TRY_MEMORY(terms);
	for (size_t i = 0; i < c->count; i++) {
		struct constraint_term term = c->terms[i];
		if (fits && !role_term_fits(&term, fits->params, fits->params_count))
			continue;
		substitute(&term.left, subject);
		substitute(&term.right, subject);
		if (constraint_term_is_post(&term) == post)
			terms[half.count++] = term;
	}
	return half.count ? append(&b->scratch, list, post, half) : NULL;
}

static struct err *add(struct role_builder *b, const struct spec_constraints *from,
		       struct subject subject, const struct role_function *fits,
		       struct role_constraints *list)
{
	for (size_t i = 0; i < from->count; i++) {
		TRY(add_half(b, &from->items[i], false, subject, fits, list));
		TRY(add_half(b, &from->items[i], true, subject, fits, list));
	}
	return NULL;
}

static struct err *add_type(struct role_builder *b, struct str name, struct subject subject,
			    struct role_constraints *list)
{
	const struct spec_type *type = spec_find_type(b->spec, name);
	for (size_t steps = 0; type; type = ctype_base_of(b->spec, type)) {
		if (++steps > b->spec->types_count)
			return err_at(ERR_INVALID, type->at.path,
				      "line %u:%u: type \"%.*s\" is its own base", type->at.line,
				      type->at.column, STR_FMT(type->name));
		TRY(add(b, &type->constraints, subject, NULL, list));
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
	return add(b, &declared->constraints, own_subject(f), NULL, list);
}

struct err *role_add_capability(struct role_builder *b, const struct spec_capability *capability,
				const struct role_function *f, struct role_constraints *list)
{
	return add(b, &capability->constraints, own_subject(f), f, list);
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
