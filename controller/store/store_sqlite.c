/*
 * The embedded engine: one SQLite file in WAL mode, and blobs as files beside it.
 *
 *	DIR/eim.db      documents, revisions, log       DIR/blobs/HEX   one file per blob
 *	DIR/lock        held (flock) while the store is open: one controller per folder
 *
 * [Q1] synchronous=FULL: a commit is on disk before it is acknowledged.
 * [Q2] A single write outside of a transaction gets one of its own, because it is two statements: the
 *      next version, and the row.
 * [Q3] Every statement is reset before its function returns, so none keeps a read transaction open.
 */
#include "controller/store/blob_file.h"
#include "controller/store/engine.h"
#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/file.h>

#define SCHEMA_VERSION	1
#define BUSY_TIMEOUT_MS 5000

enum statement {
#define STATEMENT(name, text) SQL_##name,
#include "controller/store/statement.tbl.h"
#undef STATEMENT
	SQL_COUNT
};

static const char *const statement_texts[] = {
#define STATEMENT(name, text) [SQL_##name] = text,
#include "controller/store/statement.tbl.h"
#undef STATEMENT
};

/* One string per version: what brings a store of the version before it to this one. */
static const char *const migrations[SCHEMA_VERSION] = {
	"CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;"
	"INSERT INTO counter VALUES ('version', 0);"
	"CREATE TABLE document (kind TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,"
	" version INTEGER NOT NULL, create_ms INTEGER NOT NULL, update_ms INTEGER NOT NULL,"
	" PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE revision (kind TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL,"
	" text TEXT NOT NULL, version INTEGER NOT NULL, create_ms INTEGER NOT NULL,"
	" PRIMARY KEY (kind, name, revision)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE log (sequence INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL,"
	" text TEXT NOT NULL) STRICT;",
};

struct store_sqlite {
	struct store base;
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_COUNT];
	char *blobs; /* the folder */
	int lock;
};

static struct store_sqlite *self_of(struct store *s)
{
	return (struct store_sqlite *)s;
}

/* ---- small things ---- */

static NEVER_NULL struct err *err_sqlite(struct store_sqlite *self, const char *doing)
{
	self->base.errors++;
	int code = sqlite3_errcode(self->db);
	if (code == SQLITE_NOMEM)
		return err_no_memory();
	bool later = code == SQLITE_BUSY || code == SQLITE_LOCKED || code == SQLITE_FULL;
	return err_new(later ? ERR_UNAVAILABLE : ERR_SYSTEM, "store: %s: %s", doing,
		       sqlite3_errmsg(self->db));
}

static struct err *execute(struct store_sqlite *self, const char *sql)
{
	return sqlite3_exec(self->db, sql, NULL, NULL, NULL) == SQLITE_OK ? NULL
									  : err_sqlite(self, sql);
}

static void reset(sqlite3_stmt *statement)
{
	if (!statement)
		return;
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}
/* A statement in use; reset when the scope ends [Q3]. */
OWN_DEFINE(run, sqlite3_stmt *, reset)

static void bind_str(sqlite3_stmt *q, int at, struct str value)
{
	/* Binding cannot fail but for memory, which the step after it reports as a NULL constraint. */
	sqlite3_bind_text64(q, at, value.data ? value.data : "", value.size, SQLITE_STATIC,
			    SQLITE_UTF8);
}

/* Runs a statement that gives no rows. */
static struct err *run(struct store_sqlite *self, sqlite3_stmt *q, const char *doing)
{
	return sqlite3_step(q) == SQLITE_DONE ? NULL : err_sqlite(self, doing);
}

/* Steps to the next row: *more tells whether there is one. */
static struct err *next_row(struct store_sqlite *self, sqlite3_stmt *q, bool *more)
{
	int code = sqlite3_step(q);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return err_sqlite(self, "read");
	*more = code == SQLITE_ROW;
	return NULL;
}

static struct err *column_str(sqlite3_stmt *q, int column, struct arena *a, struct str *out)
{
	const unsigned char *text = sqlite3_column_text(q, column);
	struct str view = {(const char *)text, (size_t)sqlite3_column_bytes(q, column)};
	TRY_MEMORY(text);
	*out = arena_str(a, view);
	return out->data ? NULL : err_no_memory();
}

/* Columns: name, text, revision, version, create_ms, update_ms. */
static struct err *read_doc(sqlite3_stmt *q, struct arena *a, struct store_doc *out)
{
	struct store_doc doc = {
		.revision = sqlite3_column_int64(q, 2),
		.version = sqlite3_column_int64(q, 3),
		.create_ms = sqlite3_column_int64(q, 4),
		.update_ms = sqlite3_column_int64(q, 5),
	};
	TRY(column_str(q, 0, a, &doc.name));
	TRY(column_str(q, 1, a, &doc.text));
	snprintf(doc.etag, sizeof(doc.etag), "%lld", (long long)doc.version);
	*out = doc;
	return NULL;
}

