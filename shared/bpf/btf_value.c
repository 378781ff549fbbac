/*
 * Values as JSON, by their type.
 *
 * A type that btf_parse() let pass can still describe more values than there are bytes (unions in
 * unions, arrays of nothing), so depth and the number of values are bounded; what lies beyond is null.
 *
 * [V1] Every read lies inside `data`: a type's size is its data's, and btf_check() has put members
 *	inside their struct; print_variable() looks itself.
 */
#include "shared/bpf/btf_data.h"
#include "shared/codec/json.h"

#include <math.h>
#include <stdio.h>

#define DEPTH_MAX  24u
#define VALUES_MAX (1u << 20)

struct printer {
	const struct btf *btf;
	struct json json;
	unsigned depth, values;
};

static void print_any(struct printer *p, const char *key, uint32_t id, struct bytes data);

static void print_hex(struct json *w, const char *key, struct bytes data, bool is_reversed)
{
	OWNED_BUF struct buf text = BUF_INIT(w->out->max);
	buf_puts(&text, "0x");
	for (size_t i = 0; i < data.size && !text.failed; i++)
		buf_printf(&text, "%02x", data.data[is_reversed ? data.size - 1 - i : i]);
	if (text.failed)
		w->out->failed = true;
	json_text(w, key, buf_str(&text));
}

/* `size_bits` bits from bit `from`, little-endian; at most 64. */
static uint64_t read_bits(struct bytes data, uint32_t from, uint32_t size_bits)
{
	uint64_t value = 0;
	for (uint32_t i = 0; i < size_bits; i++) {
		uint32_t at = from + i;
		value |= (uint64_t)(data.data[at / 8] >> at % 8 & 1) << i;
	}
	return value;
}

static int64_t extend_sign(uint64_t value, uint32_t size_bits)
{
	unsigned shift = 64 - size_bits;
	return (int64_t)(value << shift) >> shift;
}

static void print_number(struct printer *p, const char *key, const struct btf_type *t,
			 struct bytes data, uint32_t from, uint32_t size_bits)
{
	uint64_t value = read_bits(data, from, size_bits);
	if (t->kind == BTF_INT && t->is_bool)
		json_bool(&p->json, key, value != 0);
	else if (t->kind != BTF_PTR && t->is_signed)
		json_int(&p->json, key, extend_sign(value, size_bits));
	else
		json_uint(&p->json, key, value);
}

static void print_scalar(struct printer *p, const char *key, const struct btf_type *t,
			 struct bytes data)
{
	if (data.size > 8)
		print_hex(&p->json, key, data, true);
	else
		print_number(p, key, t, data, 0, (uint32_t)data.size * 8);
}

static void print_float(struct printer *p, const char *key, struct bytes data)
{
	char text[64];
	float single = 0;
	double value = 0;
	if (data.size != sizeof(single) && data.size != sizeof(value)) {
		print_hex(&p->json, key, data, true);
		return;
	}
	memcpy(data.size == sizeof(single) ? (void *)&single : &value, data.data, data.size);
	value = data.size == sizeof(single) ? (double)single : value;
	snprintf(text, sizeof(text), "%.*g", data.size == sizeof(single) ? 9 : 17, value);
	if (isfinite(value))
		json_raw(&p->json, key, str_of(text));
	else
		json_text(&p->json, key, str_of(text));
}

static void print_array(struct printer *p, const char *key, const struct btf_type *t,
			struct bytes data)
{
	size_t size = btf_size(p->btf, t->type);
	const struct btf_type *element = btf_type(p->btf, btf_skip(p->btf, t->type));
	if (element->kind == BTF_INT && element->is_char && size == 1) {
		const char *text = (const char *)data.data;
		json_text(&p->json, key,
			  (struct str){text, data.size ? strnlen(text, data.size) : 0});
		return;
	}
	json_list(&p->json, key);
	for (uint32_t i = 0; i < t->count && p->values && !p->json.out->failed; i++)
		print_any(p, NULL, t->type, bytes_of(data.data + i * size, size));
	json_end(&p->json);
}

