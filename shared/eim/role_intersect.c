/*
 * Several roles on one program: it may do what each of them alone would let it do.
 *
 *	functions	in all; what must hold before a call is what any of them asks, what may be assumed
 *			after it is what all of them say
 *	attributes	the tightest: the smallest limit, a permission that all give, a ban of any
 *	custom		what all hold with the same value
 *	access		a path that each one's list has, or a path above it
 *	entries, variables	in all; written where all write
 *
 * Each role is resolved by itself and kept, so that names, signatures and constraints can be borrowed.
 *
 * Structs of the host keep the places that the first role has, by which its entries name them; the fields of a
 * place are those bits that every role grants there.
 *
 * [T1] A program that is accepted under the roles together is accepted under each alone.
 * [T2] All come from one document and one host, so what has the same name is the same thing.
 * [T3] What the host vouches for of an entry is in the document, and so the same for all roles; places are told
 *      apart by their paths and types.
 */
#include "shared/base/mem.h"
#include "shared/codec/json.h"
#include "shared/eim/attribute.h"
#include "shared/eim/role_internal.h"

#define TOGETHER_ARENA_MAX ((size_t)64 << 20)
#define OMISSIONS_MAX	   1000u /* more are not shown */

struct together {
	struct role *role;
	struct role *const *parts;
	size_t count;
	struct role_omission *omissions;
};

/* ---- what is left out, and why ---- */

PRINTF(3, 4)
static struct err *omit(struct together *t, struct str what, const char *format, ...)
{
	OWNED_BUF struct buf why = BUF_INIT(65536);
	va_list args;
	if (t->role->omissions_count == OMISSIONS_MAX)
		return NULL;
	va_start(args, format);
	buf_vprintf(&why, format, args);
	va_end(args);
	struct role_omission *o = &t->omissions[t->role->omissions_count++];
	o->what = arena_str(&t->role->arena, what);
	o->why = arena_str(&t->role->arena, buf_str(&why));
	return o->what.data && o->why.data && !why.failed ? NULL : err_no_memory();
}

static struct err *omit_named(struct together *t, const char *kind, struct str name, struct str by)
{
	OWNED_BUF struct buf what = BUF_INIT(65536);
	buf_printf(&what, "%s %.*s", kind, STR_FMT(name));
	TRY(buf_check(&what));
	return omit(t, buf_str(&what), "role %.*s does not have it", STR_FMT(by));
}

/* ---- attributes ---- */

/* Which of two values allows less. */
static const bool is_ban[ATTRIBUTE_COUNT] = {[ATTRIBUTE_ID_always_const] = true};

static bool is_tighter(size_t row, uint64_t value, uint64_t than)
{
	return is_ban[row] ? value > than : value < than;
}

static void join_attributes(struct together *t)
{
	for (size_t row = 0; row < ATTRIBUTE_COUNT; row++) {
		const struct attribute *a = &attribute_table[row];
		const struct role *best = t->parts[0];
		for (size_t i = 1; i < t->count; i++)
			if (is_tighter(row, attribute_get(a, &t->parts[i]->attributes),
				       attribute_get(a, &best->attributes)))
				best = t->parts[i];
		attribute_set(a, attribute_get(a, &best->attributes), &t->role->attributes);
		t->role->set_by[row] = best->set_by[row];
	}
}

static const struct role_custom_attribute *find_custom(const struct role *r, struct str name)
{
	for (size_t i = 0; i < r->custom_count; i++)
		if (str_equal(r->custom[i].name, name))
			return &r->custom[i];
	return NULL;
}

static struct err *omit_custom(struct together *t, const struct role_custom_attribute *a,
			       const struct role *other, const struct role_custom_attribute *b)
{
	OWNED_BUF struct buf what = BUF_INIT(65536), why = BUF_INIT(65536);
	buf_printf(&what, "attribute %.*s", STR_FMT(a->name));
	buf_printf(&why, "role %.*s has ", STR_FMT(t->parts[0]->name));
	json_print(a->value, &why);
	buf_printf(&why, ", role %.*s has ", STR_FMT(other->name));
	if (b)
		json_print(b->value, &why);
	else
		buf_puts(&why, "none");
	TRY(buf_check(&what));
	TRY(buf_check(&why));
	return omit(t, buf_str(&what), "%s", buf_text(&why));
}

