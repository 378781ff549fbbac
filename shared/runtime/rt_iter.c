/*
 * Number iterators: start, start + 1 … end - 1, one for each call. The 8 bytes lie on the program's own stack, where
 * only these functions write (the verifier sees to that), so they are believed.
 *
 *	now	the number that was handed out last, or the one before the first
 *	end	the first one that is not handed out
 *
 * [I1] now and end are both 0 where there is nothing to hand out any more.
 */
#include "shared/runtime/rt_base.h"

long rt_iter_num_new(struct rt_iter_num *it, int32_t start, int32_t end)
{
	int64_t count = (int64_t)end - start;
	it->now = it->end = 0;
	if (count < 0)
		return -(long)RT_EINVAL;
	if (count > RT_MAX_LOOPS)
		return -(long)RT_E2BIG;
	it->now = (int32_t)((uint32_t)start - 1);
	it->end = end;
	return 0;
}

int32_t *rt_iter_num_next(struct rt_iter_num *it)
{
	int32_t next = (int32_t)((uint32_t)it->now + 1);
	if (next >= it->end) {
		it->now = it->end = 0; /* [I1] */
		return (int32_t *)0;
	}
	it->now = next;
	return &it->now;
}

void rt_iter_num_destroy(struct rt_iter_num *it)
{
	it->now = it->end = 0;
}