/* ---- opening ---- */

static struct err *take_lock(struct store_sqlite *self, const char *dir)
{
	OWNED_BUF struct buf path = BUF_INIT(4096);
	buf_printf(&path, "%s/lock", dir);
	TRY(buf_check(&path));
	TRY(file_open(buf_text(&path), O_RDWR | O_CREAT, 0600, &self->lock));
	if (flock(self->lock, LOCK_EX | LOCK_NB) == 0)
		return NULL;
	if (errno == EWOULDBLOCK)
		return err_new(ERR_FAILED_PRECONDITION,
			       "%s is in use by another controller: give this one its own --data",
			       dir);
	return err_sys(errno, "flock %s", buf_text(&path));
}

static struct err *open_database(struct store_sqlite *self, const char *dir)
{
	OWNED_BUF struct buf path = BUF_INIT(4096);
	buf_printf(&path, "%s/eim.db", dir);
	TRY(buf_check(&path));
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	if (sqlite3_open_v2(buf_text(&path), &self->db, flags, NULL) != SQLITE_OK)
		return self->db ? err_sqlite(self, buf_text(&path)) : err_no_memory();
	sqlite3_busy_timeout(self->db, BUSY_TIMEOUT_MS);
	TRY(execute(self, "PRAGMA journal_mode = WAL"));
	TRY(execute(self, "PRAGMA synchronous = FULL")); /* [Q1] */
	return execute(self, "PRAGMA foreign_keys = ON");
}

static struct err *schema_version(struct store_sqlite *self, int64_t *out)
{
	sqlite3_stmt *q = NULL;
	if (sqlite3_prepare_v2(self->db, "PRAGMA user_version", -1, &q, NULL) != SQLITE_OK)
		return err_sqlite(self, "PRAGMA user_version");
	struct err *e = sqlite3_step(q) == SQLITE_ROW ? NULL : err_sqlite(self, "user_version");
	if (!e)
		*out = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return e;
}

static struct err *migrate_once(struct store_sqlite *self, int64_t from)
{
	char set_version[64];
	snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %lld",
		 (long long)from + 1);
	TRY(execute(self, "BEGIN IMMEDIATE"));
	struct err *e = execute(self, migrations[from]);
	if (!e)
		e = execute(self, set_version);
	if (!e)
		e = execute(self, "COMMIT");
	if (e)
		sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
	return e;
}

static struct err *migrate(struct store_sqlite *self, const char *dir)
{
	int64_t version = 0;
	TRY(schema_version(self, &version));
	if (version > SCHEMA_VERSION || version < 0)
		return err_new(ERR_FAILED_PRECONDITION,
			       "%s was written by a newer version (schema %lld, this one knows %d)",
			       dir, (long long)version, SCHEMA_VERSION);
	for (; version < SCHEMA_VERSION; version++)
		TRY(migrate_once(self, version));
	return NULL;
}

static struct err *prepare_all(struct store_sqlite *self)
{
	for (size_t i = 0; i < SQL_COUNT; i++)
		if (sqlite3_prepare_v3(self->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &self->statements[i], NULL) != SQLITE_OK)
			return err_sqlite(self, statement_texts[i]);
	return NULL;
}

static void sqlite_close(struct store *s)
{
	struct store_sqlite *self = self_of(s);
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(self->statements[i]);
	sqlite3_close(self->db);
	file_close(self->lock);
	mem_free(self->blobs);
	mem_free(self);
}

static struct err *open_in(struct store_sqlite *self, const char *dir)
{
	OWNED_BUF struct buf blobs = BUF_INIT(4096);
	TRY(file_make_dirs(dir));
	TRY(take_lock(self, dir));
	TRY(open_database(self, dir));
	TRY(migrate(self, dir));
	TRY(prepare_all(self));
	buf_printf(&blobs, "%s/blobs", dir);
	TRY(buf_check(&blobs));
	self->blobs = buf_take(&blobs);
	TRY_MEMORY(self->blobs);
	return blob_file_prepare(self->blobs);
}

static struct err *sqlite_open(const char *url, const char *dir, struct store **out)
{
	(void)url;
	OWNED(store) struct store *base = NULL;
	struct store_sqlite *self = mem_zalloc(sizeof(*self));
	TRY_MEMORY(self);
	base = &self->base;
	base->engine = &store_sqlite_engine;
	self->lock = -1;
	TRY(open_in(self, dir));
	*out = MOVE(base);
	return NULL;
}

