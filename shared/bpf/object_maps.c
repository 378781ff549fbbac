/*
 * A map is declared by a variable in section .maps whose struct type *is* the definition; the bytes of
 * the section mean nothing. Numbers are array lengths behind a pointer, types are what a pointer
 * points to:
 *
 *	struct {					VAR hits → STRUCT
 *		int (*type)[BPF_MAP_TYPE_HASH];		  type		PTR → ARRAY of 1
 *		int (*max_entries)[1024];		  max_entries	PTR → ARRAY of 1024
 *		__u32 *key;				  key		PTR → __u32
 *		struct hit *value;			  value		PTR → struct hit
 *	} hits SEC(".maps");
 *
 * A map of maps also has an array of pointers of which the length is open, and it is its initialiser that
 * counts: relocations of the section fill it (object_slots.c).
 *
 *	struct inner *values[];				values	ARRAY of 0 → PTR → STRUCT inner
 *
 * An array of programs has the same with the type of a function.
 *
 * Each section of global data is an array map of one element as large as the section.
 */
#include "shared/bpf/object_load.h"
#include "shared/base/near.h"
#include "shared/bpf/btf_data.h"
#include "shared/bpf/map_kind.h"

#include <stddef.h>

/* What a definition may say. */
struct definition {
	uint32_t type, key_size, value_size, max_entries, map_flags;
	uint32_t numa_node, pinning, map_extra;
	uint32_t key, value; /* BTF ids */
	uint32_t values;     /* what the pointers in `.values` point to; 0: there are none */
	uint32_t values_offset;
};

struct field {
	const char *name;
	size_t place;
	bool is_type;
};

static const struct field fields[] = {
#define NUMBER(name)                                            \
	{                                                       \
#name, offsetof(struct definition, name), false \
	}
#define TYPE(name)                                             \
	{                                                      \
#name, offsetof(struct definition, name), true \
	}
	NUMBER(type),	   NUMBER(key_size),  NUMBER(value_size), NUMBER(max_entries),
	NUMBER(map_flags), NUMBER(numa_node), NUMBER(pinning),	  NUMBER(map_extra),
	TYPE(key),	   TYPE(value),
#undef NUMBER
#undef TYPE
};

/* ---- a definition ---- */

static struct err *unknown_field(struct str name)
{
	struct near near = near_start(name);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		near_offer(&near, str_of(fields[i].name));
	struct str best = near_found(&near);
	return err_new(ERR_INVALID, "no such property%s%.*s%s", best.size ? "; is it \"" : "",
		       STR_FMT(best), best.size ? "\"?" : "");
}

static struct err *parse_field(const struct btf *b, const struct field *field, uint32_t type,
			       struct definition *d)
{
	const struct btf_type *t = btf_type(b, btf_skip(b, type));
	if (t->kind != BTF_PTR)
		return err_new(ERR_INVALID, "not of the form that __uint() and __type() give");
	uint32_t *place = (uint32_t *)((char *)d + field->place);
	const struct btf_type *array = btf_type(b, btf_skip(b, t->type));
	if (!field->is_type && array->kind != BTF_ARRAY)
		return err_new(ERR_INVALID, "a number is wanted; write it with __uint()");
	if (field->is_type && btf_size(b, t->type) == 0)
		return err_new(ERR_INVALID, "a type that has a size is wanted");
	*place = field->is_type ? t->type : array->count;
	return NULL;
}

/* __array(values, struct inner): an array, of no fixed length, of pointers to the type. */
static struct err *parse_values(const struct btf *b, struct btf_member m, struct definition *d)
{
	const struct btf_type *array = btf_type(b, btf_skip(b, m.type));
	const struct btf_type *pointer =
		array->kind == BTF_ARRAY ? btf_type(b, btf_skip(b, array->type)) : NULL;
	if (!pointer || pointer->kind != BTF_PTR || btf_skip(b, pointer->type) == 0)
		return err_new(ERR_INVALID, "not of the form that __array() gives");
	d->values = btf_skip(b, pointer->type);
	d->values_offset = m.offset_bits / 8;
	return NULL;
}

static struct err *parse_member(const struct btf *b, struct btf_member m, struct definition *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (str_is(m.name, fields[i].name))
			return parse_field(b, &fields[i], m.type, d);
	if (str_is(m.name, "values"))
		return parse_values(b, m, d);
	return unknown_field(m.name);
}

