/*
 * Names are collected first, then read kind by kind, in the order in which they make each other known:
 * functions, capabilities, roles, entries.
 *
 * A role's name may speak of a parent whose own name is read later. So "known" is at first wider than
 * it ends: what stands before a separator in any role's name may be a role (`starts`). When all are
 * read, each parent must be one (`roles`). No order among the names can change a reading.
 *
 * [D1] A kind is read when all that its readings are judged by is complete.
 * [D2] Each name has exactly one reading, or is a finding; a kind with findings is the last one read.
 * [D3] Lookups are in sorted sets: hostile BTF costs names × bytes × log, never names × types.
 */
#include "shared/eim/derive_internal.h"

#include <stdlib.h>

#define ARENA_MAX_BYTES ((size_t)32 << 20)

static const struct shape {
	const char *prefix;
	enum btf_kind kind;
	const char *unreadable;
} shapes[DERIVE_KINDS] = {
	[DERIVE_FUNCTION] =
		{"__bpftime_ext_ufunction_", BTF_TYPEDEF,
		 "no function of the host has a name that this one ends with, behind a group and "
		 "\"_\"; a function that is inlined everywhere is not there"},
	[DERIVE_CAPABILITY] = {"__bpftime_capability_", BTF_TYPEDEF,
			       "must be CAPABILITY_includes_GROUP_FUNCTION, and "
			       "__bpftime_ext_ufunction_GROUP_FUNCTION is not declared"},
	[DERIVE_ROLE] = {"__bpftime_role_", BTF_TYPEDEF,
			 "must be ROLE, ROLE_has_cap_CAPABILITY or ROLE_inherits_ROLE, and no such "
			 "capability or role is declared"},
	[DERIVE_ENTRY] = {"__bpftime_extension_entry_", BTF_FUNC,
			  "must be ROLE_NAME, and no declared role stands in front"},
};

/* ---- findings ---- */

static void add_finding(struct derivation *d, struct err *e)
{
	if (d->findings_count++ < DERIVE_MAX_FINDINGS)
		err_add(&d->findings, e);
	else
		err_destroy(e);
}

static void find_unreadable(struct derivation *d, const struct derive_name *n, const char *what)
{
	add_finding(d, err_at(ERR_INVALID, n->whole.data, "%s", what));
}

static void find_ambiguous(struct derivation *d, const struct derive_name *n,
			   const struct derive_reading two[2])
{
	add_finding(d, err_at(ERR_INVALID, n->whole.data,
			      "two readings: \"%.*s\" %s \"%.*s\", or \"%.*s\" %s \"%.*s\"; rename "
			      "one part",
			      STR_FMT(two[0].left), two[0].separator, STR_FMT(two[0].right),
			      STR_FMT(two[1].left), two[1].separator, STR_FMT(two[1].right)));
}

/* ---- sorted sets [D3] ---- */

