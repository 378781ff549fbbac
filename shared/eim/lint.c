/*
 * One check per kind of item; each appends findings to one growing array, which is then put into
 * document order.
 *
 * [L1] After LINT_MAX_FINDINGS no more are kept: a reader of the first thousand has enough to do.
 */
#include "shared/eim/lint.h"
#include "shared/base/mem.h"
#include "shared/bpf/helper.h"
#include "shared/eim/attribute.h"
#include "shared/eim/ctype.h"
#include "shared/eim/inherit.h"
#include "shared/eim/role_internal.h"
#include "shared/eim/spec_index.h"

#include <stdlib.h>

#define LINT_MAX_FINDINGS   1000
#define LINT_ROLE_MAX_BYTES ((size_t)16 << 20) /* of work on one role */

const struct lint_row lint_table[LINT_COUNT] = {
#define LINT(name, text, level, what) [LINT_##name] = {text, SPEC_##level, what},
#include "shared/eim/lint.tbl.h"
#undef LINT
};

struct linter {
	struct spec *spec;
	bool strict;
	struct spec_finding *findings;
	size_t count;
};

PRINTF(4, 5)
static struct err *report(struct linter *l, enum lint_code code, struct spec_place at,
			  const char *format, ...)
{
	OWNED_BUF struct buf text = BUF_INIT(65536);
	va_list args;
	if (l->count == LINT_MAX_FINDINGS) /* [L1] */
		return NULL;
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	const char *message =
		text.failed && !text.too_large ? NULL : arena_text(&l->spec->arena, buf_str(&text));
	TRY_MEMORY(message);
	l->findings[l->count++] = (struct spec_finding){
		.severity =
			code == LINT_PROSE && l->strict ? SPEC_ERROR : lint_table[code].severity,
		.at = at,
		.code = lint_table[code].code,
		.message = message,
	};
	return NULL;
}

/* … with ", did you mean X?" where `near` is not empty. */
static struct err *report_name(struct linter *l, enum lint_code code, struct spec_place at,
			       const char *what, struct str name, struct str near)
{
	if (near.size)
		return report(l, code, at, "%s \"%.*s\"; did you mean \"%.*s\"?", what,
			      STR_FMT(name), STR_FMT(near));
	return report(l, code, at, "%s \"%.*s\"", what, STR_FMT(name));
}

/* ---- types ---- */

static struct err *check_type_name(struct linter *l, struct str text, struct spec_place at)
{
	struct ctype type;
	if (spec_find_type(l->spec, text))
		return NULL; /* its own declaration is checked once, there */
	if (!ctype_parse(text, &type))
		return report(l, LINT_UNKNOWN_TYPE, at, "\"%.*s\" is not a type", STR_FMT(text));
	if (type.kind != CTYPE_NAMED)
		return NULL;
	return report_name(l, LINT_UNKNOWN_TYPE, at,
			   "only the host's BTF can know a type that is neither declared, built in "
			   "nor C:",
			   text, spec_index_near(&l->spec->types_index, text));
}

static struct err *check_prose(struct linter *l, const struct spec_constraints *constraints,
			       const char *of, struct str name)
{
	for (size_t i = 0; i < constraints->count; i++)
		if (constraints->items[i].is_prose)
			TRY(report(l, LINT_PROSE, constraints->at[i],
				   "not enforced, because it is prose: \"%.*s\" (of %s \"%.*s\")",
				   STR_FMT(constraints->items[i].text), of, STR_FMT(name)));
	return NULL;
}

/* Names that a type's constraint uses beside `value`. */
static bool speaks_of_value_only(const struct constraint_term *term)
{
	static const struct spec_param value = {.name = {"value", 5}};
	return role_term_fits(term, &value, 1) && !constraint_term_is_post(term);
}

static struct err *check_type(struct linter *l, const struct spec_type *type)
{
	struct ctype ignored;
	TRY(check_prose(l, &type->constraints, "type", type->name));
	for (size_t i = 0; i < type->constraints.count; i++)
		for (size_t j = 0; j < type->constraints.items[i].count; j++)
			if (!speaks_of_value_only(&type->constraints.items[i].terms[j]))
				TRY(report(l, LINT_UNKNOWN_NAME, type->constraints.at[i],
					   "a constraint on a type can speak of \"value\" alone"));
	if (!str_equal(type->base, type->name))
		TRY(check_type_name(l, type->base, type->at));
	if (spec_find_type(l->spec, type->base) && !ctype_resolve(l->spec, type->name, &ignored))
		return report(l, LINT_TYPE_CYCLE, type->at,
			      "the bases of type \"%.*s\" end in no type", STR_FMT(type->name));
	return NULL;
}

/* ---- functions ---- */

