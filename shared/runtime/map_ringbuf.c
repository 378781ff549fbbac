/*
 * Ring buffers from outside: the one consumer, and the sweep after a producer's death. The
 * protocol is in rt_ringbuf.c, whose invariants are cited here.
 *
 * A consumer that dies loses nothing: a record is marked discarded once it was visited, cleared, and then
 * passed; started again, the consumer may visit the last record twice, never half of it.
 */
#include "shared/base/buf.h"
#include "shared/runtime/map_ops.h"
#include "shared/runtime/rt_ringbuf.h"

static struct err *layout(const struct rt_map *m, uint64_t *content, uint64_t *twice_offset)
{
	if (m->key_size)
		return err_at(ERR_INVALID, "/key_size", "a ring buffer has no keys");
	if (m->value_size)
		return err_at(ERR_INVALID, "/value_size", "a ring buffer has no values");
	if (m->max_entries < RT_PAGE || (m->max_entries & (m->max_entries - 1)))
		return err_at(ERR_INVALID, "/max_entries",
			      "a ring buffer's size is a power of two and a multiple of %u, not %u",
			      RT_PAGE, m->max_entries);
	*content = 2ull * RT_PAGE + m->max_entries;
	*twice_offset = 3ull * RT_PAGE;
	return NULL;
}

static uint64_t load(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static uint32_t length_of(uint64_t header)
{
	return (uint32_t)header & ~(RT_RING_BUSY | RT_RING_DISCARD);
}

/* What lies between consumer and producer; false where that cannot be true. */
struct range {
	uint64_t from, to;
};

static bool read_range(const struct rt_map *m, struct range *out)
{
	out->from = load(&rt_ring_consumer(m)->position);
	out->to = load(&rt_ring_producer(m)->position);
	return out->to - out->from <= m->max_entries && out->from % 8 == 0 && out->to % 8 == 0;
}

/* Someone wrote nonsense: forget all, and begin where the producers are. */
static void reset(const struct rt_map *m)
{
	uint64_t *producer = &rt_ring_producer(m)->position;
	uint64_t to = __atomic_and_fetch(producer, ~7ull, __ATOMIC_SEQ_CST);
	rt_zero(rt_ring_at(m, 0), m->max_entries);
	__atomic_store_n(&rt_ring_consumer(m)->position, to, __ATOMIC_RELEASE);
	rt_lose(m);
}

/* Gives the record's room back: the header last but one, so that it is never half a record. */
static void release(const struct rt_map *m, uint64_t position, uint64_t room)
{
	uint64_t *header = rt_ring_at(m, position);
	__atomic_or_fetch((uint32_t *)header, RT_RING_DISCARD, __ATOMIC_RELEASE);
	rt_zero(header + 1, room - 8);
	__atomic_store_n(header, 0, __ATOMIC_RELEASE); /* I1 */
	__atomic_store_n(&rt_ring_consumer(m)->position, position + room, __ATOMIC_RELEASE);
}

/* The producer may still write there: what is visited is a copy. */
static struct err *visit_copy(const uint64_t *header, uint32_t length, struct buf *copy,
			      map_record_fn *visit, void *context)
{
	buf_clear(copy);
	buf_append(copy, header + 1, length);
	TRY(buf_check(copy));
	return visit(context, buf_bytes(copy));
}

static struct err *consume(const struct rt_map *m, uint32_t max, map_record_fn *visit,
			   void *context, uint32_t *consumed)
{
	OWNED_BUF struct buf copy = BUF_INIT(m->max_entries);
	struct range range;
	uint32_t count = 0;
	struct err *e = NULL;
	bool sane = read_range(m, &range);
	while (sane && !e && count < max && range.from != range.to) {
		uint64_t *at = rt_ring_at(m, range.from), header = load(at);
		uint64_t room = rt_ring_room(length_of(header));
		if (!header || (header & RT_RING_BUSY))
			break;
		if (!(sane = room <= range.to - range.from))
			break;
		if (!(header & RT_RING_DISCARD)) {
			e = visit_copy(at, length_of(header), &copy, visit, context);
			count++;
		}
		release(m, range.from, room);
		range.from += room;
	}
	if (!sane)
		reset(m);
	*consumed = count;
	return e;
}

/* ---- after a death ---- */

/* Frees the windows of the dead; true where one of a living process is left. */
static bool sweep_windows(const struct rt_map *m, map_alive_fn *is_alive, void *context)
{
	struct rt_ring_producer *producer = rt_ring_producer(m);
	bool living = false;
	for (uint32_t i = 0; i < RT_RING_WINDOWS; i++) {
		uint32_t *word = &producer->windows[i].owner;
		uint32_t owner = __atomic_load_n(word, __ATOMIC_SEQ_CST);
		if (owner && is_alive(context, owner))
			living = true;
		else if (owner)
			__atomic_compare_exchange_n(word, &owner, 0, false, __ATOMIC_RELEASE,
						    __ATOMIC_RELAXED);
	}
	return living;
}

/* Makes zeros from range.from on, whose producers are dead (I2), one discarded record; gives its
 * room. */
static uint64_t fill_hole(const struct rt_map *m, struct range range)
{
	uint64_t end = range.from + 8, nothing = 0;
	while (end != range.to && load(rt_ring_at(m, end)) == 0)
		end += 8;
	uint32_t length = (uint32_t)(end - range.from - 8);
	__atomic_compare_exchange_n(rt_ring_at(m, range.from), &nothing,
				    (uint64_t)RT_RING_FILLER << 32 | RT_RING_DISCARD | length,
				    false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	rt_lose(m);
	return end - range.from;
}

/* Discards a record that its dead owner did not finish (I4). */
static void discard(const struct rt_map *m, uint64_t *at, uint64_t header)
{
	uint64_t want = (header & ~(uint64_t)RT_RING_BUSY) | RT_RING_DISCARD;
	if (__atomic_compare_exchange_n(at, &header, want, false, __ATOMIC_RELEASE,
					__ATOMIC_RELAXED))
		rt_lose(m);
}

/* The position is read first, then the windows, then the records: [I2] rests on it. */
static bool sweep(const struct rt_map *m, map_alive_fn *is_alive, void *context)
{
	struct range range;
	if (!read_range(m, &range))
		return true; /* the consumer will see it, too */
	bool living = sweep_windows(m, is_alive, context);
	while (range.from != range.to) {
		uint64_t *at = rt_ring_at(m, range.from), header = load(at), room;
		if (!header && living)
			return false;
		room = header ? rt_ring_room(length_of(header)) : fill_hole(m, range);
		if (room > range.to - range.from)
			return true;
		if ((header & RT_RING_BUSY) && !is_alive(context, (uint32_t)(header >> 32)))
			discard(m, at, header);
		range.from += room;
	}
	return true;
}

const struct map_ops map_ringbuf_ops = {
	.kind = RT_KIND_RINGBUF,
	.layout = layout,
	.consume = consume,
	.sweep = sweep,
};
