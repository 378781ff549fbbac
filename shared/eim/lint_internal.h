/*
 * lint_internal - what the files of lint share.
 *
 * [L1] After LINT_MAX_FINDINGS no more are kept, nor is work done for them: a reader of the first
 *      thousand has enough to do.
 *
 * All that return an error fail with NO_MEMORY alone: what is wrong with the document is a finding.
 */
#pragma once

#include "shared/eim/lint.h"
#include "shared/eim/spec_index.h"

#define LINT_MAX_FINDINGS 1000

struct linter {
	struct spec *spec;
	bool strict;
	struct spec_finding *findings; /* LINT_MAX_FINDINGS places */
	size_t count;
};

/* ---- lint.c ---- */

MUST_CHECK struct err *lint_report(struct linter *l, enum lint_code code, struct spec_place at,
				   const char *format, ...) PRINTF(4, 5);

/* "WHAT "NAME"", with "; did you mean X?" where `near` is not empty. */
MUST_CHECK struct err *lint_name(struct linter *l, enum lint_code code, struct spec_place at,
				 const char *what, struct str name, struct str near);

/* The name in `index` nearest to `name`; empty where a finding would not be kept. */
struct str lint_near(const struct linter *l, const struct spec_index *index, struct str name);

/* The helper's name nearest to `name`, or an empty one. */
struct str lint_near_helper(struct str name);

/* `of` and `name` say whose constraints they are. */
MUST_CHECK struct err *lint_prose(struct linter *l, const struct spec_constraints *constraints,
				  const char *of, struct str name);

MUST_CHECK struct err *lint_variable(struct linter *l, const struct spec_variable *v);
MUST_CHECK struct err *lint_type(struct linter *l, const struct spec_type *type);

/* `is_host` is false for what the extension exports. */
MUST_CHECK struct err *lint_function(struct linter *l, const struct spec_function *f, bool is_host);

/* ---- lint_call.c ---- */

/* Constraints of the function and its types; with a capability's, where `capability` is not NULL. */
MUST_CHECK struct err *lint_contradiction(struct linter *l, const struct spec_function *f,
					  const struct spec_capability *capability);
MUST_CHECK struct err *lint_pointers(struct linter *l, const struct spec_function *f);

/* ---- lint_role.c ---- */
MUST_CHECK struct err *lint_capability(struct linter *l, const struct spec_capability *c);
MUST_CHECK struct err *lint_unused(struct linter *l);
MUST_CHECK struct err *lint_role(struct linter *l, const struct spec_role *role);
