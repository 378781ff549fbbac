/*
 * Runs of programs that call the host. A function of the host may call the very function whose place the
 * program took: that run must not begin, or it would never end. And while a thread is in a function of
 * the host, it will come back: whoever unmaps the code has to know.
 *
 * So each run has a slot in the private page: its thread, and where its context lies on the stack. A
 * thread's slot is in the bucket that its number falls into, so that mostly eight words are looked at; where a
 * bucket is full it is anywhere, and then, for good, all are looked at.
 *
 * A host's function may also leave by longjmp(), and the slot stays. It is seen by the context's place: on a
 * stack that grows down, a run that holds a place at or above the present one's is still there; one
 * below it is not. (At the same place it is the same, so it is gone for certain. One below may also be another
 * stack of the same thread, of a coroutine or a signal handler: it is taken for gone, so that
 * the thread is not locked out for ever, and counted as `lost`.)
 *
 * [G1] A thread has one slot at the most: only it claims one with its number, and looks for it first.
 * [G2] A slot that is free has `top` 0, which is a place above all others: a signal handler that comes
 *      between claiming the slot and writing the place sees a run that is there.
 * [G3] A slot is freed only by the run that it tells of: a run whose slot was taken over, or wiped by a
 *      fork, leaves it alone.
 */
#include "shared/runtime/rt_base.h"

RT_INLINE uint64_t thread_pointer(void)
{
	uint64_t value;
	__asm__ volatile("movq %%fs:0, %0" : "=r"(value));
	return value;
}

/* A number of this thread that no other one has; not 0. */
RT_INLINE uint64_t who(const struct rt_private *self)
{
	if (RT_LIKELY(__atomic_load_n(&self->has_thread_pointer, __ATOMIC_RELAXED)))
		return thread_pointer();
	return (uint64_t)rt_syscall2(RT_SYS_GETTID, 0, 0);
}

RT_INLINE uint32_t bucket_of(uint64_t thread)
{
	uint64_t mixed = thread * 0x9e3779b97f4a7c15ull;
	return (uint32_t)((mixed >> 32) * RT_RUN_BUCKETS >> 32) * RT_RUN_BUCKET;
}

/* The slot that holds `thread` (0: a free one) of `count` from `first` on, or NULL. */
RT_INLINE struct rt_run *look(struct rt_private *self, uint64_t thread, uint32_t first,
			      uint32_t count)
{
	RT_NO_UNROLL
	for (uint32_t i = first; i < first + count; i++)
		if (__atomic_load_n(&self->runs[i].thread, __ATOMIC_RELAXED) == thread)
			return &self->runs[i];
	return NULL;
}

RT_INLINE bool claim(struct rt_run *slot, uint64_t thread)
{
	uint64_t nobody = 0;
	return __atomic_compare_exchange_n(&slot->thread, &nobody, thread, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static struct rt_run *claim_any(struct rt_private *self, uint64_t thread, uint32_t first,
				uint32_t count)
{
	RT_NO_UNROLL
	for (uint32_t i = first; i < first + count; i++)
		if (claim(&self->runs[i], thread))
			return &self->runs[i];
	return NULL;
}

static RT_COLD struct rt_run *claim_elsewhere(struct rt_private *self, uint64_t thread)
{
	__atomic_store_n(&self->has_spilled, 1, __ATOMIC_SEQ_CST);
	return claim_any(self, thread, 0, RT_RUNS);
}

static RT_COLD struct rt_run *skip(struct rt_private *self)
{
	__atomic_fetch_add(&self->skipped, 1, __ATOMIC_RELAXED);
	return NULL;
}

struct rt_run *rt_run_begin(struct rt_private *self, const void *ctx)
{
	uint64_t thread = who(self), top = ~(uint64_t)(uintptr_t)ctx;
	uint32_t home = bucket_of(thread);
	struct rt_run *slot = look(self, thread, home, RT_RUN_BUCKET);
	if (RT_UNLIKELY(!slot && __atomic_load_n(&self->has_spilled, __ATOMIC_RELAXED)))
		slot = look(self, thread, 0, RT_RUNS);
	if (RT_UNLIKELY(slot)) {
		uint64_t there = __atomic_load_n(&slot->top, __ATOMIC_RELAXED);
		if (there < top) /* at a higher place */
			return skip(self);
		if (there > top)
			__atomic_fetch_add(&self->lost, 1, __ATOMIC_RELAXED);
	} else {
		slot = claim_any(self, thread, home, RT_RUN_BUCKET);
		if (RT_UNLIKELY(!slot))
			slot = claim_elsewhere(self, thread);
		if (RT_UNLIKELY(!slot))
			return skip(self);
	}
	__atomic_store_n(&slot->top, top, __ATOMIC_RELEASE);
	return slot;
}

void rt_run_end(struct rt_run *run, const void *ctx)
{
	if (RT_UNLIKELY(__atomic_load_n(&run->top, __ATOMIC_RELAXED) != ~(uint64_t)(uintptr_t)ctx))
		return;					  /* [G3] */
	__atomic_store_n(&run->top, 0, __ATOMIC_RELEASE); /* [G2] */
	__atomic_store_n(&run->thread, 0, __ATOMIC_RELEASE);
}
