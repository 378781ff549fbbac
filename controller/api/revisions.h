/*
 * revisions - what specs and programs share: immutable revisions, each stored as a JSON object whose
 * members are the answer's, with "digest" among them.
 */
#pragma once

#include "controller/api/common.h"

struct revisions_kind {
	const char *name;   /* "spec": also the store's kind and the path's capture */
	const char *plural; /* "specs" */
	const char *body;   /* the member that lists leave out, or NULL */
};

/* GET of all names, each with its latest revision; of one name's latest; of all its revisions; of one. */
MUST_CHECK struct err *revisions_list_names(struct api *a, struct http_call *c,
					    const struct revisions_kind *kind);
MUST_CHECK struct err *revisions_get_latest(struct api *a, struct http_call *c,
					    const struct revisions_kind *kind);
MUST_CHECK struct err *revisions_list(struct api *a, struct http_call *c,
				      const struct revisions_kind *kind);
MUST_CHECK struct err *revisions_get(struct api *a, struct http_call *c,
				     const struct revisions_kind *kind);

/*
 * Adds the revision `text` of `name` with its audit row, and answers with it: 201. Where the latest one
 * has the same `digest` it is the answer, 200, and nothing is written: sending again is harmless.
 */
MUST_CHECK struct err *revisions_create(struct api *a, struct http_call *c,
					const struct revisions_kind *kind, struct str name,
					struct str digest, struct str text);

/* Reads revision `number` (0: the latest) and its tree; NOT_FOUND names the nearest name. */
MUST_CHECK struct err *revisions_read(struct api *a, struct http_call *c,
				      const struct revisions_kind *kind, struct str name,
				      int64_t number, struct store_doc *doc,
				      const struct node **tree);
