/*
 * json_read - JSON text to the tree (RFC 8259; jansson reads). Part of json.h; a header of its own so
 * that the one file that includes jansson.h does not see json.h's writer.
 */
#pragma once

#include "shared/codec/node.h"

/*
 * Parses `text` (borrowed for the call) into `a`.
 *   out    lives in `a`
 *   fails  INVALID  not JSON, a duplicate key, too deep or too many nodes; the path is "line:column"
 *          NO_MEMORY
 */
MUST_CHECK struct err *json_parse(struct str text, struct arena *a, const struct node **out);
