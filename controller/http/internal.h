/*
 * internal - what the files of controller/http share; nobody else includes it.
 */
#pragma once

#include "controller/http/http.h"
#include "controller/http/timer.h"

#include <microhttpd.h>

/*
 * The life of a call. A suspended connection gets no call-backs from the library, so HELD and a
 * suspended STREAM are woken by us alone.
 *
 *	NEW ──▶ BODY ──▶ HANDLED ──────────▶ SENT      an answer at once
 *	                    │ ──▶ HELD ──▶ RESUMED ──▶ SENT
 *	                    └──▶ STREAM ─────────────▶ SENT
 */
enum call_state {
	CALL_NEW,
	CALL_BODY,
	CALL_HANDLED,
	CALL_HELD,
	CALL_RESUMED,
	CALL_STREAM,
	CALL_SENT
};

struct http_call {
	struct http_server *server;
	struct MHD_Connection *connection;
	enum call_state state;
	struct arena arena;
	struct target target;
	const struct http_route *route; /* NULL until found */
	bool has_target;
	char peer[64];

	struct buf body;
	size_t discarded;
	struct err *refused; /* owned: why the request is not handled */

	int status;
	const char *content_type;
	char etag[80];
	struct buf answer;

	struct timer timer; /* HELD */
	const struct http_hold *hold;
	void *owner;
	bool suspended; /* the library waits for MHD_resume_connection() */
	bool watched;	/* its socket is in the server's epoll set, for hang-ups */

	bool stream_suspended, stream_ended, stream_broken;
	size_t stream_read; /* bytes of `answer` that were sent */
	void (*stream_gone)(void *owner, struct http_call *c);

	struct http_call *older, *newer; /* all calls of the server that are HELD or STREAM */
};

struct http_server {
	struct http_config config;
	struct MHD_Daemon *daemon;
	int epoll, signals;
	bool stopping;
	bool resumed; /* a connection was since MHD_run() began: it has to run again */
	char address[96];
	struct timer_heap timers;
	struct http_call *waiting; /* HELD and STREAM, newest first */
};

/* call.c */
void *http_call_open(void *server, const char *uri, struct MHD_Connection *connection);
enum MHD_Result http_call_step(void *server, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_size, void **call);
void http_call_completed(void *server, struct MHD_Connection *connection, void **call,
			 enum MHD_RequestTerminationCode why);

/* hold.c: from the server's loop */
void http_hold_expire(struct http_call *c);
void http_hold_hang_up(struct http_call *c);
MUST_CHECK struct err *http_wait_enter(struct http_call *c);
void http_wait_leave(struct http_call *c);
MUST_CHECK struct err *http_wait_watch(struct http_call *c);
void http_wait_unwatch(struct http_call *c);
void http_wait_over(struct http_call *c); /* resumes the library's side */

/* stream.c */
struct MHD_Response *http_stream_response(struct http_call *c);
void http_stream_hang_up(struct http_call *c);
