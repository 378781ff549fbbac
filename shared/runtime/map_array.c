/*
 * Arrays from outside.
 */
#include "shared/base/mem.h"
#include "shared/runtime/map_ops.h"
#include "shared/runtime/rt_array.h"

#include <linux/bpf.h>

static struct err *layout(const struct rt_map *m, uint64_t *content, uint64_t *twice_offset)
{
	(void)twice_offset;
	if (m->key_size != 4)
		return err_at(ERR_INVALID, "/key_size", "an array's key has 4 bytes, not %u",
			      m->key_size);
	if (m->value_size == 0)
		return err_at(ERR_INVALID, "/value_size", "a value needs at least one byte");
	if (m->max_entries == 0)
		return err_at(ERR_INVALID, "/max_entries", "an array needs at least one element");
	if (__builtin_mul_overflow((uint64_t)m->max_entries, rt_array_stride(m), content))
		*content = UINT64_MAX; /* the caller has the limit */
	return NULL;
}

static struct err *each(const struct rt_map *m, map_element_fn *visit, void *context)
{
	OWNED(mem) void *value = mem_alloc(m->value_size);
	TRY_MEMORY(value);
	for (uint32_t i = 0; i < m->max_entries; i++) {
		memcpy(value, rt_array_at(m, i), m->value_size);
		map_hide_lock(m, value);
		TRY(visit(context, bytes_of(&i, sizeof(i)), bytes_of(value, m->value_size)));
	}
	return NULL;
}

static bool sweep(const struct rt_map *m, map_alive_fn *is_alive, void *context)
{
	for (uint32_t i = 0; m->lock_end && i < m->max_entries; i++)
		map_free_lock(m, rt_array_at(m, i), is_alive, context);
	return true;
}

const struct map_ops map_array_ops = {
	.kind = RT_KIND_ARRAY,
	.flags = BPF_F_MMAPABLE, /* accepted; a map file always is */
	.layout = layout,
	.each = each,
	.sweep = sweep,
};
