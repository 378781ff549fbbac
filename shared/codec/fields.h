/*
 * fields - tables that decode a map node into a struct.
 *
 * One row per member; unknown keys are errors that name the nearest known one. Adding a member to a
 * document is adding a row.
 *
 *	static const struct field fields[] = {
 *		FIELD_TEXT("name", struct role, name, FIELD_REQUIRED),
 *		FIELD_LIST("capabilities", struct role, capabilities, 0),
 *	};
 *	TRY(fields_decode(n, fields, ARRAY_SIZE(fields), role));
 */
#pragma once

#include "shared/codec/node.h"

enum field_kind {
	FIELD_KIND_TEXT,
	FIELD_KIND_INT,
	FIELD_KIND_BOOL,
	FIELD_KIND_LIST,
	FIELD_KIND_MAP,
	FIELD_KIND_ANY
};

#define FIELDS_MAX_UNKNOWN 32

#define FIELD_REQUIRED 1u

struct field {
	const char *key;
	enum field_kind kind;
	unsigned flags;
	size_t offset; /* of the member in the struct */
};

/* Members: `struct str` (borrowed from the document), `int64_t`, `bool`, and for LIST, MAP and ANY
 * `const struct node *` (NULL where the key is absent; `null` counts as absent). */
#define FIELD_TEXT(key, type, member, flags)                        \
	{                                                           \
		key, FIELD_KIND_TEXT, flags, offsetof(type, member) \
	}
#define FIELD_INT(key, type, member, flags)                        \
	{                                                          \
		key, FIELD_KIND_INT, flags, offsetof(type, member) \
	}
#define FIELD_BOOL(key, type, member, flags)                        \
	{                                                           \
		key, FIELD_KIND_BOOL, flags, offsetof(type, member) \
	}
#define FIELD_LIST(key, type, member, flags)                        \
	{                                                           \
		key, FIELD_KIND_LIST, flags, offsetof(type, member) \
	}
#define FIELD_MAP(key, type, member, flags)                        \
	{                                                          \
		key, FIELD_KIND_MAP, flags, offsetof(type, member) \
	}
#define FIELD_ANY(key, type, member, flags)                        \
	{                                                          \
		key, FIELD_KIND_ANY, flags, offsetof(type, member) \
	}

/*
 * Decodes `n` into `out`; members whose key is absent are left as they are. All findings are
 * reported, not only the first (of unknown keys the first FIELDS_MAX_UNKNOWN).
 *   fails  INVALID  path /KEY (or "" for the node itself): no map, unknown key (with the nearest known
 *                   one), missing required key, wrong kind. `out` may then be half filled.
 */
MUST_CHECK struct err *fields_decode(const struct node *n, const struct field *fields, size_t count,
				     void *out);
