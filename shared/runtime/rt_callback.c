/*
 * Helpers that call back. The callback is a constant where they are inlined, so that it is called
 * directly, and often inlined as well.
 */
#include "shared/runtime/rt_base.h"

long rt_loop(uint32_t count, rt_loop_callback *call, void *ctx, uint64_t flags)
{
	if (flags)
		return -(long)RT_EINVAL;
	if (count > RT_MAX_LOOPS)
		return -(long)RT_E2BIG;
	RT_NO_UNROLL
	for (uint32_t i = 0; i < count; i++)
		if (call(i, ctx))
			return (long)i + 1;
	return count;
}

long rt_for_each_map_elem(const struct rt_map *map, rt_element_callback *call, void *ctx,
			  uint64_t flags)
{
	if (flags)
		return -(long)RT_EINVAL;
	if (map->kind == RT_KIND_ARRAY)
		return rt_array_for_each(map, call, ctx);
	if (map->kind == RT_KIND_HASH)
		return rt_hash_for_each(map, call, ctx);
	return -(long)RT_EINVAL;
}