static int compare_str(struct str a, struct str b)
{
	size_t size = MIN(a.size, b.size);
	int order = size ? memcmp(a.data, b.data, size) : 0;
	return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_items(const void *a, const void *b)
{
	return compare_str(*(const struct str *)a, *(const struct str *)b);
}

static bool is_in(const struct derive_set *set, struct str name)
{
	return set->count &&
	       bsearch(&name, set->items, set->count, sizeof(name), compare_items) != NULL;
}

static struct err *set_start(struct derivation *d, size_t capacity, struct derive_set *set)
{
	set->items = arena_alloc_array(&d->arena, capacity, sizeof(*set->items));
	TRY_MEMORY(set->items);
	return NULL;
}

static void set_end(struct derive_set *set)
{
	if (set->count)
		qsort(set->items, set->count, sizeof(*set->items), compare_items);
}

/* What the names of a kind define, by their left parts; or all that stands behind the prefix. */
static struct err *define(struct derivation *d, enum derive_kind kind, struct derive_set *set)
{
	const struct derive_names *names = &d->names[kind];
	TRY(set_start(d, names->count, set));
	for (size_t i = 0; i < names->count; i++)
		set->items[set->count++] = kind == DERIVE_FUNCTION ? names->items[i].rest
								   : names->items[i].reading.left;
	set_end(set);
	return NULL;
}

/* ---- functions of the host ---- */

static int compare_functions(const void *a, const void *b)
{
	const struct derive_function *x = a, *y = b;
	int order = compare_str(x->name, y->name);
	return order ? order : (x->btf_id > y->btf_id) - (x->btf_id < y->btf_id);
}

static struct err *index_functions(struct derivation *d)
{
	size_t count = 0;
	for (uint32_t id = 1; id < btf_count(d->btf); id++)
		count += btf_type(d->btf, id)->kind == BTF_FUNC;
	d->functions = arena_alloc_array(&d->arena, count, sizeof(*d->functions));
	TRY_MEMORY(d->functions);
	for (uint32_t id = 1; id < btf_count(d->btf); id++)
		if (btf_type(d->btf, id)->kind == BTF_FUNC)
			d->functions[d->functions_count++] =
				(struct derive_function){btf_type(d->btf, id)->name, id};
	if (count)
		qsort(d->functions, count, sizeof(*d->functions), compare_functions);
	return NULL;
}

const struct derive_function *derive_find_function(const struct derivation *d, struct str name)
{
	size_t low = 0, high = d->functions_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_str(d->functions[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	bool found = low < d->functions_count && str_equal(d->functions[low].name, name);
	return found ? &d->functions[low] : NULL;
}

/* Extensions call one function of one shape, or none. */
static void check_function(struct derivation *d, const struct derive_name *n,
			   const struct derive_function *f)
{
	const struct derive_function *end = d->functions + d->functions_count;
	const struct btf_type *proto = btf_type(d->btf, btf_type(d->btf, f->btf_id)->type);
	OWNED_BUF struct buf one = BUF_INIT(4096);
	OWNED_BUF struct buf other = BUF_INIT(4096);
	if (proto->count && btf_member(d->btf, proto, proto->count - 1).type == 0)
		return find_unreadable(d, n,
				       "the function takes a variable number of arguments, which "
				       "extensions cannot give");
	if (f + 1 == end || !str_equal(f[1].name, f->name))
		return;
	btf_print_type(d->btf, f->btf_id, &one);
	btf_print_type(d->btf, f[1].btf_id, &other);
	if ((one.failed && !one.too_large) || (other.failed && !other.too_large))
		add_finding(d, err_no_memory());
	else if (!str_equal(buf_str(&one), buf_str(&other)))
		add_finding(d, err_at(ERR_INVALID, n->whole.data,
				      "the host has two functions of this name that differ: \"%s\" "
				      "and \"%s\"",
				      buf_text(&one), buf_text(&other)));
}

/* ---- collecting ---- */

static bool is_listed(const struct derive_names *names, struct str whole)
{
	for (size_t i = 0; i < names->count; i++)
		if (str_equal(names->items[i].whole, whole))
			return true;
	return false;
}

static struct err *take_name(const struct derivation *d, uint32_t id, const struct shape *shape,
			     struct derive_names *names)
{
	const struct btf_type *t = btf_type(d->btf, id);
	if (t->kind != shape->kind || !str_starts(t->name, shape->prefix) ||
	    is_listed(names, t->name))
		return NULL;
	if (names->count == DERIVE_MAX_NAMES)
		return err_new(ERR_TOO_LARGE, "more than %u names that begin with %s",
			       DERIVE_MAX_NAMES, shape->prefix);
	names->items[names->count++] = (struct derive_name){
		.whole = t->name,
		.rest = str_from(t->name, strlen(shape->prefix)),
		.btf_id = id,
	};
	return NULL;
}

static struct err *collect(struct derivation *d)
{
	size_t total = 0;
	for (enum derive_kind kind = 0; kind < DERIVE_KINDS; kind++) {
		struct derive_names *names = &d->names[kind];
		names->items =
			arena_alloc_array(&d->arena, DERIVE_MAX_NAMES, sizeof(*names->items));
		TRY_MEMORY(names->items);
		for (uint32_t id = 1; id < btf_count(d->btf); id++)
			TRY(take_name(d, id, &shapes[kind], names));
		total += names->count;
	}
	if (total == 0)
		return err_new(ERR_NOT_FOUND, "the BTF declares no roles: there are no names that "
					      "begin with __bpftime_ (see eim.h)");
	return NULL;
}

/* ---- which readings count ---- */

static bool is_host_function(const struct derivation *d, const struct derive_reading *r)
{
	return derive_find_function(d, r->right) != NULL;
}

static bool is_declared_function(const struct derivation *d, const struct derive_reading *r)
{
	return is_in(&d->declared, r->right);
}

static bool is_capability(const struct derivation *d, const struct derive_reading *r)
{
	return is_in(&d->capabilities, r->right);
}

static bool is_parent(const struct derivation *d, const struct derive_reading *r)
{
	return is_in(&d->starts, r->right);
}

static bool is_entry_of_role(const struct derivation *d, const struct derive_reading *r)
{
	return is_in(&d->roles, r->left);
}

static const struct rule {
	enum derive_kind kind;
	const char *separator;
	bool (*accepts)(const struct derivation *d, const struct derive_reading *r);
} rules[] = {
	{DERIVE_FUNCTION, "_", is_host_function},
	{DERIVE_CAPABILITY, DERIVE_INCLUDES, is_declared_function},
	{DERIVE_ROLE, DERIVE_HAS_CAP, is_capability},
	{DERIVE_ROLE, DERIVE_INHERITS, is_parent},
	{DERIVE_ENTRY, "_", is_entry_of_role},
};

/* Calls `rest` apart at the first separator from `*at` on; false where there is no more. */
static bool split_next(struct str rest, const char *separator, size_t *at,
		       struct derive_reading *out)
{
	size_t width = strlen(separator);
	for (; *at + width < rest.size; ++*at) {
		if (*at == 0 || memcmp(rest.data + *at, separator, width) != 0)
			continue;
		*out = (struct derive_reading){{rest.data, *at},
					       str_from(rest, *at + width),
					       separator};
		++*at;
		return true;
	}
	return false;
}

static bool has_separator(struct str rest)
{
	return memmem(rest.data, rest.size, DERIVE_HAS_CAP, strlen(DERIVE_HAS_CAP)) ||
	       memmem(rest.data, rest.size, DERIVE_INHERITS, strlen(DERIVE_INHERITS));
}

/* Gives how many readings count; the first two go to `two`. */
static size_t find_readings(const struct derivation *d, enum derive_kind kind, struct str rest,
			    struct derive_reading two[2])
{
	struct derive_reading each;
	size_t count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		for (size_t at = 0;
		     rules[i].kind == kind && split_next(rest, rules[i].separator, &at, &each);) {
			if (!rules[i].accepts(d, &each))
				continue;
			if (count < 2)
				two[count] = each;
			count++;
		}
	if (kind == DERIVE_ROLE && !has_separator(rest))
		two[count++] = (struct derive_reading){.left = rest};
	return count;
}

/* ---- reading ---- */

bool derive_is_identifier(struct str name)
{
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  (c >= '0' && c <= '9') || c == '_';
		if (!ok)
			return false;
	}
	return name.size > 0;
}

/* [D2] */
static void read_name(struct derivation *d, enum derive_kind kind, struct derive_name *n)
{
	struct derive_reading two[2];
	size_t count;
	if (n->whole.size > DERIVE_MAX_NAME_BYTES)
		return find_unreadable(d, n, "the name is longer than 512 bytes");
	if (!derive_is_identifier(n->rest))
		return find_unreadable(d, n, "a letter, digit or \"_\" must follow the prefix");
	count = find_readings(d, kind, n->rest, two);
	if (count == 0)
		return find_unreadable(d, n, shapes[kind].unreadable);
	if (count > 1)
		return find_ambiguous(d, n, two);
	n->reading = two[0];
	if (kind == DERIVE_FUNCTION)
		check_function(d, n, derive_find_function(d, n->reading.right));
	if (kind == DERIVE_ENTRY)
		check_function(d, n, derive_find_function(d, n->whole));
}

static struct err *read_kind(struct derivation *d, enum derive_kind kind)
{
	for (size_t i = 0; i < d->names[kind].count; i++)
		read_name(d, kind, &d->names[kind].items[i]);
	return MOVE(d->findings);
}

/* What stands before a separator, or is a whole name without one. */
static struct err *collect_starts(struct derivation *d)
{
	const struct derive_names *names = &d->names[DERIVE_ROLE];
	struct derive_reading each;
	size_t capacity = names->count * (DERIVE_MAX_NAME_BYTES / strlen(DERIVE_HAS_CAP) + 1);
	TRY(set_start(d, capacity, &d->starts));
	for (size_t i = 0; i < names->count; i++) {
		struct str rest = names->items[i].rest;
		if (names->items[i].whole.size > DERIVE_MAX_NAME_BYTES)
			continue;
		for (size_t at = 0; split_next(rest, DERIVE_HAS_CAP, &at, &each);)
			d->starts.items[d->starts.count++] = each.left;
		for (size_t at = 0; split_next(rest, DERIVE_INHERITS, &at, &each);)
			d->starts.items[d->starts.count++] = each.left;
		if (!has_separator(rest))
			d->starts.items[d->starts.count++] = rest;
	}
	set_end(&d->starts);
	return NULL;
}

static struct err *check_parents(struct derivation *d)
{
	for (size_t i = 0; i < d->names[DERIVE_ROLE].count; i++) {
		const struct derive_name *n = &d->names[DERIVE_ROLE].items[i];
		bool inherits =
			n->reading.separator && strcmp(n->reading.separator, DERIVE_INHERITS) == 0;
		if (inherits && !is_in(&d->roles, n->reading.right))
			find_unreadable(d, n, shapes[DERIVE_ROLE].unreadable);
	}
	return MOVE(d->findings);
}

/* An entry's name is what programs say, so it stands for one entry. */
static struct err *check_entries(struct derivation *d)
{
	const struct derive_names *names = &d->names[DERIVE_ENTRY];
	for (size_t i = 0; i < names->count; i++)
		for (size_t j = 0; j < i; j++) {
			const struct derive_reading *a = &names->items[j].reading;
			const struct derive_reading *b = &names->items[i].reading;
			if (!str_equal(a->right, b->right))
				continue;
			add_finding(d,
				    err_at(ERR_INVALID, names->items[i].whole.data,
					   "roles \"%.*s\" and \"%.*s\" both have an entry "
					   "\"%.*s\"; rename one",
					   STR_FMT(a->left), STR_FMT(b->left), STR_FMT(b->right)));
			break;
		}
	return MOVE(d->findings);
}

static struct err *read_all(struct derivation *d)
{
	TRY(index_functions(d));
	TRY(read_kind(d, DERIVE_FUNCTION));
	TRY(define(d, DERIVE_FUNCTION, &d->declared));
	TRY(read_kind(d, DERIVE_CAPABILITY));
	TRY(define(d, DERIVE_CAPABILITY, &d->capabilities));
	TRY(collect_starts(d));
	TRY(read_kind(d, DERIVE_ROLE));
	TRY(define(d, DERIVE_ROLE, &d->roles));
	TRY(check_parents(d));
	TRY(read_kind(d, DERIVE_ENTRY));
	return check_entries(d);
}

struct err *derive_document(const struct btf *host, struct buf *out)
{
	struct derivation d = {.arena = ARENA_INIT(ARENA_MAX_BYTES), .btf = host};
	struct err *e = collect(&d);
	if (!e)
		e = read_all(&d);
	if (!e)
		e = derive_print(&d, out);
	arena_fini(&d.arena);
	return e;
}
