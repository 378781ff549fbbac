#include "controller/api/revisions.h"

static struct err *print_revision(struct json *w, const struct store_doc *doc, struct arena *a,
				  const char *left_out)
{
	const struct node *tree;
	TRY(json_parse(doc->text, a, &tree));
	json_object(w, NULL);
	json_text(w, "name", doc->name);
	json_int(w, "revision", doc->revision);
	common_time(w, "createTime", doc->create_ms);
	NODE_EACH (member, tree)
		if (!left_out || !str_is(member->key, left_out))
			json_node(w, member->key.data, member);
	json_end(w);
	return NULL;
}

static struct err *answer_page(struct http_call *c, const char *key, const struct store_page *page,
			       const char *left_out)
{
	struct json w = common_json(c, 200);
	json_object(&w, NULL);
	json_list(&w, key);
	for (size_t i = 0; i < page->count; i++)
		TRY(print_revision(&w, &page->docs[i], http_call_arena(c), left_out));
	json_end(&w);
	json_text(&w, "nextPageToken", str_of(page->next_token));
	json_end(&w);
	return NULL;
}

static struct err *answer_one(struct http_call *c, int status, const struct store_doc *doc)
{
	struct json w = common_json(c, status);
	return print_revision(&w, doc, http_call_arena(c), NULL);
}

struct err *revisions_list_names(struct api *a, struct http_call *c,
				 const struct revisions_kind *kind)
{
	struct common_page p;
	struct store_page page;
	TRY(common_page(c, &p));
	TRY(store_list_revisions(a->store, kind->name, STR(""), p.token, p.size, http_call_arena(c),
				 &page));
	return answer_page(c, kind->plural, &page, kind->body);
}

struct err *revisions_read(struct api *a, struct http_call *c, const struct revisions_kind *kind,
			   struct str name, int64_t number, struct store_doc *doc,
			   const struct node **tree)
{
	struct err *e =
		store_get_revision(a->store, kind->name, name, number, http_call_arena(c), doc);
	TRY(common_near(a, c, kind->name, true, name, e));
	return json_parse(doc->text, http_call_arena(c), tree);
}

struct err *revisions_get_latest(struct api *a, struct http_call *c,
				 const struct revisions_kind *kind)
{
	struct str name;
	struct store_doc doc;
	const struct node *tree;
	TRY(common_no_query(c));
	TRY(common_name(c, kind->name, &name));
	TRY(revisions_read(a, c, kind, name, 0, &doc, &tree));
	return answer_one(c, 200, &doc);
}

struct err *revisions_list(struct api *a, struct http_call *c, const struct revisions_kind *kind)
{
	struct common_page p;
	struct store_page page;
	struct str name;
	struct store_doc latest;
	const struct node *tree;
	TRY(common_page(c, &p));
	TRY(common_name(c, kind->name, &name));
	TRY(revisions_read(a, c, kind, name, 0, &latest, &tree));
	TRY(store_list_revisions(a->store, kind->name, name, p.token, p.size, http_call_arena(c),
				 &page));
	return answer_page(c, "revisions", &page, kind->body);
}

struct err *revisions_get(struct api *a, struct http_call *c, const struct revisions_kind *kind)
{
	struct str name, text = http_call_capture(c, "revision");
	struct store_doc doc;
	const struct node *tree;
	int64_t number;
	TRY(common_no_query(c));
	TRY(common_name(c, kind->name, &name));
	if (!str_to_i64(text, &number) || number < 1)
		return err_new(ERR_INVALID, "a revision is a number from 1, not \"%.*s\"",
			       STR_FMT(text));
	TRY(revisions_read(a, c, kind, name, number, &doc, &tree));
	return answer_one(c, 200, &doc);
}

/* The latest revision where it has this digest already; *same tells. */
static struct err *find_same(struct api *a, struct http_call *c, const struct revisions_kind *kind,
			     struct str name, struct str digest, struct store_doc *doc, bool *same)
{
	const struct node *tree;
	OWNED(err)
	struct err *e = store_get_revision(a->store, kind->name, name, 0, http_call_arena(c), doc);
	*same = false;
	if (e && err_code(e) == ERR_NOT_FOUND)
		return NULL;
	if (e)
		return MOVE(e);
	TRY(json_parse(doc->text, http_call_arena(c), &tree));
	const struct node *have = node_find(tree, "digest");
	*same = have && str_equal(have->text, digest);
	return NULL;
}

static struct err *write_revision(struct api *a, struct http_call *c,
				  const struct revisions_kind *kind, const char *request_id,
				  struct str text, struct store_doc *doc)
{
	struct str name = doc->name;
	TRY(store_begin(a->store));
	TRY(store_add_revision(a->store, kind->name, name, text, doc));
	TRY(common_audit(a, c, "create", request_id, doc->revision, "%s/%.*s", kind->plural,
			 STR_FMT(name)));
	return store_commit(a->store);
}

struct err *revisions_create(struct api *a, struct http_call *c, const struct revisions_kind *kind,
			     struct str name, struct str digest, struct str text)
{
	struct common_write write;
	struct store_doc doc;
	bool same;
	TRY(common_write(c, &write));
	TRY(find_same(a, c, kind, name, digest, &doc, &same));
	if (same)
		return answer_one(c, 200, &doc);
	doc = (struct store_doc){.name = name};
	if (!write.validate_only) {
		struct err *e = write_revision(a, c, kind, write.request_id, text, &doc);
		store_rollback(a->store);
		TRY(e);
	}
	doc.text = text;
	return answer_one(c, write.validate_only ? 200 : 201, &doc);
}