static struct err *parse_definition(const struct btf *b, uint32_t type, struct definition *d)
{
	const struct btf_type *t = btf_type(b, btf_skip(b, type));
	if (t->kind != BTF_STRUCT)
		return err_new(ERR_INVALID, "a variable in section .maps is no struct");
	for (uint32_t i = 0; i < t->count; i++) {
		struct btf_member m = btf_member(b, t, i);
		TRY_AT(parse_member(b, m, d), "/%.*s", STR_FMT(m.name));
	}
	return NULL;
}

/* ---- what a definition may be ---- */

static struct err *unknown_kind(uint32_t number)
{
	const char *name = map_kind_known_name(number);
	if (number == 0)
		return err_at(ERR_INVALID, "", "the map has no type");
	if (name)
		return err_at(ERR_UNSUPPORTED, "/type", "the runtime has no maps of kind %s", name);
	return err_at(ERR_UNSUPPORTED, "/type", "no kind of map has the number %u", number);
}

/* The size that is given, as a number, as a type, or both alike. */
static struct err *agree(const char *what, uint32_t size, uint64_t of_type, uint32_t *out)
{
	if (size && of_type && size != of_type)
		return err_at(ERR_INVALID, "", "%s_size is %u, but the %s's type has %llu bytes",
			      what, size, what, (unsigned long long)of_type);
	if (of_type > OBJECT_MAX_MAP_BYTES)
		return err_at(ERR_TOO_LARGE, "", "the %s's type has %llu bytes", what,
			      (unsigned long long)of_type);
	*out = size ? size : (uint32_t)of_type;
	return NULL;
}

static struct err *check_sizes(const struct map_kind *kind, const struct object_map *m)
{
	if (kind->key_size_bytes != MAP_KEY_ANY && m->key_size != kind->key_size_bytes)
		return err_at(ERR_INVALID, "/key", "keys of %u bytes; a map of kind %s has %u",
			      m->key_size, kind->text, kind->key_size_bytes);
	if (m->key_size == 0 && kind->key_size_bytes == MAP_KEY_ANY)
		return err_at(ERR_INVALID, "/key", "the map has no key");
	bool has_values =
		kind->flags & (MAP_KIND_UPDATABLE | MAP_KIND_HOLDS_MAPS | MAP_KIND_HOLDS_PROGRAMS);
	if (has_values && m->value_size == 0)
		return err_at(ERR_INVALID, "/value", "the map has no value");
	if (!has_values && m->value_size)
		return err_at(ERR_INVALID, "/value",
			      "a map of kind %s has no values; EIM_RECORD() types its records",
			      kind->text);
	if (m->max_entries == 0)
		return err_at(ERR_INVALID, "/max_entries", "the map has no max_entries");
	uint64_t element = MAX((uint64_t)m->key_size + m->value_size, (uint64_t)1), all;
	if (__builtin_mul_overflow(element, m->max_entries, &all) || all > OBJECT_MAX_MAP_BYTES)
		return err_at(ERR_TOO_LARGE, "/max_entries",
			      "%u elements of %llu bytes; %llu bytes are the limit", m->max_entries,
			      (unsigned long long)element,
			      (unsigned long long)OBJECT_MAX_MAP_BYTES);
	return NULL;
}

/* A map of maps or programs: its values are the kernel's descriptors or ids, of 4 bytes; programs never see
 * one. */
static struct err *fill_holder(struct object_map *m)
{
	if (m->value_size && m->value_size != 4)
		return err_at(ERR_INVALID, "/value", "the value of such a map has 4 bytes, not %u",
			      m->value_size);
	m->value_size = 4;
	m->value_type = 0;
	return NULL;
}

/*
 * A member `struct bpf_spin_lock` of the value's struct is a lock that helpers take; programs do not see its
 * bytes. One that lies deeper is plain data.
 */
static struct err *find_lock(const struct btf *b, const struct map_kind *kind, struct object_map *m)
{
	const struct btf_type *t = btf_type(b, btf_skip(b, m->value_type));
	for (uint32_t i = 0; t->kind == BTF_STRUCT && i < t->count; i++) {
		struct btf_member member = btf_member(b, t, i);
		const struct btf_type *of = btf_type(b, btf_skip(b, member.type));
		if (of->kind != BTF_STRUCT || !str_is(of->name, "bpf_spin_lock"))
			continue;
		if (m->lock_end)
			return err_at(ERR_INVALID, "/value", "the value has two spin locks");
		if (of->size_bytes != 4 || member.offset_bits % 32 || member.size_bits)
			return err_at(ERR_INVALID, "/value",
				      "a spin lock has 4 bytes, at a multiple of 4");
		m->lock_end = member.offset_bits / 8 + 4;
	}
	if (m->lock_end && !(kind->flags & MAP_KIND_LOCKABLE))
		return err_at(ERR_UNSUPPORTED, "/value", "a map of kind %s has no spin locks",
			      kind->text);
	return NULL;
}

