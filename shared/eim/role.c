/*
 * Resolving goes in passes over flat arrays: which roles (inherit), which attributes, which functions the
 * capabilities name ("grants"), and for each distinct function what it is on this host and which
 * constraints speak of it.
 *
 * [R1] A constraint may be stated for the function, for the type of a parameter or result, or for a
 *      capability. All of them count; a function that two capabilities grant has the constraints of both.
 * [R2] A constraint that has terms before and after the call is split, so that no pre-condition is ever
 *      assumed instead of proved.
 * [R3] Everything in the role is copied into its arena.
 */
#include "shared/eim/role.h"
#include "shared/base/mem.h"
#include "shared/codec/json.h"
#include "shared/crypto/digest.h"
#include "shared/eim/attribute.h"
#include "shared/eim/inherit.h"
#include "shared/eim/role_internal.h"
#include "shared/eim/spec_index.h"

#include <stdlib.h>

#define ROLE_ARENA_MAX_BYTES ((size_t)64 << 20)

void role_destroy(struct role *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->parts_count; i++) {
		btf_destroy(r->parts[i]->host);
		arena_fini(&r->parts[i]->arena); /* a part has no parts */
		mem_free(r->parts[i]);
	}
	btf_destroy(r->host);
	arena_fini(&r->arena);
	mem_free(r);
}

static struct err *copy_str(struct role_builder *b, struct str from, struct str *out)
{
	struct str copy = arena_str(&b->role->arena, from);
	TRY_MEMORY(copy.data);
	*out = copy;
	return NULL;
}

static struct err *invalid_at(const struct spec_place *at, const char *message)
{
	return err_at(ERR_INVALID, at->path, "line %u:%u: %s", at->line, at->column, message);
}

/* ---- attributes ---- */

static struct err *take_custom(struct role_builder *b, const struct inherit_attribute *from,
			       struct role_custom_attribute *out)
{
	struct node *value = node_copy(&b->role->arena, from->attribute->value);
	TRY_MEMORY(value);
	out->value = value;
	TRY(copy_str(b, from->attribute->name, &out->name));
	return copy_str(b, from->set_by->name, &out->set_by);
}

static struct err *take_attributes(struct role_builder *b)
{
	struct role *role = b->role;
	const struct inherit *in = &b->inherit;
	struct role_custom_attribute *custom =
		arena_alloc_array(&role->arena, in->attributes_count, sizeof(*custom));
	TRY_MEMORY(custom);
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		attribute_set(&attribute_table[i], attribute_table[i].initial, &role->attributes);
	for (size_t i = 0; i < in->attributes_count; i++) {
		const struct inherit_attribute *each = &in->attributes[i];
		const struct attribute *row = attribute_find(each->attribute->name);
		if (row) {
			attribute_store(row, each->attribute->value, &role->attributes);
			TRY(copy_str(b, each->set_by->name, &role->set_by[row - attribute_table]));
		} else {
			TRY(take_custom(b, each, &custom[role->custom_count++]));
		}
	}
	role->custom = custom;
	return NULL;
}

/* ---- grants ---- */

struct grant {
	struct str name;
	const struct spec_capability *capability;
	const struct spec_role *role;
};

struct grants {
	struct grant *items;
	size_t count;
};

static int compare_grants(const void *a, const void *b)
{
	const struct grant *x = a, *y = b;
	size_t size = MIN(x->name.size, y->name.size);
	int order = size ? memcmp(x->name.data, y->name.data, size) : 0;
	if (order == 0)
		order = (x->name.size > y->name.size) - (x->name.size < y->name.size);
	if (order == 0) /* of one function: in the document's order of capabilities */
		order = (x->capability > y->capability) - (x->capability < y->capability);
	return order;
}

static struct err *unknown_capability(struct role_builder *b, const struct spec_role *role,
				      size_t i)
{
	struct str name = role->capabilities.items[i];
	const struct spec_place *at = &role->capabilities.at[i];
	struct str near = spec_index_near(&b->spec->capabilities_index, name);
	if (near.size)
		return err_at(ERR_INVALID, at->path,
			      "line %u:%u: no capability \"%.*s\"; did you mean \"%.*s\"?",
			      at->line, at->column, STR_FMT(name), STR_FMT(near));
	return err_at(ERR_INVALID, at->path, "line %u:%u: no capability \"%.*s\"", at->line,
		      at->column, STR_FMT(name));
}

static struct err *take_apis(const struct spec_capability *capability, const struct spec_role *role,
			     struct grants *grants)
{
	for (size_t i = 0; i < capability->apis.count; i++) {
		if (grants->count == ROLE_MAX_GRANTS)
			return err_at(ERR_INVALID, role->at.path,
				      "the capabilities name more than %d functions",
				      ROLE_MAX_GRANTS);
		grants->items[grants->count++] =
			(struct grant){capability->apis.items[i], capability, role};
	}
	return NULL;
}

