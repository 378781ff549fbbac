/*
 * rt - what compiled programs run on. This code compiles twice: natively (agent, tests) and to LLVM
 * bitcode that is inlined into programs which run inside hosts.
 *
 * Inside a host: no libc, no allocation, no locks of the host's, no vector or x87 registers, no errno,
 * no thread-local storage, no call out. Everything in shared memory can be changed by any other process
 * at any time: it is input. Sizes and counts come from `struct rt_map`, which is constant in the
 * compiled code, never from shared memory.
 *
 * A map file, layout 1:
 *
 *   0      struct rt_map_header   magic, layout, kind and sizes: for the agent's checks and for people
 *   4096   the kind's content     (its .c draws it)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __x86_64__
#error "raw system calls and memory order are x86-64's"
#endif

#define RT_PAGE	      4096u
#define RT_MAP_MAGIC  0x50414d4d4945ull /* "EIMMAP" */
#define RT_MAP_LAYOUT 1u

/* Map kinds by the kernel's numbers (shared/bpf/map_kind.tbl.h, which hosts' code cannot include). */
#define RT_KIND_HASH	1u
#define RT_KIND_ARRAY	2u
#define RT_KIND_RINGBUF 27u

/* A run of a program that calls the host: who, and where it is (rt_guard.c). All atomic. */
struct rt_run {
	uint64_t thread; /* 0: free */
	uint64_t top;	 /* all bits of the context's address turned round */
};
#define RT_RUN_BUCKET  8u
#define RT_RUN_BUCKETS 28u
#define RT_RUNS	       (RT_RUN_BUCKET * RT_RUN_BUCKETS)

/*
 * The private page of a process: filled by the agent, wiped by fork (MADV_WIPEONFORK). The two differ
 * where the process lives in a pid namespace of its own. A zero is replaced by getpid()'s answer when it
 * is needed first; the agent corrects `tgid` when it adopts a forked child.
 */
struct rt_private {
	uint32_t tgid; /* as the agent's pid namespace has it: what it writes as owner of locks */
	uint32_t pid_inside; /* as the process's own has it: what its system calls want */
	uint64_t ended;	     /* runs that were ended before their exit: out of fuel; atomic */
	uint64_t skipped;    /* runs that did not begin: from inside another one; atomic */
	/* What follows is for programs that call the host (rt_guard.c). */
	uint64_t lost; /* slots of runs that may go on, but were taken over; atomic */
	uint32_t
		has_thread_pointer; /* 1: each thread's fs:0 is its own number; the agent says so */
	uint32_t has_spilled;	    /* 1: runs may be outside of their buckets; atomic */
	uint64_t unused[3];
	struct rt_run runs[RT_RUNS];
};
_Static_assert(sizeof(struct rt_private) <= RT_PAGE, "one page");
_Static_assert(offsetof(struct rt_private, has_thread_pointer) == 32 &&
		       offsetof(struct rt_private, runs) == 64,
	       "what agents of other builds read");

/* A map as code sees it: constant but for the memory behind `base`. */
struct rt_map {
	uint8_t *base; /* the map file's start, page aligned */
	struct rt_private
		*self; /* who runs; NULL: getpid() is asked each time an owner is wanted */
	uint32_t kind, key_size, value_size, max_entries, flags;
	uint32_t lock_end; /* where the spin lock in each value ends, a multiple of 4; 0: none */
};

struct rt_map_header {
	uint64_t magic;
	uint32_t layout, kind, key_size, value_size, max_entries, flags;
	uint64_t lost; /* events or updates that found no room, atomic */
};
_Static_assert(sizeof(struct rt_map_header) == 40, "layout 1");

/* Memory of a size that is known when the program runs; on its stack (rt_dynptr.c). */
struct rt_dynptr {
	uint8_t *data; /* NULL: there is none */
	uint32_t size, reserved;
};
_Static_assert(sizeof(struct rt_dynptr) == 16, "struct bpf_dynptr");

/* Numbers from one to another; on a program's stack (rt_iter.c). */
struct rt_iter_num {
	int32_t now, end;
};
_Static_assert(sizeof(struct rt_iter_num) == 8, "struct bpf_iter_num");

/* What map operations return on failure, as the kernel's do: negative errno values. */
#define RT_EAGAIN 11
#define RT_ENOENT 2
#define RT_E2BIG  7
#define RT_EBUSY  16
#define RT_EEXIST 17
#define RT_EINVAL 22
#define RT_EFAULT 14
#define RT_ENOMEM 12

#define RT_ANY	   0u
#define RT_NOEXIST 1u
#define RT_EXIST   2u

/* Functions of the program that helpers call: 0 goes on, anything else stops. `key` is only read. */
typedef long rt_loop_callback(uint64_t index, void *ctx);
typedef long rt_element_callback(const void *key, void *value, void *ctx);

