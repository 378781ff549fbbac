/*
 * Whether a range of code may still be run: a thread stands in it, or a word of a stack points there (a
 * return address, or the place that a signal handler goes back to). Words that merely look like it make
 * the answer a careful one.
 */
#include "agent/inject/remote_impl.h"

#include "shared/base/mem.h"

#define STACK_MAX_BYTES ((uint64_t)1 << 20)
#define CHUNK_BYTES	((size_t)16384)

struct search {
	const struct remote_range *ranges;
	uint32_t count;
	bool *used;
	uint64_t low, high; /* around all ranges: most words are outside */
};

static struct search search_start(const struct remote_range *ranges, uint32_t count, bool *used)
{
	struct search s = {ranges, count, used, UINT64_MAX, 0};
	for (uint32_t i = 0; i < count; i++) {
		used[i] = false;
		s.low = MIN(s.low, ranges[i].start);
		s.high = MAX(s.high, ranges[i].end);
	}
	return s;
}

static void offer(struct search *s, uint64_t word)
{
	if (word < s->low || word >= s->high)
		return;
	for (uint32_t i = 0; i < s->count; i++)
		if (word >= s->ranges[i].start && word < s->ranges[i].end)
			s->used[i] = true;
}

static void offer_words(struct search *s, const uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		offer(s, words[i]);
}

static struct err *offer_stack(struct search *s, struct remote *r, uint64_t start, uint64_t end)
{
	uint64_t words[CHUNK_BYTES / sizeof(uint64_t)];
	for (uint64_t at = start; at < end;) {
		size_t size = MIN(end - at, CHUNK_BYTES);
		TRY(remote_read(r, at, words, size));
		offer_words(s, words, size / sizeof(uint64_t));
		at += size;
	}
	return NULL;
}

struct err *remote_uses_each(struct remote *r, const struct remote_range *ranges, uint32_t count,
			     bool *used)
{
	const struct process_maps *maps;
	struct search s = search_start(ranges, count, used);
	TRY(remote_maps(r, &maps));
	for (uint32_t i = 0; i < r->count; i++) {
		const struct user_regs_struct *regs = &r->threads[i].going;
		uint64_t start = regs->rsp & ~(uint64_t)7;
		const struct process_mapping *stack = process_maps_at(maps, start);
		offer(&s, regs->rip);
		if (stack && stack->read)
			TRY(offer_stack(&s, r, start, MIN(stack->end, start + STACK_MAX_BYTES)));
	}
	return NULL;
}

struct err *remote_uses(struct remote *r, uint64_t start, uint64_t end, bool *out)
{
	struct remote_range range = {start, end};
	return remote_uses_each(r, &range, 1, out);
}
