/*
 * rt_ringbuf - the layout of ring buffers, after the header page: the kernel's, but for what follows
 * the producer position.
 *
 *   RT_PAGE      struct rt_ring_consumer   position up to which room is free
 *   2 × RT_PAGE  struct rt_ring_producer   position up to which room is taken; windows
 *   3 × RT_PAGE  data                      max_entries bytes, mapped twice in a row
 *
 * A record is a header and its bytes, rounded up to 8. Positions only grow; position & (size - 1) is
 * the place. Free room is zeros.
 */
#pragma once

#include "shared/runtime/rt_base.h"

#define RT_RING_BUSY	   (1u << 31)
#define RT_RING_DISCARD	   (1u << 30)
#define RT_RING_MAX_RECORD (UINT32_MAX / 4)
#define RT_RING_WINDOWS	   32u
#define RT_RING_FILLER	   UINT32_MAX /* owner of a record that stands for room that nobody filled */

/* bpf_ringbuf_output and bpf_ringbuf_query */
#define RT_RING_WAKEUPS	   3u /* BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP: nobody sleeps on our rings */
#define RT_RING_AVAIL_DATA 0u
#define RT_RING_SIZE	   1u
#define RT_RING_CONS_POS   2u
#define RT_RING_PROD_POS   3u

struct rt_ring_header {
	uint32_t length; /* of the record's bytes | RT_RING_BUSY | RT_RING_DISCARD */
	uint32_t owner;	 /* tgid of the process that reserved it, never 0 */
};

struct rt_ring_window {
	uint32_t owner; /* tgid of a process that is about to reserve, 0 free */
	uint8_t pad[60];
};

struct rt_ring_consumer {
	uint64_t position;
};

struct rt_ring_producer {
	uint64_t position;
	uint8_t pad[56];
	struct rt_ring_window windows[RT_RING_WINDOWS];
};
_Static_assert(sizeof(struct rt_ring_producer) <= RT_PAGE, "layout 1");

RT_INLINE struct rt_ring_consumer *rt_ring_consumer(const struct rt_map *map)
{
	return (struct rt_ring_consumer *)(map->base + RT_PAGE);
}

RT_INLINE struct rt_ring_producer *rt_ring_producer(const struct rt_map *map)
{
	return (struct rt_ring_producer *)(map->base + 2ull * RT_PAGE);
}

/* The 8 bytes at `position`: a header, or zeros. */
RT_INLINE uint64_t *rt_ring_at(const struct rt_map *map, uint64_t position)
{
	return (uint64_t *)(map->base + 3ull * RT_PAGE +
			    (position & (map->max_entries - 1) & ~7ull));
}

/* What a record of `length` bytes takes. */
RT_INLINE uint64_t rt_ring_room(uint32_t length)
{
	return RT_ROUND_UP((uint64_t)length + sizeof(struct rt_ring_header), 8);
}