static struct err *join_custom(struct together *t)
{
	const struct role *first = t->parts[0];
	struct role_custom_attribute *kept =
		arena_alloc_array(&t->role->arena, first->custom_count, sizeof(*kept));
	TRY_MEMORY(kept);
	for (size_t i = 0; i < first->custom_count; i++) {
		const struct role_custom_attribute *a = &first->custom[i];
		bool in_all = true;
		for (size_t p = 1; p < t->count && in_all; p++) {
			const struct role_custom_attribute *b = find_custom(t->parts[p], a->name);
			in_all = b && node_same(a->value, b->value);
			if (!in_all)
				TRY(omit_custom(t, a, t->parts[p], b));
		}
		if (in_all)
			kept[t->role->custom_count++] = *a;
	}
	t->role->custom = kept;
	return NULL;
}

/* ---- constraints ---- */

static bool has_constraint(const struct constraint *items, size_t count, struct str text)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal(items[i].text, text))
			return true;
	return false;
}

/* What any of the roles asks. */
static struct err *join_pre(struct together *t, const struct role_function *const *of,
			    struct role_function *out)
{
	size_t all = 0;
	for (size_t p = 0; p < t->count; p++)
		all += of[p]->pre_count;
	struct constraint *kept = arena_alloc_array(&t->role->arena, all, sizeof(*kept));
	TRY_MEMORY(kept);
	out->pre_count = 0;
	for (size_t p = 0; p < t->count; p++)
		for (size_t i = 0; i < of[p]->pre_count; i++)
			if (!has_constraint(kept, out->pre_count, of[p]->pre[i].text))
				kept[out->pre_count++] = of[p]->pre[i];
	out->pre = kept;
	return NULL;
}

/* What all of the roles say. [T1] */
static struct err *join_post(struct together *t, const struct role_function *const *of,
			     struct role_function *out)
{
	struct constraint *kept =
		arena_alloc_array(&t->role->arena, of[0]->post_count, sizeof(*kept));
	TRY_MEMORY(kept);
	out->post_count = 0;
	for (size_t i = 0; i < of[0]->post_count; i++) {
		bool in_all = true;
		for (size_t p = 1; p < t->count; p++)
			in_all &=
				has_constraint(of[p]->post, of[p]->post_count, of[0]->post[i].text);
		if (in_all)
			kept[out->post_count++] = of[0]->post[i];
	}
	out->post = kept;
	return NULL;
}

/* ---- functions ---- */

static bool is_granted_by(const struct role_function *f, struct str name)
{
	return str_equal(f->granted_by, name);
}

/* "A & B": every role that grants the function, once. */
static struct err *join_granters(struct together *t, const struct role_function *const *of,
				 struct role_function *out)
{
	OWNED_BUF struct buf names = BUF_INIT(1 << 20);
	for (size_t p = 0; p < t->count; p++) {
		bool is_known = false;
		for (size_t i = 0; i < p; i++)
			is_known |= is_granted_by(of[i], of[p]->granted_by);
		if (!is_known)
			buf_printf(&names, "%s%.*s", names.size ? " & " : "",
				   STR_FMT(of[p]->granted_by));
	}
	TRY(buf_check(&names));
	out->granted_by = arena_str(&t->role->arena, buf_str(&names));
	TRY_MEMORY(out->granted_by.data);
	return NULL;
}

/* What keeps programs of any role from calling it. */
static void join_bans(const struct role_function *f, struct role_function *out)
{
	out->side_effect |= f->side_effect;
	if (!out->lacks.size)
		out->lacks = f->lacks;
	if (!out->refusal.size)
		out->refusal = f->refusal;
}

static struct err *join_function(struct together *t, const struct role_function *first,
				 struct role_function *out, bool *in_all)
{
	const struct role_function *of[ROLE_MAX_TOGETHER] = {first};
	*in_all = true;
	for (size_t p = 1; p < t->count; p++) {
		of[p] = role_find_function(t->parts[p], first->name);
		*in_all = of[p] != NULL;
		if (!of[p])
			return omit_named(t, "function", first->name, t->parts[p]->name);
	}
	*out = *first; /* [T2] */
	for (size_t p = 1; p < t->count; p++)
		join_bans(of[p], out);
	TRY(join_granters(t, of, out));
	TRY(join_pre(t, of, out));
	return join_post(t, of, out);
}

/* Of the roles after the first: what the first does not have. */
static struct err *omit_functions(struct together *t)
{
	const struct role *first = t->parts[0];
	for (size_t p = 1; p < t->count; p++)
		for (size_t i = 0; i < t->parts[p]->functions_count; i++)
			if (!role_find_function(first, t->parts[p]->functions[i].name))
				TRY(omit_named(t, "function", t->parts[p]->functions[i].name,
					       first->name));
	return NULL;
}

