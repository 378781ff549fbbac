/*
 * Room in islands. Page 0 is handed out in granules of 64 bytes, the first of which holds the island's
 * mark; page 1 in counters of 8 bytes. One bit each.
 */
#include "agent/provider/target_impl.h"

#include "shared/base/mem.h"

static bool serves(const struct target_island *i, uint64_t site)
{
	return site >= i->near_start && site < i->near_end;
}

struct target_island *target_island_add(struct target *t, uint64_t base)
{
	if (t->islands_count == TARGET_MAX_ISLANDS)
		return NULL;
	struct target_island *islands =
		mem_resize_array(t->islands, (size_t)t->islands_count + 1, sizeof(*islands));
	if (!islands)
		return NULL;
	t->islands = islands;
	struct target_island *i = &islands[t->islands_count++];
	*i = (struct target_island){.base = base, .thunks = 1};
	return i;
}

void target_island_remove(struct target *t, uint32_t island)
{
	t->islands[island] = t->islands[--t->islands_count];
}

void target_islands_sweep(struct target *t)
{
	for (uint32_t i = 0; i < t->islands_count;)
		if (t->islands[i].is_mapped)
			i++;
		else
			target_island_remove(t, i);
}

uint32_t target_island_of(const struct target *t, uint64_t address)
{
	for (uint32_t i = 0; i < t->islands_count; i++)
		if (address - t->islands[i].base < TARGET_ISLAND_BYTES)
			return i;
	return TARGET_NO_ISLAND;
}

bool target_island_is_empty(const struct target_island *i)
{
	uint64_t counters = 0;
	for (size_t n = 0; n < ARRAY_SIZE(i->counters); n++)
		counters |= i->counters[n];
	return i->thunks == 1 && counters == 0;
}

/* ---- thunks ---- */

/* The bits of `bytes` from granule `first` on; 0 where they pass the page. */
static uint64_t granules(uint64_t first, uint32_t bytes)
{
	uint64_t count = (bytes + TARGET_GRANULE - 1) / TARGET_GRANULE;
	if (count == 0 || count >= 64 || first + count > 64)
		return 0;
	return (((uint64_t)1 << count) - 1) << first;
}

static uint64_t take_in(struct target_island *i, uint32_t bytes)
{
	for (uint64_t first = 1; first < 64; first++) {
		uint64_t bits = granules(first, bytes);
		if (!bits)
			return 0;
		if (i->thunks & bits)
			continue;
		i->thunks |= bits;
		return i->base + first * TARGET_GRANULE;
	}
	return 0;
}

uint64_t target_thunk_take(struct target *t, uint64_t site, uint32_t bytes)
{
	for (uint32_t i = 0; i < t->islands_count; i++) {
		uint64_t place = serves(&t->islands[i], site) ? take_in(&t->islands[i], bytes) : 0;
		if (place)
			return place;
	}
	return 0;
}

void target_thunk_give(struct target *t, uint64_t thunk, uint32_t bytes)
{
	uint32_t i = target_island_of(t, thunk);
	if (i != TARGET_NO_ISLAND)
		t->islands[i].thunks &=
			~granules((thunk - t->islands[i].base) / TARGET_GRANULE, bytes);
}

bool target_thunk_mark(struct target *t, uint64_t thunk, uint32_t bytes)
{
	uint32_t i = target_island_of(t, thunk);
	if (i == TARGET_NO_ISLAND || thunk % TARGET_GRANULE)
		return false;
	uint64_t bits = granules((thunk - t->islands[i].base) / TARGET_GRANULE, bytes);
	if (!bits || (t->islands[i].thunks & bits))
		return false;
	t->islands[i].thunks |= bits;
	return true;
}

struct err *target_dead_reserve(struct target *t, uint32_t more)
{
	struct remote_range *dead =
		mem_resize_array(t->dead, (size_t)t->dead_count + more, sizeof(*dead));
	TRY_MEMORY(dead);
	t->dead = dead;
	return NULL;
}

void target_thunk_bury(struct target *t, uint64_t thunk, uint32_t bytes)
{
	t->dead[t->dead_count++] = (struct remote_range){thunk, thunk + bytes};
}

/* ---- counters ---- */

static bool remember(struct instance *i, uint64_t counter)
{
	uint64_t *counters =
		mem_resize_array(i->counters, (size_t)i->counters_count + 1, sizeof(*counters));
	if (!counters)
		return false;
	i->counters = counters;
	i->counters[i->counters_count++] = counter;
	return true;
}

static uint64_t count_in(struct target_island *island)
{
	for (uint64_t n = 0; n < TARGET_COUNTERS; n++) {
		if (island->counters[n / 64] >> (n % 64) & 1)
			continue;
		island->counters[n / 64] |= (uint64_t)1 << (n % 64);
		return island->base + TARGET_PAGE + n * 8;
	}
	return 0;
}

/* The island's index and the counter's number in it. */
static bool counter_at(const struct target *t, uint64_t counter, uint32_t *island, uint64_t *n)
{
	*island = target_island_of(t, counter);
	if (*island == TARGET_NO_ISLAND)
		return false;
	uint64_t offset = counter - t->islands[*island].base;
	if (offset < TARGET_PAGE || offset % 8)
		return false;
	*n = (offset - TARGET_PAGE) / 8;
	return true;
}

static void give(struct target *t, uint64_t counter)
{
	uint32_t i;
	uint64_t n;
	if (counter_at(t, counter, &i, &n))
		t->islands[i].counters[n / 64] &= ~((uint64_t)1 << (n % 64));
}

uint64_t target_counter_take(struct target *t, uint64_t site, struct instance *i)
{
	uint64_t counter = 0;
	for (uint32_t n = 0; n < t->islands_count && !counter; n++)
		if (serves(&t->islands[n], site))
			counter = count_in(&t->islands[n]);
	if (counter && !remember(i, counter)) {
		give(t, counter);
		return 0;
	}
	return counter;
}

void target_counters_give(struct target *t, struct instance *i)
{
	for (uint32_t n = 0; n < i->counters_count; n++)
		give(t, i->counters[n]);
	i->counters_count = 0;
}

bool target_counter_mark(struct target *t, uint64_t counter, struct instance *owner)
{
	uint32_t i;
	uint64_t n;
	if (!counter_at(t, counter, &i, &n))
		return false;
	t->islands[i].counters[n / 64] |= (uint64_t)1 << (n % 64);
	return remember(owner, counter);
}
