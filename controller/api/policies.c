/*
 * /v1/policies: the desired state. Names of a document are resolved when it is written, and what they
 * meant then is stored with it: a new revision of a program reaches hosts when the policy is written
 * again, not by itself.
 *
 *	stored: {"revision": …, "document": {…}, "resolved": {"program": {…}, "eim": {…}}}
 */
#include "controller/api/revisions.h"
#include "controller/api/status.h"
#include "shared/crypto/digest.h"
#include "shared/eim/role.h"

#define KIND "policy"
/* Hex digits of a policy's revision: a name for its content, not a proof of it. */
#define REVISION_DIGITS 16

static const struct revisions_kind specs = {"spec", "specs", "text"};
static const struct revisions_kind programs = {"program", "programs", NULL};

/* What the names of a document mean. */
struct resolved {
	int64_t program_revision, spec_revision;
	struct str program_digest, spec_digest, spec_text;
	char revision[DIGEST_HEX_SIZE];
};

/* ---- resolving ---- */

static struct err *text_of(const struct node *tree, const char *key, struct str *out)
{
	const struct node *n = node_find(tree, key);
	if (!n || n->kind != NODE_TEXT)
		return err_new(ERR_INTERNAL, "a stored document lacks \"%s\"", key);
	*out = n->text;
	return NULL;
}

static struct err *resolve_program(struct api *a, struct http_call *c, const struct policy *p,
				   struct resolved *r)
{
	struct store_doc doc;
	const struct node *tree;
	int64_t size;
	TRY_AT(revisions_read(a, c, &programs, p->program, p->program_revision, &doc, &tree),
	       "/spec/program");
	TRY(text_of(tree, "digest", &r->program_digest));
	TRY_AT(store_stat_blob(a->store, r->program_digest, &size), "/spec/program");
	r->program_revision = doc.revision;
	return NULL;
}

static struct err *check_role(struct str text, struct str name)
{
	OWNED(spec) struct spec *spec = NULL;
	OWNED(role) struct role *role = NULL;
	TRY(spec_parse(text, &spec));
	struct err *e = role_resolve(spec, name, NULL, &role);
	if (!e)
		return NULL;
	struct err *at =
		err_with_detail(err_at(err_code(e),
				       memchr(name.data, '&', name.size) ? "/spec/eim/roles"
									 : "/spec/eim/role",
				       "%s", err_message(e)),
				err_path(e));
	err_destroy(e);
	return at;
}

static struct err *resolve_spec(struct api *a, struct http_call *c, const struct policy *p,
				struct resolved *r)
{
	struct store_doc doc;
	const struct node *tree;
	TRY_AT(revisions_read(a, c, &specs, p->spec, p->spec_revision, &doc, &tree), "/spec/eim");
	TRY(text_of(tree, "digest", &r->spec_digest));
	TRY(text_of(tree, "text", &r->spec_text));
	r->spec_revision = doc.revision;
	return check_role(r->spec_text, p->role);
}

/* The revision is over all that an agent gets. */
static struct err *make_revision(const struct policy *p, struct resolved *r)
{
	OWNED_BUF struct buf text = BUF_INIT(65536);
	buf_printf(&text, "%.*s\n%.*s\n%.*s\n%.*s", STR_FMT(r->program_digest),
		   STR_FMT(r->spec_digest), STR_FMT(p->role), STR_FMT(p->exe));
	TRY(buf_check(&text));
	TRY(digest_hex(buf_bytes(&text), r->revision));
	r->revision[REVISION_DIGITS] = 0;
	return NULL;
}

static struct err *resolve(struct api *a, struct http_call *c, const struct policy *p,
			   struct resolved *r)
{
	struct err *found = NULL;
	err_add(&found, resolve_program(a, c, p, r));
	err_add(&found, resolve_spec(a, c, p, r));
	return found ? found : make_revision(p, r);
}

static struct err *make_fleet_policy(struct api *a, const struct policy *p,
				     const struct resolved *r, struct fleet_policy **out)
{
	struct wire_policy wire = {
		.name = p->name,
		.revision = str_of(r->revision),
		.program_digest = r->program_digest,
		.spec_text = r->spec_text,
		.role = p->role,
		.exe = p->exe,
	};
	return fleet_make_policy(a->fleet, &wire, p->match, p->match_count, out);
}

/* ---- the stored form ---- */

static void print_resolved(struct json *w, const char *key, struct str name, int64_t revision,
			   struct str digest)
{
	json_object(w, key);
	json_text(w, "name", name);
	json_int(w, "revision", revision);
	json_text(w, "digest", digest);
	json_end(w);
}