static struct err *check_values(const struct map_kind *kind, const struct definition *d)
{
	bool is_wanted = kind->flags & (MAP_KIND_HOLDS_MAPS | MAP_KIND_HOLDS_PROGRAMS);
	if (kind->flags & MAP_KIND_HOLDS_PROGRAMS && !d->values)
		return err_at(ERR_INVALID, "/values",
			      "an array of programs is filled by its initialiser: __array(values, "
			      "int (void *)) and {.values = {…}}");
	if (is_wanted && !d->values)
		return err_at(ERR_INVALID, "/values",
			      "say what the maps inside are like: __array(values, struct …)");
	if (!is_wanted && d->values)
		return err_at(ERR_INVALID, "/values", "a map of kind %s holds no maps or programs",
			      kind->text);
	return NULL;
}

static struct err *fill_map(const struct btf *b, const struct definition *d, struct object_map *m)
{
	const struct map_kind *kind = map_kind_find(d->type);
	if (!kind)
		return unknown_kind(d->type);
	if (d->pinning || d->map_extra)
		return err_at(ERR_UNSUPPORTED, d->pinning ? "/pinning" : "/map_extra",
			      "not supported; leave it out");
	if (d->map_flags & ~kind->map_flags)
		return err_at(ERR_UNSUPPORTED, "/map_flags",
			      "flags 0x%x are not supported by a map of kind %s; leave them out",
			      d->map_flags & ~kind->map_flags, kind->text);
	TRY(check_values(kind, d));
	m->kind = d->type;
	m->max_entries = d->max_entries;
	m->flags = d->map_flags;
	m->key_type = d->key;
	m->value_type = d->value;
	TRY(agree("key", d->key_size, btf_size(b, d->key), &m->key_size));
	TRY(agree("value", d->value_size, btf_size(b, d->value), &m->value_size));
	if (d->values)
		TRY(fill_holder(m));
	TRY(find_lock(b, kind, m));
	return check_sizes(kind, m);
}

/* ---- the object's maps ---- */

static struct err *add_map(struct object_loader *l, const struct object_map *m)
{
	struct object *o = l->object;
	for (uint32_t i = 0; i < o->maps_count; i++)
		if (str_equal(o->maps[i].name, m->name))
			return err_at(ERR_INVALID, "", "there are two maps of this name");
	if (o->maps_count == OBJECT_MAX_MAPS)
		return err_new(ERR_TOO_LARGE, "more than %u maps", OBJECT_MAX_MAPS);
	o->maps[o->maps_count++] = *m;
	return NULL;
}

/* What all maps inside of `m` are like. */
static struct err *add_inner(struct object_loader *l, const struct definition *outer,
			     struct object_map *m)
{
	const struct btf *b = l->object->btf;
	struct definition d = {0};
	struct object_map *inner = arena_alloc_array(&l->object->arena, 1, sizeof(*inner));
	TRY_MEMORY(inner);
	TRY(parse_definition(b, outer->values, &d));
	const struct map_kind *kind = map_kind_find(d.type);
	if (kind && kind->flags & (MAP_KIND_HOLDS_MAPS | MAP_KIND_HOLDS_PROGRAMS))
		return err_at(ERR_UNSUPPORTED, "/type", "maps of maps of %s are not supported",
			      kind->flags & MAP_KIND_HOLDS_MAPS ? "maps" : "programs");
	inner->name = m->name;
	inner->role = OBJECT_MAP_DECLARED;
	TRY(fill_map(b, &d, inner));
	m->inner = inner;
	return NULL;
}

static struct err *add_declared(struct object_loader *l, struct btf_member variable)
{
	const struct btf *b = l->object->btf;
	struct definition d = {0};
	struct object_map m = {.name = variable.name, .role = OBJECT_MAP_DECLARED};
	const struct btf_type *t = btf_type(b, variable.type);
	if (t->kind != BTF_VAR)
		return err_new(ERR_INVALID, "section .maps holds a function");
	TRY(parse_definition(b, t->type, &d));
	TRY(fill_map(b, &d, &m));
	if (d.values && m.kind != MAP_KIND_PROG_ARRAY)
		TRY_AT(add_inner(l, &d, &m), "/values");
	uint32_t at = l->object->maps_count, offset = variable.offset_bits / 8;
	TRY(add_map(l, &m));
	for (uint32_t i = 0; i < at; i++)
		if (l->map_offsets[i] == offset)
			return err_new(ERR_INVALID, "another map is at byte %u too", offset);
	l->map_offsets[at] = offset;
	if (d.values)
		l->values[at] = (struct object_values){(uint64_t)offset + d.values_offset,
						       (uint64_t)offset + variable.size_bits / 8};
	return NULL;
}

