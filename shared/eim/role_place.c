/*
 * What the access lists come to on this host: for every entry that has the parameter, which struct each path
 * leads to by which pointers, and which of its bits it grants.
 *
 *	r.connection.fd		place 0 "r" (struct request)
 *				place 1 "r.connection" (struct connection), pointed to from byte 0 of place 0
 *				field [0, 32) of place 1
 *
 * [P1] A pointer is followed only where a path goes on behind it: the last member of a path is never followed.
 * [P2] "r" alone is the whole struct that argument r points to, with what is embedded in it.
 * [P3] What hostile types can make a walk cost is bounded: NAMELESS_MAX levels, STEPS_MAX members in all.
 * [P4] Of a bit field, the bytes that hold it are read; where these hold more, nothing is written.
 */
#include "shared/eim/role_internal.h"

#define NAMELESS_MAX 8
#define STEPS_MAX    1000000u

struct spot { /* where a path has led to */
	uint32_t place;
	uint32_t type;
	uint64_t from, size; /* bits */
	bool is_const;
};

struct places {
	struct role_builder *b;
	struct role_place *places;
	struct role_field *fields;
	size_t places_count, fields_count, fields_max;
	uint32_t steps;
};

static bool is_record(const struct btf_type *t)
{
	return t->kind == BTF_STRUCT || t->kind == BTF_UNION;
}

/* The struct that pointer type `id` points to, 0 where it is none; with whether it is const. */
static uint32_t pointee(const struct btf *btf, uint32_t id, bool *is_const)
{
	const struct btf_type *ptr = btf_type(btf, btf_skip(btf, id));
	if (ptr->kind != BTF_PTR)
		return 0;
	uint32_t to = btf_skip(btf, ptr->type);
	*is_const = role_is_const(btf, ptr->type);
	return is_record(btf_type(btf, to)) && btf_size(btf, to) > 0 ? to : 0;
}

/* ---- places ---- */

static struct err *find_place(struct places *p, struct str path, uint32_t type, uint32_t parent,
			      uint32_t offset, bool is_const, uint32_t *out)
{
	for (size_t i = 0; i < p->places_count; i++) {
		const struct role_place *each = &p->places[i];
		if (parent != UINT32_MAX && each->parent == parent && each->offset == offset &&
		    each->type == type && str_equal(each->path, path)) {
			*out = (uint32_t)i;
			return NULL;
		}
	}
	if (p->places_count == ROLE_MAX_PLACES)
		return err_at(ERR_INVALID, "/roles",
			      "the access lists lead to more than %d structs", ROLE_MAX_PLACES);
	*out = (uint32_t)p->places_count++;
	p->places[*out] = (struct role_place){path, type, parent, offset, is_const};
	return NULL;
}

/* ---- members ---- */

/* Member `name` of `t`, as C finds it: in nameless members too. [P3] */
static bool find_member(struct places *p, const struct btf_type *t, struct str name,
			struct spot *spot, unsigned depth)
{
	const struct btf *btf = p->b->host;
	for (uint32_t i = 0; i < t->count && p->steps; i++) {
		struct btf_member m = btf_member(btf, t, i);
		const struct btf_type *inner = btf_type(btf, btf_skip(btf, m.type));
		struct spot in = *spot;
		p->steps--;
		in.from += m.offset_bits;
		in.type = m.type;
		in.size = m.size_bits ? m.size_bits : 8 * btf_size(btf, m.type);
		in.is_const |= role_is_const(btf, m.type);
		bool is_it = m.name.size ? str_equal(m.name, name)
					 : is_record(inner) && depth < NAMELESS_MAX &&
						   find_member(p, inner, name, &in, depth + 1);
		if (!is_it)
			continue;
		*spot = in;
		return true;
	}
	return false;
}

/* From where a path has led to into the struct there; by a pointer, into the place behind it. */
static struct err *enter(struct places *p, struct str path, struct spot *spot, bool *is_entered)
{
	const struct btf *btf = p->b->host;
	bool is_const = false;
	uint32_t to = pointee(btf, spot->type, &is_const);
	*is_entered = true;
	if (!to) {
		*is_entered = is_record(btf_type(btf, btf_skip(btf, spot->type)));
		return NULL;
	}
	uint32_t from = (uint32_t)(spot->from / 8);
	*spot = (struct spot){.place = spot->place, .type = to, .is_const = is_const};
	return find_place(p, path, to, spot->place, from, is_const, &spot->place);
}

/* ---- a path in one entry ---- */

