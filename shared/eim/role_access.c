/*
 * Entries of a role, and what of their arguments it may access: "r.headers_out.status" goes from parameter r
 * through pointers and members, nameless ones included, as C does.
 *
 * [A1] A path is checked where types are known: with the host's BTF, and an entry that it has. Which entry
 *      has the parameter does not matter, as long as one has all of the path.
 * [A2] What hostile types can make a walk cost is bounded: NAMELESS_MAX levels, STEPS_MAX members in all.
 */
#include "shared/base/near.h"
#include "shared/eim/role_internal.h"

#define NAMELESS_MAX 8
#define STEPS_MAX    1000000u
#define NEAR_MAX     1000u /* names that a near one is looked for among */
#define SYMBOL_MAX   1024

/* ---- entries ---- */

/* Roles, each once. */
struct family {
	struct str names[INHERIT_MAX_ROLES];
	size_t count;
};

static void add_member(struct family *f, struct str name)
{
	for (size_t i = 0; i < f->count; i++)
		if (str_equal(f->names[i], name))
			return;
	if (f->count < INHERIT_MAX_ROLES) /* a larger one does not resolve */
		f->names[f->count++] = name;
}

/* Whether `role` is `name`, or is inherited by it: then it has no function that `name` has not. */
static bool is_part_of(const struct spec *s, struct str role, struct str name)
{
	struct family f = {.count = 0};
	add_member(&f, name);
	for (size_t i = 0; i < f.count; i++) {
		const struct spec_role *r = spec_find_role(s, f.names[i]);
		if (str_equal(f.names[i], role))
			return true;
		for (size_t n = 0; r && n < r->inherits.count; n++)
			add_member(&f, r->inherits.items[n]);
	}
	return false;
}

static bool is_for(const struct spec *s, const struct spec_function *export, struct str role)
{
	for (size_t i = 0; i < export->roles.count; i++)
		if (is_part_of(s, role, export->roles.items[i]))
			return true;
	return export->roles.count == 0;
}

/* The name that eim.h gives to the entry of a role; where the host has it, it is the symbol. */
static struct err *take_symbol(struct role_builder *b, const struct spec_function *export,
			       struct role_entry *entry)
{
	OWNED_BUF struct buf name = BUF_INIT(SYMBOL_MAX);
	struct str symbol = export->symbol;
	buf_printf(&name, "__bpftime_extension_entry_%.*s_%.*s", STR_FMT(b->role->name),
		   STR_FMT(export->name));
	if (name.failed && !name.too_large)
		return err_no_memory();
	if (!symbol.size && !name.failed && b->host && btf_find(b->host, BTF_FUNC, buf_str(&name)))
		symbol = buf_str(&name);
	entry->btf_id = b->host && symbol.size ? btf_find(b->host, BTF_FUNC, symbol) : 0;
	entry->symbol = arena_str(&b->role->arena, symbol);
	TRY_MEMORY(entry->symbol.data);
	return NULL;
}

/* Those that speak of its parameters and result; others are lint's to report. */
static struct err *take_constraints(struct role_builder *b, const struct spec_function *export,
				    struct role_function *f, struct role_entry *entry)
{
	struct role_constraints list = {0};
	const struct btf_type *proto =
		f->btf_id ? btf_type(b->host, btf_type(b->host, f->btf_id)->type) : NULL;
	TRY(role_add_declared(b, export, f, &list));
	TRY(role_keep_constraints(b, &list, f));
	entry->pre = f->pre;
	entry->pre_count = f->pre_count;
	entry->post = f->post;
	entry->post_count = f->post_count;
	return role_take_arguments(b, proto, entry);
}

static struct err *take_entry(struct role_builder *b, const struct spec_function *export,
			      struct role_entry *entry)
{
	entry->name = arena_str(&b->role->arena, export->name);
	TRY_MEMORY(entry->name.data);
	TRY(take_symbol(b, export, entry));
	struct role_function f = {.name = entry->name, .btf_id = entry->btf_id};
	if (export->has_signature)
		TRY(role_take_params(b, export, &f));
	else if (f.btf_id)
		TRY(role_take_host_params(b, &f));
	entry->params = f.params;
	entry->params_count = f.params_count;
	entry->return_type = f.return_type;
	if (export->has_signature && f.btf_id)
		TRY(role_check_signature(b, export, &f));
	return take_constraints(b, export, &f, entry);
}