/* ---- transactions ---- */

static struct err *run_plain(struct store_sqlite *self, enum statement which, const char *doing)
{
	OWNED(run) sqlite3_stmt *q = self->statements[which];
	return run(self, q, doing);
}

static struct err *sqlite_begin(struct store *s)
{
	return run_plain(self_of(s), SQL_BEGIN, "begin");
}

static struct err *sqlite_commit(struct store *s)
{
	return run_plain(self_of(s), SQL_COMMIT, "commit");
}

static void sqlite_rollback(struct store *s)
{
	struct store_sqlite *self = self_of(s);
	/* SQLite has rolled back by itself after some failures; then there is nothing to do. */
	if (!sqlite3_get_autocommit(self->db))
		log_err(LOG_ERROR, run_plain(self, SQL_ROLLBACK, "rollback"), "store");
}

static struct err *sqlite_check(struct store *s)
{
	TRY(sqlite_begin(s));
	struct err *e = sqlite_commit(s);
	if (e)
		sqlite_rollback(s);
	return e;
}

/* [Q2] Runs `write(self, args)` in the caller's transaction, or in one of its own. */
static struct err *in_transaction(struct store *s,
				  struct err *(*write)(struct store_sqlite *self, void *args),
				  void *args)
{
	if (s->in_transaction)
		return write(self_of(s), args);
	TRY(store_begin(s));
	struct err *e = write(self_of(s), args);
	if (!e)
		e = store_commit(s);
	store_rollback(s);
	return e;
}

static struct err *next_version(struct store_sqlite *self, int64_t *out)
{
	OWNED(run) sqlite3_stmt *q = self->statements[SQL_NEXT_VERSION];
	bool more = false;
	TRY(next_row(self, q, &more));
	if (!more)
		return err_new(ERR_INTERNAL, "store: the version counter is missing");
	*out = sqlite3_column_int64(q, 0);
	return next_row(self, q, &more); /* to its end, else nothing was changed */
}

/* ---- documents ---- */

struct write {
	const char *kind, *if_match;
	struct str name, text;
	struct store_doc doc; /* the result */
};

static struct err *check_match(struct store_sqlite *self, const struct write *w, bool *exists,
			       int64_t *create_ms)
{
	OWNED(run) sqlite3_stmt *q = self->statements[SQL_GET];
	char etag[STORE_ETAG_SIZE];
	bind_str(q, 1, str_of(w->kind));
	bind_str(q, 2, w->name);
	TRY(next_row(self, q, exists));
	bool wants_absent = w->if_match && !*w->if_match;
	if (!*exists && w->if_match && !wants_absent)
		return err_new(ERR_NOT_FOUND, "no %s \"%.*s\"", w->kind, STR_FMT(w->name));
	if (!*exists)
		return NULL;
	if (wants_absent)
		return err_new(ERR_ALREADY_EXISTS, "%s \"%.*s\" exists already", w->kind,
			       STR_FMT(w->name));
	*create_ms = sqlite3_column_int64(q, 4);
	snprintf(etag, sizeof(etag), "%lld", (long long)sqlite3_column_int64(q, 3));
	if (w->if_match && strcmp(w->if_match, etag) != 0)
		return err_new(
			ERR_STALE,
			"%s \"%.*s\" has changed: its etag is \"%s\", not \"%s\"; read it again",
			w->kind, STR_FMT(w->name), etag, w->if_match);
	return NULL;
}

static struct err *write_document(struct store_sqlite *self, void *args)
{
	struct write *w = args;
	bool exists;
	int64_t now = (int64_t)clock_unix_ms();
	struct store_doc *doc = &w->doc;
	*doc = (struct store_doc){.name = w->name, .create_ms = now, .update_ms = now};
	TRY(check_match(self, w, &exists, &doc->create_ms));
	TRY(next_version(self, &doc->version));
	snprintf(doc->etag, sizeof(doc->etag), "%lld", (long long)doc->version);
	OWNED(run) sqlite3_stmt *q = self->statements[SQL_PUT];
	bind_str(q, 1, str_of(w->kind));
	bind_str(q, 2, w->name);
	bind_str(q, 3, w->text);
	sqlite3_bind_int64(q, 4, doc->version);
	sqlite3_bind_int64(q, 5, now);
	return run(self, q, "write");
}

static struct err *sqlite_put(struct store *s, const char *kind, struct str name, struct str text,
			      const char *if_match, struct store_doc *out)
{
	struct write w = {.kind = kind, .if_match = if_match, .name = name, .text = text};
	TRY(in_transaction(s, write_document, &w));
	if (out)
		*out = w.doc;
	return NULL;
}

