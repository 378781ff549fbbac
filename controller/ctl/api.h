/*
 * api - eimctl's calls of the controller.
 *
 * Memory:  answers live in the arena that is handed in.
 */
#pragma once

#include "controller/ctl/ctl.h"

struct api_answer {
	int status;
	char etag[80];
	const struct node *body; /* a NODE_NULL where there is none */
};

struct api_request {
	const char *method, *path;
	const char *content_type; /* NULL: JSON */
	struct bytes body;
	long timeout_ms; /* 0: CTL_TIMEOUT_MS */
};

/*
 * One call, waited for.
 *   fails  as client_create() and client_call(); INTERNAL where the answer is no JSON
 */
MUST_CHECK struct err *api_call(struct ctl *ctl, const struct api_request *request, struct arena *a,
				struct api_answer *out);

/* GET of `path`. */
MUST_CHECK struct err *api_get(struct ctl *ctl, const char *path, struct arena *a,
			       struct api_answer *out);

/*
 * Every page of the list at `path`, whose members are under `key`.
 *   out    a LIST in `a`
 */
MUST_CHECK struct err *api_list(struct ctl *ctl, const char *path, const char *key, struct arena *a,
				const struct node **out);

/* Appends "/v1/KIND/NAME", the name percent-encoded. */
void api_path(struct buf *out, const char *kind, struct str name);
void api_escape(struct buf *out, struct str text);

/* The client, made at the first call. */
MUST_CHECK struct err *api_client(struct ctl *ctl, struct client **out);

/* ---- reading answers: absent members read as empty or 0 ---- */
struct str api_text(const struct node *n, const char *pointer);
int64_t api_int(const struct node *n, const char *pointer);
