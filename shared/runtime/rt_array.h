/*
 * rt_array - the layout of array maps: elements from RT_PAGE on, one every rt_array_stride() bytes.
 * Elements exist for ever; nothing is locked.
 */
#pragma once

#include "shared/runtime/rt_base.h"

RT_INLINE uint64_t rt_array_stride(const struct rt_map *map)
{
	return RT_ROUND_UP((uint64_t)map->value_size, 8);
}

/* `index` is below max_entries. */
RT_INLINE uint8_t *rt_array_at(const struct rt_map *map, uint32_t index)
{
	return map->base + RT_PAGE + index * rt_array_stride(map);
}