#define RT_MAX_LOOPS (1u << 23)

/* ---- map operations, by kind (rt_array.c, rt_hash.c, rt_ringbuf.c); `map` is constant where they are inlined ---- */
void *rt_array_lookup(const struct rt_map *map, const void *key);
long rt_array_update(const struct rt_map *map, const void *key, const void *value, uint64_t flags);
long rt_array_delete(const struct rt_map *map, const void *key);
long rt_array_for_each(const struct rt_map *map, rt_element_callback *call, void *ctx);

void *rt_hash_lookup(const struct rt_map *map, const void *key);
long rt_hash_update(const struct rt_map *map, const void *key, const void *value, uint64_t flags);
long rt_hash_delete(const struct rt_map *map, const void *key);
long rt_hash_for_each(const struct rt_map *map, rt_element_callback *call, void *ctx);

void *rt_ringbuf_reserve(const struct rt_map *map, uint64_t size, uint64_t flags);
void rt_ringbuf_submit(void *record, uint64_t flags);
void rt_ringbuf_discard(void *record, uint64_t flags);
long rt_ringbuf_output(const struct rt_map *map, const void *data, uint64_t size, uint64_t flags);
uint64_t rt_ringbuf_query(const struct rt_map *map, uint64_t flags);

/* ---- dynptrs (rt_dynptr.c); where making one fails it is made all the same, of no memory ---- */
long rt_dynptr_from_mem(void *data, uint32_t size, uint64_t flags, struct rt_dynptr *out);
long rt_ringbuf_reserve_dynptr(const struct rt_map *map, uint32_t size, uint64_t flags,
			       struct rt_dynptr *out);
void rt_ringbuf_submit_dynptr(struct rt_dynptr *p, uint64_t flags);
void rt_ringbuf_discard_dynptr(struct rt_dynptr *p, uint64_t flags);
long rt_dynptr_read(void *out, uint32_t size, const struct rt_dynptr *p, uint32_t offset,
		    uint64_t flags);
long rt_dynptr_write(const struct rt_dynptr *p, uint32_t offset, const void *from, uint32_t size,
		     uint64_t flags);
void *rt_dynptr_data(const struct rt_dynptr *p, uint32_t offset, uint32_t size);

/* ---- number iterators (rt_iter.c); where making one fails it is made all the same, of no numbers ---- */
long rt_iter_num_new(struct rt_iter_num *it, int32_t start, int32_t end);
int32_t *
rt_iter_num_next(struct rt_iter_num *it); /* valid until the next call; NULL: that were all */
void rt_iter_num_destroy(struct rt_iter_num *it);

/* ---- helpers by name, for the JIT: rt_map_lookup_elem & co. switch on map->kind, which folds ---- */
void *rt_map_lookup_elem(const struct rt_map *map, const void *key);
long rt_map_update_elem(const struct rt_map *map, const void *key, const void *value,
			uint64_t flags);
long rt_map_delete_elem(const struct rt_map *map, const void *key);

/*
 * The spin lock in an element, whose word holds the tgid of its owner. False: another one kept it for
 * so long that this run has to end; it then holds nothing, and must touch nothing.
 */
bool rt_spin_lock(uint32_t *lock, struct rt_private *self);
void rt_spin_unlock(uint32_t *lock);

long rt_for_each_map_elem(const struct rt_map *map, rt_element_callback *call, void *ctx,
			  uint64_t flags);
long rt_loop(uint32_t count, rt_loop_callback *call, void *ctx, uint64_t flags);

/*
 * Around each run of a program that calls the host; `ctx` lies in the frame that called it. NULL: the run must
 * not begin, because the thread is in one already, or more threads than RT_RUNS are; it is counted.
 */
struct rt_run *rt_run_begin(struct rt_private *self, const void *ctx);
void rt_run_end(struct rt_run *run, const void *ctx);

/* Who a helper needs to know about comes last, after the helper's own arguments. */
long rt_probe_read(void *out, uint64_t size, const void *from, struct rt_private *self);
long rt_probe_read_user(void *out, uint64_t size, const void *from, struct rt_private *self);
long rt_probe_read_str(void *out, uint64_t size, const void *from, struct rt_private *self);
long rt_probe_read_user_str(void *out, uint64_t size, const void *from, struct rt_private *self);
uint64_t rt_ktime_get_ns(void);
uint64_t rt_get_prandom_u32(void);
uint64_t rt_get_smp_processor_id(void);	      /* rdtscp */
uint64_t rt_get_smp_processor_id_plain(void); /* the same where the processor lacks rdtscp */
uint64_t rt_get_current_pid_tgid(struct rt_private *self); /* tgid << 32 | tid */
long rt_strncmp(const char *a, uint64_t size, const char *b);