static struct err *print_stored(const struct policy *p, const struct resolved *r, struct buf *out)
{
	struct json w = json_start(out);
	json_object(&w, NULL);
	json_text(&w, "revision", str_of(r->revision));
	json_object(&w, "document");
	policy_print(p, &w);
	json_end(&w);
	json_object(&w, "resolved");
	print_resolved(&w, "program", p->program, r->program_revision, r->program_digest);
	print_resolved(&w, "eim", p->spec, r->spec_revision, r->spec_digest);
	json_end(&w);
	json_end(&w);
	return buf_check(out);
}

static int64_t int_at(const struct node *tree, const char *pointer)
{
	const struct node *n = node_at(tree, pointer);
	return n && n->kind == NODE_INT ? n->integer : 0;
}

/* What a stored policy means: no more names to look up, only the spec's text to fetch. */
static struct err *read_stored(struct api *a, const struct store_doc *doc, struct arena *arena,
			       struct policy *p, struct resolved *r)
{
	const struct node *tree, *spec_tree;
	struct store_doc spec;
	struct str revision;
	TRY(json_parse(doc->text, arena, &tree));
	TRY(policy_parse(node_find(tree, "document"), doc->name, arena, p));
	TRY(text_of(tree, "revision", &revision));
	TRY(text_of(node_at(tree, "/resolved/program"), "digest", &r->program_digest));
	r->spec_revision = int_at(tree, "/resolved/eim/revision");
	TRY(store_get_revision(a->store, "spec", p->spec, r->spec_revision, arena, &spec));
	TRY(json_parse(spec.text, arena, &spec_tree));
	TRY(text_of(spec_tree, "text", &r->spec_text));
	if (revision.size >= sizeof(r->revision))
		return err_new(ERR_INTERNAL, "a stored policy's revision is too long");
	memcpy(r->revision, revision.data, revision.size);
	r->revision[revision.size] = 0;
	return NULL;
}

static struct err *load_policy(struct api *a, const struct store_doc *doc)
{
	OWNED_ARENA struct arena arena = ARENA_INIT((size_t)64 << 20);
	OWNED(fleet_policy) struct fleet_policy *made = NULL;
	struct policy p;
	struct resolved r = {0};
	TRY(read_stored(a, doc, &arena, &p, &r));
	TRY(make_fleet_policy(a, &p, &r, &made));
	fleet_set_policy(a->fleet, MOVE(made));
	return NULL;
}

struct err *policies_load(struct api *a)
{
	char token[STORE_TOKEN_SIZE] = "";
	do {
		OWNED_ARENA struct arena arena = ARENA_INIT(STORE_MAX_TEXT);
		struct store_page page;
		TRY(store_list(a->store, KIND, token, 100, &arena, &page));
		for (size_t i = 0; i < page.count; i++)
			TRY_DOING(load_policy(a, &page.docs[i]), "policy %.*s",
				  STR_FMT(page.docs[i].name));
		memcpy(token, page.next_token, sizeof(token));
	} while (token[0]);
	return fleet_settle(a->fleet);
}

/* ---- answers ---- */

static struct err *print_policy(struct api *a, const struct store_doc *doc,
				const struct common_page *page, struct arena *arena, struct json *w)
{
	const struct node *tree;
	TRY(json_parse(doc->text, arena, &tree));
	json_object(w, NULL);
	json_text(w, "name", doc->name);
	json_text(w, "etag", str_of(doc->etag));
	json_text(w, "state", STR("ACTIVE"));
	common_time(w, "createTime", doc->create_ms);
	common_time(w, "updateTime", doc->update_ms);
	NODE_EACH (member, tree)
		json_node(w, member->key.data, member);
	TRY(status_print(a, doc->name, page, arena, w));
	json_end(w);
	return NULL;
}

static struct err *answer_policy(struct api *a, struct http_call *c, int status,
				 const struct store_doc *doc, const struct common_page *page)
{
	struct json w = common_json(c, status);
	http_call_set_etag(c, str_of(doc->etag));
	return print_policy(a, doc, page, http_call_arena(c), &w);
}

struct err *policies_list(void *context, struct http_call *c)
{
	struct api *a = context;
	struct common_page p;
	struct store_page page;
	TRY(common_page(c, &p));
	TRY(store_list(a->store, KIND, p.token, p.size, http_call_arena(c), &page));
	struct json w = common_json(c, 200);
	json_object(&w, NULL);
	json_list(&w, "policies");
	for (size_t i = 0; i < page.count; i++)
		TRY(print_policy(a, &page.docs[i], NULL, http_call_arena(c), &w));
	json_end(&w);
	json_text(&w, "nextPageToken", str_of(page.next_token));
	json_end(&w);
	return NULL;
}