static struct err *add_field(struct places *p, const struct role_access *access,
			     const struct spot *spot)
{
	if (spot->size == 0 || p->fields_count == p->fields_max)
		return NULL;
	uint64_t to = spot->from + spot->size;
	bool is_whole = spot->from % 8 == 0 && to % 8 == 0;
	p->fields[p->fields_count++] = (struct role_field){
		.path = access->path,
		.place = spot->place,
		.from = spot->from & ~UINT64_C(7),
		.to = (to + 7) & ~UINT64_C(7),
		.is_write = access->is_write && !spot->is_const && is_whole, /* [P4] */
	};
	return NULL;
}

static struct err *walk(struct places *p, const struct role_access *access, struct spot spot,
			struct str fields)
{
	const struct btf *btf = p->b->host;
	while (fields.size) {
		struct str field, path = access->path;
		bool is_entered = true;
		path.size = (size_t)(fields.data - 1 - path.data);
		if (spot.size) /* the first place is entered already */
			TRY(enter(p, path, &spot, &is_entered));
		str_split(fields, '.', &field, &fields);
		const struct btf_type *t = btf_type(btf, btf_skip(btf, spot.type));
		if (!is_entered || !is_record(t) || !find_member(p, t, field, &spot, 0))
			return NULL; /* another entry has it: role_access.c has looked */
	}
	if (spot.size == 0)
		spot.size = 8 * btf_size(btf, spot.type); /* [P2] */
	return add_field(p, access, &spot);
}

static struct err *take_path(struct places *p, struct role_entry *entry, size_t param,
			     const struct btf_type *proto, const struct role_access *access)
{
	const struct btf *btf = p->b->host;
	struct role_argument *a = &entry->args[param];
	struct str root, fields;
	bool is_const = false;
	str_split(access->path, '.', &root, &fields);
	if (!str_equal(root, entry->params[param].name))
		return NULL;
	uint32_t type = pointee(btf, btf_member(btf, proto, (uint32_t)param).type, &is_const);
	if (!type)
		return NULL;
	if (a->kind != ROLE_ARGUMENT_STRUCT) {
		TRY(find_place(p, entry->params[param].name, type, UINT32_MAX, 0, is_const,
			       &a->place));
		a->kind = ROLE_ARGUMENT_STRUCT;
	}
	return walk(p, access, (struct spot){.place = a->place, .type = type, .is_const = is_const},
		    fields);
}

static struct err *take_entry(struct places *p, struct role_entry *entry)
{
	const struct btf *btf = p->b->host;
	const struct role *r = p->b->role;
	if (!entry->btf_id || entry->refusal)
		return NULL;
	const struct btf_type *proto = btf_type(btf, btf_type(btf, entry->btf_id)->type);
	for (size_t i = 0; i < entry->params_count && i < proto->count; i++)
		for (size_t n = 0; n < r->access_count; n++)
			TRY(take_path(p, entry, i, proto, &r->access[n]));
	return NULL;
}

/* ---- all ---- */

/* A path counts once for each parameter of its name. */
static size_t count_fields(const struct role *r)
{
	size_t count = 0;
	for (size_t i = 0; i < r->entries_count; i++)
		for (size_t j = 0; j < MIN(r->entries[i].params_count, (size_t)ROLE_MAX_ARGUMENTS);
		     j++)
			for (size_t n = 0; n < r->access_count; n++) {
				struct str root, rest;
				str_split(r->access[n].path, '.', &root, &rest);
				count += str_equal(root, r->entries[i].params[j].name);
			}
	return count;
}

struct err *role_take_places(struct role_builder *b)
{
	struct role *r = b->role;
	struct places p = {.b = b, .steps = STEPS_MAX};
	if (!b->host || r->access_count == 0)
		return NULL;
	p.fields_max = MIN(count_fields(r), (size_t)ROLE_MAX_FIELDS);
	p.places = arena_alloc_array(&b->scratch, ROLE_MAX_PLACES, sizeof(*p.places));
	p.fields = arena_alloc_array(&r->arena, p.fields_max, sizeof(*p.fields));
	TRY_MEMORY(p.places);
	TRY_MEMORY(p.fields);
	for (size_t i = 0; i < r->entries_count; i++)
		TRY(take_entry(&p, (struct role_entry *)&r->entries[i]));
	if (p.steps == 0)
		return err_at(ERR_TOO_LARGE, "/roles",
			      "the access lists make more than %u looks at members necessary",
			      STEPS_MAX);
	struct role_place *kept = arena_alloc_array(&r->arena, p.places_count, sizeof(*kept));
	TRY_MEMORY(kept);
	memcpy(kept, p.places, p.places_count * sizeof(*kept));
	r->places = kept;
	r->fields = p.fields;
	r->places_count = p.places_count;
	r->fields_count = p.fields_count;
	return NULL;
}
