/*
 * A document is decoded by tables: one of keys per kind of item (fields), one of lists for the whole.
 * Every item knows its place; every finding carries the path of what it is about. Findings are gathered,
 * so that an author sees all of them in one run.
 *
 * [S1] A decoder returns its findings as one list; NO_MEMORY ends the parse.
 * [S2] Items behind a finding may be half filled: where there are findings there is no spec.
 */
#include "shared/eim/role.h"
#include "shared/eim/spec_index.h"
#include "shared/base/mem.h"
#include "shared/codec/fields.h"
#include "shared/codec/json.h"
#include "shared/codec/yaml.h"
#include "shared/crypto/digest.h"

#define ARENA_MAX_BYTES ((size_t)256 << 20)

typedef struct err *decode_fn(struct arena *a, const struct node *n, const char *path, void *item);

static size_t count_findings(const struct err *e)
{
	size_t n = 0;
	for (; e && n < SPEC_MAX_FINDINGS; e = err_next(e))
		n++;
	return n;
}

/* The path of member `name` (or of index `i` where name is NULL) below `path`, in the arena. */
static const char *path_below(struct arena *a, const char *path, const char *name, size_t i)
{
	OWNED_BUF struct buf text = BUF_INIT(65536);
	buf_puts(&text, path);
	if (name)
		node_print_step(str_of(name), &text);
	else
		buf_printf(&text, "/%zu", i);
	return text.failed ? NULL : arena_text(a, buf_str(&text));
}

static struct spec_place place_of(const struct node *n, const char *path)
{
	return (struct spec_place){.line = n->line, .column = n->column, .path = path};
}

/* Decodes each member of `list` (NULL is an empty one) into an array in the arena. */
static struct err *decode_list(struct arena *a, const struct node *list, const char *path,
			       size_t item_size, decode_fn *decode, void *out, size_t *out_count)
{
	struct err *found = NULL;
	size_t count = list ? list->count : 0, i = 0, findings = 0;
	char *items = arena_alloc_array(a, count, item_size);
	TRY_MEMORY(items);
	for (const struct node *n = count ? list->first : NULL; n; n = n->next, i++) {
		const char *below = path_below(a, path, NULL, i);
		struct err *e =
			below ? decode(a, n, below, items + i * item_size) : err_no_memory();
		findings += count_findings(e);
		err_add(&found, e);
		if (findings >= SPEC_MAX_FINDINGS)
			break;
	}
	*(void **)out = items;
	*out_count = count;
	return found;
}

/* ---- lists of text ---- */

struct text_item {
	struct str text;
	struct spec_place at;
};

static struct err *decode_text(struct arena *a, const struct node *n, const char *path, void *item)
{
	(void)a;
	if (n->kind != NODE_TEXT)
		return node_err(n, path, "must be text, is %s", node_kind_name(n->kind));
	*(struct text_item *)item = (struct text_item){n->text, place_of(n, path)};
	return NULL;
}

static struct err *decode_texts(struct arena *a, const struct node *list, const char *path,
				const char *key, struct text_item **out, size_t *count)
{
	const char *below = path_below(a, path, key, 0);
	TRY_MEMORY(below);
	return decode_list(a, list, below, sizeof(**out), decode_text, out, count);
}

static struct err *decode_names(struct arena *a, const struct node *list, const char *path,
				const char *key, struct spec_names *out)
{
	struct text_item *texts;
	size_t count;
	TRY(decode_texts(a, list, path, key, &texts, &count));
	struct str *items = arena_alloc_array(a, count, sizeof(*items));
	struct spec_place *at = arena_alloc_array(a, count, sizeof(*at));
	TRY_MEMORY(items);
	TRY_MEMORY(at);
	for (size_t i = 0; i < count; i++) {
		items[i] = texts[i].text;
		at[i] = texts[i].at;
	}
	*out = (struct spec_names){items, at, count};
	return NULL;
}

