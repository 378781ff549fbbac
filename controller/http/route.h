/*
 * route - which row of a table a request belongs to. Pure: no library, no I/O.
 *
 * A pattern is a path whose segments are literal, or "{name}" (captures one segment), or "{name}:verb"
 * or "literal:verb" (the last one only). A plain "{name}" does not match a segment with a ':', so an
 * unknown verb is an unknown route and not a strange name.
 */
#pragma once

#include "controller/http/target.h"

struct http_call;

/* Answers `call`, holds it, or makes it a stream (http.h); an error is answered with as JSON. */
typedef struct err *http_handler(void *context, struct http_call *call);

struct http_route {
	const char *method, *pattern;
	http_handler *handler;
	size_t max_body_bytes; /* 0: a body is refused */
};

struct route_table {
	const struct http_route *rows;
	size_t count;
};

/*
 * The row for `method` and `target`; HEAD is served by GET's row.
 *   out    borrowed from the table
 *   fails  NOT_FOUND  no such path: names the nearest route
 *          NO_METHOD  the path exists with other methods: the message lists them
 */
MUST_CHECK struct err *route_find(struct route_table table, struct str method,
				  const struct target *target, const struct http_route **out);

/* Appends the methods that `target` has ("GET, HEAD, PUT"), for the Allow header. */
struct buf;
void route_allowed(struct route_table table, const struct target *target, struct buf *out);

/* What pattern segment {name} of `route` matched, decoded; empty where there is none. */
struct str route_capture(const struct http_route *route, const struct target *target,
			 const char *name);
