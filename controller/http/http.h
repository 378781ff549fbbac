/*
 * http - an HTTP/1.1 server in one thread: routes from a table, JSON errors, held requests (long poll)
 * and streams. The only door to libmicrohttpd.
 *
 * A handler answers at once (http_call_answer), or holds the request and answers later
 * (http_call_hold, http_call_resume), or opens a stream (http_call_stream). An error that it returns
 * is answered as {"error":…} with the error's HTTP status.
 *
 * What the server does by itself: 404 with the nearest route, 405 with Allow, 413 by the route's
 * limit, HEAD by GET's handler, 304 where If-None-Match has the answer's etag, and 403 for requests
 * that a web page of another origin has a browser send (foreign Host or Origin).
 *
 * Memory:  a call lives from its request's first line to the last byte of its answer; what it hands
 *          out is borrowed until then. Each has an arena of HTTP_ARENA_MAX bytes.
 * Threads: one: everything here is called from http_server_run()'s thread.
 * Limits:  HTTP_MAX_* below; a body by its route.
 */
#pragma once

#include "controller/http/route.h"
#include "shared/base/buf.h"

#include <netinet/in.h>

#define HTTP_ARENA_MAX	     ((size_t)512 << 20)
#define HTTP_MAX_ANSWER	     ((size_t)256 << 20)
#define HTTP_MAX_HEADERS     ((size_t)32 << 10) /* of one request, its first line included */
#define HTTP_MAX_CONNECTIONS 20000u		/* fewer where RLIMIT_NOFILE is lower */
#define HTTP_MAX_DISCARDED   ((size_t)64 << 20) /* of a refused body, before the connection is cut */
#define HTTP_IDLE_TIMEOUT_S  75u /* of a connection that is neither held nor streaming */
#define HTTP_STREAM_MAX	     ((size_t)4 << 20) /* bytes that wait for a slow reader */

#define HTTP_JSON   "application/json"
#define HTTP_NDJSON "application/x-ndjson"

/* ---- the server ---- */

struct http_server;

struct http_config {
	struct sockaddr_storage address; /* where to listen; port 0 picks one */
	socklen_t address_size;
	struct route_table routes; /* borrowed for the server's life */
	void *context;		   /* handed to handlers and `done` */
	/* Each request's end: its route (NULL: none) and status. May be NULL. */
	void (*done)(void *context, const struct http_route *route, int status);
};

/*
 * Listens; accepts nothing yet.
 *   out    owned by the caller
 *   fails  UNAVAILABLE  the address is taken; SYSTEM; NO_MEMORY
 */
MUST_CHECK struct err *http_server_create(const struct http_config *config,
					  struct http_server **out);
void http_server_destroy(struct http_server *s); /* answers what is held, ends streams */
OWN_DEFINE(http_server, struct http_server *, http_server_destroy)

/* Where it listens, "127.0.0.1:41234". Borrowed. */
const char *http_server_address(const struct http_server *s);

/* Serves until SIGINT, SIGTERM (which it blocks and reads) or http_server_stop(). */
MUST_CHECK struct err *http_server_run(struct http_server *s);
void http_server_stop(struct http_server *s);

/* ---- the request ---- */

struct http_call;

const struct http_route *http_call_route(const struct http_call *c);
struct str http_call_capture(const struct http_call *c, const char *name);
const char *http_call_query(const struct http_call *c, const char *name);  /* NULL: not given */
const char *http_call_header(const struct http_call *c, const char *name); /* NULL: not sent */
struct str http_call_body(const struct http_call *c);
const char *http_call_peer(const struct http_call *c); /* "127.0.0.1" */
struct arena *http_call_arena(struct http_call *c);

/* Fails INVALID where a query parameter was given that is not in `known` (`count` names): names the
 * nearest one. */
MUST_CHECK struct err *http_call_check_query(const struct http_call *c, const char *const *known,
					     size_t count);

/* ---- the answer ---- */

/* Sets status and type; the body is what is appended to the buffer (borrowed until the handler
 * returns, or http_call_resume()). Called again, it starts anew. */
struct buf *http_call_answer(struct http_call *c, int status, const char *content_type);

/* The ETag header, without its quotes. */
void http_call_set_etag(struct http_call *c, struct str etag);

/* ---- holding ---- */

struct http_hold {
	/* The deadline is over, or the server ends: answer (http_call_answer). The server resumes. */
	void (*expired)(void *owner, struct http_call *c);
	/* The client is gone: forget `c`. */
	void (*gone)(void *owner, struct http_call *c);
};

/* Holds the call that is being handled; the handler then returns NULL. Exactly one of expired, gone
 * and http_call_resume() ends it. fails NO_MEMORY, SYSTEM. */
MUST_CHECK struct err *http_call_hold(struct http_call *c, uint64_t deadline_ns,
				      const struct http_hold *ops, void *owner);

/* Sends the answer of a held call, or `e` (moved in) instead of one. */
void http_call_resume(struct http_call *c, struct err *e);

/* ---- streams ---- */

/* Makes the call that is being handled a stream: status 200, no length. `gone` is called once, when
 * the client left or the server ends; not after http_stream_end(). */
MUST_CHECK struct err *http_call_stream(struct http_call *c, const char *content_type,
					void (*gone)(void *owner, struct http_call *c),
					void *owner);

/* Queues `data`; false, and nothing is queued, where HTTP_STREAM_MAX bytes wait already. */
bool http_stream_write(struct http_call *c, struct str data);

/* No more data: the stream ends after what is queued. The owner forgets `c`. */
void http_stream_end(struct http_call *c);
