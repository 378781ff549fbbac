/*
 * client - the one HTTP client (libcurl): calls of the API, blocking or many at once in one thread.
 *
 * Threads: one thread per client. Connections are kept and reused.
 * Limits:  CLIENT_MAX_BODY bytes of a response.
 */
#pragma once

#include "shared/base/buf.h"

#include <poll.h>

#define CLIENT_MAX_BODY ((size_t)64 << 20)

struct client;
struct client_call;

struct client_request {
	const char *method;	  /* "GET" */
	const char *path;	  /* "/v1/hosts", with its query */
	const char *content_type; /* NULL: application/json where there is a body */
	const char *if_match;	  /* an etag, or NULL */
	struct bytes body;	  /* borrowed until the call ends; may be empty */
	long timeout_ms;	  /* of the whole call; 0: none */
};

struct client_response {
	int status; /* 2xx, or 304 */
	struct buf body;
	char etag[80]; /* "" where there is none */
};
void client_response_fini(struct client_response *r);

/*
 * A client for the server at `base_url` ("http://127.0.0.1:8080", no trailing slash needed).
 *   fails  INVALID: no http(s) URL, or plain http to anything but loopback
 */
MUST_CHECK struct err *client_create(const char *base_url, struct client **out);
void client_destroy(struct client *c); /* ends all its calls; their `done` is not called */
OWN_DEFINE(client, struct client *, client_destroy)

/*
 * One call, waited for.
 *   out    initialised here, for client_response_fini(); untouched on failure
 *   fails  UNAVAILABLE        no connection, cut off (names the URL)
 *          DEADLINE_EXCEEDED  timeout_ms
 *          the error in the body for a status of 400 and more (json_parse_err)
 */
MUST_CHECK struct err *client_call(struct client *c, const struct client_request *request,
				   struct client_response *out);

/* One call whose response body arrives in pieces (borrowed for the call-back); an error of `piece`
 * ends it and is returned. `piece` may start calls of this client, but not wait for one: INTERNAL. */
MUST_CHECK struct err *client_stream(struct client *c, const struct client_request *request,
				     struct err *(*piece)(void *context, struct bytes data),
				     void *context);

/*
 * Starts a call and returns. `done` is called from client_wait() exactly once: with the response
 * (borrowed for the call-back) and NULL, or with NULL and the error (moved in).
 *   out    borrowed until `done` or client_cancel(); NULL if not wanted
 */
MUST_CHECK struct err *
client_start(struct client *c, const struct client_request *request,
	     void (*done)(void *context, const struct client_response *response, struct err *e),
	     void *context, struct client_call **out);

/* Ends a started call; `done` will not be called. */
void client_cancel(struct client *c, struct client_call *call);

/*
 * Moves started calls on and waits until something happened: a call ended, one of `extra` is ready
 * (revents set), or `timeout_ms` is over.
 */
MUST_CHECK struct err *client_wait(struct client *c, struct pollfd *extra, unsigned count,
				   int timeout_ms);
