/*
 * pack - a policy file as its author wrote it, and the files that it names.
 *
 * Memory:  everything is borrowed from the arena that pack_load() was given.
 * Limits:  PACK_MAX_BYTES of text; programs and specs as object and spec allow.
 */
#pragma once

#include "shared/base/arena.h"
#include "shared/codec/node.h"

#define PACK_MAX_BYTES ((size_t)1 << 20)

struct pack {
	struct str file;   /* as named, for messages */
	struct str folder; /* what `file:` is relative to */
	struct str api_version, kind;
	struct str name;
	const struct node *metadata, *spec; /* MAPs */
	const struct node *program, *eim, *hosts, *processes, *rollout;
	struct str program_name, program_file;
	struct str eim_name, eim_file;
	struct str role;	  /* of several: "A & B" */
	const struct node *roles; /* as written, or NULL */
	struct str exe;
};

/*
 * Reads `path`: a policy file, or a folder that holds a policy.yaml.
 *   fails  INVALID    the message names the file, the path is "LINE:COLUMN" or a JSON Pointer
 *          NOT_FOUND  no such file
 */
MUST_CHECK struct err *pack_load(const char *path, struct arena *a, struct pack *out);

/* The same from a document that was read from `file`. fails INVALID with the JSON Pointer as path. */
MUST_CHECK struct err *pack_decode(const struct node *n, const char *file, struct arena *a,
				   struct pack *out);

/* Whether document `n` means to be a policy. */
bool pack_is_one(const struct node *n);

/* The path of `file` as the policy means it; in `a`, NULL when memory is out. */
const char *pack_path(const struct pack *p, struct str file, struct arena *a);
