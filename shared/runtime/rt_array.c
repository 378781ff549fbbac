/*
 * Arrays. An index is checked once against a constant; what is behind it is plain memory.
 */
#include "shared/runtime/rt_array.h"

void *rt_array_lookup(const struct rt_map *map, const void *key)
{
	uint32_t index = *(const rt_u32_any *)key;
	return RT_LIKELY(index < map->max_entries) ? rt_array_at(map, index) : NULL;
}

/* A value of a power of two up to eight bytes is written by one store, so that readers see all or nothing of it;
 * a larger one is copied word by word, as the kernel does. */
RT_INLINE void write_value(const struct rt_map *map, uint8_t *to, const void *value)
{
	uint32_t size = map->lock_end ? 0 : map->value_size;
	if (size == 8)
		__atomic_store_n((uint64_t *)to, *(const rt_u64_any *)value, __ATOMIC_RELAXED);
	else if (size == 4)
		__atomic_store_n((uint32_t *)to, *(const rt_u32_any *)value, __ATOMIC_RELAXED);
	else
		rt_copy_value(map, to, value);
}

long rt_array_update(const struct rt_map *map, const void *key, const void *value, uint64_t flags)
{
	uint32_t index = *(const rt_u32_any *)key;
	if (flags > RT_EXIST)
		return -(long)RT_EINVAL;
	if (index >= map->max_entries)
		return -(long)RT_E2BIG;
	if (flags == RT_NOEXIST)
		return -(long)RT_EEXIST;
	write_value(map, rt_array_at(map, index), value);
	return 0;
}

long rt_array_delete(const struct rt_map *map, const void *key)
{
	(void)map;
	(void)key;
	return -(long)RT_EINVAL;
}

long rt_array_for_each(const struct rt_map *map, rt_element_callback *call, void *ctx)
{
	RT_NO_UNROLL
	for (uint32_t i = 0; i < map->max_entries; i++) {
		uint32_t key = i;
		if (call(&key, rt_array_at(map, i), ctx))
			return (long)i + 1;
	}
	return map->max_entries;
}