static struct err *decode_constraints(struct arena *a, const struct node *list, const char *path,
				      const char *key, struct spec_constraints *out)
{
	struct spec_names texts;
	TRY(decode_names(a, list, path, key, &texts));
	struct constraint *items = arena_alloc_array(a, texts.count, sizeof(*items));
	TRY_MEMORY(items);
	for (size_t i = 0; i < texts.count; i++)
		TRY_AT(err_doing(constraint_parse(texts.items[i], a, &items[i]), "line %u:%u",
				 texts.at[i].line, texts.at[i].column),
		       "%s", texts.at[i].path);
	*out = (struct spec_constraints){items, texts.at, texts.count};
	return NULL;
}

/* ---- types ---- */

static struct err *decode_type(struct arena *a, const struct node *n, const char *path, void *item)
{
	struct fields {
		struct str name, base;
		const struct node *constraints;
	} in = {0};
	static const struct field fields[] = {
		FIELD_TEXT("name", struct fields, name, FIELD_REQUIRED),
		FIELD_TEXT("base", struct fields, base, FIELD_REQUIRED),
		FIELD_LIST("constraints", struct fields, constraints, 0),
	};
	struct spec_type *type = item;
	TRY_AT(fields_decode(n, fields, ARRAY_SIZE(fields), &in), "%s", path);
	*type = (struct spec_type){.name = in.name, .base = in.base, .at = place_of(n, path)};
	return decode_constraints(a, in.constraints, path, "constraints", &type->constraints);
}

/* ---- functions ---- */

static struct err *decode_param(struct arena *a, const struct node *n, const char *path, void *item)
{
	static const struct field fields[] = {
		FIELD_TEXT("type", struct spec_param, type, FIELD_REQUIRED),
		FIELD_TEXT("name", struct spec_param, name, FIELD_REQUIRED),
	};
	struct spec_param *param = item;
	(void)a;
	TRY_AT(fields_decode(n, fields, ARRAY_SIZE(fields), param), "%s", path);
	param->at = place_of(n, path);
	return NULL;
}

/* A function has few parameters, so each is compared with each. */
#define MAX_PARAMS 16

static struct err *check_params(const struct spec_function *function)
{
	const struct spec_param *params = function->params;
	if (function->params_count > MAX_PARAMS)
		return err_at(ERR_INVALID, function->at.path, "more than %d parameters",
			      MAX_PARAMS);
	for (size_t i = 0; i < function->params_count; i++)
		for (size_t j = 0; j < i; j++)
			if (str_equal(params[i].name, params[j].name))
				return err_at(ERR_INVALID, params[i].at.path,
					      "line %u:%u: two parameters have the name \"%.*s\"",
					      params[i].at.line, params[i].at.column,
					      STR_FMT(params[i].name));
	return NULL;
}

static struct err *decode_signature(struct arena *a, const struct node *n, const char *path,
				    struct spec_function *out)
{
	struct fields {
		const struct node *params;
		struct str return_type;
	} in = {0};
	static const struct field fields[] = {
		FIELD_LIST("params", struct fields, params, 0),
		FIELD_TEXT("return_type", struct fields, return_type, FIELD_REQUIRED),
	};
	if (!n)
		return NULL;
	TRY_AT(fields_decode(n, fields, ARRAY_SIZE(fields), &in), "%s/signature", path);
	const char *below = path_below(a, path, "signature", 0);
	const char *params = below ? path_below(a, below, "params", 0) : NULL;
	const char *result = below ? path_below(a, below, "return_type", 0) : NULL;
	TRY_MEMORY(params);
	TRY_MEMORY(result);
	out->return_type = in.return_type;
	out->return_at = place_of(node_find(n, "return_type"), result);
	out->has_signature = true;
	TRY(decode_list(a, in.params, params, sizeof(*out->params), decode_param, &out->params,
			&out->params_count));
	return check_params(out);
}