static struct err *take_entries(struct role_builder *b)
{
	const struct spec *s = b->spec;
	struct role_entry *entries =
		arena_alloc_array(&b->role->arena, s->exports_count, sizeof(*entries));
	struct err *found = NULL;
	TRY_MEMORY(entries);
	for (size_t i = 0; i < s->exports_count; i++)
		if (is_for(s, &s->exports[i], b->role->name))
			err_add(&found,
				take_entry(b, &s->exports[i], &entries[b->role->entries_count++]));
	b->role->entries = entries;
	return found;
}

/* ---- messages ---- */

/* A path while it is walked. */
struct walk {
	const struct role_builder *b;
	const struct spec_place *at;
	struct str text;
	uint32_t *steps; /* left, over all paths */
};

static struct err *refuse(const struct walk *w, const char *what, struct str name, struct str near)
{
	if (near.size)
		return err_at(ERR_INVALID, w->at->path,
			      "line %u:%u: \"%.*s\": %s \"%.*s\"; did you mean \"%.*s\"?",
			      w->at->line, w->at->column, STR_FMT(w->text), what, STR_FMT(name),
			      STR_FMT(near));
	return err_at(ERR_INVALID, w->at->path, "line %u:%u: \"%.*s\": %s \"%.*s\"", w->at->line,
		      w->at->column, STR_FMT(w->text), what, STR_FMT(name));
}

static struct err *refuse_field(const struct walk *w, const struct btf_type *t, struct str field)
{
	OWNED_BUF struct buf what = BUF_INIT(8192);
	struct near near = near_start(field);
	for (uint32_t i = 0; i < MIN(t->count, NEAR_MAX); i++)
		near_offer(&near, btf_member(w->b->host, t, i).name);
	buf_printf(&what, "struct %.*s has no field", STR_FMT(t->name));
	TRY(buf_check(&what));
	return refuse(w, buf_text(&what), field, near_found(&near));
}

static struct err *refuse_type(const struct walk *w, uint32_t type)
{
	OWNED_BUF struct buf text = BUF_INIT((size_t)1 << 16);
	btf_print_type(w->b->host, type, &text);
	TRY(buf_check(&text));
	return refuse(w, "there are no fields in", buf_str(&text), (struct str){0});
}

static struct err *refuse_param(const struct walk *w, struct str root)
{
	const struct role *role = w->b->role;
	struct near near = near_start(root);
	for (size_t i = 0; i < role->entries_count; i++)
		for (size_t j = 0; j < role->entries[i].params_count; j++)
			near_offer(&near, role->entries[i].params[j].name);
	return refuse(w, "no entry has a parameter", root, near_found(&near));
}

/* ---- one step of a path ---- */

static bool is_record(const struct btf_type *t)
{
	return t->kind == BTF_STRUCT || t->kind == BTF_UNION;
}

/* The type of member `name`, 0 where there is none or the steps have run out. [A2] */
static uint32_t find_member(const struct walk *w, const struct btf_type *t, struct str name,
			    unsigned depth)
{
	const struct btf *btf = w->b->host;
	uint32_t found = 0;
	for (uint32_t i = 0; i < t->count && !found && *w->steps; i++) {
		struct btf_member m = btf_member(btf, t, i);
		const struct btf_type *inner = btf_type(btf, btf_skip(btf, m.type));
		--*w->steps;
		if (m.name.size)
			found = str_equal(m.name, name) ? m.type : 0;
		else if (is_record(inner) && depth < NAMELESS_MAX)
			found = find_member(w, inner, name, depth + 1);
	}
	return found;
}

static struct err *step_into(const struct walk *w, uint32_t *type, struct str field)
{
	const struct btf *btf = w->b->host;
	const struct btf_type *t = btf_type(btf, btf_skip(btf, *type));
	if (t->kind == BTF_PTR)
		t = btf_type(btf, btf_skip(btf, t->type));
	if (!is_record(t))
		return refuse_type(w, *type);
	uint32_t found = find_member(w, t, field, 0);
	if (*w->steps == 0)
		return err_at(ERR_TOO_LARGE, w->at->path,
			      "the access lists make more than %u looks at members necessary",
			      STEPS_MAX);
	if (!found)
		return refuse_field(w, t, field);
	*type = found;
	return NULL;
}

