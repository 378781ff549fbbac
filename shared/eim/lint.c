/*
 * One check per kind of item; each appends findings to one array. Here: reporting, types and functions;
 * capabilities and roles in lint_role.c; the whole document in spec_lint.c.
 */
#include "shared/eim/lint_internal.h"
#include "shared/bpf/helper.h"
#include "shared/bpf/kfunc.h"
#include "shared/eim/ctype.h"
#include "shared/eim/role_internal.h"

const struct lint_row lint_table[LINT_COUNT] = {
#define LINT(name, text, level, what) [LINT_##name] = {text, SPEC_##level, what},
#include "shared/eim/lint.tbl.h"
#undef LINT
};

struct err *lint_report(struct linter *l, enum lint_code code, struct spec_place at,
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

struct str lint_near(const struct linter *l, const struct spec_index *index, struct str name)
{
	return l->count == LINT_MAX_FINDINGS ? (struct str){0} : spec_index_near(index, name);
}

/* … with ", did you mean X?" where `near` is not empty. */
struct err *lint_name(struct linter *l, enum lint_code code, struct spec_place at, const char *what,
		      struct str name, struct str near)
{
	if (near.size)
		return lint_report(l, code, at, "%s \"%.*s\"; did you mean \"%.*s\"?", what,
				   STR_FMT(name), STR_FMT(near));
	return lint_report(l, code, at, "%s \"%.*s\"", what, STR_FMT(name));
}

/* ---- types ---- */

static struct err *check_type_name(struct linter *l, struct str text, struct spec_place at)
{
	struct ctype type;
	if (spec_find_type(l->spec, text))
		return NULL; /* its own declaration is checked once, there */
	if (!ctype_parse(text, &type))
		return lint_report(l, LINT_UNKNOWN_TYPE, at, "\"%.*s\" is not a type",
				   STR_FMT(text));
	if (type.kind != CTYPE_NAMED)
		return NULL;
	return lint_name(l, LINT_UNKNOWN_TYPE, at,
			 "only the host's BTF can know a type that is neither declared, built in "
			 "nor C:",
			 text, lint_near(l, &l->spec->types_index, text));
}

struct err *lint_prose(struct linter *l, const struct spec_constraints *constraints, const char *of,
		       struct str name)
{
	for (size_t i = 0; i < constraints->count; i++)
		if (constraints->items[i].is_prose)
			TRY(lint_report(
				l, LINT_PROSE, constraints->at[i],
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

struct err *lint_type(struct linter *l, const struct spec_type *type)
{
	struct ctype ignored;
	TRY(lint_prose(l, &type->constraints, "type", type->name));
	for (size_t i = 0; i < type->constraints.count; i++)
		for (size_t j = 0; j < type->constraints.items[i].count; j++)
			if (!speaks_of_value_only(&type->constraints.items[i].terms[j]))
				TRY(lint_report(
					l, LINT_UNKNOWN_NAME, type->constraints.at[i],
					"a constraint on a type can speak of \"value\" alone"));
	if (!str_equal(type->base, type->name))
		TRY(check_type_name(l, type->base, type->at));
	if (spec_find_type(l->spec, type->base) && !ctype_resolve(l->spec, type->name, &ignored))
		return lint_report(l, LINT_TYPE_CYCLE, type->at,
				   "the bases of type \"%.*s\" end in no type",
				   STR_FMT(type->name));
	return NULL;
}

struct err *lint_variable(struct linter *l, const struct spec_variable *v)
{
	return check_type_name(l, v->type, v->type_at);
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
	return lint_report(
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
				TRY(lint_report(
					l, LINT_UNKNOWN_NAME, f->constraints.at[i],
					"\"%.*s\" speaks of something that is no parameter of "
					"\"%.*s\", so no call can meet it",
					STR_FMT(c->text), STR_FMT(f->name)));
	}
	return NULL;
}

static struct err *check_helper_params(struct linter *l, const struct spec_function *f)
{
	const struct helper *helper = helper_find_name(f->name);
	const struct kfunc *kfunc = kfunc_find(f->name);
	size_t count = kfunc ? kfunc->args_count : 0;
	if (!f->has_signature || (!kfunc && (!helper || !str_is(f->name, helper->name))))
		return NULL;
	while (!kfunc && count < ARRAY_SIZE(helper->args) && helper->args[count] != HELPER_ARG_NONE)
		count++;
	if (f->params_count == count)
		return NULL;
	return lint_report(l, LINT_HELPER_PARAMS, f->at,
			   "\"%.*s\" is declared with %zu parameters, but the helper has %zu",
			   STR_FMT(f->name), f->params_count, count);
}

struct str lint_near_helper(struct str name)
{
	struct near near = near_start(name);
	for (size_t i = 0; i < helpers_count; i++)
		near_offer(&near, str_of(helpers[i].name));
	for (size_t i = 0; i < kfuncs_count; i++)
		near_offer(&near, str_of(kfuncs[i].name));
	return near_found(&near);
}

struct err *lint_function(struct linter *l, const struct spec_function *f, bool is_host)
{
	TRY(lint_prose(l, &f->constraints, "function", f->name));
	TRY(check_names(l, f));
	if (is_host) {
		TRY(check_return(l, f));
		TRY(check_helper_params(l, f));
		TRY(lint_pointers(l, f));
	}
	TRY(lint_contradiction(l, f, NULL));
	for (size_t i = 0; i < f->roles.count; i++)
		if (!spec_find_role(l->spec, f->roles.items[i]))
			TRY(lint_name(l, LINT_UNKNOWN_ROLE, f->roles.at[i], "no role",
				      f->roles.items[i],
				      lint_near(l, &l->spec->roles_index, f->roles.items[i])));
	for (size_t i = 0; i < f->params_count; i++)
		TRY(check_type_name(l, f->params[i].type, f->params[i].at));
	if (f->has_signature)
		TRY(check_type_name(l, f->return_type, f->return_at));
	if (is_host && str_starts(f->name, "bpf_") && !helper_find_name(f->name) &&
	    !kfunc_find(f->name))
		return lint_name(l, LINT_NO_SUCH_HELPER, f->at,
				 "the runtime has no helper of that name, so programs can call it "
				 "only where the host has it:",
				 f->name, lint_near_helper(f->name));
	return NULL;
}
