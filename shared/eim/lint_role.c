#include "shared/eim/lint_internal.h"
#include "shared/base/mem.h"
#include "shared/bpf/helper.h"
#include "shared/bpf/kfunc.h"
#include "shared/eim/attribute.h"
#include "shared/eim/inherit.h"
#include "shared/eim/role_internal.h"

#define LINT_FITS_MAX	    256 /* functions of a capability that its constraints are held against */
#define LINT_ROLE_MAX_BYTES ((size_t)16 << 20) /* of work on one role */

/* ---- capabilities ---- */

/* Or a function of the runtime, by name. */
static bool is_helper(struct str name)
{
	const struct helper *helper = helper_find_name(name);
	return (helper && str_is(name, helper->name)) || kfunc_find(name);
}

static struct err *check_api(struct linter *l, const struct spec_capability *c, size_t i)
{
	struct str name = c->apis.items[i];
	if (spec_find_function(l->spec, name) || is_helper(name))
		return NULL;
	struct str near = lint_near(l, &l->spec->functions_index, name);
	return lint_name(l, LINT_UNDEFINED_FUNCTION, c->apis.at[i],
			 "neither declared here nor a helper of the runtime, so only a host's BTF "
			 "can have it:",
			 name, near.size ? near : lint_near_helper(name));
}

static bool fits_any(const struct linter *l, const struct spec_capability *c,
		     const struct constraint_term *term)
{
	for (size_t i = 0; i < MIN(c->apis.count, (size_t)LINT_FITS_MAX); i++) {
		const struct spec_function *f = spec_find_function(l->spec, c->apis.items[i]);
		if (!f || !f->has_signature || role_term_fits(term, f->params, f->params_count))
			return true;
	}
	return c->apis.count > LINT_FITS_MAX;
}

struct err *lint_capability(struct linter *l, const struct spec_capability *c)
{
	TRY(lint_prose(l, &c->constraints, "capability", c->name));
	for (size_t i = 0; i < c->apis.count; i++)
		TRY(check_api(l, c, i));
	for (size_t i = 0;
	     i < c->apis.count && c->constraints.count && l->count < LINT_MAX_FINDINGS; i++) {
		const struct spec_function *f = spec_find_function(l->spec, c->apis.items[i]);
		if (f)
			TRY(lint_contradiction(l, f, c));
	}
	for (size_t i = 0; i < c->constraints.count; i++)
		for (size_t j = 0; j < c->constraints.items[i].count; j++)
			if (!fits_any(l, c, &c->constraints.items[i].terms[j]))
				TRY(lint_report(l, LINT_UNKNOWN_NAME, c->constraints.at[i],
						"\"%.*s\" speaks of something that no function of "
						"\"%.*s\" has",
						STR_FMT(c->constraints.items[i].text),
						STR_FMT(c->name)));
	return NULL;
}

struct err *lint_unused(struct linter *l)
{
	OWNED(mem) void *memory = mem_zalloc(l->spec->capabilities_count);
	bool *used = memory;
	TRY_MEMORY(memory);
	for (size_t i = 0; i < l->spec->roles_count; i++) {
		const struct spec_names *names = &l->spec->roles[i].capabilities;
		for (size_t j = 0; j < names->count; j++) {
			const struct spec_capability *c =
				spec_find_capability(l->spec, names->items[j]);
			if (c)
				used[c - l->spec->capabilities] = true;
		}
	}
	for (size_t i = 0; i < l->spec->capabilities_count; i++)
		if (!used[i])
			TRY(lint_report(l, LINT_UNUSED_CAPABILITY, l->spec->capabilities[i].at,
					"no role holds capability \"%.*s\"",
					STR_FMT(l->spec->capabilities[i].name)));
	return NULL;
}

/* ---- roles ---- */

static bool is_required(const struct linter *l, struct str name)
{
	for (size_t i = 0; i < l->spec->functions_count; i++) {
		const struct node *wanted = l->spec->functions[i].requires_;
		for (const struct node *n = wanted ? wanted->first : NULL; n; n = n->next)
			if (str_equal(n->key, name))
				return true;
	}
	return false;
}

static struct err *check_attribute(struct linter *l, const struct spec_attribute *attribute)
{
	if (attribute_find(attribute->name) || is_required(l, attribute->name))
		return NULL;
	return lint_name(l, LINT_CUSTOM_ATTRIBUTE, attribute->at,
			 "no effect: not a built-in attribute, and no host function requires it:",
			 attribute->name, attribute_near(attribute->name));
}

static bool sets(const struct spec_role *role, struct str attribute)
{
	for (size_t i = 0; i < role->attributes_count; i++)
		if (str_equal(role->attributes[i].name, attribute))
			return true;
	return false;
}

/* The requirements of one function that `holder` grants, as `role` meets them. What an inherited role
 * fails to meet is reported there, unless it is `role` that takes it away. */
static struct err *check_held(struct linter *l, const struct spec_role *role,
			      const struct spec_role *holder, const struct inherit *in,
			      struct str api)
{
	const struct spec_function *f = spec_find_function(l->spec, api);
	for (const struct node *n = f && f->requires_ ? f->requires_->first : NULL; n; n = n->next)
		if (n->kind != NODE_NULL && !inherit_holds(in, n) &&
		    (holder == role || sets(role, n->key)))
			TRY(lint_report(
				l, LINT_REQUIREMENT, role->at,
				"role \"%.*s\" holds function \"%.*s\", but not the \"%.*s\" that "
				"it requires",
				STR_FMT(role->name), STR_FMT(api), STR_FMT(n->key)));
	return NULL;
}

static struct err *check_requirements(struct linter *l, const struct spec_role *role,
				      const struct spec_role *holder, const struct inherit *in)
{
	for (size_t i = 0; i < holder->capabilities.count && l->count < LINT_MAX_FINDINGS; i++) {
		const struct spec_capability *c =
			spec_find_capability(l->spec, holder->capabilities.items[i]);
		for (size_t j = 0; c && j < c->apis.count; j++)
			TRY(check_held(l, role, holder, in, c->apis.items[j]));
	}
	return NULL;
}

static struct err *check_inheritance(struct linter *l, const struct spec_role *role)
{
	OWNED_ARENA struct arena scratch = ARENA_INIT(LINT_ROLE_MAX_BYTES);
	struct inherit in;
	struct inherit_problem problem;
	TRY(inherit_run(l->spec, role, &scratch, &in, &problem));
	for (size_t i = 0; problem.code == LINT_NONE && i < in.roles_count; i++)
		TRY(check_requirements(l, role, in.roles[i], &in));
	if (problem.code == LINT_NONE || problem.role != role) /* it is reported there */
		return NULL;
	return lint_report(l, problem.code, problem.at, "%s", problem.message);
}

struct err *lint_role(struct linter *l, const struct spec_role *role)
{
	for (size_t i = 0; i < role->capabilities.count; i++) {
		struct str name = role->capabilities.items[i];
		if (!spec_find_capability(l->spec, name))
			TRY(lint_name(l, LINT_UNKNOWN_CAPABILITY, role->capabilities.at[i],
				      "no capability", name,
				      lint_near(l, &l->spec->capabilities_index, name)));
	}
	for (size_t i = 0; i < role->attributes_count; i++)
		TRY(check_attribute(l, &role->attributes[i]));
	return check_inheritance(l, role);
}
