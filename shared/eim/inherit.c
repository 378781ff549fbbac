/*
 * A walk over parents, depth first, with a stack of its own; then attributes flow from parents to
 * children in the order in which the walk left the roles.
 *
 * [H1] stack and roles hold each role at most once, so both have INHERIT_MAX_ROLES places.
 * [H2] When a role is left, all its parents have been left before it: `roles` is in that order.
 */
#include "shared/eim/inherit.h"
#include "shared/eim/attribute.h"
#include "shared/eim/spec_index.h"
#include "shared/codec/json.h"

struct set {
	struct inherit_attribute *items;
	size_t count;
};

struct walk {
	const struct spec *spec;
	struct arena *arena;
	struct {
		const struct spec_role *role;
		size_t next; /* the parent to visit next */
	} stack[INHERIT_MAX_ROLES];
	size_t depth;
	struct inherit *out;
	struct set sets[INHERIT_MAX_ROLES]; /* of out->roles */
	struct inherit_problem *problem;
};

PRINTF(5, 6)
static struct err *report(struct walk *w, enum lint_code code, const struct spec_role *role,
			  struct spec_place at, const char *format, ...)
{
	OWNED_BUF struct buf text = BUF_INIT(65536);
	va_list args;
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	const char *message = text.failed ? NULL : arena_text(w->arena, buf_str(&text));
	TRY_MEMORY(message);
	*w->problem = (struct inherit_problem){code, role, at, message};
	return NULL;
}

/* ---- the walk ---- */

static bool is_left(const struct walk *w, const struct spec_role *role)
{
	for (size_t i = 0; i < w->out->roles_count; i++)
		if (w->out->roles[i] == role)
			return true;
	return false;
}

static bool is_open(const struct walk *w, const struct spec_role *role)
{
	for (size_t i = 0; i < w->depth; i++)
		if (w->stack[i].role == role)
			return true;
	return false;
}

static struct err *unknown_parent(struct walk *w, const struct spec_role *child, size_t i)
{
	struct str name = child->inherits.items[i];
	struct str near = spec_index_near(&w->spec->roles_index, name);
	if (near.size)
		return report(w, LINT_UNKNOWN_ROLE, child, child->inherits.at[i],
			      "no role \"%.*s\" to inherit; did you mean \"%.*s\"?", STR_FMT(name),
			      STR_FMT(near));
	return report(w, LINT_UNKNOWN_ROLE, child, child->inherits.at[i],
		      "no role \"%.*s\" to inherit", STR_FMT(name));
}

static struct err *enter_parent(struct walk *w)
{
	const struct spec_role *child = w->stack[w->depth - 1].role;
	size_t i = w->stack[w->depth - 1].next++;
	const struct spec_role *parent = spec_find_role(w->spec, child->inherits.items[i]);
	if (!parent)
		return unknown_parent(w, child, i);
	if (is_open(w, parent))
		return report(w, LINT_INHERIT_CYCLE, child, child->inherits.at[i],
			      "role \"%.*s\" inherits \"%.*s\", which inherits it",
			      STR_FMT(child->name), STR_FMT(parent->name));
	if (is_left(w, parent))
		return NULL;
	if (w->depth + w->out->roles_count == INHERIT_MAX_ROLES)
		return report(w, LINT_TOO_MANY, child, child->inherits.at[i],
			      "role \"%.*s\" is one of more than %d roles that inherit each other",
			      STR_FMT(child->name), INHERIT_MAX_ROLES);
	w->stack[w->depth].role = parent;
	w->stack[w->depth++].next = 0;
	return NULL;
}

/* ---- attributes ---- */

static struct inherit_attribute *find_in(const struct set *set, struct str name)
{
	for (size_t i = 0; i < set->count; i++)
		if (str_equal(set->items[i].attribute->name, name))
			return &set->items[i];
	return NULL;
}

static struct err *conflict(struct walk *w, const struct spec_role *role,
			    const struct inherit_attribute *a, const struct inherit_attribute *b)
{
	OWNED_BUF struct buf x = BUF_INIT(4096), y = BUF_INIT(4096);
	struct str name = a->attribute->name;
	json_print(a->attribute->value, &x);
	json_print(b->attribute->value, &y);
	return report(w, LINT_ATTRIBUTE_CONFLICT, role, role->at,
		      "role \"%.*s\" inherits %.*s: %s from \"%.*s\" and %s from \"%.*s\"; "
		      "set %.*s in \"%.*s\"",
		      STR_FMT(role->name), STR_FMT(name), buf_text(&x), STR_FMT(a->set_by->name),
		      buf_text(&y), STR_FMT(b->set_by->name), STR_FMT(name), STR_FMT(role->name));
}

