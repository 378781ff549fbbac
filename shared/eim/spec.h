/*
 * spec - an EIM document as a model: what the author wrote, checked for form, nothing resolved.
 *
 * Memory:  one arena, the document's text and tree included; all borrowed until spec_destroy().
 * Threads: immutable after parse.
 * Limits:  SPEC_MAX_BYTES of text; after SPEC_MAX_FINDINGS findings no more are looked for.
 */
#pragma once

#include "shared/codec/node.h"
#include "shared/eim/constraint.h"

#define SPEC_MAX_BYTES	  ((size_t)1 << 20)
#define SPEC_MAX_FINDINGS 100

/* Where something stands in the document: for findings. */
struct spec_place {
	uint32_t line, column;
	const char *path; /* JSON Pointer: "/roles/2/attributes/max_memory" */
};

struct spec_constraints {
	const struct constraint *items;
	const struct spec_place *at; /* one per item */
	size_t count;
};

struct spec_names { /* a list of names */
	const struct str *items;
	const struct spec_place *at; /* one per item */
	size_t count;
};

struct spec_type { /* types: a base type and what always holds for a value */
	struct str name, base;
	struct spec_constraints constraints;
	struct spec_place at;
};

struct spec_param {
	struct str name, type;
	struct spec_place at;
};

struct spec_function { /* host_functions; extension_exports have the same shape */
	struct str name, return_type;
	const struct spec_param *params;
	size_t params_count;
	struct spec_place return_at;
	bool has_signature; /* false: nothing is said about parameters and result */
	struct spec_constraints
		constraints;	       /* pre: over parameters; post: those that name `return` */
	struct str acquires, releases; /* resource names, empty where none */
	bool side_effect;
	const struct node *requires_; /* MAP of attribute: value, never null, or NULL */
	struct str symbol;	      /* exports: the host's function that calls it, or empty */
	struct spec_names roles; /* exports: the roles whose extensions it takes, and those of the
				  * roles that they inherit; none is all */
	struct spec_place at;
};

struct spec_variable { /* variables: globals of the host */
	struct str name, type;
	bool is_write; /* access: write, which includes read */
	struct spec_place at, type_at;
};

struct spec_capability {
	struct str name;
	struct spec_names apis;
	struct spec_constraints constraints;
	struct spec_place at;
};

struct spec_attribute {
	struct str name;
	const struct node *value;
	struct spec_place at;
};

struct spec_role {
	struct str name;
	struct spec_names capabilities, inherits;
	const struct spec_attribute *attributes;
	size_t attributes_count;
	struct spec_names read, write; /* of access */
	const struct node *access;     /* {read: […], write: […]}, or NULL */
	struct spec_place at;
};

/* The items of one list by name: each pointer is to an item's `name`, its first member. */
struct spec_index {
	const struct str **sorted;
	size_t count;
};

struct spec {
	struct arena arena;
	struct str digest; /* SHA-256 of the text, hex */
	const struct spec_type *types;
	const struct spec_function *functions, *exports;
	const struct spec_capability *capabilities;
	const struct spec_role *roles;
	const struct spec_variable *variables;
	size_t types_count, functions_count, exports_count, capabilities_count, roles_count,
		variables_count;
	struct spec_index types_index, functions_index, exports_index, capabilities_index,
		roles_index, variables_index; /* internal: spec_find_*() */
};

/*
 * Parses the document `text` (YAML or JSON, borrowed for the call).
 *   out    owned by the caller
 *   fails  INVALID  all findings, each with its JSON Pointer as path and "line L:C" in the message:
 *                   not YAML (path "L:C"), unknown key (nearest known one), wrong kind, missing key,
 *                   a name twice
 *          TOO_LARGE, NO_MEMORY
 */
MUST_CHECK struct err *spec_parse(struct str text, struct spec **out);
void spec_destroy(struct spec *s);
OWN_DEFINE(spec, struct spec *, spec_destroy)

/* Borrowed, or NULL. */
const struct spec_role *spec_find_role(const struct spec *s, struct str name);
const struct spec_capability *spec_find_capability(const struct spec *s, struct str name);
const struct spec_function *spec_find_function(const struct spec *s, struct str name);
const struct spec_type *spec_find_type(const struct spec *s, struct str name);

enum spec_severity { SPEC_WARNING, SPEC_ERROR };

struct spec_finding {
	enum spec_severity severity;
	struct spec_place at;
	const char
		*code; /* stable: "undefined-function", "prose-constraint", … (lint.c lists them) */
	const char *message; /* for a person, says what to change */
};

/*
 * What is wrong with, or unenforceable in, a well-formed document: functions that capabilities name
 * and nothing defines, unknown types, prose constraints (errors when `strict`), helpers declared
 * narrower than they are, unused capabilities, unknown inherited roles, cycles, conflicting attributes.
 *   out, count  in the arena of `s`, in document order
 */
MUST_CHECK struct err *spec_lint(struct spec *s, bool strict, const struct spec_finding **out,
				 size_t *count);
