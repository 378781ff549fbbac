#include "shared/eim/ctype.h"
#include "shared/eim/role_internal.h"
#include "shared/base/buf.h"

#define TYPE_TEXT_MAX 4096

/* Spelled as BTF prints it: what ctype does not read, as "int (*)(int)". "…" stands for what is not said. */
static struct err *is_spelled_so(const struct role_builder *b, struct str type, uint32_t id,
				 bool *out)
{
	OWNED_BUF struct buf have = BUF_INIT(TYPE_TEXT_MAX);
	btf_print_type(b->host, id, &have);
	if (have.failed && !have.too_large)
		return err_no_memory();
	*out = !have.failed && str_equal(buf_str(&have), type) && !strstr(buf_text(&have), "…");
	return NULL;
}

/* Whether BTF type `id` is what the document calls `type`. */
static struct err *is_same(const struct role_builder *b, struct str type, uint32_t id, bool *out)
{
	struct ctype wanted;
	*out = ctype_resolve(b->spec, type, &wanted) && ctype_matches(&wanted, b->host, id);
	return *out ? NULL : is_spelled_so(b, type, id, out);
}

/* `what` is "parameter 2 (buffer)" or "the result". */
static struct err *differs(const struct role_builder *b, const struct spec_function *declared,
			   const struct spec_place *at, const char *what, struct str type,
			   uint32_t id)
{
	OWNED_BUF struct buf have = BUF_INIT(TYPE_TEXT_MAX);
	btf_print_type(b->host, id, &have);
	return err_at(ERR_REJECTED, at->path,
		      "line %u:%u: function \"%.*s\": %s is \"%.*s\" in the spec and \"%s\" in the "
		      "host's BTF",
		      at->line, at->column, STR_FMT(declared->name), what, STR_FMT(type),
		      buf_text(&have));
}

static struct err *check_param(const struct role_builder *b, const struct spec_function *declared,
			       size_t i, uint32_t id)
{
	const struct spec_param *param = &declared->params[i];
	bool same;
	TRY(is_same(b, param->type, id, &same));
	if (same)
		return NULL;
	OWNED_BUF struct buf what = BUF_INIT(TYPE_TEXT_MAX);
	buf_printf(&what, "parameter %zu (%.*s)", i + 1, STR_FMT(param->name));
	return differs(b, declared, &param->at, buf_text(&what), param->type, id);
}

static struct err *check_result(const struct role_builder *b, const struct spec_function *declared,
				uint32_t id)
{
	bool same;
	TRY(is_same(b, declared->return_type, id, &same));
	if (same)
		return NULL;
	return differs(b, declared, &declared->return_at, "the result", declared->return_type, id);
}

struct err *role_check_signature(const struct role_builder *b, const struct spec_function *declared,
				 const struct role_function *f)
{
	const struct btf_type *proto = btf_type(b->host, btf_type(b->host, f->btf_id)->type);
	struct err *found = NULL;
	if (!proto || proto->kind != BTF_FUNC_PROTO)
		return err_at(ERR_REJECTED, declared->at.path,
			      "function \"%.*s\" has no signature in the host's BTF",
			      STR_FMT(f->name));
	if (proto->count != declared->params_count)
		return err_at(ERR_REJECTED, declared->at.path,
			      "line %u:%u: function \"%.*s\" has %zu parameters in the spec and %u "
			      "in the host's BTF",
			      declared->at.line, declared->at.column, STR_FMT(f->name),
			      declared->params_count, proto->count);
	for (uint32_t i = 0; i < proto->count; i++)
		err_add(&found, check_param(b, declared, i, btf_member(b->host, proto, i).type));
	err_add(&found, check_result(b, declared, proto->type));
	return found;
}

/* Whether what BTF type `id`, a pointer, points to is not to be written. */
static bool points_to_const(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf_type(btf, btf_skip(btf, id));
	for (t = t->kind == BTF_PTR ? btf_type(btf, t->type) : NULL; t;
	     t = btf_type(btf, t->type)) {
		if (t->kind == BTF_CONST)
			return true;
		if (t->kind != BTF_TYPEDEF && t->kind != BTF_VOLATILE && t->kind != BTF_RESTRICT &&
		    t->kind != BTF_TYPE_TAG)
			break;
	}
	return false;
}

/* A document that says "const" where the host does not would let programs pass what must not be written; the
 * other way round it asks for more than it has to, and the host's word counts. */
