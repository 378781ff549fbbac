/*
 * /v1/programs: eBPF objects. A revision names a blob and says what is in it.
 */
#include "controller/api/revisions.h"
#include "shared/bpf/map_kind.h"
#include "shared/bpf/object.h"
#include "shared/codec/fields.h"
#include "shared/crypto/digest.h"

static const struct revisions_kind kind = {"program", "programs", NULL};

struct body {
	struct str digest;
};

static const struct field body_fields[] = {
	FIELD_TEXT("digest", struct body, digest, FIELD_REQUIRED),
};

struct err *programs_list(void *context, struct http_call *c)
{
	return revisions_list_names(context, c, &kind);
}

struct err *programs_get(void *context, struct http_call *c)
{
	return revisions_get_latest(context, c, &kind);
}

struct err *programs_list_revisions(void *context, struct http_call *c)
{
	return revisions_list(context, c, &kind);
}

struct err *programs_get_revision(void *context, struct http_call *c)
{
	return revisions_get(context, c, &kind);
}

static void print_entries(struct json *w, const struct object *o)
{
	uint32_t count;
	const struct object_function *functions = object_functions(o, &count);
	json_list(w, "entries");
	for (uint32_t i = 0; i < count; i++) {
		if (!functions[i].is_entry)
			continue;
		json_object(w, NULL);
		json_text(w, "name", functions[i].name);
		json_text(w, "section", functions[i].section);
		json_end(w);
	}
	json_end(w);
}

static void print_maps(struct json *w, const struct object *o)
{
	uint32_t count;
	const struct object_map *maps = object_maps(o, &count);
	json_list(w, "maps");
	for (uint32_t i = 0; i < count; i++) {
		const struct map_kind *row = map_kind_find(maps[i].kind);
		json_object(w, NULL);
		json_text(w, "name", maps[i].name);
		json_text(w, "kind", row ? str_of(row->text) : STR("unknown"));
		json_int(w, "keySize", maps[i].key_size);
		json_int(w, "valueSize", maps[i].value_size);
		json_int(w, "maxEntries", maps[i].max_entries);
		json_end(w);
	}
	json_end(w);
}

static void print_program(const struct object *o, size_t size, struct buf *out)
{
	struct json w = json_start(out);
	json_object(&w, NULL);
	json_text(&w, "digest", str_of(object_digest(o)));
	json_int(&w, "sizeBytes", (int64_t)size);
	if (object_license(o).size)
		json_text(&w, "license", object_license(o));
	print_entries(&w, o);
	print_maps(&w, o);
	json_end(&w);
}

static struct err *read_object(struct api *a, struct str digest, struct object **out, size_t *size)
{
	OWNED_BUF struct buf image = BUF_INIT(STORE_MAX_BLOB);
	struct err *e = store_get_blob(a->store, digest, &image);
	if (e && err_code(e) == ERR_NOT_FOUND) {
		err_destroy(e);
		return err_at(ERR_NOT_FOUND, "/digest",
			      "no blob sha256/%.*s: upload it first by PUT /v1/blobs/sha256/%.*s",
			      STR_FMT(digest), STR_FMT(digest));
	}
	TRY(e);
	*size = image.size;
	return object_parse(buf_bytes(&image), out);
}

struct err *programs_create_revision(void *context, struct http_call *c)
{
	struct api *a = context;
	OWNED(object) struct object *object = NULL;
	OWNED_BUF struct buf text = BUF_INIT((size_t)4 << 20);
	struct body body = {0};
	const struct node *n;
	struct str name;
	size_t size = 0;
	TRY(common_name(c, "program", &name));
	TRY(common_body(c, &n));
	TRY(fields_decode(n, body_fields, ARRAY_SIZE(body_fields), &body));
	if (!digest_is_hex(body.digest))
		return err_at(ERR_INVALID, "/digest", "\"%.*s\" is no SHA-256 in lower-case hex",
			      (int)MIN(body.digest.size, (size_t)80), body.digest.data);
	TRY(read_object(a, body.digest, &object, &size));
	print_program(object, size, &text);
	TRY(buf_check(&text));
	return revisions_create(a, c, &kind, name, body.digest, buf_str(&text));
}