static struct err *join_functions(struct together *t)
{
	const struct role *first = t->parts[0];
	struct role_function *kept =
		arena_alloc_array(&t->role->arena, first->functions_count, sizeof(*kept));
	TRY_MEMORY(kept);
	for (size_t i = 0; i < first->functions_count; i++) {
		bool in_all;
		TRY(join_function(t, &first->functions[i], &kept[t->role->functions_count],
				  &in_all));
		t->role->functions_count += in_all;
	}
	t->role->functions = kept;
	return omit_functions(t);
}

/* ---- entries, access, variables ---- */

static const struct role_entry *find_entry(const struct role *r, const struct role_entry *wanted)
{
	for (size_t i = 0; i < r->entries_count; i++)
		if (str_equal(r->entries[i].name, wanted->name) &&
		    str_equal(r->entries[i].symbol, wanted->symbol))
			return &r->entries[i];
	return NULL;
}

static const struct role_place *find_place(const struct role *r, const struct role_place *wanted)
{
	for (size_t i = 0; i < r->places_count; i++)
		if (r->places[i].type == wanted->type && str_equal(r->places[i].path, wanted->path))
			return &r->places[i];
	return NULL;
}

/* A struct that one of the roles has nothing to do with is a number, as it is to that one alone. [T1] [T3] */
static struct role_entry join_arguments(const struct together *t, const struct role_entry *e)
{
	struct role_entry out = *e;
	for (size_t i = 0; i < ROLE_MAX_ARGUMENTS; i++)
		for (size_t p = 1; p < t->count; p++)
			if (out.args[i].kind == ROLE_ARGUMENT_STRUCT &&
			    !find_place(t->parts[p], &t->parts[0]->places[out.args[i].place]))
				out.args[i].kind = ROLE_ARGUMENT_NUMBER;
	return out;
}

static struct err *join_entries(struct together *t)
{
	const struct role *first = t->parts[0];
	struct role_entry *kept =
		arena_alloc_array(&t->role->arena, first->entries_count, sizeof(*kept));
	TRY_MEMORY(kept);
	for (size_t i = 0; i < first->entries_count; i++) {
		const struct role_entry *e = &first->entries[i];
		size_t p = 1;
		while (p < t->count && find_entry(t->parts[p], e))
			p++;
		if (p < t->count)
			TRY(omit_named(t, "entry", e->name, t->parts[p]->name));
		else
			kept[t->role->entries_count++] = join_arguments(t, e);
	}
	t->role->entries = kept;
	return NULL;
}

/* "r" has "r.uri" below it, and itself. */
static bool is_below(struct str path, struct str above)
{
	return path.size >= above.size && str_equal((struct str){path.data, above.size}, above) &&
	       (path.size == above.size || path.data[above.size] == '.');
}

/* What may be written may be read. */
static bool allows(const struct role *r, const struct role_access *wanted)
{
	for (size_t i = 0; i < r->access_count; i++)
		if ((r->access[i].is_write || !wanted->is_write) &&
		    is_below(wanted->path, r->access[i].path))
			return true;
	return false;
}

static bool has_access(const struct role *r, const struct role_access *wanted)
{
	for (size_t i = 0; i < r->access_count; i++)
		if (r->access[i].is_write == wanted->is_write &&
		    str_equal(wanted->path, r->access[i].path))
			return true;
	return false;
}

static struct err *join_path(struct together *t, const struct role_access *a,
			     struct role_access *kept)
{
	if (has_access(t->role, a))
		return NULL;
	for (size_t p = 0; p < t->count; p++)
		if (!allows(t->parts[p], a))
			return omit_named(t, a->is_write ? "write" : "read", a->path,
					  t->parts[p]->name);
	kept[t->role->access_count++] = *a;
	return NULL;
}

static struct err *join_access(struct together *t)
{
	size_t all = 0;
	for (size_t p = 0; p < t->count; p++) {
		all += t->parts[p]->access_count;
		t->role->has_access |= t->parts[p]->has_access;
	}
	struct role_access *kept = arena_alloc_array(&t->role->arena, all, sizeof(*kept));
	TRY_MEMORY(kept);
	t->role->access = kept;
	for (size_t p = 0; p < t->count; p++)
		for (size_t i = 0; i < t->parts[p]->access_count; i++)
			TRY(join_path(t, &t->parts[p]->access[i], kept));
	return NULL;
}

/* ---- fields of the host's structs ---- */

/* Fields while they are cut down, role by role. */
struct fields {
	struct arena *arena;
	struct role_field *items;
	size_t count, room;
};