static struct err *add_all_declared(struct object_loader *l, struct object_section *s)
{
	struct btf *b = l->object->btf;
	uint32_t id = b ? btf_find(b, BTF_DATASEC, s->name) : 0;
	if (id == 0)
		return err_at(ERR_INVALID, "/sections/.maps", "maps without BTF; compile with -g");
	uint32_t size = (uint32_t)MIN(s->size_bytes, (uint64_t)UINT32_MAX);
	TRY_AT(btf_set_section_size(b, id, size), "/sections/.maps");
	s->use = OBJECT_USE_MAPS;
	const struct btf_type *t = btf_type(b, id);
	for (uint32_t i = 0; i < t->count; i++) {
		struct btf_member variable = btf_member(b, t, i);
		TRY_AT(add_declared(l, variable), "/maps/%.*s", STR_FMT(variable.name));
	}
	return NULL;
}

/* ---- sections of global data ---- */

/* Whether `name` is `kind` or one of its parts: ".data", ".data.hot". */
static bool is_part(struct str name, const char *kind)
{
	struct str rest = str_from(name, strlen(kind));
	return str_starts(name, kind) && (rest.size == 0 || rest.data[0] == '.');
}

static bool is_data(const struct object_section *s, enum object_map_role *role)
{
	static const struct {
		const char *name;
		enum object_map_role role;
	} kinds[] = {
		{".rodata", OBJECT_MAP_RODATA},
		{".data", OBJECT_MAP_DATA},
		{".bss", OBJECT_MAP_BSS},
	};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (is_part(s->name, kinds[i].name)) {
			*role = kinds[i].role;
			return true;
		}
	return false;
}

static struct err *add_data(struct object_loader *l, struct object_section *s)
{
	struct btf *b = l->object->btf;
	bool is_empty = s->type == SHT_NOBITS;
	if (is_empty != (s->role == OBJECT_MAP_BSS) || (!is_empty && s->type != SHT_PROGBITS))
		return err_at(ERR_INVALID, "", "a section of type %u cannot hold this data",
			      s->type);
	if (s->size_bytes > OBJECT_MAX_MAP_BYTES || s->size_bytes > UINT32_MAX / 8)
		return err_at(ERR_TOO_LARGE, "", "%llu bytes of global data",
			      (unsigned long long)s->size_bytes);
	struct object_map m = {
		.name = s->name,
		.role = s->role,
		.kind = MAP_KIND_ARRAY,
		.key_size = 4,
		.value_size = (uint32_t)s->size_bytes,
		.max_entries = 1,
		.value_type = b ? btf_find(b, BTF_DATASEC, s->name) : 0,
		.initial = s->data,
	};
	if (m.value_type)
		TRY(btf_set_section_size(b, m.value_type, m.value_size));
	TRY(add_map(l, &m));
	s->use = OBJECT_USE_DATA;
	s->map = l->object->maps_count - 1;
	return NULL;
}

struct err *object_load_maps(struct object_loader *l)
{
	struct object *o = l->object;
	struct object_section *declared = object_section_named(l, ".maps");
	if (object_section_named(l, "maps"))
		return err_at(ERR_UNSUPPORTED, "/sections/maps",
			      "maps without BTF; declare them in SEC(\".maps\")");
	o->maps = arena_alloc_array(&o->arena, OBJECT_MAX_MAPS, sizeof(*o->maps));
	TRY_MEMORY(o->maps);
	if (declared && declared->use == OBJECT_USE_NONE)
		TRY(add_all_declared(l, declared));
	for (uint32_t i = 0; i < l->sections_count; i++) {
		struct object_section *s = &l->sections[i];
		bool is_loaded = (s->flags & SHF_ALLOC) && s->size_bytes;
		if (is_loaded && s->use == OBJECT_USE_NONE && is_data(s, &s->role))
			TRY_AT(add_data(l, s), "/sections/%.*s", STR_FMT(s->name));
	}
	return NULL;
}
