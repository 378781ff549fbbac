#include "shared/codec/fields.h"
#include "shared/base/buf.h"
#include "shared/base/near.h"

/* Where the table is the truth about the document, an unknown key is most likely a typing error. */
static struct err *unknown_key(const struct node *member, const struct field *fields, size_t count)
{
	struct near near = near_start(member->key);
	OWNED_BUF struct buf path = BUF_INIT(65536);
	node_print_step(member->key, &path);
	for (size_t i = 0; i < count; i++)
		near_offer(&near, str_of(fields[i].key));
	struct str best = near_found(&near);
	if (best.size)
		return node_err(member, buf_text(&path),
				"unknown key \"%.*s\"; did you mean \"%.*s\"?",
				STR_FMT(member->key), STR_FMT(best));
	return node_err(member, buf_text(&path), "unknown key \"%.*s\"", STR_FMT(member->key));
}

static struct err *check_kind(const struct node *member, const struct field *field)
{
	static const enum node_kind kinds[] = {
		[FIELD_KIND_TEXT] = NODE_TEXT, [FIELD_KIND_INT] = NODE_INT,
		[FIELD_KIND_BOOL] = NODE_BOOL, [FIELD_KIND_LIST] = NODE_LIST,
		[FIELD_KIND_MAP] = NODE_MAP,
	};
	if (field->kind == FIELD_KIND_ANY || member->kind == kinds[field->kind])
		return NULL;
	OWNED_BUF struct buf path = BUF_INIT(65536);
	node_print_step(member->key, &path);
	return node_err(member, buf_text(&path), "must be %s, is %s",
			node_kind_name(kinds[field->kind]), node_kind_name(member->kind));
}

static void store(const struct node *member, const struct field *field, void *out)
{
	void *at = (char *)out + field->offset;
	switch (field->kind) {
	case FIELD_KIND_TEXT:
		*(struct str *)at = member->text;
		break;
	case FIELD_KIND_INT:
		*(int64_t *)at = member->integer;
		break;
	case FIELD_KIND_BOOL:
		*(bool *)at = member->integer != 0;
		break;
	case FIELD_KIND_LIST:
	case FIELD_KIND_MAP:
	case FIELD_KIND_ANY:
		*(const struct node **)at = member;
	}
}

static struct err *decode_field(const struct node *n, const struct field *field, void *out)
{
	const struct node *member = node_find(n, field->key);
	if (member && member->kind != NODE_NULL) {
		TRY(check_kind(member, field));
		store(member, field, out);
		return NULL;
	}
	if (!(field->flags & FIELD_REQUIRED))
		return NULL;
	return node_err(member ? member : n, "", "the key \"%s\" is missing", field->key);
}

static bool is_known(struct str key, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_is(key, fields[i].key))
			return true;
	return false;
}

struct err *fields_decode(const struct node *n, const struct field *fields, size_t count, void *out)
{
	struct err *found = NULL;
	if (!n || n->kind != NODE_MAP)
		return node_err(n, "", "must be a map, is %s",
				n ? node_kind_name(n->kind) : "absent");
	size_t unknown = 0;
	NODE_EACH (member, n)
		if (!is_known(member->key, fields, count) && unknown++ < FIELDS_MAX_UNKNOWN)
			err_add(&found, unknown_key(member, fields, count));
	for (size_t i = 0; i < count; i++)
		err_add(&found, decode_field(n, &fields[i], out));
	return found;
}
