/*
 * node - one tree for every document, whether it came as YAML or as JSON.
 *
 * A node knows its line and column in the text (1-based, columns in bytes; 0 where the node was built
 * and not parsed), so that lint can point at it. A member of a map stands where its key stands.
 * Memory:  nodes live in the arena that the parser was given.
 * Threads: immutable after parse.
 * Limits:  NODE_MAX_DEPTH levels, NODE_MAX_NODES nodes; a document past them is INVALID.
 */
#pragma once

#include "shared/base/arena.h"
#include "shared/base/err.h"

enum node_kind { NODE_NULL, NODE_BOOL, NODE_INT, NODE_REAL, NODE_TEXT, NODE_LIST, NODE_MAP };

#define NODE_MAX_DEPTH 64
#define NODE_MAX_NODES 200000

struct node {
	enum node_kind kind;
	uint32_t line, column;
	struct str key;		   /* the name under which a map holds this node */
	struct node *next;	   /* the next member of the list or map */
	struct node *first, *last; /* LIST, MAP: members in document order; map keys are unique */
	size_t count;		   /* LIST, MAP */
	struct str text;	   /* TEXT: the text; INT, REAL, BOOL, NULL: as written */
	int64_t integer; /* INT (a document's integer above INT64_MAX is TEXT); BOOL: 0 or 1 */
	double real;	 /* INT and REAL; always finite (a document's 1e999 is no REAL) */
};

#define NODE_EACH(member, of) \
	for (const struct node *member = (of)->first; member; member = member->next)

/* The word for a kind in messages: "a list", "text", … */
const char *node_kind_name(enum node_kind kind);

/* The member of map `n` with that key, or NULL; NULL also where `n` is NULL or no map. */
const struct node *node_find(const struct node *n, const char *key);

/* The node at JSON Pointer `pointer` (RFC 6901) below `n`, or NULL. */
const struct node *node_at(const struct node *n, const char *pointer);

/* Whether both are scalars of the same kind and value (or the same node). */
bool node_same(const struct node *a, const struct node *b);

/* Appends `key` as one step of a JSON Pointer: "/a~1b". */
struct buf;
void node_print_step(struct str key, struct buf *out);

/* An INVALID error at `path`, with "line L:C: " before the message where `n` knows its place. */
MUST_CHECK NEVER_NULL struct err *node_err(const struct node *n, const char *path,
					   const char *format, ...) PRINTF(3, 4);

/* Building, in `a`. Each returns NULL when memory is out; adding NULL or to NULL does nothing and
 * returns NULL, so that a chain needs one check at its end. node_set() does not look for the key: the
 * caller sets each once. */
struct node *node_new(struct arena *a, enum node_kind kind);
struct node *node_new_text(struct arena *a, struct str text); /* copied */
struct node *node_new_int(struct arena *a, int64_t value);
/* The whole of `n` anew, without its key; NULL also past NODE_MAX_DEPTH levels. */
struct node *node_copy(struct arena *a, const struct node *n);
struct node *node_add(struct node *list, struct node *member);
struct node *node_set(struct arena *a, struct node *map, struct str key /* copied */,
		      struct node *member);
