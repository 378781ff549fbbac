/* All checks over all items; then the findings are put into document order. */
#include "shared/eim/lint_internal.h"

#include <stdlib.h>

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
		TRY(lint_type(l, &s->types[i]));
	for (size_t i = 0; i < s->functions_count; i++)
		TRY(lint_function(l, &s->functions[i], true));
	for (size_t i = 0; i < s->capabilities_count; i++)
		TRY(lint_capability(l, &s->capabilities[i]));
	TRY(lint_unused(l));
	for (size_t i = 0; i < s->roles_count && l->count < LINT_MAX_FINDINGS; i++)
		TRY(lint_role(l, &s->roles[i]));
	for (size_t i = 0; i < s->exports_count; i++)
		TRY(lint_function(l, &s->exports[i], false));
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
