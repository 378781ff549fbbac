/*
 * What the tests of the runtime share: making maps, a reproducible random number.
 */
#pragma once

#include "tests/unit/test.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"
#include "shared/runtime/map.h"

#include <sys/mman.h>
#include <sys/wait.h>

/* A new map, mapped; its file is closed. */
static inline struct rt_map maps_make(struct rt_map m)
{
	OWNED(fd) int fd = -1;
	assert_ok(map_create(&m, "test", (struct bytes){NULL, 0}, &fd));
	assert_ok(map_open(fd, &m));
	return m;
}

static inline struct rt_map maps_hash(uint32_t key, uint32_t value, uint32_t entries)
{
	return maps_make((struct rt_map){.kind = RT_KIND_HASH,
					 .key_size = key,
					 .value_size = value,
					 .max_entries = entries});
}

static inline struct rt_map maps_array(uint32_t value, uint32_t entries)
{
	return maps_make((struct rt_map){
		.kind = RT_KIND_ARRAY, .key_size = 4, .value_size = value, .max_entries = entries});
}

static inline struct rt_map maps_ring(uint32_t size)
{
	return maps_make((struct rt_map){.kind = RT_KIND_RINGBUF, .max_entries = size});
}

/* splitmix64 */
UNUSED static inline uint64_t maps_random(uint64_t *state)
{
	uint64_t x = (*state += 0x9e3779b97f4a7c15ull);
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* Zeroed memory that a forked child shares. */
UNUSED static inline void *maps_shared_memory(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}
