/*
 * /v1/blobs/sha256/{digest}: bytes under their SHA-256. Programs are uploaded here first.
 */
#include "controller/api/common.h"
#include "shared/crypto/digest.h"

static struct err *read_digest(const struct http_call *c, struct str *out)
{
	struct str digest = http_call_capture(c, "digest");
	if (!digest_is_hex(digest))
		return err_new(ERR_INVALID, "\"%.*s\" is no SHA-256 in lower-case hex",
			       (int)MIN(digest.size, (size_t)80), digest.data);
	*out = digest;
	return NULL;
}

static struct err *write_blob(struct api *a, struct http_call *c, struct str digest,
			      const char *request_id)
{
	struct str body = http_call_body(c);
	TRY(store_put_blob(a->store, digest, bytes_of(body.data, body.size)));
	return common_audit(a, c, "create", request_id, 0, "blobs/sha256/%.*s", STR_FMT(digest));
}

/* Whether the blob is there and whole: a damaged one is written anew. */
static struct err *find_blob(struct api *a, struct str digest, bool *found)
{
	OWNED_BUF struct buf have = BUF_INIT(STORE_MAX_BLOB);
	OWNED(err) struct err *e = store_get_blob(a->store, digest, &have);
	*found = !e;
	if (e && err_code(e) != ERR_NOT_FOUND && err_code(e) != ERR_INTERNAL)
		return MOVE(e);
	return NULL;
}

struct err *blobs_put(void *context, struct http_call *c)
{
	struct api *a = context;
	struct common_write write;
	struct str digest, body = http_call_body(c);
	char have[DIGEST_HEX_SIZE];
	bool found;
	TRY(common_write(c, &write));
	TRY(read_digest(c, &digest));
	TRY(digest_hex(bytes_of(body.data, body.size), have));
	if (!str_is(digest, have))
		return err_new(ERR_INVALID, "the body's SHA-256 is %s, not the path's", have);
	TRY(find_blob(a, digest, &found));
	if (!found && !write.validate_only)
		TRY(write_blob(a, c, digest, write.request_id));
	struct json w = common_json(c, found || write.validate_only ? 200 : 201);
	json_object(&w, NULL);
	json_text(&w, "digest", digest);
	json_int(&w, "sizeBytes", (int64_t)body.size);
	json_end(&w);
	return NULL;
}

struct err *blobs_get(void *context, struct http_call *c)
{
	struct api *a = context;
	struct str digest;
	TRY(common_no_query(c));
	TRY(read_digest(c, &digest));
	TRY(store_get_blob(a->store, digest, http_call_answer(c, 200, "application/octet-stream")));
	http_call_set_etag(c, digest);
	return NULL;
}
