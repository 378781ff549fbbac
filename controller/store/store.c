#include "controller/store/engine.h"

#include <stdio.h>

static const struct store_engine *const engines[] = {&store_sqlite_engine};

struct err *store_open(const char *url, const char *dir, struct store **out)
{
	struct str scheme, rest;
	str_split(str_of(url), ':', &scheme, &rest);
	for (size_t i = 0; i < ARRAY_SIZE(engines); i++)
		if (str_is(scheme, engines[i]->scheme))
			return engines[i]->open(url, dir, out);
	return err_new(ERR_UNSUPPORTED,
		       "store \"%.*s\" is not available in this version: only sqlite is",
		       STR_FMT(scheme));
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_rollback(s);
	s->engine->close(s);
}

static struct err *check_key(const char *kind, struct str name)
{
	if (!*kind || strlen(kind) > STORE_MAX_KEY || name.size == 0 || name.size > STORE_MAX_KEY)
		return err_new(ERR_INVALID, "a name must have 1 to %u bytes", STORE_MAX_KEY);
	return NULL;
}

static unsigned clamp_limit(unsigned limit)
{
	return MAX(1u, MIN(limit, STORE_MAX_PAGE));
}

struct err *store_check(struct store *s)
{
	return s->engine->check(s);
}

uint64_t store_errors(const struct store *s)
{
	return s->errors;
}

struct err *store_begin(struct store *s)
{
	if (s->in_transaction)
		return err_new(ERR_INTERNAL, "a transaction in a transaction");
	TRY(s->engine->begin(s));
	s->in_transaction = true;
	return NULL;
}

struct err *store_commit(struct store *s)
{
	if (!s->in_transaction)
		return err_new(ERR_INTERNAL, "commit without begin");
	TRY(s->engine->commit(s)); /* on failure the caller rolls back */
	s->in_transaction = false;
	return NULL;
}

void store_rollback(struct store *s)
{
	if (s->in_transaction)
		s->engine->rollback(s);
	s->in_transaction = false;
}

struct err *store_put(struct store *s, const char *kind, struct str name, struct str text,
		      const char *if_match, struct store_doc *out)
{
	TRY(check_key(kind, name));
	if (text.size > STORE_MAX_TEXT)
		return err_new(ERR_TOO_LARGE, "a document has at most %zu bytes", STORE_MAX_TEXT);
	return s->engine->put(s, kind, name, text, if_match, out);
}

struct err *store_delete(struct store *s, const char *kind, struct str name, const char *if_match)
{
	TRY(check_key(kind, name));
	return s->engine->remove(s, kind, name, if_match);
}

struct err *store_get(struct store *s, const char *kind, struct str name, struct arena *a,
		      struct store_doc *out)
{
	TRY(check_key(kind, name));
	return s->engine->get(s, kind, name, a, out);
}

struct err *store_list(struct store *s, const char *kind, const char *token, unsigned limit,
		       struct arena *a, struct store_page *out)
{
	return s->engine->list(s, kind, token ? token : "", clamp_limit(limit), a, out);
}

struct err *store_add_revision(struct store *s, const char *kind, struct str name, struct str text,
			       struct store_doc *out)
{
	TRY(check_key(kind, name));
	if (text.size > STORE_MAX_TEXT)
		return err_new(ERR_TOO_LARGE, "a revision has at most %zu bytes", STORE_MAX_TEXT);
	return s->engine->add_revision(s, kind, name, text, out);
}

struct err *store_get_revision(struct store *s, const char *kind, struct str name, int64_t revision,
			       struct arena *a, struct store_doc *out)
{
	TRY(check_key(kind, name));
	return s->engine->get_revision(s, kind, name, revision, a, out);
}

struct err *store_list_revisions(struct store *s, const char *kind, struct str name,
				 const char *token, unsigned limit, struct arena *a,
				 struct store_page *out)
{
	return s->engine->list_revisions(s, kind, name, token ? token : "", clamp_limit(limit), a,
					 out);
}

struct err *store_put_blob(struct store *s, struct str digest, struct bytes data)
{
	if (data.size > STORE_MAX_BLOB)
		return err_new(ERR_TOO_LARGE, "a blob has at most %zu bytes", STORE_MAX_BLOB);
	return s->engine->put_blob(s, digest, data);
}

struct err *store_get_blob(struct store *s, struct str digest, struct buf *out)
{
	return s->engine->get_blob(s, digest, out);
}

struct err *store_stat_blob(struct store *s, struct str digest, int64_t *size)
{
	return s->engine->stat_blob(s, digest, size);
}

struct err *store_append_log(struct store *s, struct str text)
{
	return s->engine->append_log(s, text);
}

struct err *store_list_log(struct store *s, const char *token, unsigned limit, struct arena *a,
			   const struct store_log_row **rows, size_t *count,
			   char next_token[STORE_TOKEN_SIZE])
{
	int64_t before = INT64_MAX;
	limit = clamp_limit(limit);
	if (token && *token && !str_to_i64(str_of(token), &before))
		return err_new(ERR_INVALID, "pageToken \"%s\" is none that this list gave", token);
	TRY(s->engine->list_log(s, before, limit, a, rows, count));
	next_token[0] = 0;
	if (*count == limit && (*rows)[*count - 1].sequence > 1)
		snprintf(next_token, STORE_TOKEN_SIZE, "%lld",
			 (long long)(*rows)[*count - 1].sequence);
	return NULL;
}
