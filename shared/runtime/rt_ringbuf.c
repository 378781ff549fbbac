/*
 * Ring buffers with many producers in many processes, and one consumer, the agent. Any producer may be
 * killed at any instruction, and must not block the consumer for ever.
 *
 *   consumer ──▶ [hdr│record][hdr│record][  hole  ][hdr│rec…]zeros…   ◀── producer
 *
 * Room is reserved by compare-and-swap on the producer position, without a lock. Between that and
 * the header's store lies a hole: room that is taken, and says not by whom. To be able to tell a hole of the
 * dead from one of the living, a producer writes its process's id into a window first.
 *
 * [I1] Free room is zeros: the consumer clears what it has consumed before it moves on. So a hole is
 *      zeros, and the first word after a hole that is not is a header.
 * [I2] window taken → position moved → header written → window given back, in this order. Whoever reads the
 *      position, then finds no window of a living process, then finds zeros below that position, knows
 *      that the hole's producer is dead: nobody will ever write there, and the hole may be
 *      filled by a discarded record. (A living process that was stopped in its window makes the agent wait, as
 *      one that was stopped before submitting does.)
 * [I3] A header's owner is never 0, so a header is never zeros; length and owner are one store.
 * [I4] Only the owner changes a busy header; after its death the agent does.
 * [I5] A position read is only compared and masked: no value of it reaches outside the map.
 */
#include "shared/runtime/rt_ringbuf.h"

#define WINDOW_TRIES (RT_RING_WINDOWS * 1024)
#define CLAIM_TRIES  (1u << 16)

/* Threads have stacks of their own: a number that differs between them, without asking anyone. */
RT_INLINE uint32_t thread_number(void)
{
	uint64_t stack;
	__asm__("mov %%rsp, %0" : "=r"(stack));
	return (uint32_t)((stack >> 12) * 0x9e3779b97f4a7c15ull >> 59);
}

RT_INLINE bool enter(struct rt_ring_window *window, uint32_t owner)
{
	uint32_t nobody = 0;
	return __atomic_compare_exchange_n(&window->owner, &nobody, owner, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}

static RT_COLD struct rt_ring_window *search(struct rt_ring_producer *producer, uint32_t owner,
					     uint32_t from)
{
	RT_NO_UNROLL
	for (uint32_t i = 1; i < WINDOW_TRIES; i++) {
		struct rt_ring_window *window = &producer->windows[(from + i) % RT_RING_WINDOWS];
		if (!__atomic_load_n(&window->owner, __ATOMIC_RELAXED) && enter(window, owner))
			return window;
		if (i % RT_RING_WINDOWS == 0)
			rt_pause();
	}
	return NULL;
}

/* A window of ours; NULL where so many producers are at it that the record had better be lost. */
RT_INLINE struct rt_ring_window *take_window(const struct rt_map *map, uint32_t owner)
{
	struct rt_ring_producer *producer = rt_ring_producer(map);
	uint32_t from = thread_number() % RT_RING_WINDOWS;
	if (RT_LIKELY(enter(&producer->windows[from], owner)))
		return &producer->windows[from];
	return search(producer, owner, from);
}

/* Moves the producer's position by `room` where there is that much: gives the old one, or
 * UINT64_MAX. */
RT_INLINE uint64_t claim(const struct rt_map *map, uint64_t room)
{
	uint64_t *consumer = &rt_ring_consumer(map)->position;
	uint64_t *producer = &rt_ring_producer(map)->position;
	RT_NO_UNROLL
	for (uint32_t i = 0; i < CLAIM_TRIES; i++) {
		/* The consumer's first: read the other way round it could be the larger one. Acquire:
		 * the room's zeros were written before (I1). */
		uint64_t freed = __atomic_load_n(consumer, __ATOMIC_ACQUIRE);
		uint64_t taken = __atomic_load_n(producer, __ATOMIC_ACQUIRE);
		if (taken - freed > map->max_entries - room)
			return UINT64_MAX;
		if (RT_LIKELY(__atomic_compare_exchange_n(producer, &taken, taken + room, false,
							  __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)))
			return taken;
		rt_pause();
	}
	return UINT64_MAX;
}

RT_INLINE void *reserve(const struct rt_map *map, uint32_t length)
{
	uint64_t room = rt_ring_room(length), *header = NULL;
	uint32_t owner = rt_owner(map);
	if (room > map->max_entries)
		return NULL;
	struct rt_ring_window *window = take_window(map, owner);
	if (RT_UNLIKELY(!window))
		return NULL;
	uint64_t position = claim(map, room);
	if (RT_LIKELY(position != UINT64_MAX)) {
		header = rt_ring_at(map, position);
		__atomic_store_n(header, (uint64_t)owner << 32 | RT_RING_BUSY | length,
				 __ATOMIC_RELEASE);
	}
	__atomic_store_n(&window->owner, 0, __ATOMIC_RELEASE); /* I2 */
	return header ? header + 1 : NULL;
}

void *rt_ringbuf_reserve(const struct rt_map *map, uint64_t size, uint64_t flags)
{
	if (flags || size > RT_RING_MAX_RECORD)
		return NULL;
	void *record = reserve(map, (uint32_t)size);
	if (RT_UNLIKELY(!record))
		rt_lose(map);
	return record;
}

RT_INLINE void finish(void *record, uint32_t mark)
{
	uint32_t *length = (uint32_t *)record - 2;
	uint32_t value = __atomic_load_n(length, __ATOMIC_RELAXED);
	__atomic_store_n(length, (value & ~RT_RING_BUSY) | mark, __ATOMIC_RELEASE);
}

/* Wake-up flags mean nothing: the consumer polls. */
void rt_ringbuf_submit(void *record, uint64_t flags)
{
	(void)flags;
	finish(record, 0);
}

void rt_ringbuf_discard(void *record, uint64_t flags)
{
	(void)flags;
	finish(record, RT_RING_DISCARD);
}

long rt_ringbuf_output(const struct rt_map *map, const void *data, uint64_t size, uint64_t flags)
{
	if (flags & ~(uint64_t)RT_RING_WAKEUPS)
		return -(long)RT_EINVAL;
	void *record = rt_ringbuf_reserve(map, size, 0);
	if (!record)
		return -(long)RT_EAGAIN;
	rt_copy(record, data, size);
	finish(record, 0);
	return 0;
}

uint64_t rt_ringbuf_query(const struct rt_map *map, uint64_t flags)
{
	uint64_t freed = __atomic_load_n(&rt_ring_consumer(map)->position, __ATOMIC_ACQUIRE);
	uint64_t taken = __atomic_load_n(&rt_ring_producer(map)->position, __ATOMIC_ACQUIRE);
	if (flags == RT_RING_AVAIL_DATA)
		return taken - freed;
	if (flags == RT_RING_SIZE)
		return map->max_entries;
	if (flags == RT_RING_CONS_POS)
		return freed;
	return flags == RT_RING_PROD_POS ? taken : 0;
}
