/*
 * yaml - YAML text to the tree (libyaml). JSON text is YAML too, so this reads both.
 *
 * The core schema for plain scalars: null/~, true/false, decimal and 0x integers, floats; everything
 * else, and everything quoted, is text. Anchors and aliases are refused (documents of ours have no use
 * for them and expansion is a bomb), so are tags other than the core schema's, and duplicate keys.
 */
#pragma once

#include "shared/codec/node.h"

/*
 * Parses the one document in `text` (borrowed for the call) into `a`.
 *   out    lives in `a`; an empty document is a NODE_NULL
 *   fails  INVALID  with "line:column" as the path; several documents; an anchor; a duplicate key
 *          NO_MEMORY
 */
MUST_CHECK struct err *yaml_parse(struct str text, struct arena *a, const struct node **out);

/* The same for a stream of several documents ("---"): *out becomes a LIST of them. */
MUST_CHECK struct err *yaml_parse_all(struct str text, struct arena *a, const struct node **out);

/* Appends `n` as YAML in block style, text quoted where it must be. */
struct buf;
void yaml_print(const struct node *n, struct buf *out);
