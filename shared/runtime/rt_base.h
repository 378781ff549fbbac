/*
 * rt_base - what all rt_*.c stand on: memory access without libc, raw system calls, who we are.
 * For the runtime's own files only. Everything is inlined.
 */
#pragma once

#include "shared/runtime/rt.h"

/*
 * Whatever takes a `struct rt_map` is RT_INLINE: were one function left that is called with its address,
 * none of its numbers would be a constant in the compiled code.
 */
#define RT_INLINE static inline __attribute__((always_inline, unused))
#define RT_COLD	  __attribute__((noinline, cold))

#define RT_LIKELY(x)   __builtin_expect(!!(x), 1)
#define RT_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* In front of loops that seldom go round: their copies would only fill the instruction cache. */
#ifdef __clang__
#define RT_NO_UNROLL _Pragma("clang loop unroll(disable)")
#else
#define RT_NO_UNROLL
#endif

#define RT_ROUND_UP(n, to) (((n) + ((to)-1)) / (to) * (to))

/* How often a waiter looks again before it gives up: some tens of milliseconds. */
#define RT_SPINS (1u << 22)

typedef uint64_t __attribute__((aligned(1), may_alias)) rt_u64_any;
typedef uint32_t __attribute__((aligned(1), may_alias)) rt_u32_any;
typedef uint16_t __attribute__((aligned(1), may_alias)) rt_u16_any;

RT_INLINE void rt_pause(void)
{
	__asm__ volatile("pause");
}

/* The first `n` (1 to 8) bytes at `at` as a little-endian number; nothing behind them is touched. */
RT_INLINE uint64_t rt_load_part(const uint8_t *at, uint32_t n)
{
	uint64_t value = 0;
	uint32_t done = 0;
	if (n >= 8)
		return *(const rt_u64_any *)at;
	if (n & 4) {
		value = *(const rt_u32_any *)at;
		done = 4;
	}
	if (n & 2) {
		value |= (uint64_t) * (const rt_u16_any *)(at + done) << (8 * done);
		done += 2;
	}
	if (n & 1)
		value |= (uint64_t)at[done] << (8 * done);
	return value;
}

/* Word `index` of the `size` bytes at `at`, zeros behind the end. */
RT_INLINE uint64_t rt_word(const void *at, uint32_t size, uint32_t index)
{
	uint32_t left = size - index * 8;
	return rt_load_part((const uint8_t *)at + index * 8, left < 8 ? left : 8);
}

RT_INLINE void rt_copy(void *to, const void *from, uint64_t size)
{
	uint8_t *out = to;
	const uint8_t *in = from;
	uint64_t at = 0;
	for (; at + 8 <= size; at += 8)
		*(rt_u64_any *)(out + at) = *(const rt_u64_any *)(in + at);
	if (size & 4) {
		*(rt_u32_any *)(out + at) = *(const rt_u32_any *)(in + at);
		at += 4;
	}
	if (size & 2) {
		*(rt_u16_any *)(out + at) = *(const rt_u16_any *)(in + at);
		at += 2;
	}
	if (size & 1)
		out[at] = in[at];
}

/* A value into an element: all but the spin lock, which belongs to the element for ever. */
RT_INLINE void rt_copy_value(const struct rt_map *map, uint8_t *to, const void *value)
{
	uint32_t end = map->lock_end;
	if (!end) {
		rt_copy(to, value, map->value_size);
		return;
	}
	rt_copy(to, value, end - 4);
	rt_copy(to + end, (const uint8_t *)value + end, map->value_size - end);
}

RT_INLINE void rt_zero(void *to, uint64_t size)
{
	uint8_t *out = to;
	uint64_t at = 0;
	for (; at + 8 <= size; at += 8)
		*(rt_u64_any *)(out + at) = 0;
	for (; at < size; at++)
		out[at] = 0;
}

/* ---- system calls: they clobber rcx and r11 and touch no errno ---- */
#define RT_SYS_GETPID		39
#define RT_SYS_GETTID		186
#define RT_SYS_CLOCK_GETTIME	228
#define RT_SYS_GETCPU		309
#define RT_SYS_PROCESS_VM_READV 310

RT_INLINE long rt_syscall6(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

RT_INLINE long rt_syscall2(long number, long a, long b)
{
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b)
			 : "rcx", "r11", "memory");
	return result;
}

/* A number of the private page, or getpid()'s answer, which is kept there. Racing threads write the
 * same. Never 0, since 0 means "no owner". */
RT_INLINE uint32_t rt_pid_field(uint32_t *field)
{
	uint32_t pid = field ? __atomic_load_n(field, __ATOMIC_RELAXED) : 0;
	if (RT_LIKELY(pid))
		return pid;
	pid = (uint32_t)rt_syscall2(RT_SYS_GETPID, 0, 0);
	if (field)
		__atomic_store_n(field, pid, __ATOMIC_RELAXED);
	return pid;
}

RT_INLINE uint32_t rt_owner(const struct rt_map *map)
{
	return rt_pid_field(map->self ? &map->self->tgid : NULL);
}

/* Counts an event or update that was lost. */
RT_INLINE void rt_lose(const struct rt_map *map)
{
	struct rt_map_header *header = (struct rt_map_header *)map->base;
	__atomic_fetch_add(&header->lost, 1, __ATOMIC_RELAXED);
}