static struct err *take_own(struct walk *w, const struct spec_role *role, struct set *set)
{
	for (size_t i = 0; i < role->attributes_count; i++) {
		if (set->count == INHERIT_MAX_ATTRIBUTES)
			return report(w, LINT_TOO_MANY, role, role->attributes[i].at,
				      "role \"%.*s\" has more than %d attributes",
				      STR_FMT(role->name), INHERIT_MAX_ATTRIBUTES);
		set->items[set->count++] = (struct inherit_attribute){&role->attributes[i], role};
	}
	return NULL;
}

static struct err *take_inherited(struct walk *w, const struct spec_role *role,
				  const struct inherit_attribute *item, struct set *set)
{
	const struct inherit_attribute *have = find_in(set, item->attribute->name);
	if (have &&
	    (have->set_by == role || node_same(have->attribute->value, item->attribute->value)))
		return NULL;
	if (have)
		return conflict(w, role, have, item);
	if (set->count == INHERIT_MAX_ATTRIBUTES)
		return report(w, LINT_TOO_MANY, role, role->at,
			      "role \"%.*s\" inherits more than %d attributes", STR_FMT(role->name),
			      INHERIT_MAX_ATTRIBUTES);
	set->items[set->count++] = *item;
	return NULL;
}

static const struct set *set_of(const struct walk *w, const struct spec_role *role)
{
	for (size_t i = 0; i < w->out->roles_count; i++)
		if (w->out->roles[i] == role)
			return &w->sets[i];
	return NULL;
}

static struct err *take_parents(struct walk *w, const struct spec_role *role, struct set *set)
{
	for (size_t i = 0; i < role->inherits.count; i++) {
		const struct spec_role *parent = spec_find_role(w->spec, role->inherits.items[i]);
		const struct set *from = set_of(w, parent); /* [H2] */
		for (size_t j = 0; from && j < from->count && !w->problem->code; j++)
			TRY(take_inherited(w, role, &from->items[j], set));
	}
	return NULL;
}

static struct err *check_values(struct walk *w, const struct spec_role *role)
{
	for (size_t i = 0; i < role->attributes_count && !w->problem->code; i++) {
		const struct spec_attribute *own = &role->attributes[i];
		const struct attribute *row = attribute_find(own->name);
		const char *wrong = row ? attribute_problem(row, own->value) : NULL;
		if (wrong)
			TRY(report(w, LINT_ATTRIBUTE_VALUE, role, own->at, "%s %s", row->name,
				   wrong));
		else if (row == &attribute_table[ATTRIBUTE_ID_skip_verification] &&
			 own->value->integer)
			TRY(report(w, LINT_SKIP_VERIFICATION, role, own->at,
				   "skip_verification is not granted to any role: every program is "
				   "verified; set it to false or leave it out"));
	}
	return NULL;
}

static struct err *leave_role(struct walk *w)
{
	const struct spec_role *role = w->stack[--w->depth].role;
	struct set *set = &w->sets[w->out->roles_count];
	set->items = arena_alloc_array(w->arena, INHERIT_MAX_ATTRIBUTES, sizeof(*set->items));
	TRY_MEMORY(set->items);
	TRY(check_values(w, role));
	if (!w->problem->code)
		TRY(take_own(w, role, set));
	if (!w->problem->code)
		TRY(take_parents(w, role, set));
	w->out->roles[w->out->roles_count++] = role;
	return NULL;
}

struct err *inherit_run(const struct spec *spec, const struct spec_role *role, struct arena *a,
			struct inherit *out, struct inherit_problem *problem)
{
	struct inherit result = {.roles_count = 0};
	struct walk w = {.spec = spec, .arena = a, .out = &result, .problem = problem};
	*problem = (struct inherit_problem){.code = LINT_NONE};
	w.stack[w.depth++].role = role;
	while (w.depth && !problem->code) {
		const struct spec_role *top = w.stack[w.depth - 1].role;
		bool more = w.stack[w.depth - 1].next < top->inherits.count;
		TRY(more ? enter_parent(&w) : leave_role(&w));
	}
	if (problem->code)
		return NULL;
	result.attributes = w.sets[result.roles_count - 1].items;
	result.attributes_count = w.sets[result.roles_count - 1].count;
	*out = result;
	return NULL;
}

const struct inherit_attribute *inherit_find(const struct inherit *in, struct str name)
{
	for (size_t i = 0; i < in->attributes_count; i++)
		if (str_equal(in->attributes[i].attribute->name, name))
			return &in->attributes[i];
	return NULL;
}

bool inherit_holds(const struct inherit *in, const struct node *wanted)
{
	const struct attribute *row = attribute_find(wanted->key);
	const struct inherit_attribute *have = inherit_find(in, wanted->key);
	if (have)
		return node_same(have->attribute->value, wanted);
	bool scalar = wanted->kind == NODE_BOOL || wanted->kind == NODE_INT;
	return row && scalar && (uint64_t)wanted->integer == row->initial;
}
