/*
 * Helpers that work on any kind of map. `map->kind` is a constant in compiled code, so that of each
 * chain one call is left.
 */
#include "shared/runtime/rt_base.h"

void *rt_map_lookup_elem(const struct rt_map *map, const void *key)
{
	if (map->kind == RT_KIND_ARRAY)
		return rt_array_lookup(map, key);
	if (map->kind == RT_KIND_HASH)
		return rt_hash_lookup(map, key);
	return NULL;
}

long rt_map_update_elem(const struct rt_map *map, const void *key, const void *value,
			uint64_t flags)
{
	if (map->kind == RT_KIND_ARRAY)
		return rt_array_update(map, key, value, flags);
	if (map->kind == RT_KIND_HASH)
		return rt_hash_update(map, key, value, flags);
	return -(long)RT_EINVAL;
}

long rt_map_delete_elem(const struct rt_map *map, const void *key)
{
	if (map->kind == RT_KIND_ARRAY)
		return rt_array_delete(map, key);
	if (map->kind == RT_KIND_HASH)
		return rt_hash_delete(map, key);
	return -(long)RT_EINVAL;
}
