/*
 * Dynptrs: a piece of memory whose size is known when the program runs, with helpers that compare every access
 * with it. The 16 bytes lie on the program's own stack, where only these functions touch them (the verifier sees to
 * that), so they are believed.
 *
 *	data ──▶ [ size bytes ]		a part of a map's value, or a ring buffer's record
 *	NULL				nothing: made in vain, submitted or discarded
 *
 * [I1] data is NULL, or all of its `size` bytes are the program's as long as the dynptr is not written over.
 */
#include "shared/runtime/rt_base.h"

#define MAX_SIZE ((1u << 24) - 1)

RT_INLINE void set(struct rt_dynptr *out, void *data, uint32_t size)
{
	out->data = data;
	out->size = size;
	out->reserved = 0;
}

/* 0 where `size` bytes at `offset` lie inside. */
RT_INLINE long check(const struct rt_dynptr *p, uint32_t offset, uint32_t size)
{
	if (RT_UNLIKELY(!p->data))
		return -(long)RT_EINVAL;
	return RT_UNLIKELY(size > p->size || offset > p->size - size) ? -(long)RT_E2BIG : 0;
}

/* As rt_copy(), where both may overlap. */
RT_INLINE void move(uint8_t *to, const uint8_t *from, uint64_t size)
{
	if ((uintptr_t)to <= (uintptr_t)from || (uintptr_t)to >= (uintptr_t)from + size) {
		rt_copy(to, from, size);
		return;
	}
	for (; size >= 8; size -= 8)
		*(rt_u64_any *)(to + size - 8) = *(const rt_u64_any *)(from + size - 8);
	while (size > 0) {
		size--;
		to[size] = from[size];
	}
}

long rt_dynptr_from_mem(void *data, uint32_t size, uint64_t flags, struct rt_dynptr *out)
{
	set(out, NULL, 0);
	if (size > MAX_SIZE)
		return -(long)RT_E2BIG;
	if (flags)
		return -(long)RT_EINVAL;
	set(out, data, size);
	return 0;
}

long rt_ringbuf_reserve_dynptr(const struct rt_map *map, uint32_t size, uint64_t flags,
			       struct rt_dynptr *out)
{
	set(out, NULL, 0);
	if (flags)
		return -(long)RT_EINVAL;
	if (size > MAX_SIZE)
		return -(long)RT_E2BIG;
	void *record = rt_ringbuf_reserve(map, size, 0);
	if (!record)
		return -(long)RT_EINVAL;
	set(out, record, size);
	return 0;
}

void rt_ringbuf_submit_dynptr(struct rt_dynptr *p, uint64_t flags)
{
	if (p->data)
		rt_ringbuf_submit(p->data, flags);
	set(p, NULL, 0);
}

void rt_ringbuf_discard_dynptr(struct rt_dynptr *p, uint64_t flags)
{
	if (p->data)
		rt_ringbuf_discard(p->data, flags);
	set(p, NULL, 0);
}

/* Where nothing is read `out` becomes zeros: programs may read all of it then, and a stack has seen other
 * things before. */
long rt_dynptr_read(void *out, uint32_t size, const struct rt_dynptr *p, uint32_t offset,
		    uint64_t flags)
{
	struct rt_dynptr from = *p; /* `out` may lie over it */
	long e = flags ? -(long)RT_EINVAL : check(&from, offset, size);
	if (RT_UNLIKELY(e))
		rt_zero(out, size);
	else
		move(out, from.data + offset, size);
	return e;
}

long rt_dynptr_write(const struct rt_dynptr *p, uint32_t offset, const void *from, uint32_t size,
		     uint64_t flags)
{
	long e = check(p, offset, size);
	if (RT_UNLIKELY(e))
		return e;
	if (flags)
		return -(long)RT_EINVAL;
	move(p->data + offset, from, size);
	return 0;
}

void *rt_dynptr_data(const struct rt_dynptr *p, uint32_t offset, uint32_t size)
{
	return check(p, offset, size) ? NULL : p->data + offset;
}
