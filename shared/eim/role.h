/*
 * role - the effective role: what the verifier enforces. A spec's role after inheritance, resolved
 * against what the host binary offers (its BTF, where it has any) and against the runtime's helpers.
 *
 * Memory:  one arena; all borrowed until role_destroy(). Copies what it needs: the spec and the BTF may
 *          go first.
 * Threads: immutable after resolve.
 * Limits:  INHERIT_MAX_ROLES and INHERIT_MAX_ATTRIBUTES (inherit.h), ROLE_MAX_GRANTS,
 *          ROLE_MAX_CONSTRAINTS; past them INVALID.
 */
#pragma once

#include "shared/bpf/btf.h"
#include "shared/bpf/helper.h"
#include "shared/eim/spec.h"

#define ROLE_MAX_GRANTS \
	4096 /* functions that the capabilities of a role name, repetitions included */

#define ROLE_MAX_CONSTRAINTS 256 /* of one function, before the call and after it */

/* What the function of a capability turned out to be on this host. */
enum role_function_kind {
	ROLE_FUNCTION_HOST,	  /* a function of the host's BTF */
	ROLE_FUNCTION_HELPER,	  /* a helper of the runtime */
	ROLE_FUNCTION_UNRESOLVED, /* neither: an error only for a program that calls it */
};

struct role_function {
	struct str name;
	enum role_function_kind kind;
	const struct helper *helper;	   /* HELPER */
	struct str capability, granted_by; /* the capability, and the role that holds it */
	uint32_t btf_id;		   /* HOST: its FUNC in the host's BTF */
	/* As declared in the spec, else as the host's BTF has them; a helper that the spec does not
	 * declare has none. */
	const struct spec_param *params;
	size_t params_count;
	struct str return_type;
	const struct constraint *pre, *post; /* enforced ones only, types' constraints included */
	size_t pre_count, post_count;
	struct str acquires, releases;
	bool side_effect;
};

/* Attributes after inheritance. Absent ones have the defaults below. */
struct role_attributes {
	uint32_t max_memory;	   /* bytes of stack over all frames; default 512 */
	uint64_t max_map_memory;   /* bytes; default 64 MiB */
	uint64_t max_instructions; /* per event; default 1,000,000 */
	bool metered;		   /* default false */
	bool allow_memory_write;   /* default false */
	bool always_const;	   /* default true */
	bool may_have_side_effect; /* default false */
	bool skip_verification;	   /* default false */
};

#define ROLE_ATTRIBUTES_MAX 16

struct role_custom_attribute {
	struct str name;
	const struct node *value;
	struct str set_by; /* the role that sets it */
};

struct role {
	struct arena arena;
	struct str name;
	struct str digest; /* SHA-256 over all that follows, hex: half of the code cache's key */
	struct role_attributes attributes;
	struct str set_by
		[ROLE_ATTRIBUTES_MAX]; /* by the rows of attribute.tbl.h: the role that sets it,
						 * empty where it is the default */
	const struct role_custom_attribute *custom;
	const struct role_function *functions; /* sorted by name */
	size_t custom_count, functions_count;
};

/*
 * Resolves role `name` of `spec`; `host` is the host binary's BTF or NULL.
 *   out    owned by the caller
 *   fails  NOT_FOUND  no such role (names the nearest), path /roles
 *          INVALID    unknown capability, unknown or cyclic inherits, attributes that parents set
 *                     differently, a wrong attribute value, skip_verification (never granted here), a
 *                     function that requires what the role does not hold; path as in the document
 *          REJECTED   a signature that differs from BTF: function, parameter, both types; all of them
 */
MUST_CHECK struct err *role_resolve(const struct spec *spec, struct str name,
				    const struct btf *host, struct role **out);
void role_destroy(struct role *r);
OWN_DEFINE(role, struct role *, role_destroy)

/* The granted function of that name, or NULL. */
const struct role_function *role_find_function(const struct role *r, struct str name);

/* Whether helper `h` may be called: the granted function that it is, or NULL. */
const struct role_function *role_find_helper(const struct role *r, const struct helper *h);

/* Appends the role as text for people: rights, and where each comes from. */
void role_print(const struct role *r, struct buf *out);
