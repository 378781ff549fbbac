/*
 * json - JSON text to and from the tree (RFC 8259; jansson reads, we write).
 *
 * Integers above INT64_MAX are written as text and read back as text, as protobuf's JSON mapping does
 * for 64-bit values.
 */
#pragma once

#include "shared/base/buf.h"
#include "shared/codec/json_read.h" /* json_parse() */

/* Appends `n` as JSON: on one line, or indented by two spaces. */
void json_print(const struct node *n, struct buf *out);
void json_print_pretty(const struct node *n, struct buf *out);

/* Appends `s` as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void json_print_text(struct str s, struct buf *out);

/*
 * A writer for JSON that is produced while walking something else. It puts the commas; the caller
 * keeps begin/end balanced and gives each member of an object a key.
 *
 *	struct json w = json_start(&buf);
 *	json_object(&w, NULL);
 *	json_int(&w, "runs", 12);
 *	json_end(&w);
 */
struct json {
	struct buf *out;
	uint64_t object_levels; /* bit n: level n is an object */
	uint64_t filled_levels; /* bit n: level n has a member already */
	unsigned depth;
};

struct json json_start(struct buf *out);
/* jansson has functions of these two names and calls them itself: ours carry other names in the linker's
 * eyes, or they would stand in for jansson's. */
#define JSON_LINK_NAME(name) __asm__("json_write_" name)
/* `key` is NULL in lists and at the top. */
void json_object(struct json *w, const char *key) JSON_LINK_NAME("object");
void json_list(struct json *w, const char *key);
void json_end(struct json *w);
void json_text(struct json *w, const char *key, struct str value);
void json_textf(struct json *w, const char *key, const char *format, ...) PRINTF(3, 4);
void json_int(struct json *w, const char *key, int64_t value);
void json_uint(struct json *w, const char *key, uint64_t value);
void json_bool(struct json *w, const char *key, bool value);
void json_null(struct json *w, const char *key) JSON_LINK_NAME("null");
void json_node(struct json *w, const char *key, const struct node *n);
/* `json` is JSON already. */
void json_raw(struct json *w, const char *key, struct str json);

/* {"error":{"code":…,"status":…,"message":…,"details":[{"path":…,"message":…,"detail":…,"verdict":{…}},…]}}:
 * the body that every REST error has. `details` has one row for each finding; `verdict` (err_data()) is there
 * where a verifier's verdict is what it says. */
void json_print_err(const struct err *e, struct buf *out);

/* The error that such a body holds (owned by the caller); `http` is the response's status. Never NULL. */
MUST_CHECK struct err *json_parse_err(struct str body, int http);