/* Helpers whose result fills 64 bits, so that an int of it loses what was asked for. */
static const char *const wide_helpers[] = {
	"bpf_ktime_get_ns",
	"bpf_ktime_get_boot_ns",
	"bpf_ktime_get_coarse_ns",
	"bpf_ktime_get_tai_ns",
	"bpf_get_current_pid_tgid",
	"bpf_get_current_uid_gid",
	"bpf_get_current_cgroup_id",
	"bpf_get_current_task",
	"bpf_get_attach_cookie",
	"bpf_get_func_ip",
	"bpf_jiffies64",
	"bpf_ringbuf_query",
};

static struct err *check_return(struct linter *l, const struct spec_function *f)
{
	struct ctype type;
	bool wide = false;
	for (size_t i = 0; i < ARRAY_SIZE(wide_helpers); i++)
		wide |= str_is(f->name, wide_helpers[i]);
	if (!wide || !f->has_signature || !ctype_resolve(l->spec, f->return_type, &type))
		return NULL;
	bool narrow = type.pointers == 0 && type.kind != CTYPE_NAMED && type.size_bytes < 8;
	if (!narrow)
		return NULL;
	return report(
		l, LINT_NARROW_RETURN, f->return_at,
		"the result of \"%.*s\" is declared as \"%.*s\", but the helper's has 64 bits: "
		"declare it as \"uint64_t\"",
		STR_FMT(f->name), STR_FMT(f->return_type));
}

static struct err *check_names(struct linter *l, const struct spec_function *f)
{
	for (size_t i = 0; f->has_signature && i < f->constraints.count; i++) {
		const struct constraint *c = &f->constraints.items[i];
		for (size_t j = 0; j < c->count; j++)
			if (!role_term_fits(&c->terms[j], f->params, f->params_count))
				TRY(report(l, LINT_UNKNOWN_NAME, f->constraints.at[i],
					   "\"%.*s\" speaks of something that is no parameter of "
					   "\"%.*s\", so no call can meet it",
					   STR_FMT(c->text), STR_FMT(f->name)));
	}
	return NULL;
}

static struct err *check_helper_params(struct linter *l, const struct spec_function *f)
{
	const struct helper *helper = helper_find_name(f->name);
	size_t count = 0;
	if (!f->has_signature || !helper || !str_is(f->name, helper->name))
		return NULL;
	while (count < ARRAY_SIZE(helper->args) && helper->args[count] != HELPER_ARG_NONE)
		count++;
	if (f->params_count == count)
		return NULL;
	return report(l, LINT_HELPER_PARAMS, f->at,
		      "\"%.*s\" is declared with %zu parameters, but the helper has %zu",
		      STR_FMT(f->name), f->params_count, count);
}

static struct str near_helper(struct str name)
{
	struct near near = near_start(name);
	for (size_t i = 0; i < helpers_count; i++)
		near_offer(&near, str_of(helpers[i].name));
	return near_found(&near);
}

static struct err *check_function(struct linter *l, const struct spec_function *f, bool is_host)
{
	TRY(check_prose(l, &f->constraints, "function", f->name));
	TRY(check_names(l, f));
	if (is_host) {
		TRY(check_return(l, f));
		TRY(check_helper_params(l, f));
	}
	for (size_t i = 0; i < f->params_count; i++)
		TRY(check_type_name(l, f->params[i].type, f->params[i].at));
	if (f->has_signature)
		TRY(check_type_name(l, f->return_type, f->return_at));
	if (is_host && str_starts(f->name, "bpf_") && !helper_find_name(f->name))
		return report_name(
			l, LINT_NO_SUCH_HELPER, f->at,
			"the runtime has no helper of that name, so programs can call it "
			"only where the host has it:",
			f->name, near_helper(f->name));
	return NULL;
}

/* ---- capabilities ---- */

static bool is_helper(struct str name)
{
	const struct helper *helper = helper_find_name(name);
	return helper && str_is(name, helper->name);
}

static struct err *check_api(struct linter *l, const struct spec_capability *c, size_t i)
{
	struct str name = c->apis.items[i];
	if (spec_find_function(l->spec, name) || is_helper(name))
		return NULL;
	struct str near = spec_index_near(&l->spec->functions_index, name);
	return report_name(
		l, LINT_UNDEFINED_FUNCTION, c->apis.at[i],
		"neither declared here nor a helper of the runtime, so only a host's BTF "
		"can have it:",
		name, near.size ? near : near_helper(name));
}

static bool fits_any(const struct linter *l, const struct spec_capability *c,
		     const struct constraint_term *term)
{
	for (size_t i = 0; i < c->apis.count; i++) {
		const struct spec_function *f = spec_find_function(l->spec, c->apis.items[i]);
		if (!f || !f->has_signature || role_term_fits(term, f->params, f->params_count))
			return true;
	}
	return false;
}

static struct err *check_capability(struct linter *l, const struct spec_capability *c)
{
	TRY(check_prose(l, &c->constraints, "capability", c->name));
	for (size_t i = 0; i < c->apis.count; i++)
		TRY(check_api(l, c, i));
	for (size_t i = 0; i < c->constraints.count; i++)
		for (size_t j = 0; j < c->constraints.items[i].count; j++)
			if (!fits_any(l, c, &c->constraints.items[i].terms[j]))
				TRY(report(l, LINT_UNKNOWN_NAME, c->constraints.at[i],
					   "\"%.*s\" speaks of something that no function of "
					   "\"%.*s\" has",
					   STR_FMT(c->constraints.items[i].text),
					   STR_FMT(c->name)));
	return NULL;
}