static struct err *take_capabilities(struct role_builder *b, const struct spec_role *role,
				     bool *taken, struct grants *grants)
{
	for (size_t i = 0; i < role->capabilities.count; i++) {
		const struct spec_capability *capability =
			spec_find_capability(b->spec, role->capabilities.items[i]);
		if (!capability)
			return unknown_capability(b, role, i);
		size_t index = (size_t)(capability - b->spec->capabilities);
		if (!taken[index])
			TRY(take_apis(capability, role, grants));
		taken[index] = true;
	}
	return NULL;
}

static struct err *collect_grants(struct role_builder *b, struct grants *grants)
{
	OWNED(mem) void *taken = mem_zalloc(b->spec->capabilities_count);
	TRY_MEMORY(taken);
	for (size_t i = 0; i < b->inherit.roles_count; i++)
		TRY(take_capabilities(b, b->inherit.roles[i], taken, grants));
	qsort(grants->items, grants->count, sizeof(*grants->items), compare_grants);
	return NULL;
}

/* ---- functions ---- */

static void find_kind(const struct role_builder *b, struct role_function *f)
{
	const struct helper *helper = helper_find_name(f->name);
	f->btf_id = b->host ? btf_find(b->host, BTF_FUNC, f->name) : 0;
	f->kind = ROLE_FUNCTION_UNRESOLVED;
	if (f->btf_id) {
		f->kind = ROLE_FUNCTION_HOST;
	} else if (helper && str_is(f->name, helper->name)) { /* with its "bpf_" */
		f->kind = ROLE_FUNCTION_HELPER;
		f->helper = helper;
	} else if (kfunc_find(f->name)) {
		f->kind = ROLE_FUNCTION_RUNTIME;
	}
}

static struct err *check_requires(struct role_builder *b, const struct spec_function *declared,
				  struct role_function *f)
{
	OWNED_BUF struct buf lacks = BUF_INIT(SPEC_MAX_BYTES);
	for (const struct node *n = declared->requires_ ? declared->requires_->first : NULL; n;
	     n = n->next) {
		if (n->kind == NODE_NULL || inherit_holds(&b->inherit, n))
			continue;
		buf_printf(&lacks, "%s%.*s: ", lacks.size ? ", " : "", STR_FMT(n->key));
		json_print(n, &lacks);
	}
	TRY(buf_check(&lacks));
	return copy_str(b, buf_str(&lacks), &f->lacks);
}

static struct err *take_declaration(struct role_builder *b, const struct spec_function *declared,
				    struct role_function *f)
{
	TRY(copy_str(b, declared->acquires, &f->acquires));
	TRY(copy_str(b, declared->releases, &f->releases));
	f->side_effect = declared->side_effect;
	if (declared->has_signature) {
		TRY(role_take_params(b, declared, f));
		if (f->kind == ROLE_FUNCTION_HOST) {
			TRY(role_check_signature(b, declared, f));
			TRY(role_check_const(b, declared, f));
		}
	} else if (f->kind == ROLE_FUNCTION_HOST) {
		TRY(role_take_host_params(b, f));
	}
	return check_requires(b, declared, f);
}

/* One function out of its `count` grants. */
static struct err *take_function(struct role_builder *b, const struct grant *grants, size_t count,
				 struct role_function *f)
{
	const struct spec_function *declared = spec_find_function(b->spec, grants->name);
	struct role_constraints list = {0};
	TRY(copy_str(b, grants->name, &f->name));
	TRY(copy_str(b, grants->capability->name, &f->capability));
	TRY(copy_str(b, grants->role->name, &f->granted_by));
	find_kind(b, f);
	if (declared)
		TRY(take_declaration(b, declared, f));
	else if (f->kind == ROLE_FUNCTION_HOST)
		TRY(role_take_host_params(b, f));
	if (declared)
		TRY(role_add_declared(b, declared, f, &list));
	for (size_t i = 0; i < count; i++) /* [R1] */
		TRY(role_add_capability(b, grants[i].capability, f, &list));
	if (f->kind == ROLE_FUNCTION_HOST)
		TRY(role_take_call(b, f, &list));
	TRY(role_check_contradictions(b, f, &list));
	return role_keep_constraints(b, &list, f);
}

static struct err *take_functions(struct role_builder *b, const struct grants *grants)
{
	struct role *role = b->role;
	struct err *found = NULL;
	struct role_function *functions =
		arena_alloc_array(&role->arena, grants->count, sizeof(*functions));
	TRY_MEMORY(functions);
	for (size_t i = 0, next; i < grants->count; i = next) {
		for (next = i + 1; next < grants->count; next++)
			if (!str_equal(grants->items[i].name, grants->items[next].name))
				break;
		err_add(&found, take_function(b, &grants->items[i], next - i,
					      &functions[role->functions_count++]));
	}
	role->functions = functions;
	return found;
}