static struct err *remove_document(struct store_sqlite *self, void *args)
{
	struct write *w = args;
	bool exists;
	int64_t create_ms;
	TRY(check_match(self, w, &exists, &create_ms));
	if (!exists)
		return err_new(ERR_NOT_FOUND, "no %s \"%.*s\"", w->kind, STR_FMT(w->name));
	OWNED(run) sqlite3_stmt *q = self->statements[SQL_DELETE];
	bind_str(q, 1, str_of(w->kind));
	bind_str(q, 2, w->name);
	return run(self, q, "delete");
}

static struct err *sqlite_delete(struct store *s, const char *kind, struct str name,
				 const char *if_match)
{
	struct write w = {.kind = kind, .if_match = if_match, .name = name};
	return in_transaction(s, remove_document, &w);
}

/* Reads the one row of bound statement `q`. */
static struct err *read_one(struct store_sqlite *self, sqlite3_stmt *q, struct arena *a,
			    struct store_doc *out, bool *found)
{
	TRY(next_row(self, q, found));
	return *found ? read_doc(q, a, out) : NULL;
}

static struct err *sqlite_get(struct store *s, const char *kind, struct str name, struct arena *a,
			      struct store_doc *out)
{
	struct store_sqlite *self = self_of(s);
	OWNED(run) sqlite3_stmt *q = self->statements[SQL_GET];
	bool found = false;
	bind_str(q, 1, str_of(kind));
	bind_str(q, 2, name);
	TRY(read_one(self, q, a, out, &found));
	return found ? NULL : err_new(ERR_NOT_FOUND, "no %s \"%.*s\"", kind, STR_FMT(name));
}

/* Reads at most `limit` rows; *more tells whether another one follows. `q` was bound to give one
 * row more than `limit`. */
static struct err *read_page(struct store_sqlite *self, sqlite3_stmt *q, unsigned limit,
			     struct arena *a, struct store_page *out, bool *more)
{
	struct store_doc *docs = arena_alloc_array(a, limit, sizeof(*docs));
	TRY_MEMORY(docs);
	*out = (struct store_page){.docs = docs};
	for (;;) {
		TRY(next_row(self, q, more));
		if (!*more || out->count == limit)
			return NULL;
		TRY(read_doc(q, a, &docs[out->count]));
		out->count++;
	}
}

static struct err *read_names_page(struct store_sqlite *self, enum statement which,
				   const char *kind, const char *token, unsigned limit,
				   struct arena *a, struct store_page *out)
{
	OWNED(run) sqlite3_stmt *q = self->statements[which];
	struct store_page page; /* `token` may lie in *out */
	bool more = false;
	bind_str(q, 1, str_of(kind));
	bind_str(q, 2, str_of(token));
	sqlite3_bind_int64(q, 3, (int64_t)limit + 1);
	TRY(read_page(self, q, limit, a, &page, &more));
	if (more)
		snprintf(page.next_token, sizeof(page.next_token), "%.*s",
			 STR_FMT(page.docs[page.count - 1].name));
	*out = page;
	return NULL;
}

static struct err *sqlite_list(struct store *s, const char *kind, const char *token, unsigned limit,
			       struct arena *a, struct store_page *out)
{
	return read_names_page(self_of(s), SQL_LIST, kind, token, limit, a, out);
}

/* ---- revisions ---- */

static struct err *write_revision(struct store_sqlite *self, void *args)
{
	struct write *w = args;
	struct store_doc *doc = &w->doc;
	bool more = false;
	int64_t now = (int64_t)clock_unix_ms();
	*doc = (struct store_doc){.name = w->name, .create_ms = now, .update_ms = now};
	TRY(next_version(self, &doc->version));
	snprintf(doc->etag, sizeof(doc->etag), "%lld", (long long)doc->version);
	OWNED(run) sqlite3_stmt *q = self->statements[SQL_ADD_REVISION];
	bind_str(q, 1, str_of(w->kind));
	bind_str(q, 2, w->name);
	bind_str(q, 3, w->text);
	sqlite3_bind_int64(q, 4, doc->version);
	sqlite3_bind_int64(q, 5, now);
	TRY(next_row(self, q, &more));
	if (!more)
		return err_new(ERR_INTERNAL, "store: a revision got no number");
	doc->revision = sqlite3_column_int64(q, 0);
	return next_row(self, q, &more);
}

static struct err *sqlite_add_revision(struct store *s, const char *kind, struct str name,
				       struct str text, struct store_doc *out)
{
	struct write w = {.kind = kind, .name = name, .text = text};
	TRY(in_transaction(s, write_revision, &w));
	if (out)
		*out = w.doc;
	return NULL;
}