static void print_members(struct printer *p, const struct btf_type *t, struct bytes data);

static void print_member(struct printer *p, struct btf_member m, struct bytes data)
{
	uint32_t id = btf_skip(p->btf, m.type);
	const struct btf_type *t = btf_type(p->btf, id);
	bool is_compound = t->kind == BTF_STRUCT || t->kind == BTF_UNION;
	struct bytes own = {data.data + m.offset_bits / 8, btf_size(p->btf, m.type)};
	if (m.name.size && m.size_bits)
		print_number(p, m.name.data, t, data, m.offset_bits, m.size_bits);
	else if (m.name.size)
		print_any(p, m.name.data, m.type, own);
	else if (is_compound && p->depth < DEPTH_MAX) {
		/* C puts the members of an anonymous struct into the outer one. */
		p->depth++;
		print_members(p, t, own);
		p->depth--;
	}
}

/* A section whose size no linker has filled in has variables past its end. */
static void print_variable(struct printer *p, struct btf_member m, struct bytes data)
{
	uint64_t from = m.offset_bits / 8, size = btf_size(p->btf, m.type);
	if (from > data.size || size > data.size - from)
		json_null(&p->json, m.name.data);
	else
		print_any(p, m.name.data, m.type, bytes_of(data.data + from, size));
}

static void print_members(struct printer *p, const struct btf_type *t, struct bytes data)
{
	for (uint32_t i = 0; i < t->count && p->values && !p->json.out->failed; i++) {
		struct btf_member m = btf_member(p->btf, t, i);
		p->values--;
		if (t->kind == BTF_DATASEC)
			print_variable(p, m, data);
		else
			print_member(p, m, data);
	}
}

static void print_compound(struct printer *p, const char *key, const struct btf_type *t,
			   struct bytes data)
{
	json_object(&p->json, key);
	print_members(p, t, data);
	json_end(&p->json);
}

static void print_kind(struct printer *p, const char *key, const struct btf_type *t,
		       struct bytes data)
{
	switch (t->kind) {
	case BTF_INT:
	case BTF_ENUM:
	case BTF_ENUM64:
	case BTF_PTR:
		print_scalar(p, key, t, data);
		return;
	case BTF_FLOAT:
		print_float(p, key, data);
		return;
	case BTF_ARRAY:
		print_array(p, key, t, data);
		return;
	case BTF_STRUCT:
	case BTF_UNION:
	case BTF_DATASEC:
		print_compound(p, key, t, data);
		return;
	case BTF_VAR:
		print_any(p, key, t->type, data);
		return;
	case BTF_VOID:
	case BTF_FWD:
	case BTF_TYPEDEF:
	case BTF_VOLATILE:
	case BTF_CONST:
	case BTF_RESTRICT:
	case BTF_FUNC:
	case BTF_FUNC_PROTO:
	case BTF_DECL_TAG:
	case BTF_TYPE_TAG:
		json_null(&p->json, key);
		return;
	}
}

static void print_any(struct printer *p, const char *key, uint32_t id, struct bytes data)
{
	if (p->depth == DEPTH_MAX || p->values == 0) {
		json_null(&p->json, key);
		return;
	}
	p->depth++;
	p->values--;
	print_kind(p, key, btf_type(p->btf, btf_skip(p->btf, id)), data);
	p->depth--;
}

void btf_print_value(const struct btf *b, uint32_t id, struct bytes data, struct buf *out)
{
	struct printer p = {.btf = b, .json = json_start(out), .values = VALUES_MAX};
	if (!b || id == 0 || id >= b->count || btf_size(b, id) != data.size)
		print_hex(&p.json, NULL, data, false);
	else
		print_any(&p, NULL, id, data);
}