static struct err *walk_fields(const struct walk *w, uint32_t type, struct str fields)
{
	while (fields.size) {
		struct str field;
		str_split(fields, '.', &field, &fields);
		TRY(step_into(w, &type, field));
	}
	return NULL;
}

/* ---- a path ---- */

static bool is_path(struct str text)
{
	bool in_name = false;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		bool digit = c >= '0' && c <= '9';
		if (!letter && !(in_name && (digit || c == '.')))
			return false;
		in_name = c != '.';
	}
	return in_name;
}

/* The type of parameter `name` of the entry; false where it has none of that name. */
static bool find_param(const struct role_builder *b, const struct role_entry *entry,
		       struct str name, uint32_t *type)
{
	const struct btf_type *proto = btf_type(b->host, btf_type(b->host, entry->btf_id)->type);
	for (uint32_t i = 0; i < entry->params_count && i < proto->count; i++)
		if (str_equal(entry->params[i].name, name)) {
			*type = btf_member(b->host, proto, i).type;
			return true;
		}
	return false;
}

/* [A1] */
static struct err *check_types(const struct walk *w, struct str root, struct str fields)
{
	const struct role *role = w->b->role;
	OWNED(err) struct err *first = NULL;
	bool is_typed = false;
	for (size_t i = 0; i < role->entries_count; i++) {
		const struct role_entry *entry = &role->entries[i];
		uint32_t type;
		is_typed |= entry->btf_id != 0;
		if (!entry->btf_id || !find_param(w->b, entry, root, &type))
			continue;
		OWNED(err) struct err *e = walk_fields(w, type, fields);
		if (!e)
			return NULL;
		if (!first)
			first = MOVE(e);
	}
	return first || !is_typed ? MOVE(first) : refuse_param(w, root);
}

static struct err *check_path(const struct walk *w)
{
	struct str root, fields;
	if (!is_path(w->text))
		return err_at(ERR_INVALID, w->at->path,
			      "line %u:%u: \"%.*s\" is not PARAMETER or PARAMETER.FIELD",
			      w->at->line, w->at->column, STR_FMT(w->text));
	str_split(w->text, '.', &root, &fields);
	return check_types(w, root, fields);
}

/* ---- the lists ---- */

struct lists {
	struct role_access *items;
	struct err *found;
	size_t findings;
	uint32_t steps;
};

static struct err *take_list(struct role_builder *b, const struct spec_role *from,
			     const struct spec_names *names, bool is_write, struct lists *lists)
{
	for (size_t i = 0; i < names->count && lists->findings < SPEC_MAX_FINDINGS; i++) {
		struct role_access *item = &lists->items[b->role->access_count++];
		struct walk w = {b, &names->at[i], names->items[i], &lists->steps};
		item->is_write = is_write;
		item->path = arena_str(&b->role->arena, names->items[i]);
		TRY_MEMORY(item->path.data);
		item->granted_by = arena_str(&b->role->arena, from->name);
		TRY_MEMORY(item->granted_by.data);
		struct err *e = check_path(&w);
		lists->findings += e != NULL;
		err_add(&lists->found, e);
	}
	return NULL;
}

static struct err *take_access(struct role_builder *b, struct lists *lists)
{
	const struct inherit *in = &b->inherit;
	size_t count = 0;
	for (size_t i = 0; i < in->roles_count; i++)
		count += in->roles[i]->read.count + in->roles[i]->write.count;
	lists->items = arena_alloc_array(&b->role->arena, count, sizeof(*lists->items));
	TRY_MEMORY(lists->items);
	for (size_t i = 0; i < in->roles_count; i++) {
		const struct spec_role *from = in->roles[i];
		b->role->has_access |= from->access != NULL;
		TRY(take_list(b, from, &from->read, false, lists));
		TRY(take_list(b, from, &from->write, true, lists));
	}
	b->role->access = lists->items;
	return NULL;
}

struct err *role_take_entries(struct role_builder *b)
{
	struct lists lists = {.steps = STEPS_MAX};
	TRY(take_entries(b));
	struct err *e = take_access(b, &lists);
	if (e)
		err_destroy(lists.found);
	TRY(e);
	TRY(lists.found);
	return role_take_places(b);
}
