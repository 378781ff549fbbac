/*
 * store - what the controller must not forget: documents, revisions, blobs, the audit log.
 *
 *	document   (kind, name) → text; changes by compare-and-swap on its etag
 *	revision   (kind, name, 1, 2, 3 …) → text; immutable
 *	blob       SHA-256 → bytes
 *	log        numbered rows, only ever appended
 *
 * What a function has acknowledged survives kill -9 and a power cut. Texts are opaque here.
 * Memory:  results live in the arena that was given.
 * Threads: one per store.
 * Limits:  STORE_MAX_*; names are checked by the callers, texts are any UTF-8.
 */
#pragma once

#include "shared/base/arena.h"
#include "shared/base/buf.h"

#define STORE_MAX_PAGE	  1000u
#define STORE_MAX_TEXT	  ((size_t)64 << 20)
#define STORE_MAX_BLOB	  ((size_t)8 << 20)
#define STORE_ETAG_SIZE	  24
#define STORE_TOKEN_SIZE  160
#define STORE_MAX_KEY	  128u /* bytes of a kind or a name */
#define STORE_ETAG_ABSENT ""   /* as `if_match`: there must be no such document */

struct store;

struct store_doc {
	struct str name, text;
	int64_t revision;	    /* revisions: 1, 2, …; documents: 0 */
	int64_t version;	    /* of the write; grows over the whole store, never repeats */
	char etag[STORE_ETAG_SIZE]; /* `version` as text */
	int64_t create_ms, update_ms;
};

struct store_page {
	const struct store_doc *docs;
	size_t count;
	char next_token[STORE_TOKEN_SIZE]; /* "" where this is the last page */
};

struct store_log_row {
	int64_t sequence, time_ms;
	struct str text;
};

/*
 * Opens (and where needed creates) the store in folder `dir`; `url` is "sqlite".
 *   out    owned by the caller
 *   fails  UNSUPPORTED          another engine
 *          FAILED_PRECONDITION  written by a newer version, or in use by another process
 *          SYSTEM, NO_MEMORY, …
 */
MUST_CHECK struct err *store_open(const char *url, const char *dir, struct store **out);
void store_close(struct store *s);
OWN_DEFINE(store, struct store *, store_close)

/* Whether it can be written to right now: for /readyz. */
MUST_CHECK struct err *store_check(struct store *s);

/* How often the database itself has failed since it was opened. */
uint64_t store_errors(const struct store *s);

/* ---- transactions: writes between begin and commit happen together or not at all ---- */
MUST_CHECK struct err *store_begin(struct store *s);
MUST_CHECK struct err *store_commit(struct store *s);
/* Undoes what was written since begin; without one it does nothing, so error paths may always call it. */
void store_rollback(struct store *s);

/* ---- documents ---- */

/*
 * Writes the document. `if_match` NULL: whatever is there; an etag: only over that; STORE_ETAG_ABSENT:
 * only where there is none.
 *   out    the document without its text; may be NULL
 *   fails  STALE           it has another etag
 *          NOT_FOUND       an etag was given and there is no document
 *          ALREADY_EXISTS  STORE_ETAG_ABSENT and there is one
 */
MUST_CHECK struct err *store_put(struct store *s, const char *kind, struct str name,
				 struct str text, const char *if_match, struct store_doc *out);
/* fails NOT_FOUND; STALE as above. */
MUST_CHECK struct err *store_delete(struct store *s, const char *kind, struct str name,
				    const char *if_match);
/* fails NOT_FOUND. */
MUST_CHECK struct err *store_get(struct store *s, const char *kind, struct str name,
				 struct arena *a, struct store_doc *out);
/* Documents in order of their names, at most `limit`, after `token` (NULL or "": from the start).
 * fails INVALID: no such token. */
MUST_CHECK struct err *store_list(struct store *s, const char *kind, const char *token,
				  unsigned limit, struct arena *a, struct store_page *out);

/* ---- revisions ---- */

/* Appends the next revision of (kind, name). `out` as in store_put(). */
MUST_CHECK struct err *store_add_revision(struct store *s, const char *kind, struct str name,
					  struct str text, struct store_doc *out);
/* `revision` 0 is the latest. fails NOT_FOUND. */
MUST_CHECK struct err *store_get_revision(struct store *s, const char *kind, struct str name,
					  int64_t revision, struct arena *a, struct store_doc *out);
/* All revisions of one name, the newest first; with an empty `name` the latest one of each name, in
 * order of the names. Pages as in store_list(). */
MUST_CHECK struct err *store_list_revisions(struct store *s, const char *kind, struct str name,
					    const char *token, unsigned limit, struct arena *a,
					    struct store_page *out);

/* ---- blobs: `digest` is 64 lower-case hex digits, and the caller has checked that it fits ---- */
MUST_CHECK struct err *store_put_blob(struct store *s, struct str digest, struct bytes data);
/* Appends the bytes to `out`. fails NOT_FOUND; INTERNAL where they do not fit their digest any more. */
MUST_CHECK struct err *store_get_blob(struct store *s, struct str digest, struct buf *out);
/* fails NOT_FOUND. */
MUST_CHECK struct err *store_stat_blob(struct store *s, struct str digest, int64_t *size);

/* ---- the log ---- */
MUST_CHECK struct err *store_append_log(struct store *s, struct str text);
/* The newest first, those before `token`. */
MUST_CHECK struct err *store_list_log(struct store *s, const char *token, unsigned limit,
				      struct arena *a, const struct store_log_row **rows,
				      size_t *count, char next_token[STORE_TOKEN_SIZE]);