static struct err *decode_either(struct arena *a, const struct node *n, const char *path,
				 bool is_export, struct spec_function *function)
{
	struct fields {
		struct str name, acquires, releases, symbol;
		bool side_effect;
		const struct node *signature, *constraints, *requires_, *roles;
	} in = {0};
	static const struct field fields[] = {
		FIELD_TEXT("name", struct fields, name, FIELD_REQUIRED),
		FIELD_MAP("signature", struct fields, signature, 0),
		FIELD_LIST("function_constraints", struct fields, constraints, 0),
		FIELD_TEXT("acquires", struct fields, acquires, 0),
		FIELD_TEXT("releases", struct fields, releases, 0),
		FIELD_BOOL("side_effect", struct fields, side_effect, 0),
		FIELD_MAP("requires", struct fields, requires_, 0),
		/* of exports alone: */
		FIELD_TEXT("symbol", struct fields, symbol, 0),
		FIELD_LIST("roles", struct fields, roles, 0),
	};
	size_t count = ARRAY_SIZE(fields) - (is_export ? 0 : 2);
	TRY_AT(fields_decode(n, fields, count, &in), "%s", path);
	*function = (struct spec_function){
		.name = in.name,
		.acquires = in.acquires,
		.releases = in.releases,
		.side_effect = in.side_effect,
		.requires_ = in.requires_,
		.symbol = in.symbol,
		.at = place_of(n, path),
	};
	struct err *found = decode_signature(a, in.signature, path, function);
	err_add(&found, decode_constraints(a, in.constraints, path, "function_constraints",
					   &function->constraints));
	err_add(&found, decode_names(a, in.roles, path, "roles", &function->roles));
	return found;
}

static struct err *decode_function(struct arena *a, const struct node *n, const char *path,
				   void *item)
{
	return decode_either(a, n, path, false, item);
}

static struct err *decode_export(struct arena *a, const struct node *n, const char *path,
				 void *item)
{
	return decode_either(a, n, path, true, item);
}

/* ---- variables ---- */

static struct err *decode_variable(struct arena *a, const struct node *n, const char *path,
				   void *item)
{
	struct fields {
		struct str name, type, access;
	} in = {0};
	static const struct field fields[] = {
		FIELD_TEXT("name", struct fields, name, FIELD_REQUIRED),
		FIELD_TEXT("type", struct fields, type, FIELD_REQUIRED),
		FIELD_TEXT("access", struct fields, access, FIELD_REQUIRED),
	};
	struct spec_variable *variable = item;
	TRY_AT(fields_decode(n, fields, ARRAY_SIZE(fields), &in), "%s", path);
	const char *type = path_below(a, path, "type", 0);
	const char *access = path_below(a, path, "access", 0);
	TRY_MEMORY(type);
	TRY_MEMORY(access);
	if (!str_is(in.access, "read") && !str_is(in.access, "write"))
		return node_err(node_find(n, "access"), access,
				"access is read or write, not \"%.*s\"", STR_FMT(in.access));
	*variable = (struct spec_variable){
		.name = in.name,
		.type = in.type,
		.is_write = str_is(in.access, "write"),
		.at = place_of(n, path),
		.type_at = place_of(node_find(n, "type"), type),
	};
	return NULL;
}

/* ---- capabilities and roles ---- */

static struct err *decode_capability(struct arena *a, const struct node *n, const char *path,
				     void *item)
{
	struct fields {
		struct str name;
		const struct node *apis, *constraints;
	} in = {0};
	static const struct field fields[] = {
		FIELD_TEXT("name", struct fields, name, FIELD_REQUIRED),
		FIELD_LIST("apis", struct fields, apis, 0),
		FIELD_LIST("constraints", struct fields, constraints, 0),
	};
	struct spec_capability *capability = item;
	TRY_AT(fields_decode(n, fields, ARRAY_SIZE(fields), &in), "%s", path);
	capability->name = in.name;
	capability->at = place_of(n, path);
	struct err *found = decode_names(a, in.apis, path, "apis", &capability->apis);
	err_add(&found, decode_constraints(a, in.constraints, path, "constraints",
					   &capability->constraints));
	return found;
}

