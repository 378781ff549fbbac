/*
 * Helpers that are not about maps. Where a fact of the process is wanted the private page has it; what
 * only the kernel knows costs one raw system call, which touches neither errno nor anything else of
 * the host's.
 */
#include "shared/runtime/rt_base.h"

struct span { /* struct iovec */
	const void *at;
	uint64_t size;
};

/*
 * Copies from memory that may not be there: the kernel copies for us, and says so where it cannot.
 * `out` is memory that is known to be good. Reading oneself is always permitted; where a filter of
 * the host's forbids the call nothing can be read.
 */
RT_INLINE bool read_host(void *out, uint64_t size, const void *from, struct rt_private *self)
{
	struct span to = {out, size}, at = {from, size};
	uint32_t pid = rt_pid_field(self ? &self->pid_inside : NULL);
	return rt_syscall6(RT_SYS_PROCESS_VM_READV, pid, (long)&to, 1, (long)&at, 1, 0) ==
	       (long)size;
}

long rt_probe_read_user(void *out, uint64_t size, const void *from, struct rt_private *self)
{
	if (RT_UNLIKELY(size == 0))
		return 0;
	if (RT_LIKELY(read_host(out, size, from, self)))
		return 0;
	rt_zero(out, size);
	return -(long)RT_EFAULT;
}

#define CHUNK 256u /* divides RT_PAGE */

/*
 * Reads in pieces that end where a page may end, so that a string is found that lies just before one
 * which is not there; through a buffer, so that nothing behind the string's end reaches `out`. What is
 * left of `out` becomes zeros: programs may read all of it, and a stack has seen other things before.
 */
long rt_probe_read_user_str(void *out, uint64_t size, const void *from, struct rt_private *self)
{
	uint8_t piece[CHUNK], *to = out;
	uint64_t done = 0;
	while (done < size) {
		const uint8_t *at = (const uint8_t *)from + done;
		uint64_t here = CHUNK - (uintptr_t)at % CHUNK;
		here = here < size - done ? here : size - done;
		if (!read_host(piece, here, at, self)) {
			rt_zero(out, size);
			return -(long)RT_EFAULT;
		}
		RT_NO_UNROLL
		for (uint64_t i = 0; i < here; i++)
			if ((to[done++] = piece[i]) == 0) {
				rt_zero(to + done, size - done);
				return (long)done;
			}
	}
	if (size)
		to[size - 1] = 0;
	return (long)size;
}

/* A host's memory is all user memory. */
long rt_probe_read(void *out, uint64_t size, const void *from, struct rt_private *self)
{
	return rt_probe_read_user(out, size, from, self);
}

long rt_probe_read_str(void *out, uint64_t size, const void *from, struct rt_private *self)
{
	return rt_probe_read_user_str(out, size, from, self);
}

uint64_t rt_ktime_get_ns(void)
{
	struct {
		int64_t seconds, nanoseconds;
	} now = {0, 0};
	rt_syscall2(RT_SYS_CLOCK_GETTIME, 1 /* CLOCK_MONOTONIC */, (long)&now);
	return (uint64_t)now.seconds * 1000000000u + (uint64_t)now.nanoseconds;
}

/* No state to keep: the time stamp counter, never the same twice in a thread, well mixed. Not for secrets. */
uint64_t rt_get_prandom_u32(void)
{
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	uint64_t x = ((uint64_t)high << 32 | low) * 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)(x >> 32);
}

/* Linux keeps node << 12 | cpu in TSC_AUX. */
uint64_t rt_get_smp_processor_id(void)
{
	uint32_t low, high, number;
	__asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(number));
	return number & 0xfff;
}

uint64_t rt_get_smp_processor_id_plain(void)
{
	uint32_t cpu = 0;
	rt_syscall2(RT_SYS_GETCPU, (long)&cpu, 0);
	return cpu;
}

uint64_t rt_get_current_pid_tgid(struct rt_private *self)
{
	uint64_t tgid = rt_pid_field(self ? &self->tgid : NULL);
	return tgid << 32 | (uint32_t)rt_syscall2(RT_SYS_GETTID, 0, 0);
}

long rt_strncmp(const char *a, uint64_t size, const char *b)
{
	RT_NO_UNROLL
	for (uint64_t i = 0; i < size; i++) {
		uint8_t left = (uint8_t)a[i], right = (uint8_t)b[i];
		if (left != right)
			return left < right ? -1 : 1;
		if (!left)
			break;
	}
	return 0;
}