static struct err *sqlite_get_revision(struct store *s, const char *kind, struct str name,
				       int64_t revision, struct arena *a, struct store_doc *out)
{
	struct store_sqlite *self = self_of(s);
	OWNED(run)
	sqlite3_stmt *q = self->statements[revision ? SQL_GET_REVISION : SQL_GET_LATEST];
	bool found = false;
	bind_str(q, 1, str_of(kind));
	bind_str(q, 2, name);
	if (revision)
		sqlite3_bind_int64(q, 3, revision);
	TRY(read_one(self, q, a, out, &found));
	if (found)
		return NULL;
	if (revision)
		return err_new(ERR_NOT_FOUND, "%s \"%.*s\" has no revision %lld", kind,
			       STR_FMT(name), (long long)revision);
	return err_new(ERR_NOT_FOUND, "no %s \"%.*s\"", kind, STR_FMT(name));
}

static struct err *sqlite_list_revisions(struct store *s, const char *kind, struct str name,
					 const char *token, unsigned limit, struct arena *a,
					 struct store_page *out)
{
	struct store_sqlite *self = self_of(s);
	struct store_page page;
	int64_t before = INT64_MAX;
	bool more = false;
	if (name.size == 0)
		return read_names_page(self, SQL_LIST_LATEST, kind, token, limit, a, out);
	if (*token && !str_to_i64(str_of(token), &before))
		return err_new(ERR_INVALID, "pageToken \"%s\" is none that this list gave", token);
	OWNED(run) sqlite3_stmt *q = self->statements[SQL_LIST_REVISIONS];
	bind_str(q, 1, str_of(kind));
	bind_str(q, 2, name);
	sqlite3_bind_int64(q, 3, before);
	sqlite3_bind_int64(q, 4, (int64_t)limit + 1);
	TRY(read_page(self, q, limit, a, &page, &more));
	if (more)
		snprintf(page.next_token, sizeof(page.next_token), "%lld",
			 (long long)page.docs[page.count - 1].revision);
	*out = page;
	return NULL;
}

/* ---- blobs ---- */

static struct err *sqlite_put_blob(struct store *s, struct str digest, struct bytes data)
{
	return blob_file_put(self_of(s)->blobs, digest, data);
}

static struct err *sqlite_get_blob(struct store *s, struct str digest, struct buf *out)
{
	return blob_file_get(self_of(s)->blobs, digest, out);
}

static struct err *sqlite_stat_blob(struct store *s, struct str digest, int64_t *size)
{
	return blob_file_stat(self_of(s)->blobs, digest, size);
}

/* ---- the log ---- */

static struct err *sqlite_append_log(struct store *s, struct str text)
{
	struct store_sqlite *self = self_of(s);
	OWNED(run) sqlite3_stmt *q = self->statements[SQL_APPEND_LOG];
	sqlite3_bind_int64(q, 1, (int64_t)clock_unix_ms());
	bind_str(q, 2, text);
	return run(self, q, "append");
}

static struct err *sqlite_list_log(struct store *s, int64_t before, unsigned limit, struct arena *a,
				   const struct store_log_row **rows, size_t *count)
{
	struct store_sqlite *self = self_of(s);
	OWNED(run) sqlite3_stmt *q = self->statements[SQL_LIST_LOG];
	struct store_log_row *out = arena_alloc_array(a, limit, sizeof(*out));
	size_t n = 0;
	bool more = false;
	TRY_MEMORY(out);
	sqlite3_bind_int64(q, 1, before);
	sqlite3_bind_int64(q, 2, limit);
	for (;; n++) {
		TRY(next_row(self, q, &more));
		if (!more)
			break;
		out[n].sequence = sqlite3_column_int64(q, 0);
		out[n].time_ms = sqlite3_column_int64(q, 1);
		TRY(column_str(q, 2, a, &out[n].text));
	}
	*rows = out;
	*count = n;
	return NULL;
}

const struct store_engine store_sqlite_engine = {
	.scheme = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.check = sqlite_check,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.put = sqlite_put,
	.remove = sqlite_delete,
	.get = sqlite_get,
	.list = sqlite_list,
	.add_revision = sqlite_add_revision,
	.get_revision = sqlite_get_revision,
	.list_revisions = sqlite_list_revisions,
	.put_blob = sqlite_put_blob,
	.get_blob = sqlite_get_blob,
	.stat_blob = sqlite_stat_blob,
	.append_log = sqlite_append_log,
	.list_log = sqlite_list_log,
};
