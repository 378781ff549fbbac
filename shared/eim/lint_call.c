/*
 * How the host's functions are called: conditions that contradict each other, and pointers that nothing is
 * said of. What only the host's BTF knows (sizes of structs), role_resolve() adds.
 */
#include "shared/eim/lint_internal.h"
#include "shared/bpf/helper.h"
#include "shared/eim/ctype.h"
#include "shared/eim/role_internal.h"

#define LINT_CALL_MAX_BYTES ((size_t)16 << 20)

static struct role_function function_of(const struct spec_function *f)
{
	return (struct role_function){.name = f->name,
				      .params = f->params,
				      .params_count = f->params_count,
				      .return_type = f->return_type};
}

/* Of the function alone, and with what a capability asks where that is given. */
static struct err *find(struct linter *l, const struct spec_function *declared,
			const struct spec_capability *capability, const struct spec_place **at,
			struct buf *out)
{
	struct role_builder b = {.spec = l->spec, .scratch = ARENA_INIT(LINT_CALL_MAX_BYTES)};
	struct role_function f = function_of(declared);
	struct role_constraints list = {0};
	struct err *e = role_add_declared(&b, declared, &f, &list);
	if (!e && capability)
		e = role_add_capability(&b, capability, &f, &list);
	if (!e)
		e = role_find_contradiction(&b, &f, &list, at, out);
	arena_fini(&b.scratch);
	if (!e || err_code(e) == ERR_NO_MEMORY)
		return e;
	err_destroy(e); /* bases in a circle, too many constraints: reported elsewhere */
	return NULL;
}

struct err *lint_contradiction(struct linter *l, const struct spec_function *declared,
			       const struct spec_capability *capability)
{
	OWNED_BUF struct buf alone = BUF_INIT(1 << 16), all = BUF_INIT(1 << 16);
	const struct spec_place *at;
	TRY(find(l, declared, NULL, &at, &alone));
	if (capability && alone.size)
		return NULL; /* reported with the function */
	if (capability)
		TRY(find(l, declared, capability, &at, &all));
	const struct buf *text = capability ? &all : &alone;
	if (!text->size)
		return NULL;
	return lint_report(l, LINT_CONTRADICTION, at ? *at : declared->at, "%s", buf_text(text));
}

/* ---- pointers ---- */

static bool is_stated(const struct spec_constraints *constraints, struct str param)
{
	for (size_t i = 0; i < constraints->count; i++) {
		for (size_t j = 0; j < constraints->items[i].count; j++) {
			const struct constraint_term *t = &constraints->items[i].terms[j];
			if (t->relation < CONSTRAINT_NULL_TERMINATED)
				continue;
			if (t->left.atoms[0].kind == CONSTRAINT_VALUE ||
			    str_equal(t->left.atoms[0].name, param))
				return true;
		}
	}
	return false;
}

static bool is_said(const struct linter *l, const struct spec_function *f, size_t i)
{
	const struct spec_type *type = spec_find_type(l->spec, f->params[i].type);
	for (size_t steps = 0; type && steps <= l->spec->types_count; steps++) {
		if (is_stated(&type->constraints, STR("")))
			return true;
		type = ctype_base_of(l->spec, type);
	}
	for (size_t j = 0; j < l->spec->functions_count && f->releases.size; j++)
		if (str_equal(l->spec->functions[j].acquires, f->releases))
			return true; /* it is, or may be, what is released */
	return is_stated(&f->constraints, f->params[i].name);
}

static bool is_size(const struct linter *l, const struct spec_function *f, size_t i)
{
	struct ctype c;
	return i < f->params_count && ctype_resolve(l->spec, f->params[i].type, &c) &&
	       c.pointers == 0 && c.kind == CTYPE_INT && role_is_size_name(f->params[i].name);
}

static struct err *check_param(struct linter *l, const struct spec_function *f, size_t i)
{
	const struct spec_param *p = &f->params[i];
	struct ctype c;
	if (!ctype_resolve(l->spec, p->type, &c) || c.pointers != 1 ||
	    !(c.kind == CTYPE_VOID || (c.kind == CTYPE_INT && c.size_bytes == 1) ||
	      c.kind == CTYPE_CHAR) ||
	    is_said(l, f, i))
		return NULL;
	const char *use = c.is_const ? "readable" : "writable";
	if (is_size(l, f, i + 1))
		return lint_report(l, LINT_UNSAID_POINTER, p->at,
				   "nothing is said of what \"%.*s\" of \"%.*s\" leads to: "
				   "\"%.*s.%s(%.*s)\" is asked for",
				   STR_FMT(p->name), STR_FMT(f->name), STR_FMT(p->name), use,
				   STR_FMT(f->params[i + 1].name));
	if (c.is_const && c.kind != CTYPE_VOID)
		return lint_report(l, LINT_UNSAID_POINTER, p->at,
				   "nothing is said of what \"%.*s\" of \"%.*s\" leads to: "
				   "\"%.*s.null_terminated\" is asked for",
				   STR_FMT(p->name), STR_FMT(f->name), STR_FMT(p->name));
	return lint_report(l, LINT_UNSAID_POINTER, p->at,
			   "nothing says how much memory \"%.*s\" of \"%.*s\" leads to, so no "
			   "program can call it; write \"%.*s.%s(n)\"",
			   STR_FMT(p->name), STR_FMT(f->name), STR_FMT(p->name), use);
}

struct err *lint_pointers(struct linter *l, const struct spec_function *f)
{
	if (helper_find_name(f->name) || str_starts(f->name, "bpf_"))
		return NULL; /* the runtime's, which knows its own arguments */
	for (size_t i = 0; i < f->params_count && l->count < LINT_MAX_FINDINGS; i++)
		TRY(check_param(l, f, i));
	return NULL;
}
