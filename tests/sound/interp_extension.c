/*
 * The host's memory, as extensions get it: what the entry's arguments point to, the structs behind them, variables.
 *
 * [I1] What a role may touch is known here byte by byte, from world_field.tbl.h alone.
 * [I2] A pointer in a struct leads on where the role has a field behind it, and ends with the next call of the host.
 * [I3] No program changes a pointer of the host's.
 */
#include "tests/sound/interp_part.h"

#define READS  1u
#define WRITES 2u

/* By the rows of judge_role.c: what the attributes allow. */
static const struct {
	bool writes, writes_arguments, has_effects;
} attributes[] = {{true, true, true},
		  {true, false, false},
		  {false, false, false},
		  {true, true, true}};

bool interp_host_may_write(const struct interp *i, bool is_argument)
{
	return is_argument ? attributes[i->role].writes_arguments : attributes[i->role].writes;
}

bool interp_host_has_effects(const struct interp *i)
{
	return attributes[i->role].has_effects;
}

/* ---- rights [I1] ---- */
static const struct {
	uint8_t place;
	uint32_t offset, bytes, reading, writing;
} fields[] = {
#define FIELD(path, place, offset, bytes, reading, writing) \
	{WORLD_PLACE_##place, offset, bytes, reading, writing},
#include "tests/sound/world_field.tbl.h"
#undef FIELD
};

static const struct {
	uint8_t parent;
	uint32_t offset;
} places[WORLD_PLACES] = {
#define PLACE(name, parent, offset) [WORLD_PLACE_##name] = {WORLD_PLACE_##parent, offset},
#include "tests/sound/world_field.tbl.h"
#undef PLACE
};

static void set_rights(struct interp *i)
{
	memset(i->rights, 0, sizeof i->rights);
	memset(i->has_place, 0, sizeof i->has_place);
	for (size_t n = 0; n < ARRAY_SIZE(fields); n++) {
		bool writes = fields[n].writing >> i->role & 1,
		     reads = writes || fields[n].reading >> i->role & 1;
		uint8_t *at = &i->rights[fields[n].place][fields[n].offset];
		for (uint8_t p = fields[n].place; reads && !i->has_place[p]; p = places[p].parent)
			i->has_place[p] = true;
		for (uint32_t k = 0; k < fields[n].bytes; k++)
			at[k] |= (uint8_t)((reads ? READS : 0) |
					   (writes && attributes[i->role].writes_arguments ? WRITES
											   : 0));
	}
}

/* [I3] */
static bool is_pointer(const struct interp_object *o, uint64_t byte)
{
	if (o->part == WORLD_PLACE_R)
		return byte < 8 || byte >= offsetof(struct world_request, up);
	return byte >= offsetof(struct world_peer, next);
}

bool interp_host_access(struct interp *i, const struct interp_object *o, uint64_t at, uint64_t size,
			bool is_store)
{
	if (o->place != INTERP_HOST || !o->is_struct) {
		i->host_accesses += o->place == INTERP_HOST;
		return true;
	}
	for (uint64_t n = at; n < at + size; n++) {
		if (!(i->rights[o->part][n] & (is_store ? WRITES : READS)))
			return interp_stop(i, INTERP_GRANT, "byte %lu of host struct %u is %s",
					   (unsigned long)n, o->part,
					   is_store ? "written" : "read");
		if (is_store && is_pointer(o, n))
			return interp_stop(i, INTERP_READ_ONLY, "a pointer of the host's");
	}
	i->host_accesses++;
	return true;
}

/* ---- objects ---- */
static uint32_t host_object(struct interp *i, void *at, uint64_t size, bool is_writable)
{
	uint32_t object = interp_object(i, INTERP_HOST, at, size);
	if (object != UINT32_MAX)
		i->objects[object].is_constant = !is_writable;
	return object;
}

static uint32_t struct_object(struct interp *i, void *at, enum world_place place)
{
	uint64_t size =
		place == WORLD_PLACE_R ? sizeof(struct world_request) : sizeof(struct world_peer);
	uint32_t object = host_object(i, at, size, true); /* rights say more */
	if (object == UINT32_MAX)
		return object;
	i->objects[object].is_struct = true;
	i->objects[object].part = (uint8_t)place;
	i->objects[object].is_child = place != WORLD_PLACE_R;
	return object;
}

/* ---- the entry's arguments ---- */

static bool is_request(const struct interp *i, unsigned n)
{
	return i->world->args[n].at == (const uint8_t *)&i->world->own->request;
}

static void set_word(struct interp *i, unsigned n)
{
	static const uint8_t written[WORLD_ENTRIES] = {
		[WORLD_ON_DATA] = 1u << 3, [WORLD_ON_COPY] = 1u << 0};
	const struct world_part *p = &i->world->args[n];
	bool is_writable = written[i->entry] >> n & 1 && attributes[i->role].writes_arguments;
	i->words[n] = interp_number(i->world->words[n]);
	if (!p->at || (is_request(i, n) && !i->has_place[WORLD_PLACE_R]))
		return;
	uint32_t object = is_request(i, n) ? struct_object(i, p->at, WORLD_PLACE_R)
					   : host_object(i, p->at, p->size, is_writable);
	i->objects[object].is_text = i->entry == WORLD_ON_TEXT && n == 0;
	i->words[n] = (struct interp_value){0, object, INTERP_POINTER};
}

void interp_extension(struct interp *i, struct world *world, enum world_entry entry, unsigned role)
{
	i->world = world;
	i->entry = entry;
	i->role = role;
	set_rights(i);
	memcpy(i->ctx, world->words, sizeof world->words);
	for (unsigned n = 0; n < world_entries[entry].params; n++)
		set_word(i, n);
	for (unsigned n = WORLD_counter; n < WORLD_EXTERNS; n++) {
		struct world_part p = world_variable(world, n);
		bool is_writable = n != WORLD_counter && attributes[role].writes;
		i->variables[n - WORLD_counter] = host_object(i, p.at, p.size, is_writable);
	}
}

/* ---- loads of pointers ---- */

static bool load_child(struct interp *i, const struct interp_object *o, uint64_t at,
		       struct interp_value *out)
{
	for (unsigned n = 1; n < WORLD_PLACES; n++) {
		uint64_t address;
		if (!i->has_place[n] || places[n].parent != o->part || places[n].offset != at)
			continue;
		memcpy(&address, o->data + at, sizeof address);
		*out = interp_number(0);
		if (address == 0)
			return true;
		uint32_t object = struct_object(i, (void *)(uintptr_t)address, (enum world_place)n);
		*out = object == UINT32_MAX ? (struct interp_value){0}
					    : (struct interp_value){0, object, INTERP_POINTER};
		return true;
	}
	return false;
}

bool interp_host_load(struct interp *i, const struct interp_value *p, int64_t offset, unsigned size,
		      struct interp_value *out)
{
	if (!i->world || p->kind != INTERP_POINTER || size != 8)
		return false;
	const struct interp_object *o = &i->objects[p->object];
	uint64_t at = p->bits + (uint64_t)offset;
	if (o->place == INTERP_CONTEXT && at % 8 == 0 && at < o->size) {
		i->result.ctx_reads |= UINT64_C(1) << at / 8;
		*out = i->words[at / 8];
		return true;
	}
	return o->place == INTERP_HOST && o->is_alive && o->is_struct && load_child(i, o, at, out);
}

/* [I2] */
void interp_host_changed(struct interp *i)
{
	for (uint32_t n = 0; n < i->objects_count; n++)
		if (i->objects[n].place == INTERP_HOST && i->objects[n].is_child)
			i->objects[n].is_alive = false;
}

/* ---- the end ---- */

/* What the entry promises of its result. */
bool interp_host_leave(struct interp *i, uint64_t r0)
{
	int32_t result = (int32_t)r0;
	if (!i->world)
		return true;
	if (i->entry == WORLD_ON_TEXT && (result < -1 || result > 100))
		return interp_stop(i, INTERP_ARGUMENT, "the entry returns %d", result);
	if (i->entry == WORLD_ON_COPY && (uint32_t)r0 > (uint32_t)i->world->words[3])
		return interp_stop(i, INTERP_ARGUMENT, "the entry returns %u of %u", (uint32_t)r0,
				   (uint32_t)i->world->words[3]);
	return true;
}

static void reset(struct interp *i)
{
	i->world = NULL;
	i->held_count = 0;
	i->host_accesses = 0;
	memset(i->host_calls, 0, sizeof i->host_calls);
}

const struct interp_part interp_part_extension = {NULL, 0, reset};
