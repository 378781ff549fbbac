/*
 * Maps whose memory someone else has written: the ring's consumer and sweep, and a hash map's walk,
 * lookups, changes and sweep, over arbitrary content. Nothing may be touched outside of the map, and
 * all of it ends.
 *
 * Input: 1 byte of choice, then what is laid over the map from its content's start on.
 */
#include "shared/base/file.h"
#include "shared/runtime/map.h"
#include "shared/runtime/rt_hash.h"
#include "shared/runtime/rt_ringbuf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t visited;

static struct err *element(void *context, struct bytes key, struct bytes value)
{
	(void)context;
	for (size_t i = 0; i < key.size; i++)
		visited += key.data[i];
	for (size_t i = 0; i < value.size; i++)
		visited += value.data[i];
	return NULL;
}

static struct err *record(void *context, struct bytes data)
{
	return element(context, data, data);
}

/* Some of the owners that stand in the input live. */
static bool is_alive(void *context, uint32_t tgid)
{
	(void)context;
	return tgid & 1;
}

static void must(struct err *e)
{
	if (e) {
		err_print("ringbuf_fuzz", e);
		abort();
	}
}

static void lay(uint8_t *at, size_t room, const uint8_t *data, size_t size)
{
	if (size)
		memcpy(at, data, MIN(room, size));
}

/* The positions come first, since otherwise nothing but resets is seen. */
static void try_ring(struct rt_map *m, const uint8_t *data, size_t size)
{
	uint32_t consumed;
	if (size < 16)
		return;
	memcpy(&rt_ring_consumer(m)->position, data, 8);
	memcpy(&rt_ring_producer(m)->position, data + 8, 8);
	lay(m->base + 3 * RT_PAGE, m->max_entries, data + 16, size - 16);
	if (data[0] & 1)
		map_sweep(m, is_alive, NULL);
	must(map_consume(m, 1000, record, NULL, &consumed));
	map_sweep(m, is_alive, NULL);
	must(map_consume(m, UINT32_MAX, record, NULL, &consumed));
	rt_ringbuf_output(m, data, MIN(size, (size_t)100), 0);
	must(map_consume(m, UINT32_MAX, record, NULL, &consumed));
}

static void try_hash(struct rt_map *m, const uint8_t *data, size_t size)
{
	uint8_t value[16] = {0};
	lay(m->base + RT_PAGE,
	    rt_hash_nodes_offset(m) - RT_PAGE + rt_hash_nodes(m) * rt_hash_node_bytes(m), data,
	    size);
	/* Held buckets make changes wait for tens of milliseconds; the unit test has that. */
	for (uint64_t i = 0; i < rt_hash_buckets(m); i++)
		rt_hash_bucket(m, i)->owner &= ~1u;
	map_sweep(m, is_alive, NULL);
	must(map_each(m, element, NULL));
	for (uint64_t number = 0; number < 8; number++) {
		uint64_t key[2] = {number, 0};
		uint8_t *found = rt_hash_lookup(m, key);
		if (found)
			memcpy(value, found, m->value_size);
		rt_hash_update(m, key, value, number & 1);
		if (number & 2)
			rt_hash_delete(m, key);
	}
	must(map_each(m, element, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rt_map maps[] = {
		{.kind = RT_KIND_RINGBUF, .max_entries = 4096},
		{.kind = RT_KIND_HASH, .key_size = 8, .value_size = 8, .max_entries = 4},
		{.kind = RT_KIND_HASH, .key_size = 12, .value_size = 16, .max_entries = 3},
	};
	OWNED(fd) int fd = -1;
	if (size < 1)
		return 0;
	struct rt_map *m = &maps[data[0] % ARRAY_SIZE(maps)];
	must(map_create(m, "fuzz", (struct bytes){NULL, 0}, &fd));
	must(map_open(fd, m));
	if (m->kind == RT_KIND_RINGBUF)
		try_ring(m, data + 1, size - 1);
	else
		try_hash(m, data + 1, size - 1);
	map_close(m);
	return 0;
}