/* A policy that was deleted and that hosts have not put away yet. */
static struct err *answer_leaving(struct api *a, struct http_call *c, struct str name,
				  const struct common_page *page)
{
	struct json w = common_json(c, 200);
	json_object(&w, NULL);
	json_text(&w, "name", name);
	json_text(&w, "state", STR("DELETING"));
	TRY(status_print(a, name, page, http_call_arena(c), &w));
	json_end(&w);
	return NULL;
}

struct err *policies_get(void *context, struct http_call *c)
{
	struct api *a = context;
	struct common_page page;
	struct store_doc doc;
	struct str name;
	TRY(common_page(c, &page));
	TRY(common_name(c, "policy", &name));
	struct err *e = store_get(a->store, KIND, name, http_call_arena(c), &doc);
	if (e && err_code(e) == ERR_NOT_FOUND && status_exists(a, name)) {
		err_destroy(e);
		return answer_leaving(a, c, name, &page);
	}
	TRY(common_near(a, c, KIND, false, name, e));
	return answer_policy(a, c, 200, &doc, &page);
}

/* ---- writes ---- */

struct put {
	struct common_write write;
	struct str name, text;
	struct fleet_policy *policy;
	struct store_doc doc;
	bool created;
};

static struct err *find_old(struct api *a, struct http_call *c, struct put *p)
{
	struct store_doc old;
	OWNED(err) struct err *e = store_get(a->store, KIND, p->name, http_call_arena(c), &old);
	p->created = e != NULL;
	if (e && (err_code(e) != ERR_NOT_FOUND || p->write.must_exist))
		return MOVE(e);
	return NULL;
}

/* In a transaction. A check without a write does all and is then rolled back. */
static struct err *write_policy(struct api *a, struct http_call *c, struct put *p)
{
	TRY(store_begin(a->store));
	TRY(find_old(a, c, p));
	TRY(store_put(a->store, KIND, p->name, p->text, p->write.if_match, &p->doc));
	TRY(common_audit(a, c, p->created ? "create" : "update", p->write.request_id, 0,
			 "policies/%.*s", STR_FMT(p->name)));
	return p->write.validate_only ? NULL : store_commit(a->store);
}

struct err *policies_put(void *context, struct http_call *c)
{
	struct api *a = context;
	OWNED_BUF struct buf text = BUF_INIT(4 * POLICY_MAX_BYTES);
	OWNED(fleet_policy) struct fleet_policy *made = NULL;
	struct put put = {0};
	struct policy p;
	struct resolved r = {0};
	const struct node *body;
	TRY(common_write(c, &put.write));
	TRY(common_name(c, "policy", &put.name));
	TRY(common_body(c, &body));
	TRY(policy_parse(body, put.name, http_call_arena(c), &p));
	TRY(resolve(a, c, &p, &r));
	TRY(print_stored(&p, &r, &text));
	TRY(make_fleet_policy(a, &p, &r, &made));
	put.text = buf_str(&text);
	struct err *e = write_policy(a, c, &put);
	store_rollback(a->store);
	TRY(e);
	put.doc.text = put.text;
	if (!put.write.validate_only)
		fleet_set_policy(a->fleet, MOVE(made));
	bool is_new = put.created && !put.write.validate_only;
	return answer_policy(a, c, is_new ? 201 : 200, &put.doc, NULL);
}

static struct err *delete_policy(struct api *a, struct http_call *c, struct str name,
				 const struct common_write *write)
{
	TRY(store_begin(a->store));
	TRY(common_near(a, c, KIND, false, name,
			store_delete(a->store, KIND, name, write->if_match)));
	TRY(common_audit(a, c, "delete", write->request_id, 0, "policies/%.*s", STR_FMT(name)));
	return write->validate_only ? NULL : store_commit(a->store);
}

struct err *policies_delete(void *context, struct http_call *c)
{
	struct api *a = context;
	struct common_write write;
	struct str name;
	TRY(common_write(c, &write));
	TRY(common_name(c, "policy", &name));
	if (write.if_match && !*write.if_match)
		return err_new(ERR_INVALID, "If-None-Match has no meaning for DELETE");
	struct err *e = delete_policy(a, c, name, &write);
	store_rollback(a->store);
	TRY(e);
	if (!write.validate_only) {
		fleet_remove_policy(a->fleet, name);
		events_forget(a->events, name);
	}
	struct json w = common_json(c, 200);
	json_object(&w, NULL);
	json_end(&w);
	return NULL;
}
