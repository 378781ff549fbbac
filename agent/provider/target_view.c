/*
 * The process's mappings, to find room in while it runs. What is planned is entered as if it were mapped,
 * so that two plans do not take the same room; that somebody else takes it before we map is noticed when
 * mapping.
 */
#include "agent/provider/target_impl.h"

#include "shared/base/mem.h"

#define SPARE 16u

struct err *target_view_open(pid_t pid, struct target_view *v)
{
	struct process_maps maps;
	TRY(process_maps(pid, &maps));
	*v = (struct target_view){.maps = maps,
				  .count = maps.count,
				  .capacity = maps.count + SPARE};
	v->items = mem_zalloc_array(v->capacity, sizeof(*v->items));
	if (!v->items) {
		target_view_fini(v);
		return err_no_memory();
	}
	memcpy(v->items, maps.items, maps.count * sizeof(*v->items));
	v->maps.items = v->items;
	return NULL;
}

void target_view_fini(struct target_view *v)
{
	process_maps_fini(&v->maps);
	mem_free(v->items);
	*v = (struct target_view){0};
}

static struct err *grow(struct target_view *v)
{
	if (v->count < v->capacity)
		return NULL;
	size_t capacity = v->capacity + SPARE;
	struct process_mapping *items = mem_resize_array(v->items, capacity, sizeof(*items));
	TRY_MEMORY(items);
	v->items = items;
	v->capacity = capacity;
	return NULL;
}

struct err *target_view_reserve(struct target_view *v, uint64_t start, uint64_t size)
{
	size_t at = 0;
	TRY(grow(v));
	while (at < v->count && v->items[at].start < start)
		at++;
	memmove(v->items + at + 1, v->items + at, (v->count - at) * sizeof(*v->items));
	v->items[at] = (struct process_mapping){.start = start, .end = start + size};
	v->maps.items = v->items;
	v->maps.count = ++v->count;
	return NULL;
}
