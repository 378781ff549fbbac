/*
 * inherit - a role together with the roles that it inherits: who they are, and which attributes hold.
 *
 * The rule: an attribute that a role sets holds; one that it does not set it inherits; where two of its
 * parents have different values, it must set it itself.
 *
 * Memory:  the arena that is given; names, nodes and places are borrowed from the spec.
 * Limits:  INHERIT_MAX_ROLES roles, INHERIT_MAX_ATTRIBUTES attributes.
 */
#pragma once

#include "shared/eim/lint.h"

#define INHERIT_MAX_ROLES      64
#define INHERIT_MAX_ATTRIBUTES 64

struct inherit_attribute {
	const struct spec_attribute *attribute;
	const struct spec_role *set_by;
};

struct inherit {
	/* Every role once, parents before children; the last is the role itself. */
	const struct spec_role *roles[INHERIT_MAX_ROLES];
	size_t roles_count;
	const struct inherit_attribute *attributes;
	size_t attributes_count;
};

/* Why a role does not resolve: `code` is LINT_NONE where it does. */
struct inherit_problem {
	enum lint_code code;
	const struct spec_role
		*role; /* the one to change: the role itself or one that it inherits */
	struct spec_place at;
	const char *message;
};

/*
 *   out      written where there is no problem
 *   problem  always written
 *   fails    NO_MEMORY
 */
MUST_CHECK struct err *inherit_run(const struct spec *spec, const struct spec_role *role,
				   struct arena *a, struct inherit *out,
				   struct inherit_problem *problem);

/* The attribute of that name, or NULL. */
const struct inherit_attribute *inherit_find(const struct inherit *in, struct str name);

/* Whether the role has attribute `wanted` (named by its key) with that value; built-in attributes that
 * nobody sets have their initial value. */
bool inherit_holds(const struct inherit *in, const struct node *wanted);