/* ---- the host's types ---- */

static bool is_host_used(const struct role *r)
{
	bool used = false;
	for (size_t i = 0; i < r->functions_count; i++)
		used |= r->functions[i].btf_id != 0;
	for (size_t i = 0; i < r->entries_count; i++)
		used |= r->entries[i].btf_id != 0;
	for (size_t i = 0; i < r->variables_count; i++)
		used |= r->variables[i].btf_id != 0;
	return used;
}

/* A copy with the same ids. */
static struct err *take_host(struct role_builder *b)
{
	OWNED_BUF struct buf image = BUF_INIT(BTF_MAX_BYTES);
	if (!b->host || !is_host_used(b->role))
		return NULL;
	btf_encode(b->host, &image);
	TRY(buf_check(&image));
	char hex[DIGEST_HEX_SIZE];
	TRY(digest_hex(buf_bytes(&image), hex));
	TRY(copy_str(b, str_of(hex), &b->role->host_digest));
	return btf_parse(buf_bytes(&image), &b->role->host);
}

/* ---- the whole ---- */

static struct err *no_such_role(const struct spec *spec, struct str name)
{
	struct str near = spec_index_near(&spec->roles_index, name);
	if (near.size)
		return err_at(ERR_NOT_FOUND, "/roles", "no role \"%.*s\"; did you mean \"%.*s\"?",
			      STR_FMT(name), STR_FMT(near));
	return err_at(ERR_NOT_FOUND, "/roles", "no role \"%.*s\"", STR_FMT(name));
}

static struct err *build(struct role_builder *b, const struct spec_role *from)
{
	OWNED(mem) void *items = mem_zalloc_array(ROLE_MAX_GRANTS, sizeof(struct grant));
	struct grants grants = {items, 0};
	struct inherit_problem problem;
	TRY_MEMORY(items);
	TRY(copy_str(b, from->name, &b->role->name));
	TRY(inherit_run(b->spec, from, &b->scratch, &b->inherit, &problem));
	if (problem.code)
		return invalid_at(&problem.at, problem.message);
	TRY(take_attributes(b));
	TRY(collect_grants(b, &grants));
	TRY(take_functions(b, &grants));
	TRY(role_take_others(b));
	TRY(role_take_entries(b));
	TRY(role_take_variables(b));
	TRY(take_host(b));
	return role_digest(b->role);
}

struct err *role_resolve_one(const struct spec *spec, struct str name, const struct btf *host,
			     struct role **out)
{
	const struct spec_role *from = spec_find_role(spec, name);
	OWNED(role) struct role *role = NULL;
	if (!from)
		return no_such_role(spec, name);
	role = mem_zalloc(sizeof(*role));
	TRY_MEMORY(role);
	role->arena = ARENA_INIT(ROLE_ARENA_MAX_BYTES);
	struct role_builder b = {.spec = spec,
				 .host = host,
				 .role = role,
				 .scratch = ARENA_INIT(ROLE_ARENA_MAX_BYTES)};
	struct err *e = build(&b, from);
	arena_fini(&b.scratch);
	TRY(e);
	*out = MOVE(role);
	return NULL;
}

struct err *role_resolve(const struct spec *spec, struct str name, const struct btf *host,
			 struct role **out)
{
	struct str names[ROLE_MAX_TOGETHER];
	size_t count;
	TRY(role_split_names(name, names, &count));
	return count == 1 ? role_resolve_one(spec, name, host, out)
			  : role_resolve_together(spec, names, count, host, out);
}

static int compare_wanted(const void *wanted, const void *item)
{
	const struct str *a = wanted, *b = &((const struct role_function *)item)->name;
	size_t size = MIN(a->size, b->size);
	int order = size ? memcmp(a->data, b->data, size) : 0;
	return order ? order : (a->size > b->size) - (a->size < b->size);
}

const struct role_function *role_find_function(const struct role *r, struct str name)
{
	return r->functions_count ? bsearch(&name, r->functions, r->functions_count,
					    sizeof(*r->functions), compare_wanted)
				  : NULL;
}

const struct role_entry *role_find_entry(const struct role *r, struct str name)
{
	for (size_t i = 0; i < r->entries_count; i++)
		if (str_equal(r->entries[i].name, name))
			return &r->entries[i];
	return NULL;
}

const struct role_variable *role_find_variable(const struct role *r, struct str name)
{
	for (size_t i = 0; i < r->variables_count; i++)
		if (str_equal(r->variables[i].name, name))
			return &r->variables[i];
	return NULL;
}

const struct role_function *role_find_helper(const struct role *r, const struct helper *h)
{
	for (size_t i = 0; i < r->functions_count; i++)
		if (r->functions[i].helper == h)
			return h ? &r->functions[i] : NULL;
	return NULL;
}