struct err *role_check_const(const struct role_builder *b, const struct spec_function *declared,
			     const struct role_function *f)
{
	const struct btf_type *proto = btf_type(b->host, btf_type(b->host, f->btf_id)->type);
	struct err *found = NULL;
	for (uint32_t i = 0; i < proto->count; i++) {
		const struct spec_param *param = &declared->params[i];
		uint32_t id = btf_member(b->host, proto, i).type;
		struct ctype wanted;
		if (!ctype_resolve(b->spec, param->type, &wanted) || !wanted.is_const ||
		    points_to_const(b->host, id))
			continue;
		OWNED_BUF struct buf what = BUF_INIT(TYPE_TEXT_MAX);
		buf_printf(&what, "parameter %u (%.*s)", i + 1, STR_FMT(param->name));
		err_add(&found, differs(b, declared, &param->at, buf_text(&what), param->type, id));
	}
	return found;
}

static struct err *take_type(struct role_builder *b, uint32_t id, struct str *out)
{
	OWNED_BUF struct buf text = BUF_INIT(TYPE_TEXT_MAX);
	btf_print_type(b->host, id, &text);
	TRY(buf_check(&text));
	*out = arena_str(&b->role->arena, buf_str(&text));
	TRY_MEMORY(out->data);
	return NULL;
}

struct err *role_take_host_params(struct role_builder *b, struct role_function *f)
{
	const struct btf_type *proto = btf_type(b->host, btf_type(b->host, f->btf_id)->type);
	if (!proto || proto->kind != BTF_FUNC_PROTO)
		return NULL;
	struct spec_param *params =
		arena_alloc_array(&b->role->arena, proto->count, sizeof(*params));
	TRY_MEMORY(params);
	for (uint32_t i = 0; i < proto->count; i++) {
		struct btf_member member = btf_member(b->host, proto, i);
		params[i].name = arena_str(&b->role->arena, member.name);
		TRY_MEMORY(params[i].name.data);
		TRY(take_type(b, member.type, &params[i].type));
	}
	f->params = params;
	f->params_count = proto->count;
	return take_type(b, proto->type, &f->return_type);
}

static struct err *take_text(struct role_builder *b, struct str from, struct str *out)
{
	*out = arena_str(&b->role->arena, from);
	TRY_MEMORY(out->data);
	return NULL;
}

struct err *role_take_params(struct role_builder *b, const struct spec_function *declared,
			     struct role_function *f)
{
	struct spec_param *params =
		arena_alloc_array(&b->role->arena, declared->params_count, sizeof(*params));
	TRY_MEMORY(params);
	for (size_t i = 0; i < declared->params_count; i++) {
		TRY(take_text(b, declared->params[i].name, &params[i].name));
		TRY(take_text(b, declared->params[i].type, &params[i].type));
	}
	f->params = params;
	f->params_count = declared->params_count;
	return take_text(b, declared->return_type, &f->return_type);
}

/* ---- variables ---- */

static struct err *check_variable(const struct role_builder *b, const struct spec_variable *from,
				  uint32_t id)
{
	uint32_t type = btf_type(b->host, id)->type;
	OWNED_BUF struct buf have = BUF_INIT(TYPE_TEXT_MAX);
	bool same;
	TRY(is_same(b, from->type, type, &same));
	if (same)
		return NULL;
	btf_print_type(b->host, type, &have);
	return err_at(ERR_REJECTED, from->type_at.path,
		      "line %u:%u: variable \"%.*s\" is \"%.*s\" in the spec and \"%s\" in the "
		      "host's BTF",
		      from->type_at.line, from->type_at.column, STR_FMT(from->name),
		      STR_FMT(from->type), buf_text(&have));
}

static struct err *take_variable(struct role_builder *b, const struct spec_variable *from,
				 struct role_variable *out)
{
	TRY(take_text(b, from->name, &out->name));
	TRY(take_text(b, from->type, &out->type));
	out->is_write = from->is_write;
	out->btf_id = b->host ? btf_find(b->host, BTF_VAR, from->name) : 0;
	if (!out->btf_id)
		return NULL;
	out->type_id = btf_type(b->host, out->btf_id)->type;
	out->size_bytes = (uint32_t)MIN(btf_size(b->host, out->type_id), (uint64_t)INT32_MAX);
	out->is_const = role_is_const(b->host, out->type_id);
	return check_variable(b, from, out->btf_id);
}

struct err *role_take_variables(struct role_builder *b)
{
	const struct spec *s = b->spec;
	struct err *found = NULL;
	if (s->variables_count > ROLE_MAX_VARIABLES)
		return err_at(ERR_INVALID, "/variables", "more than %d variables",
			      ROLE_MAX_VARIABLES);
	struct role_variable *variables =
		arena_alloc_array(&b->role->arena, s->variables_count, sizeof(*variables));
	TRY_MEMORY(variables);
	for (size_t i = 0; i < s->variables_count; i++)
		err_add(&found,
			take_variable(b, &s->variables[i], &variables[b->role->variables_count++]));
	b->role->variables = variables;
	return found;
}
