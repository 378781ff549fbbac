/*
 * common - what handlers of all resources do alike: parameters, bodies, pages, names, the audit row.
 */
#pragma once

#include "controller/api/api.h"
#include "shared/codec/json.h"

#define COMMON_PAGE_DEFAULT 100u

/* Path capture {key} as a resource name. fails INVALID. */
MUST_CHECK struct err *common_name(const struct http_call *c, const char *key, struct str *out);

struct common_page {
	unsigned size;	   /* pageSize, 1 … STORE_MAX_PAGE */
	const char *token; /* pageToken, "" where there is none */
};

/* Reads pageSize and pageToken, and refuses all other query parameters. */
MUST_CHECK struct err *common_page(const struct http_call *c, struct common_page *out);

struct common_write {
	bool validate_only;
	const char *request_id; /* "" where there is none */
	const char *if_match;	/* an etag; STORE_ETAG_ABSENT for If-None-Match: *; NULL: none */
	bool must_exist;	/* If-Match: * */
};

/* Reads validateOnly, requestId, If-Match and If-None-Match; refuses all other query parameters. */
MUST_CHECK struct err *common_write(const struct http_call *c, struct common_write *out);

/* Refuses all query parameters. */
MUST_CHECK struct err *common_no_query(const struct http_call *c);

/* A "true"/"false" query parameter; *out is untouched where it is not given. */
MUST_CHECK struct err *common_flag(const struct http_call *c, const char *name, bool *out);

/* The body as a tree, in the call's arena: YAML where Content-Type says so, else JSON. */
MUST_CHECK struct err *common_body(struct http_call *c, const struct node **out);

/* A JSON answer that is being written. */
struct json common_json(struct http_call *c, int status);
void common_time(struct json *w, const char *key, int64_t unix_ms);

/* Where `e` (owned, may be NULL) is NOT_FOUND: adds the nearest name of the store's documents
 * (`revisions`: of its revisions) of that kind. Returns `e` or its successor. */
MUST_CHECK struct err *common_near(struct api *a, struct http_call *c, const char *kind,
				   bool revisions, struct str wanted, struct err *e);

/* Appends the audit row of a write: call it in the write's transaction. `resource` is "specs/nginx". */
MUST_CHECK struct err *common_audit(struct api *a, struct http_call *c, const char *action,
				    const char *request_id, int64_t revision, const char *format,
				    ...) PRINTF(6, 7);
