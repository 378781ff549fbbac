/*
 * map_ops - what a kind of map brings for its view from outside. For map*.c only.
 */
#pragma once

#include "shared/runtime/map.h"

#define MAP_MAX_BYTES ((uint64_t)1 << 30)
#define MAP_MAX_KEY   512u

typedef bool map_alive_fn(void *context, uint32_t tgid);
typedef struct err *map_element_fn(void *context, struct bytes key, struct bytes value);
typedef struct err *map_record_fn(void *context, struct bytes record);

/* Hides the spin lock of an element's copy: its word is the runtime's. */
void map_hide_lock(const struct rt_map *m, void *value);

/* Frees the spin lock of the element at `value` where its owner is not alive. */
void map_free_lock(const struct rt_map *m, void *value, map_alive_fn *is_alive, void *context);

struct map_ops {
	uint32_t kind;
	uint32_t flags; /* of the kernel's map flags: those that are accepted */
	/* Checks the sizes; gives the content's bytes, from RT_PAGE on. */
	struct err *(*layout)(const struct rt_map *m, uint64_t *content, uint64_t *twice_offset);
	/* Writes what is not zeros into a new map that is mapped; may be NULL. */
	void (*init)(const struct rt_map *m);
	struct err *(*each)(const struct rt_map *m, map_element_fn *visit, void *context);
	struct err *(*consume)(const struct rt_map *m, uint32_t max, map_record_fn *visit,
			       void *context, uint32_t *consumed);
	bool (*sweep)(const struct rt_map *m, map_alive_fn *is_alive, void *context);
};

extern const struct map_ops map_array_ops, map_hash_ops, map_ringbuf_ops;
