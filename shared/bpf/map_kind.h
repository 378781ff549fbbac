/*
 * map_kind - the kinds of maps that the runtime has, from one table (map_kind.tbl.h).
 */
#pragma once

#include "shared/base/str.h"

#define MAP_KEY_ANY		UINT32_MAX
#define MAP_KIND_UPDATABLE	1u /* programs may look up, update and delete elements */
#define MAP_KIND_LOCKABLE	4u /* its values may have a spin lock */
#define MAP_KIND_HOLDS_MAPS	2u /* its elements are maps, which programs may look up */
#define MAP_KIND_HOLDS_PROGRAMS 8u /* its elements are entries, for bpf_tail_call() */

enum map_kind_id {
#define MAP_KIND(name, number, text, key, map_flags, flags) MAP_KIND_##name = number,
#include "shared/bpf/map_kind.tbl.h"
#undef MAP_KIND
};

struct map_kind {
	uint32_t number; /* enum bpf_map_type's */
	const char *text;
	uint32_t key_size_bytes; /* MAP_KEY_ANY, 0 or the size asked for */
	uint32_t map_flags;	 /* BPF_F_* that may be given */
	uint32_t flags;
};

extern const struct map_kind map_kinds[];
extern const size_t map_kinds_count;

/* Borrowed from the table, or NULL. */
const struct map_kind *map_kind_find(uint32_t number);

/* The kernel's name of map type `number` also where the runtime lacks it, or NULL: for messages. */
const char *map_kind_known_name(uint32_t number);