static struct err *add_field(struct fields *out, struct role_field f)
{
	if (out->count == out->room) {
		size_t room = MAX(2 * out->room, (size_t)16);
		struct role_field *larger;
		if (out->count >= ROLE_MAX_FIELDS)
			return err_at(ERR_TOO_LARGE, "/roles",
				      "the access lists of the roles have more than %d fields in "
				      "common",
				      ROLE_MAX_FIELDS);
		larger = arena_alloc_array(out->arena, room, sizeof(*larger));
		TRY_MEMORY(larger);
		if (out->count)
			memcpy(larger, out->items, out->count * sizeof(*larger));
		out->items = larger;
		out->room = room;
	}
	out->items[out->count++] = f;
	return NULL;
}

/* The bits of `f`, a field of the first role's, that role `r` grants as well. */
static struct err *cut_field(const struct together *t, const struct role *r,
			     const struct role_field *f, struct fields *out)
{
	const struct role_place *place = find_place(r, &t->parts[0]->places[f->place]);
	for (size_t i = 0; place && i < r->fields_count; i++) {
		const struct role_field *g = &r->fields[i];
		uint64_t from = MAX(f->from, g->from), to = MIN(f->to, g->to);
		if (g->place != (uint32_t)(place - r->places) || from >= to)
			continue;
		struct role_field both = {.path = g->to - g->from < f->to - f->from ? g->path
										    : f->path,
					  .place = f->place,
					  .from = from,
					  .to = to,
					  .is_write = f->is_write && g->is_write};
		TRY(add_field(out, both));
	}
	return NULL;
}

/* Pointers lead only to places that all roles have. */
static void cut_places(struct together *t, struct role_place *places)
{
	for (size_t i = 0; i < t->role->places_count; i++)
		for (size_t p = 1; p < t->count; p++)
			if (!find_place(t->parts[p], &places[i]))
				places[i].parent = UINT32_MAX; /* nothing leads there */
}

#define FIELD_STEPS_MAX UINT64_C(100000000)

static struct err *check_steps(const struct together *t)
{
	uint64_t most = t->parts[0]->fields_count, steps = 0;
	for (size_t p = 1; p < t->count; p++)
		steps += most * t->parts[p]->fields_count;
	if (steps <= FIELD_STEPS_MAX)
		return NULL;
	return err_at(ERR_TOO_LARGE, "/roles",
		      "the access lists of the roles are too long to compare");
}

static struct err *join_fields(struct together *t)
{
	const struct role *first = t->parts[0];
	struct fields now = {&t->role->arena, NULL, 0, 0};
	struct role_place *places =
		arena_alloc_array(&t->role->arena, first->places_count, sizeof(*places));
	TRY_MEMORY(places);
	TRY(check_steps(t));
	if (first->places_count)
		memcpy(places, first->places, first->places_count * sizeof(*places));
	t->role->places = places;
	t->role->places_count = first->places_count;
	for (size_t i = 0; i < first->fields_count; i++)
		TRY(add_field(&now, first->fields[i]));
	for (size_t p = 1; p < t->count; p++) {
		struct fields next = {&t->role->arena, NULL, 0, 0};
		for (size_t i = 0; i < now.count; i++)
			TRY(cut_field(t, t->parts[p], &now.items[i], &next));
		now = next;
	}
	t->role->fields = now.items;
	t->role->fields_count = now.count;
	cut_places(t, places);
	return NULL;
}

static const struct role_variable *find_variable(const struct role *r, struct str name)
{
	for (size_t i = 0; i < r->variables_count; i++)
		if (str_equal(r->variables[i].name, name))
			return &r->variables[i];
	return NULL;
}

static struct err *join_variable(struct together *t, const struct role_variable *first,
				 struct role_variable *kept)
{
	struct role_variable joined = *first;
	for (size_t p = 1; p < t->count; p++) {
		const struct role_variable *other = find_variable(t->parts[p], first->name);
		if (!other)
			return omit_named(t, "variable", first->name, t->parts[p]->name);
		joined.is_write &= other->is_write;
	}
	kept[t->role->variables_count++] = joined;
	return NULL;
}

static struct err *join_variables(struct together *t)
{
	const struct role *first = t->parts[0];
	struct role_variable *kept =
		arena_alloc_array(&t->role->arena, first->variables_count, sizeof(*kept));
	TRY_MEMORY(kept);
	for (size_t i = 0; i < first->variables_count; i++)
		TRY(join_variable(t, &first->variables[i], kept));
	t->role->variables = kept;
	return NULL;
}

/* ---- contradictions: conditions of which each can hold, but not all together ---- */

struct limits {
	int64_t low, high;
};