static struct err *check_unused(struct linter *l)
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
			TRY(report(l, LINT_UNUSED_CAPABILITY, l->spec->capabilities[i].at,
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
	return report_name(l, LINT_CUSTOM_ATTRIBUTE, attribute->at,
			   "no effect: not a built-in attribute, and no host function requires it:",
			   attribute->name, attribute_near(attribute->name));
}

static struct err *check_held(struct linter *l, const struct spec_role *role,
			      const struct inherit *in, const struct spec_place at, struct str api)
{
	const struct spec_function *f = spec_find_function(l->spec, api);
	for (const struct node *n = f && f->requires_ ? f->requires_->first : NULL; n; n = n->next)
		if (n->kind != NODE_NULL && !inherit_holds(in, n))
			TRY(report(
				l, LINT_REQUIREMENT, at,
				"role \"%.*s\" holds function \"%.*s\", but not the \"%.*s\" that "
				"it requires",
				STR_FMT(role->name), STR_FMT(api), STR_FMT(n->key)));
	return NULL;
}

static struct err *check_requirements(struct linter *l, const struct spec_role *role,
				      const struct inherit *in)
{
	for (size_t i = 0; i < role->capabilities.count && l->count < LINT_MAX_FINDINGS; i++) {
		const struct spec_capability *c =
			spec_find_capability(l->spec, role->capabilities.items[i]);
		for (size_t j = 0; c && j < c->apis.count; j++)
			TRY(check_held(l, role, in, role->capabilities.at[i], c->apis.items[j]));
	}
	return NULL;
}

static struct err *check_inheritance(struct linter *l, const struct spec_role *role)
{
	OWNED_ARENA struct arena scratch = ARENA_INIT(LINT_ROLE_MAX_BYTES);
	struct inherit in;
	struct inherit_problem problem;
	TRY(inherit_run(l->spec, role, &scratch, &in, &problem));
	if (problem.code == LINT_NONE)
		return check_requirements(l, role, &in);
	if (problem.role != role) /* it is reported there */
		return NULL;
	return report(l, problem.code, problem.at, "%s", problem.message);
}

static struct err *check_role(struct linter *l, const struct spec_role *role)
{
	for (size_t i = 0; i < role->capabilities.count; i++) {
		struct str name = role->capabilities.items[i];
		if (!spec_find_capability(l->spec, name))
			TRY(report_name(l, LINT_UNKNOWN_CAPABILITY, role->capabilities.at[i],
					"no capability", name,
					spec_index_near(&l->spec->capabilities_index, name)));
	}
	for (size_t i = 0; i < role->attributes_count; i++)
		TRY(check_attribute(l, &role->attributes[i]));
	if (role->access)
		TRY(report(l, LINT_ACCESS, role->at,
			   "the access list of role \"%.*s\" is not enforced: with always_const, "
			   "nothing that the host hands in is written",
			   STR_FMT(role->name)));
	return check_inheritance(l, role);
}

/* ---- the whole ---- */

static int compare_findings(const void *a, const void *b)
{
	const struct spec_finding *x = a, *y = b;
	if (x->at.line != y->at.line)
		return x->at.line < y->at.line ? -1 : 1;
	if (x->at.column != y->at.column)
		return x->at.column < y->at.column ? -1 : 1;
	int order = strcmp(x->code, y->code);
	return order ? order : strcmp(x->message, y->message);
}

static struct err *check_all(struct linter *l)
{
	const struct spec *s = l->spec;
	for (size_t i = 0; i < s->types_count; i++)
		TRY(check_type(l, &s->types[i]));
	for (size_t i = 0; i < s->functions_count; i++)
		TRY(check_function(l, &s->functions[i], true));
	for (size_t i = 0; i < s->capabilities_count; i++)
		TRY(check_capability(l, &s->capabilities[i]));
	TRY(check_unused(l));
	for (size_t i = 0; i < s->roles_count; i++)
		TRY(check_role(l, &s->roles[i]));
	for (size_t i = 0; i < s->exports_count; i++)
		TRY(check_function(l, &s->exports[i], false));
	return NULL;
}

struct err *spec_lint(struct spec *s, bool strict, const struct spec_finding **out, size_t *count)
{
	struct linter l = {.spec = s, .strict = strict};
	l.findings = arena_alloc_array(&s->arena, LINT_MAX_FINDINGS, sizeof(*l.findings));
	TRY_MEMORY(l.findings);
	TRY(check_all(&l));
	qsort(l.findings, l.count, sizeof(*l.findings), compare_findings);
	*out = l.findings;
	*count = l.count;
	return NULL;
}
