/*
 * timer - deadlines of held requests: a binary heap, so that the nearest one is always known.
 *
 * Memory:  the heap grows on timer_add() only; the items belong to the caller.
 * Threads: one.
 */
#pragma once

#include "shared/base/err.h"

#include <stdint.h>

struct timer {
	uint64_t deadline_ns;
	size_t at; /* its place in the heap + 1; 0: in none */
};

struct timer_heap {
	struct timer **items;
	size_t count, capacity;
};

void timer_heap_fini(struct timer_heap *h);

/* `t` (borrowed until removed) is in no heap. fails NO_MEMORY. */
MUST_CHECK struct err *timer_add(struct timer_heap *h, struct timer *t, uint64_t deadline_ns);

/* Takes `t` out; one that is in no heap is left alone. */
void timer_remove(struct timer_heap *h, struct timer *t);

/* The one with the nearest deadline, or NULL. */
static inline struct timer *timer_first(const struct timer_heap *h)
{
	return h->count ? h->items[0] : NULL;
}
