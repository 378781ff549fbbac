/*
 * json_scan - what jansson does not tell: where each value of a JSON text stands, and which integers
 * do not fit an int64_t. For json_read.c.
 *
 * The scan splits text into strings, words and punctuation and follows nesting; whether the text is
 * JSON is jansson's to say. Where it is, the scanned values are the document's, in document order.
 *
 * Memory:  the values' array is malloc'd; json_scan_fini().
 * Limits:  NODE_MAX_DEPTH levels, NODE_MAX_NODES values.
 */
#pragma once

#include "shared/codec/node.h"

struct json_scan_value {
	uint32_t line, column; /* of the key in a map, else of the value; 1-based */
	uint32_t offset,
		size; /* of the value's word in the text; size 0 for strings, lists, maps */
	bool is_big;  /* an integer that does not fit */
};

struct json_scan {
	struct json_scan_value *values;
	size_t count, capacity;
};

/*
 * Scans `text`, and overwrites each integer that does not fit by "0" and spaces, so that jansson reads
 * on and its positions stay right.
 *   fails  INVALID  too deep, too many values; the path is "line:column"
 *          NO_MEMORY
 */
MUST_CHECK struct err *json_scan_run(char *text, size_t size, struct json_scan *out);
void json_scan_fini(struct json_scan *s);
