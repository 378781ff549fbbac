/*
 * /v1/btf/{buildId}: the types of host binaries that carry none themselves, by the binary's build id.
 * Agents ask here when neither the binary nor its machine has them.
 *
 *	stored: {"digest": …, "sizeBytes": …}, and the bytes as a blob
 */
#include "controller/api/common.h"
#include "shared/bpf/btf.h"
#include "shared/bpf/btf_file.h"
#include "shared/codec/json.h"
#include "shared/crypto/digest.h"

#define KIND "btf"

static struct err *read_id(const struct http_call *c, struct str *out)
{
	struct str id = http_call_capture(c, "buildId");
	if (!btf_file_is_id(id))
		return err_new(ERR_INVALID,
			       "\"%.*s\" is no build id: an even number of lower-case hex digits, "
			       "as file(1) shows them",
			       (int)MIN(id.size, (size_t)80), id.data);
	*out = id;
	return NULL;
}

static void print_row(struct str id, struct str digest, int64_t size, int64_t update_ms,
		      struct json *w)
{
	json_object(w, NULL);
	json_text(w, "name", id);
	json_text(w, "digest", digest);
	json_int(w, "sizeBytes", size);
	if (update_ms)
		common_time(w, "updateTime", update_ms);
	json_end(w);
}

static struct err *read_row(struct http_call *c, const struct store_doc *doc, struct str *digest,
			    int64_t *size)
{
	const struct node *tree;
	TRY(json_parse(doc->text, http_call_arena(c), &tree));
	const struct node *d = node_find(tree, "digest"), *s = node_find(tree, "sizeBytes");
	if (!d || d->kind != NODE_TEXT || !s || s->kind != NODE_INT)
		return err_new(ERR_INTERNAL, "a stored document is damaged");
	*digest = d->text;
	*size = s->integer;
	return NULL;
}

static struct err *check_types(struct str body)
{
	OWNED(btf) struct btf *btf = NULL;
	if (body.size > 4 && memcmp(body.data, "\177ELF", 4) == 0)
		return err_new(ERR_INVALID, "this is an ELF file; send its .BTF section alone, as "
					    "eimctl upload does");
	return err_doing(btf_parse(bytes_of(body.data, body.size), &btf), "the body is no BTF");
}

static struct err *write_row(struct api *a, struct http_call *c, struct str id,
			     const struct common_write *write, struct store_doc *doc)
{
	struct str body = http_call_body(c);
	char digest[DIGEST_HEX_SIZE];
	OWNED_BUF struct buf text = BUF_INIT(4096);
	TRY(digest_hex(bytes_of(body.data, body.size), digest));
	struct json w = json_start(&text);
	print_row(id, str_of(digest), (int64_t)body.size, 0, &w);
	TRY(buf_check(&text));
	if (!write->validate_only)
		TRY(store_put_blob(a->store, str_of(digest), bytes_of(body.data, body.size)));
	TRY(store_begin(a->store));
	TRY(store_put(a->store, KIND, id, buf_str(&text), write->if_match, doc));
	TRY(common_audit(a, c, "update", write->request_id, 0, "btf/%.*s", STR_FMT(id)));
	return write->validate_only ? NULL : store_commit(a->store);
}

struct err *btf_put(void *context, struct http_call *c)
{
	struct api *a = context;
	struct common_write write;
	struct store_doc doc;
	struct str id, body = http_call_body(c);
	char digest[DIGEST_HEX_SIZE];
	TRY(common_write(c, &write));
	TRY(read_id(c, &id));
	TRY(check_types(body));
	struct err *e = write_row(a, c, id, &write, &doc);
	store_rollback(a->store);
	TRY(e);
	TRY(digest_hex(bytes_of(body.data, body.size), digest));
	struct json w = common_json(c, 200);
	print_row(id, str_of(digest), (int64_t)body.size, doc.update_ms, &w);
	return NULL;
}

struct err *btf_get(void *context, struct http_call *c)
{
	struct api *a = context;
	struct store_doc doc;
	struct str id, digest;
	int64_t size;
	TRY(common_no_query(c));
	TRY(read_id(c, &id));
	struct err *e = store_get(a->store, KIND, id, http_call_arena(c), &doc);
	if (e && err_code(e) == ERR_NOT_FOUND) {
		err_destroy(e);
		return err_new(ERR_NOT_FOUND, "no BTF for build id %.*s", STR_FMT(id));
	}
	TRY(e);
	TRY(read_row(c, &doc, &digest, &size));
	TRY(store_get_blob(a->store, digest, http_call_answer(c, 200, "application/octet-stream")));
	http_call_set_etag(c, digest);
	return NULL;
}

struct err *btf_list(void *context, struct http_call *c)
{
	struct api *a = context;
	struct common_page page;
	struct store_page docs;
	TRY(common_page(c, &page));
	TRY(store_list(a->store, KIND, page.token, page.size, http_call_arena(c), &docs));
	struct json w = common_json(c, 200);
	json_object(&w, NULL);
	json_list(&w, "btf");
	for (size_t i = 0; i < docs.count; i++) {
		struct str digest;
		int64_t size;
		TRY(read_row(c, &docs.docs[i], &digest, &size));
		print_row(docs.docs[i].name, digest, size, docs.docs[i].update_ms, &w);
	}
	json_end(&w);
	json_text(&w, "nextPageToken", str_of(docs.next_token));
	json_end(&w);
	return NULL;
}

struct err *btf_delete(void *context, struct http_call *c)
{
	struct api *a = context;
	struct common_write write;
	struct str id;
	TRY(common_write(c, &write));
	TRY(read_id(c, &id));
	TRY(store_begin(a->store));
	struct err *e = store_delete(a->store, KIND, id, write.if_match);
	if (!e)
		e = common_audit(a, c, "delete", write.request_id, 0, "btf/%.*s", STR_FMT(id));
	if (!e && !write.validate_only)
		e = store_commit(a->store);
	store_rollback(a->store);
	TRY(e);
	struct json w = common_json(c, 200);
	json_object(&w, NULL);
	json_end(&w);
	return NULL;
}
