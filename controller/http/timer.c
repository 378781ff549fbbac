/*
 * [T1] items[i]->at == i + 1 for every i < count.
 * [T2] no item has a later deadline than its children, items[2i + 1] and items[2i + 2].
 */
#include "controller/http/timer.h"
#include "shared/base/mem.h"

void timer_heap_fini(struct timer_heap *h)
{
	mem_free(h->items);
	*h = (struct timer_heap){0};
}

static void put(struct timer_heap *h, size_t at, struct timer *t)
{
	h->items[at] = t;
	t->at = at + 1;
}

static void sift_up(struct timer_heap *h, size_t at)
{
	struct timer *moving = h->items[at];
	while (at && h->items[(at - 1) / 2]->deadline_ns > moving->deadline_ns) {
		put(h, at, h->items[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(h, at, moving);
}

static void sift_down(struct timer_heap *h, size_t at)
{
	struct timer *moving = h->items[at];
	for (;;) {
		size_t child = 2 * at + 1;
		if (child + 1 < h->count &&
		    h->items[child + 1]->deadline_ns < h->items[child]->deadline_ns)
			child++;
		if (child >= h->count || h->items[child]->deadline_ns >= moving->deadline_ns)
			break;
		put(h, at, h->items[child]);
		at = child;
	}
	put(h, at, moving);
}

struct err *timer_add(struct timer_heap *h, struct timer *t, uint64_t deadline_ns)
{
	if (h->count == h->capacity) {
		size_t capacity = MAX(h->capacity * 2, (size_t)16);
		void *items = mem_resize_array(h->items, capacity, sizeof(*h->items));
		TRY_MEMORY(items);
		h->items = items;
		h->capacity = capacity;
	}
	t->deadline_ns = deadline_ns;
	put(h, h->count++, t);
	sift_up(h, h->count - 1);
	return NULL;
}

void timer_remove(struct timer_heap *h, struct timer *t)
{
	if (t->at == 0)
		return;
	size_t at = t->at - 1;
	struct timer *last = h->items[--h->count];
	t->at = 0;
	if (last == t)
		return;
	put(h, at, last);
	sift_up(h, at);
	sift_down(h, last->at - 1);
}
