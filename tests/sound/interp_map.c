/*
 * Reference maps: an array of elements that are looked for one by one; and the helpers over them.
 */
#include "tests/sound/interp_part.h"

static bool is_array(const struct interp_map_state *m)
{
	return m->map->kind == MAP_KIND_ARRAY;
}

bool interp_is_constant(const struct object_map *m)
{
	return m->role == OBJECT_MAP_RODATA || (m->flags & BPF_F_RDONLY_PROG);
}

struct interp_element *interp_find(struct interp *i, uint32_t map, const void *key)
{
	struct interp_map_state *m = &i->maps[map];
	if (is_array(m)) {
		uint32_t index;
		memcpy(&index, key, sizeof index);
		return index < m->map->max_entries ? &m->elements[index] : NULL;
	}
	for (uint32_t n = 0; n < m->map->max_entries; n++)
		if (m->elements[n].is_used &&
		    memcmp(m->elements[n].key, key, m->map->key_size) == 0)
			return &m->elements[n];
	return NULL;
}

/* Whoever points to the element keeps its content, but what is seen there is anyone's guess. */
static void make_stale(struct interp *i, struct interp_element *e)
{
	struct interp_element *copy;
	if (e->object == 0 && e->key_object == 0)
		return;
	copy = &i->stale[MAX(e->object, e->key_object) - 1];
	*copy = *e;
	if (e->object) {
		i->objects[e->object - 1].data = copy->value;
		i->objects[e->object - 1].is_stale = true;
	}
	if (e->key_object) {
		i->objects[e->key_object - 1].data = copy->key;
		i->objects[e->key_object - 1].is_stale = true;
	}
	e->object = e->key_object = 0;
}

static int64_t insert(struct interp_map_state *m, const void *key, const void *value)
{
	for (uint32_t n = 0; n < m->map->max_entries; n++) {
		struct interp_element *e = &m->elements[n];
		if (e->is_used)
			continue;
		*e = (struct interp_element){.is_used = true};
		memcpy(e->key, key, m->map->key_size);
		memcpy(e->value, value, m->map->value_size);
		return 0;
	}
	return -E2BIG;
}

int64_t interp_update(struct interp *i, uint32_t map, const void *key, const void *value,
		      uint64_t flags)
{
	struct interp_map_state *m = &i->maps[map];
	struct interp_element *e = interp_find(i, map, key);
	if (flags > BPF_EXIST)
		return -EINVAL;
	if (!e && is_array(m))
		return -E2BIG;
	if (e && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!e)
		return flags == BPF_EXIST ? -ENOENT : insert(m, key, value);
	uint8_t copy[INTERP_ELEMENT];
	memcpy(copy, value, m->map->value_size);
	if (!is_array(m) && m->map->value_size > 8)
		make_stale(i, e);
	memcpy(e->value, copy, m->map->value_size);
	return 0;
}

static void reset_map(struct interp *i, uint32_t n, const struct object_map *map)
{
	struct interp_map_state *m = &i->maps[n];
	m->map = map;
	m->taken = 0;
	memset(m->elements, 0, MIN(map->max_entries, INTERP_ENTRIES) * sizeof m->elements[0]);
	for (uint32_t k = 0; map->kind == MAP_KIND_ARRAY && k < map->max_entries; k++) {
		m->elements[k].is_used = true;
		memcpy(m->elements[k].key, &k, sizeof k);
	}
	if (map->role == OBJECT_MAP_DECLARED)
		return;
	if (map->initial.size)
		memcpy(m->elements[0].value, map->initial.data, map->initial.size);
	uint32_t object =
		interp_object(i, INTERP_ELEMENT_OF, m->elements[0].value, map->value_size);
	i->objects[object].is_constant = interp_is_constant(map);
	i->objects[object].map = n;
	m->elements[0].object = object + 1;
}

static void reset(struct interp *i)
{
	const struct object_map *maps = object_maps(i->object, &i->maps_count);
	for (uint32_t n = 0; n < i->maps_count; n++)
		reset_map(i, n, &maps[n]);
}

bool interp_element_pointer(struct interp *i, const struct interp_map_state *m,
			    struct interp_element *e, struct interp_value *out)
{
	if (e->object == 0) {
		uint32_t object = interp_object(i, INTERP_ELEMENT_OF, e->value, m->map->value_size);
		if (object == UINT32_MAX)
			return false;
		i->objects[object].is_constant = interp_is_constant(m->map);
		i->objects[object].map = (uint32_t)(m - i->maps);
		e->object = object + 1;
	}
	*out = (struct interp_value){0, e->object - 1, INTERP_POINTER};
	return true;
}

/* Maps of maps: what the object says is in them. */
static bool do_lookup_map(struct interp_call *k)
{
	const struct object_map *m = k->map->map;
	uint32_t key;
	memcpy(&key, k->memory[1], sizeof key);
	for (uint32_t n = 0; n < m->slots_count; n++)
		if (m->slots[n].slot == key)
			k->r0 = (struct interp_value){m->slots[n].index, 0, INTERP_MAP};
	return k->r0.kind == INTERP_MAP || interp_returns(k, 0);
}

static bool do_lookup(struct interp_call *k)
{
	if (k->map->map->inner)
		return do_lookup_map(k);
	struct interp_element *e = interp_find(k->i, k->map_index, k->memory[1]);
	if (!e)
		return interp_returns(k, 0);
	return interp_element_pointer(k->i, k->map, e, &k->r0);
}

static bool do_update(struct interp_call *k)
{
	return interp_returns(k, interp_update(k->i, k->map_index, k->memory[1], k->memory[2],
					       k->args[3].bits));
}

static bool do_delete(struct interp_call *k)
{
	struct interp_element *e = interp_find(k->i, k->map_index, k->memory[1]);
	if (is_array(k->map))
		return interp_returns(k, -EINVAL);
	if (!e)
		return interp_returns(k, -ENOENT);
	make_stale(k->i, e);
	e->is_used = false;
	return interp_returns(k, 0);
}

static const struct interp_model models[] = {
	{BPF_FUNC_map_lookup_elem,
	 INTERP_KIND(ARRAY) | INTERP_KIND(HASH) | INTERP_KIND(ARRAY_OF_MAPS) |
		 INTERP_KIND(HASH_OF_MAPS),
	 do_lookup},
	{BPF_FUNC_map_update_elem, 0, do_update},
	{BPF_FUNC_map_delete_elem, 0, do_delete},
};

const struct interp_part interp_part_map = {models, ARRAY_SIZE(models), reset};
