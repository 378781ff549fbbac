/*
 * derive_internal - what the files of derive share: derive.c (names and their readings), derive_print.c
 * (the document).
 */
#pragma once

#include "shared/base/arena.h"
#include "shared/eim/derive.h"

enum derive_kind { DERIVE_FUNCTION, DERIVE_CAPABILITY, DERIVE_ROLE, DERIVE_ENTRY, DERIVE_KINDS };

#define DERIVE_INCLUDES "_includes_"
#define DERIVE_HAS_CAP	"_has_cap_"
#define DERIVE_INHERITS "_inherits_"

/* A name split in two; `separator` is NULL where the whole is the left part. */
struct derive_reading {
	struct str left, right;
	const char *separator;
};

struct derive_name {
	struct str whole, rest; /* with and without the prefix; NUL-terminated, as in BTF */
	uint32_t btf_id;	/* of the typedef or FUNC */
	struct derive_reading reading;
};

struct derive_names {
	struct derive_name *items;
	size_t count;
};

/* FUNCs by name, then id. */
struct derive_function {
	struct str name;
	uint32_t btf_id;
};

struct derive_set { /* sorted, may hold a name twice */
	struct str *items;
	size_t count;
};

struct derivation {
	struct arena arena;
	const struct btf *btf;
	struct derive_names names[DERIVE_KINDS];
	struct derive_function *functions;
	size_t functions_count;
	struct derive_set declared;	/* functions: GROUP_FN */
	struct derive_set capabilities; /* what the read names define */
	struct derive_set starts;	/* what may be a role: text before a separator */
	struct derive_set roles;	/* what the read names define */
	struct err *findings;
	size_t findings_count;
};

/* The first FUNC of that name, or NULL. */
const struct derive_function *derive_find_function(const struct derivation *d, struct str name);

/* Letters, digits and "_", at least one. */
bool derive_is_identifier(struct str name);

/* ---- derive_print.c ---- */

/* Appends the document of names that are all read. */
MUST_CHECK struct err *derive_print(const struct derivation *d, struct buf *out);
