/*
 * engine - what one kind of database does for store.h. store.c checks arguments and calls through this
 * table; a new engine is one file with such a table and one row in store.c.
 */
#pragma once

#include "controller/store/store.h"

struct store_engine {
	const char *scheme; /* "sqlite" */
	struct err *(*open)(const char *url, const char *dir, struct store **out);
	void (*close)(struct store *s);
	struct err *(*check)(struct store *s);
	struct err *(*begin)(struct store *s);
	struct err *(*commit)(struct store *s);
	void (*rollback)(struct store *s);
	struct err *(*put)(struct store *s, const char *kind, struct str name, struct str text,
			   const char *if_match, struct store_doc *out);
	struct err *(*remove)(struct store *s, const char *kind, struct str name,
			      const char *if_match);
	struct err *(*get)(struct store *s, const char *kind, struct str name, struct arena *a,
			   struct store_doc *out);
	struct err *(*list)(struct store *s, const char *kind, const char *token, unsigned limit,
			    struct arena *a, struct store_page *out);
	struct err *(*add_revision)(struct store *s, const char *kind, struct str name,
				    struct str text, struct store_doc *out);
	struct err *(*get_revision)(struct store *s, const char *kind, struct str name,
				    int64_t revision, struct arena *a, struct store_doc *out);
	struct err *(*list_revisions)(struct store *s, const char *kind, struct str name,
				      const char *token, unsigned limit, struct arena *a,
				      struct store_page *out);
	struct err *(*put_blob)(struct store *s, struct str digest, struct bytes data);
	struct err *(*get_blob)(struct store *s, struct str digest, struct buf *out);
	struct err *(*stat_blob)(struct store *s, struct str digest, int64_t *size);
	struct err *(*append_log)(struct store *s, struct str text);
	struct err *(*list_log)(struct store *s, int64_t before, unsigned limit, struct arena *a,
				const struct store_log_row **rows, size_t *count);
};

struct store {
	const struct store_engine *engine; /* the first member of every engine's own struct */
	bool in_transaction;
	uint64_t errors; /* of the database itself */
};

extern const struct store_engine store_sqlite_engine;
