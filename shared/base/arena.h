/*
 * arena - many small allocations with one lifetime.
 *
 * Everything from one arena is freed at once; nothing is freed alone. A parsed document, object or
 * verdict owns one arena, and all its pointers live until that is destroyed.
 * Limits: `max_bytes` in all; past them arena_alloc() gives NULL, which callers report as NO_MEMORY.
 */
#pragma once

#include "shared/base/own.h"
#include "shared/base/str.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used_bytes, max_bytes;
};

#define ARENA_INIT(max) ((struct arena){.max_bytes = (max)})

void arena_fini(struct arena *a);
#define OWNED_ARENA __attribute__((cleanup(arena_fini)))

/* `size` zeroed bytes, aligned to 16; NULL when memory or the limit is out. */
MUST_CHECK void *arena_alloc(struct arena *a, size_t size);

/* `count` × `size`; NULL also on overflow. */
MUST_CHECK void *arena_alloc_array(struct arena *a, size_t count, size_t size);

/* A NUL-terminated copy; NULL as above. */
MUST_CHECK const char *arena_text(struct arena *a, struct str s);

/* A copy as a view (also NUL-terminated); `data` is NULL when memory is out. */
MUST_CHECK struct str arena_str(struct arena *a, struct str s);
