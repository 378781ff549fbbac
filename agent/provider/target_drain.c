/*
 * Quiescence. A thunk that was replaced is dead, and a region that no site calls is draining, but threads
 * may still be inside. Both are freed when, with all threads standing, no ip and no word of a stack
 * points there, and no run of a program says that it is in a function of the host (target_runs.c): such a
 * function may have gone to another stack, where nobody looks. A thread in a dead thunk may be about to
 * call a program, so regions wait for all of them.
 */
#include "agent/provider/target_impl.h"

#include "shared/base/mem.h"

struct ranges {
	struct remote_range *items; /* the dead ones first, then the draining regions */
	bool *used;
	uint32_t count;
};

static uint32_t count_draining(const struct target *t)
{
	uint32_t count = 0;
	for (const struct instance *i = t->instances; i; i = i->next)
		count += i->is_draining && i->is_mapped;
	return count;
}

static struct err *find_used(const struct target *t, struct remote *r, struct ranges *out)
{
	uint32_t n = t->dead_count;
	if (n)
		memcpy(out->items, t->dead, n * sizeof(*out->items));
	for (const struct instance *i = t->instances; i; i = i->next)
		if (i->is_draining && i->is_mapped)
			out->items[n++] = (struct remote_range){i->base, i->base + i->code_bytes};
	TRY(remote_uses_each(r, out->items, n, out->used));
	return target_runs_mark(t, r, out->items, out->used);
}

/* Gives the room of dead thunks back. True where none is left. */
static bool free_dead(struct target *t, const bool *used)
{
	uint32_t kept = 0;
	for (uint32_t n = 0; n < t->dead_count; n++) {
		if (used[n])
			t->dead[kept++] = t->dead[n];
		else
			target_thunk_give(t, t->dead[n].start,
					  (uint32_t)(t->dead[n].end - t->dead[n].start));
	}
	t->dead_count = kept;
	return kept == 0;
}

/* Its counts stay to be read; the counters are 0 for the next one. */
static struct err *free_region(struct target *t, struct remote *r, struct instance *i)
{
	const uint64_t zero = 0;
	for (uint32_t n = 0; n < i->counters_count; n++)
		TRY(remote_write(r, i->counters[n], &zero, sizeof(zero)));
	TRY(remote_munmap(r, i->base, i->bytes));
	i->is_mapped = false;
	target_counters_give(t, i);
	return NULL;
}

static struct err *drain(struct target *t, struct remote *r, const struct ranges *ranges)
{
	uint32_t n = t->dead_count;
	bool may_unmap = free_dead(t, ranges->used);
	for (struct instance *i = t->instances; i; i = i->next) {
		if (!i->is_draining || !i->is_mapped)
			continue;
		if (!ranges->used[n++] && may_unmap)
			TRY(free_region(t, r, i));
	}
	return target_unmap_islands(t, r);
}

struct err *target_drain(struct target *t, struct remote *r)
{
	struct ranges ranges = {.count = t->dead_count + count_draining(t)};
	if (ranges.count == 0)
		return target_unmap_islands(t, r);
	ranges.items = mem_zalloc_array(ranges.count, sizeof(*ranges.items));
	ranges.used = mem_zalloc_array(ranges.count, sizeof(*ranges.used));
	struct err *e = ranges.items && ranges.used ? find_used(t, r, &ranges) : err_no_memory();
	if (!e)
		e = drain(t, r, &ranges);
	mem_free(ranges.items);
	mem_free(ranges.used);
	return e;
}

bool target_is_drained(const struct target *t, const struct instance *i)
{
	return t->dead_count == 0 && (!i || !i->is_mapped);
}