static struct err *decode_attributes(struct arena *a, const struct node *map, const char *path,
				     struct spec_role *role)
{
	size_t count = map ? map->count : 0, i = 0;
	const char *below = path_below(a, path, "attributes", 0);
	struct spec_attribute *attributes = arena_alloc_array(a, count, sizeof(*attributes));
	TRY_MEMORY(below);
	TRY_MEMORY(attributes);
	for (const struct node *n = map ? map->first : NULL; n; n = n->next) {
		const char *at = path_below(a, below, n->key.data, 0);
		TRY_MEMORY(at);
		if (n->kind != NODE_NULL)
			attributes[i++] = (struct spec_attribute){n->key, n, place_of(n, at)};
	}
	role->attributes = attributes;
	role->attributes_count = i;
	return NULL;
}

static struct err *decode_access(struct arena *a, const struct node *access, const char *path,
				 struct spec_role *role)
{
	struct fields {
		const struct node *read, *write;
	} in = {0};
	static const struct field fields[] = {
		FIELD_LIST("read", struct fields, read, 0),
		FIELD_LIST("write", struct fields, write, 0),
	};
	if (!access)
		return NULL;
	TRY_AT(fields_decode(access, fields, ARRAY_SIZE(fields), &in), "%s/access", path);
	const char *below = path_below(a, path, "access", 0);
	TRY_MEMORY(below);
	role->access = access;
	TRY(decode_names(a, in.read, below, "read", &role->read));
	return decode_names(a, in.write, below, "write", &role->write);
}

static struct err *decode_role(struct arena *a, const struct node *n, const char *path, void *item)
{
	struct fields {
		struct str name;
		const struct node *capabilities, *inherits, *attributes, *access;
	} in = {0};
	static const struct field fields[] = {
		FIELD_TEXT("name", struct fields, name, FIELD_REQUIRED),
		FIELD_LIST("capabilities", struct fields, capabilities, 0),
		FIELD_LIST("inherits", struct fields, inherits, 0),
		FIELD_MAP("attributes", struct fields, attributes, 0),
		FIELD_MAP("access", struct fields, access, 0),
	};
	struct spec_role *role = item;
	TRY_AT(fields_decode(n, fields, ARRAY_SIZE(fields), &in), "%s", path);
	role->name = in.name;
	role->at = place_of(n, path);
	if (in.name.size > 0 && !role_is_name(in.name))
		return node_err(n, path,
				"role \"%.*s\": & and , stand between the names of several roles; "
				"leave them out of a name",
				STR_FMT(in.name));
	struct err *found =
		decode_names(a, in.capabilities, path, "capabilities", &role->capabilities);
	err_add(&found, decode_names(a, in.inherits, path, "inherits", &role->inherits));
	err_add(&found, decode_attributes(a, in.attributes, path, role));
	err_add(&found, decode_access(a, in.access, path, role));
	return found;
}

/* ---- the document ---- */

struct document {
	const struct node *types, *functions, *capabilities, *roles, *exports, *variables;
};

static const struct field document_fields[] = {
	FIELD_LIST("types", struct document, types, 0),
	FIELD_LIST("host_functions", struct document, functions, 0),
	FIELD_LIST("capabilities", struct document, capabilities, 0),
	FIELD_LIST("roles", struct document, roles, 0),
	FIELD_LIST("extension_exports", struct document, exports, 0),
	FIELD_LIST("variables", struct document, variables, 0),
};

