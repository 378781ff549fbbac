/*
 * The document of a derivation. A signature is written only where every type's spelling says all of the
 * type; where one does not ("struct {…}"), none is written, and the role takes it from BTF.
 */
#include "shared/codec/json.h"
#include "shared/eim/derive_internal.h"

#define TYPE_TEXT_MAX 4096

/* ---- signatures ---- */

static const struct btf_type *proto_of(const struct derivation *d, uint32_t function)
{
	return btf_type(d->btf, btf_type(d->btf, function)->type);
}

/* Whether the type's spelling says all of it, in characters that any text keeps. "…" is what it leaves out. */
static bool is_spelled(const struct derivation *d, uint32_t id, struct buf *out)
{
	OWNED_BUF struct buf text = BUF_INIT(TYPE_TEXT_MAX);
	btf_print_type(d->btf, id, &text);
	if (text.failed && !text.too_large)
		out->failed = true; /* being out of memory is no answer */
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < 0x20 || text.data[i] > 0x7e)
			return false;
	return !text.failed;
}

static bool are_spelled(const struct derivation *d, const struct btf_type *proto, struct buf *out)
{
	bool all = is_spelled(d, proto->type, out);
	for (uint32_t i = 0; i < proto->count && all; i++)
		all = is_spelled(d, btf_member(d->btf, proto, i).type, out);
	return all;
}

static void print_type(const struct derivation *d, struct json *w, const char *key, uint32_t id)
{
	OWNED_BUF struct buf text = BUF_INIT(TYPE_TEXT_MAX);
	btf_print_type(d->btf, id, &text);
	json_text(w, key, buf_str(&text));
	if (text.failed && !text.too_large)
		w->out->failed = true;
}

/* BTF may leave parameters without a name, or hold any bytes for one; a document may not. */
static void print_param_name(const struct derivation *d, struct json *w,
			     const struct btf_type *proto, uint32_t index)
{
	struct str name = btf_member(d->btf, proto, index).name;
	bool is_taken = !derive_is_identifier(name);
	for (uint32_t i = 0; i < index && !is_taken; i++)
		is_taken = str_equal(btf_member(d->btf, proto, i).name, name);
	if (is_taken)
		json_textf(w, "name", "arg%u", index + 1);
	else
		json_text(w, "name", name);
}

static void print_signature(const struct derivation *d, struct json *w, uint32_t function)
{
	const struct btf_type *proto = proto_of(d, function);
	if (!are_spelled(d, proto, w->out))
		return;
	json_object(w, "signature");
	json_list(w, "params");
	for (uint32_t i = 0; i < proto->count; i++) {
		json_object(w, NULL);
		print_type(d, w, "type", btf_member(d->btf, proto, i).type);
		print_param_name(d, w, proto, i);
		json_end(w);
	}
	json_end(w);
	print_type(d, w, "return_type", proto->type);
	json_end(w);
}

/* ---- lists ---- */

/* Whether an earlier name has the same left (or right) part: what it is of is printed there. */
static bool is_repeated(const struct derive_names *names, size_t at, bool right)
{
	const struct derive_reading *r = &names->items[at].reading;
	for (size_t i = 0; i < at; i++) {
		const struct derive_reading *before = &names->items[i].reading;
		if (right ? str_equal(before->right, r->right) : str_equal(before->left, r->left))
			return true;
	}
	return false;
}

static void print_functions(const struct derivation *d, struct json *w)
{
	const struct derive_names *names = &d->names[DERIVE_FUNCTION];
	json_list(w, "host_functions");
	for (size_t i = 0; i < names->count; i++) {
		struct str name = names->items[i].reading.right;
		if (is_repeated(names, i, true)) /* one function in two groups */
			continue;
		json_object(w, NULL);
		json_text(w, "name", name);
		print_signature(d, w, derive_find_function(d, name)->btf_id);
		json_end(w);
	}
	json_end(w);
}

/* The function's own name, of a declared GROUP_FN. */
static struct str function_of(const struct derivation *d, struct str joined)
{
	const struct derive_names *names = &d->names[DERIVE_FUNCTION];
	for (size_t i = 0; i < names->count; i++)
		if (str_equal(names->items[i].rest, joined))
			return names->items[i].reading.right;
	return joined;
}

/* What the names that are `of` the same capability or role have behind `separator`. */
static void print_rights(const struct derivation *d, struct json *w, const char *key,
			 enum derive_kind kind, struct str of, const char *separator)
{
	const struct derive_names *names = &d->names[kind];
	json_list(w, key);
	for (size_t i = 0; i < names->count; i++) {
		const struct derive_reading *r = &names->items[i].reading;
		if (str_equal(r->left, of) && r->separator && strcmp(r->separator, separator) == 0)
			json_text(w, NULL,
				  kind == DERIVE_CAPABILITY ? function_of(d, r->right) : r->right);
	}
	json_end(w);
}

static void print_capabilities(const struct derivation *d, struct json *w)
{
	const struct derive_names *names = &d->names[DERIVE_CAPABILITY];
	json_list(w, "capabilities");
	for (size_t i = 0; i < names->count; i++) {
		struct str name = names->items[i].reading.left;
		if (is_repeated(names, i, false))
			continue;
		json_object(w, NULL);
		json_text(w, "name", name);
		print_rights(d, w, "apis", DERIVE_CAPABILITY, name, DERIVE_INCLUDES);
		json_end(w);
	}
	json_end(w);
}

static void print_roles(const struct derivation *d, struct json *w)
{
	const struct derive_names *names = &d->names[DERIVE_ROLE];
	json_list(w, "roles");
	for (size_t i = 0; i < names->count; i++) {
		struct str name = names->items[i].reading.left;
		if (is_repeated(names, i, false))
			continue;
		json_object(w, NULL);
		json_text(w, "name", name);
		print_rights(d, w, "capabilities", DERIVE_ROLE, name, DERIVE_HAS_CAP);
		print_rights(d, w, "inherits", DERIVE_ROLE, name, DERIVE_INHERITS);
		json_end(w);
	}
	json_end(w);
}

static void print_entries(const struct derivation *d, struct json *w)
{
	const struct derive_names *names = &d->names[DERIVE_ENTRY];
	json_list(w, "extension_exports");
	for (size_t i = 0; i < names->count; i++) {
		json_object(w, NULL);
		json_text(w, "name", names->items[i].reading.right);
		json_text(w, "symbol", names->items[i].whole);
		json_list(w, "roles");
		json_text(w, NULL, names->items[i].reading.left);
		json_end(w);
		print_signature(d, w, names->items[i].btf_id);
		json_end(w);
	}
	json_end(w);
}

struct err *derive_print(const struct derivation *d, struct buf *out)
{
	struct json w = json_start(out);
	json_object(&w, NULL);
	print_functions(d, &w);
	print_capabilities(d, &w);
	print_roles(d, &w);
	print_entries(d, &w);
	json_end(&w);
	return buf_check(out);
}