/* `term` as limits of the one name that it speaks of. False where it is not of that shape. */
static bool limits_of(const struct constraint_term *term, struct str *name, struct limits *out)
{
	const struct constraint_atom *a = &term->left.atoms[0], *b = &term->right.atoms[0];
	if (term->relation > CONSTRAINT_GE || term->left.count != 1 || term->right.count != 1 ||
	    a->kind != CONSTRAINT_NAME || a->negative || b->kind != CONSTRAINT_INTEGER)
		return false;
	int64_t n = b->negative ? (int64_t) - (uint64_t)b->integer : b->integer;
	const struct limits by_relation[] = {
		[CONSTRAINT_EQ] = {n, n},
		[CONSTRAINT_NE] = {INT64_MIN, INT64_MAX},
		[CONSTRAINT_LT] = {INT64_MIN, n > INT64_MIN ? n - 1 : n},
		[CONSTRAINT_LE] = {INT64_MIN, n},
		[CONSTRAINT_GT] = {n < INT64_MAX ? n + 1 : n, INT64_MAX},
		[CONSTRAINT_GE] = {n, INT64_MAX},
	};
	*out = by_relation[term->relation];
	*name = a->name;
	return true;
}

static struct limits limits_on(const struct role_function *f, struct str param)
{
	struct limits all = {INT64_MIN, INT64_MAX}, one;
	struct str name;
	for (size_t i = 0; i < f->pre_count; i++) {
		for (size_t j = 0; j < f->pre[i].count && !constraint_has_choice(&f->pre[i]); j++) {
			if (!limits_of(&f->pre[i].terms[j], &name, &one) || !str_equal(name, param))
				continue;
			all.low = MAX(all.low, one.low);
			all.high = MIN(all.high, one.high);
		}
	}
	return all;
}

static struct err *find_contradiction(struct together *t, const struct role_function *f)
{
	OWNED_BUF struct buf what = BUF_INIT(65536);
	buf_printf(&what, "calls of %.*s", STR_FMT(f->name));
	TRY(buf_check(&what));
	for (size_t i = 0; i < f->params_count; i++) {
		struct limits l = limits_on(f, f->params[i].name);
		if (l.low > l.high)
			return omit(t, buf_str(&what),
				    "the roles' conditions contradict each other: %.*s has to be "
				    "at least %lld and at most %lld",
				    STR_FMT(f->params[i].name), (long long)l.low,
				    (long long)l.high);
	}
	return NULL;
}

/* ---- the whole ---- */

static struct err *join(struct together *t)
{
	t->omissions = arena_alloc_array(&t->role->arena, OMISSIONS_MAX, sizeof(*t->omissions));
	TRY_MEMORY(t->omissions);
	t->role->omissions = t->omissions;
	t->role->host = MOVE(t->role->parts[0]->host); /* [T2] */
	t->role->host_digest = t->parts[0]->host_digest;
	join_attributes(t);
	TRY(join_custom(t));
	TRY(join_functions(t));
	TRY(join_entries(t));
	TRY(join_access(t));
	TRY(join_fields(t));
	TRY(join_variables(t));
	for (size_t i = 0; i < t->role->functions_count; i++)
		TRY(find_contradiction(t, &t->role->functions[i]));
	return role_digest(t->role);
}

static struct err *take_parts(struct role *role, const struct spec *spec, const struct str *names,
			      size_t count, const struct btf *host)
{
	OWNED_BUF struct buf text = BUF_INIT(65536);
	TRY(role_join_names(names, count, "/roles", &text));
	role->name = arena_str(&role->arena, buf_str(&text));
	TRY_MEMORY(role->name.data);
	struct str sorted[ROLE_MAX_TOGETHER];
	TRY(role_split_names(role->name, sorted, &count));
	for (size_t i = 0; i < count; i++) {
		TRY_DOING(role_resolve_one(spec, sorted[i], host, &role->parts[i]), "role %.*s",
			  STR_FMT(sorted[i]));
		role->parts_count++;
	}
	return NULL;
}

struct err *role_resolve_together(const struct spec *spec, const struct str *names, size_t count,
				  const struct btf *host, struct role **out)
{
	OWNED(role) struct role *role = mem_zalloc(sizeof(*role));
	TRY_MEMORY(role);
	role->arena = ARENA_INIT(TOGETHER_ARENA_MAX);
	TRY(take_parts(role, spec, names, count, host));
	struct together t = {.role = role, .parts = role->parts, .count = role->parts_count};
	TRY(join(&t));
	*out = MOVE(role);
	return NULL;
}