#define SECTION(key, member, type, function)                                              \
	{                                                                                 \
		key, offsetof(struct document, member), offsetof(struct spec, member),    \
			offsetof(struct spec, member##_count),                            \
			offsetof(struct spec, member##_index), offsetof(struct type, at), \
			sizeof(struct type), function                                     \
	}

static const struct section {
	const char *path;
	size_t list_at, items_at, count_at, index_at, place_at, item_size;
	decode_fn *decode;
} sections[] = {
	SECTION("/types", types, spec_type, decode_type),
	SECTION("/host_functions", functions, spec_function, decode_function),
	SECTION("/capabilities", capabilities, spec_capability, decode_capability),
	SECTION("/roles", roles, spec_role, decode_role),
	SECTION("/extension_exports", exports, spec_function, decode_export),
	SECTION("/variables", variables, spec_variable, decode_variable),
};

#define MEMBER(of, offset, type) ((type *)(void *)((char *)(of) + (offset)))

static struct err *check_unique(const struct section *section, const struct spec_index *index)
{
	struct err *found = NULL;
	const char *item;
	size_t at = 0;
	for (size_t n = 0; n < SPEC_MAX_FINDINGS && (item = spec_index_repeated(index, &at)); n++) {
		const struct spec_place *place = (const void *)(item + section->place_at);
		const struct str *name = (const void *)item;
		err_add(&found, err_at(ERR_INVALID, place->path,
				       "line %u:%u: the name \"%.*s\" stands twice", place->line,
				       place->column, STR_FMT(*name)));
	}
	return found;
}

static struct err *decode_section(struct spec *s, const struct document *document,
				  const struct section *section)
{
	const struct node *list =
		*(const struct node *const *)((const char *)document + section->list_at);
	void **items = MEMBER(s, section->items_at, void *);
	size_t *count = MEMBER(s, section->count_at, size_t);
	struct spec_index *index = MEMBER(s, section->index_at, struct spec_index);
	TRY(decode_list(&s->arena, list, section->path, section->item_size, section->decode, items,
			count));
	TRY(spec_index_build(&s->arena, *items, *count, section->item_size, index));
	return check_unique(section, index);
}

/* YAML first: it reads nearly all JSON, too. What it does not (surrogate pairs) JSON reads. */
static struct err *parse_text(struct str text, struct arena *a, const struct node **out)
{
	OWNED(err) struct err *e = yaml_parse(text, a, out);
	if (!e || err_code(e) == ERR_NO_MEMORY || !str_starts(str_trim(text), "{"))
		return MOVE(e);
	OWNED(err) struct err *no_json = json_parse(text, a, out);
	bool decides = !no_json || err_code(no_json) == ERR_NO_MEMORY;
	return decides ? MOVE(no_json) : MOVE(e);
}

static struct err *decode_document(struct spec *s, struct str text)
{
	const struct node *root;
	struct document document = {0};
	char hex[DIGEST_HEX_SIZE];
	struct err *found = NULL;
	TRY(parse_text(text, &s->arena, &root));
	TRY(digest_hex(bytes_of(text.data, text.size), hex));
	s->digest = arena_str(&s->arena, str_of(hex));
	TRY_MEMORY(s->digest.data);
	err_add(&found,
		fields_decode(root, document_fields, ARRAY_SIZE(document_fields), &document));
	for (size_t i = 0; i < ARRAY_SIZE(sections) && count_findings(found) < SPEC_MAX_FINDINGS;
	     i++)
		err_add(&found, decode_section(s, &document, &sections[i]));
	return found;
}

struct err *spec_parse(struct str text, struct spec **out)
{
	OWNED(spec) struct spec *s = NULL;
	if (text.size > SPEC_MAX_BYTES)
		return err_new(ERR_TOO_LARGE, "the document has %zu bytes, %zu are allowed",
			       text.size, SPEC_MAX_BYTES);
	s = mem_zalloc(sizeof(*s));
	TRY_MEMORY(s);
	s->arena = ARENA_INIT(ARENA_MAX_BYTES);
	TRY(decode_document(s, text));
	*out = MOVE(s);
	return NULL;
}

void spec_destroy(struct spec *s)
{
	if (!s)
		return;
	arena_fini(&s->arena);
	mem_free(s);
}
