/*
 * Next states of sites: their thunks, in islands near by; and what becomes of states in the end.
 */
#include "agent/provider/target_impl.h"

#include "shared/base/mem.h"

/* ---- islands ---- */

static bool is_of_module(const struct process_mapping *m, const struct process_mapping *site)
{
	return m->inode == site->inode && m->device == site->device;
}

/* An island within reach of the whole module that `address` lies in. */
static struct err *make_island(struct target *t, struct target_view *v, uint64_t address)
{
	const struct process_mapping *site = process_maps_at(&v->maps, address);
	if (!site)
		return err_new(ERR_ABORTED, "the module was unmapped");
	uint64_t start = site->start, end = site->end;
	for (const struct process_mapping *m = site; m >= v->items && is_of_module(m, site); m--)
		start = m->start;
	for (const struct process_mapping *m = site;
	     m < v->items + v->count && is_of_module(m, site); m++)
		end = m->end;
	uint64_t base = process_maps_gap(&v->maps, start, end, TARGET_ISLAND_BYTES);
	if (!base)
		return err_new(ERR_RESOURCE_EXHAUSTED,
			       "no room within 2 GiB of the module at 0x%llx",
			       (unsigned long long)start);
	TRY(target_view_reserve(v, base, TARGET_ISLAND_BYTES));
	struct target_island *island = target_island_add(t, base);
	if (!island)
		return err_new(ERR_RESOURCE_EXHAUSTED, "memory, or more than %u islands",
			       TARGET_MAX_ISLANDS);
	island->near_start = start;
	island->near_end = end;
	return NULL;
}

static struct err *take_counters(struct target *t, struct target_view *v, struct target_site *s)
{
	for (uint32_t h = 0; h < s->next.hooks_count; h++) {
		struct target_hook *hook = &s->next.hooks[h];
		if (hook->counter)
			continue;
		hook->counter = target_counter_take(t, s->address, hook->instance);
		if (hook->counter)
			continue;
		TRY(make_island(t, v, s->address));
		hook->counter = target_counter_take(t, s->address, hook->instance);
		TRY_MEMORY((void *)(uintptr_t)hook->counter);
	}
	return NULL;
}

/* ---- thunks ---- */

static struct err *encode(struct target_site *s, uint64_t thunk, size_t *size)
{
	struct thunk_call calls[THUNK_MAX_LINKS];
	size_t displaced;
	for (uint32_t h = 0; h < s->next.hooks_count; h++)
		calls[h] = (struct thunk_call){s->next.hooks[h].entry, s->next.hooks[h].counter,
					       s->next.hooks[h].reads, s->next.hooks[h].flags};
	struct site plan = s->plan;
	struct thunk_plan thunk_plan = {&plan, s->address, thunk, calls, s->next.hooks_count};
	TRY(thunk_encode(&thunk_plan, s->code, size, &displaced));
	for (unsigned n = 0; n < plan.insns_count; n++)
		s->next.relocated[n] = plan.insns[n].relocated_offset;
	s->next.displaced = (uint32_t)displaced;
	return NULL;
}

static struct err *make_thunk(struct target *t, struct target_view *v, struct target_site *s)
{
	size_t first, size;
	TRY(take_counters(t, v, s));
	/* The size does not depend on where exactly in the island it will be; if it did, that would
	 * be noticed below. */
	uint64_t somewhere = s->next.hooks[0].counter & ~(uint64_t)(TARGET_PAGE - 1);
	TRY(encode(s, somewhere - TARGET_PAGE, &first));
	s->next.bytes = (uint32_t)first;
	s->next.thunk = target_thunk_take(t, s->address, s->next.bytes);
	if (!s->next.thunk) {
		TRY(make_island(t, v, s->address));
		s->next.thunk = target_thunk_take(t, s->address, s->next.bytes);
	}
	if (!s->next.thunk)
		return err_new(ERR_RESOURCE_EXHAUSTED, "a thunk of %zu bytes fits no island",
			       first);
	TRY(encode(s, s->next.thunk, &size));
	return size == first ? NULL : err_new(ERR_INTERNAL, "a thunk changed its size by moving");
}

struct err *target_plan_thunks(struct target *t, struct target_view *v)
{
	uint32_t changing = 0;
	for (uint32_t n = 0; n < t->sites_count; n++) {
		struct target_site *s = t->sites[n];
		changing += s->is_changing;
		if (s->is_changing && s->next.hooks_count)
			TRY(make_thunk(t, v, s));
	}
	return target_dead_reserve(t, changing);
}

/* ---- removing an instance's hooks ---- */

static void remove_hooks(struct target_state *s, const struct instance *i)
{
	uint32_t kept = 0;
	for (uint32_t h = 0; h < s->hooks_count; h++)
		if (s->hooks[h].instance != i)
			s->hooks[kept++] = s->hooks[h];
	s->hooks_count = kept;
}

struct err *target_plan_removal(struct target *t, struct target_view *v, const struct instance *i)
{
	for (uint32_t n = 0; n < t->sites_count; n++) {
		struct target_site *s = t->sites[n];
		s->next = s->now;
		remove_hooks(&s->next, i);
		s->is_changing = s->next.hooks_count != s->now.hooks_count;
		s->next.thunk = 0;
	}
	return target_plan_thunks(t, v);
}

/* ---- in the end ---- */

void target_plan_drop(struct target *t)
{
	for (uint32_t n = 0; n < t->sites_count;) {
		struct target_site *s = t->sites[n];
		if (s->is_changing && s->next.thunk)
			target_thunk_give(t, s->next.thunk, s->next.bytes);
		s->is_changing = false;
		s->is_written = false;
		if (s->now.thunk)
			n++;
		else
			target_site_remove(t, s);
	}
	target_islands_sweep(t);
}

void target_plan_commit(struct target *t)
{
	for (uint32_t n = 0; n < t->sites_count;) {
		struct target_site *s = t->sites[n];
		if (s->is_changing && s->now.thunk)
			target_thunk_bury(t, s->now.thunk, s->now.bytes);
		if (s->is_changing)
			s->now = s->next;
		s->is_changing = false;
		s->is_written = false;
		if (s->now.thunk)
			n++;
		else
			target_site_remove(t, s);
	}
}
