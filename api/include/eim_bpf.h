/*
 * eim_bpf.h - for authors of extensions: everything that a program needs, with no other header.
 *
 *	#include "eim_bpf.h"
 *
 *	struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, __u32); __type(value, __u64); __uint(max_entries, 1024); } hits SEC(".maps");
 *
 *	SEC("uprobe//usr/sbin/nginx:ngx_http_process_request")
 *	int on_request(struct pt_regs *ctx) { … PT_REGS_PARM1(ctx) … }
 *
 * An extension of a host's function NAME has that function's parameters, and its result is the function's:
 *
 *	extern int host_open_file(const char *filename, int flags) __ksym;
 *
 *	SEC("eim/analyze_data")
 *	int EIM_PROG(on_analyze, const char *data, int length) { … return 0; }
 *
 * Compile with: clang -target bpf -mcpu=v3 -O2 -g. Helper names and numbers, map definitions and
 * section names are those of libbpf and the kernel, so that a program which keeps to them also loads there.
 */
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;

#define SEC(name)	__attribute__((section(name), used))
#define __ksym		__attribute__((section(".ksyms")))
#define __always_inline inline __attribute__((always_inline))
#define __noinline	__attribute__((noinline))
#define __weak		__attribute__((weak))

/*
 * For a loop whose end is not proved (roles with metered: true): of what its rounds change, the verifier knows
 * what the body compares. Compilers like to replace an index that was compared by a pointer that walks along,
 * of which nothing is known then. In the body, eim_keep_index(i) keeps the index.
 */
#define eim_keep_index(i) __asm__ volatile("" : "+r"(i))

/* ---- maps (BTF-defined, as libbpf's) ---- */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_HASH_OF_MAPS = 13,
	BPF_MAP_TYPE_RINGBUF = 27,
};

#define __uint(name, val) int(*name)[val]
#define __type(name, val) __typeof__(val) *name
/*
 * Maps in a map, of which a program looks up one, and in that an element:
 *	struct inner { …array or hash… } a SEC(".maps"), b SEC(".maps");
 *	struct {
 *		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 4); __type(key, __u32);
 *		__array(values, struct inner);
 *	} outer SEC(".maps") = { .values = { &a, [2] = &b } };
 * What is inside is all of one kind and size, and stays as it is written there. Slot i of a hash of maps has
 * the key i. (Maps inside are not static: other loaders do not find these.)
 */
#define __array(name, val) __typeof__(val) *name[]

/*
 * Programs in a map, for bpf_tail_call(): entries of this object, in sections of the same kind as their callers.
 *	SEC("uprobe") int second(struct pt_regs *ctx) { … }
 *	struct {
 *		__uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 2); __uint(key_size, 4);
 *		__array(values, int (void *));
 *	} next SEC(".maps") = { .values = { [0] = (void *)&second } };
 * What is inside stays as it is written there. A program whose section names no place to attach to only runs so.
 */

/*
 * Says what the records of ring buffer `map` are, so that they arrive as JSON with field names:
 *	EIM_RECORD(events, struct event);
 * Loaders that do not know the section skip it.
 */
#define EIM_RECORD(map, type) type *map##_record __attribute__((section(".eim.records"), used)) = 0

/*
 * A lock in a map's value (array or hash), for several members that have to change together:
 *	struct account { struct bpf_spin_lock lock; __u64 in, out; };
 *	bpf_spin_lock(&a->lock); a->in += n; a->out -= n; bpf_spin_unlock(&a->lock);
 * One at a time; nothing is called meanwhile; it is given back on every path. Where another process keeps it (it
 * was stopped), the run ends at bpf_spin_lock(), and is counted. Programs do not see what is in it.
 */
struct bpf_spin_lock {
	__u32 val;
};

#define BPF_ANY	    0
#define BPF_NOEXIST 1
#define BPF_EXIST   2

/* ---- the context of uprobes: the registers of the stopped function (x86-64, the kernel's order) ---- */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip,
		cs, flags, sp, ss;
};

#define PT_REGS_PARM1(ctx) ((ctx)->di)
#define PT_REGS_PARM2(ctx) ((ctx)->si)
#define PT_REGS_PARM3(ctx) ((ctx)->dx)
#define PT_REGS_PARM4(ctx) ((ctx)->cx)
#define PT_REGS_PARM5(ctx) ((ctx)->r8)
#define PT_REGS_PARM6(ctx) ((ctx)->r9)
#define PT_REGS_RC(ctx)	   ((ctx)->ax)
#define PT_REGS_SP(ctx)	   ((ctx)->sp)
#define PT_REGS_IP(ctx)	   ((ctx)->ip)

/*
 * ---- extension entries: their context is the arguments, eight bytes each ----
 *
 * int EIM_PROG(name, int first, const char *second) defines a function with that context and these
 * parameters, up to six; `ctx` is there as well.
 */
/* clang-format off: it does not know where _Pragma() ends */
#define EIM_PROG(name, ...)                                                                        \
	name(unsigned long long *ctx);                                                             \
	static __always_inline __typeof__(name(0)) name##_with(unsigned long long *ctx,            \
							       ##__VA_ARGS__);                     \
	__typeof__(name(0)) name(unsigned long long *ctx)                                          \
	{                                                                                          \
		_Pragma("GCC diagnostic push")                                                     \
			_Pragma("GCC diagnostic ignored \"-Wint-conversion\"") return name##_with( \
				ctx EIM_JOIN_(EIM_ARGS_, EIM_COUNT_(__VA_ARGS__)));                \
		_Pragma("GCC diagnostic pop")                                                      \
	}                                                                                          \
	static __always_inline __typeof__(name(0)) name##_with(unsigned long long *ctx,            \
							       ##__VA_ARGS__)
/* clang-format on */

#define EIM_JOIN_(a, b)				  EIM_JOINED_(a, b)
#define EIM_JOINED_(a, b)			  a##b
#define EIM_COUNT_(...)				  EIM_SEVENTH_(0, ##__VA_ARGS__, 6, 5, 4, 3, 2, 1, 0)
#define EIM_SEVENTH_(z, a, b, c, d, e, f, n, ...) n
#define EIM_ARGS_0
#define EIM_ARGS_1 , (void *)ctx[0]
#define EIM_ARGS_2 EIM_ARGS_1, (void *)ctx[1]
#define EIM_ARGS_3 EIM_ARGS_2, (void *)ctx[2]
#define EIM_ARGS_4 EIM_ARGS_3, (void *)ctx[3]
#define EIM_ARGS_5 EIM_ARGS_4, (void *)ctx[4]
#define EIM_ARGS_6 EIM_ARGS_5, (void *)ctx[5]

/* ---- the host's own functions and variables, for extension entries: SEC("eim/NAME") ----
 *
 *	extern int host_read_file(int fd, char *buffer, int length) __ksym;
 *
 * They are what the host's types (BTF) say, whatever is declared here; a role's capabilities name those that may be
 * called. A pointer that one returns is for passing on; what it acquired is given back on every path. */

/* ---- helpers; a role's capabilities say which of them a program may call ---- */
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value,
					 __u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static long (*const bpf_probe_read)(void *dst, __u32 size, const void *unsafe_ptr) = (void *)4;
static __u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static __u32 (*const bpf_get_prandom_u32)(void) = (void *)7;
static __u32 (*const bpf_get_smp_processor_id)(void) = (void *)8;
/* Goes on with the program at `index`, which gets the same context, and does not come back. Where there is none, or
 * 33 tail calls were made in this run, it returns (nothing that could be used). Only in the entry itself, and with
 * nothing held. */
static void (*const bpf_tail_call)(void *ctx, void *programs, __u32 index) = (void *)12;
static __u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*const bpf_probe_read_str)(void *dst, __u32 size, const void *unsafe_ptr) = (void *)45;
static void (*const bpf_spin_lock)(struct bpf_spin_lock *lock) = (void *)93;
static void (*const bpf_spin_unlock)(struct bpf_spin_lock *lock) = (void *)94;
static long (*const bpf_probe_read_user)(void *dst, __u32 size,
					 const void *unsafe_ptr) = (void *)112;
static long (*const bpf_probe_read_user_str)(void *dst, __u32 size,
					     const void *unsafe_ptr) = (void *)114;
static long (*const bpf_ringbuf_output)(void *ringbuf, void *data, __u64 size,
					__u64 flags) = (void *)130;
static void *(*const bpf_ringbuf_reserve)(void *ringbuf, __u64 size, __u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, __u64 flags) = (void *)132;
static void (*const bpf_ringbuf_discard)(void *data, __u64 flags) = (void *)133;
static __u64 (*const bpf_ringbuf_query)(void *ringbuf, __u64 flags) = (void *)134;
/* Calls fn(map, key, value, ctx) for each element, fn(index, ctx) for each index below `count`, until one
 * returns 1; gives how many were called. What `ctx` points to must be
 * initialised before. */
static long (*const bpf_for_each_map_elem)(void *map, void *fn, void *ctx,
					   __u64 flags) = (void *)164;
static long (*const bpf_loop)(__u32 count, void *fn, void *ctx, __u64 flags) = (void *)181;
static long (*const bpf_strncmp)(const char *s1, __u32 s1_size, const char *s2) = (void *)182;

/*
 * Dynptrs: memory whose size is known when the program runs. A local variable that only these touch; what is
 * behind it is a part of a map's value, or a record, which must be submitted or discarded also where
 * reserving it fails. bpf_dynptr_data() gives memory of a constant size, or null where it is not all there; it
 * ends with the dynptr. bpf_dynptr_read() fills `dst` with zeros where it fails.
 */
struct bpf_dynptr {
	__u64 __opaque[2];
};
static long (*const bpf_dynptr_from_mem)(void *data, __u32 size, __u64 flags,
					 struct bpf_dynptr *ptr) = (void *)197;
static long (*const bpf_ringbuf_reserve_dynptr)(void *ringbuf, __u32 size, __u64 flags,
						struct bpf_dynptr *ptr) = (void *)198;
static void (*const bpf_ringbuf_submit_dynptr)(struct bpf_dynptr *ptr, __u64 flags) = (void *)199;
static void (*const bpf_ringbuf_discard_dynptr)(struct bpf_dynptr *ptr, __u64 flags) = (void *)200;
static long (*const bpf_dynptr_read)(void *dst, __u32 len, const struct bpf_dynptr *src,
				     __u32 offset, __u64 flags) = (void *)201;
static long (*const bpf_dynptr_write)(const struct bpf_dynptr *dst, __u32 offset, void *src,
				      __u32 len, __u64 flags) = (void *)202;
static void *(*const bpf_dynptr_data)(const struct bpf_dynptr *ptr, __u32 offset,
				      __u32 len) = (void *)203;

/*
 * Numbers one by one, for loops: start, start + 1 … end - 1. Metered roles take any number of rounds, others those that are
 * counted before. The number is known to lie from start to end - 1.
 *
 *	int i;
 *	bpf_for(i, 0, count) { if (…) break; … }
 *
 * start and end are evaluated in each round. Of the three functions bpf_iter_num_next() returns a pointer to the next
 * number, good until it is called again, or null; bpf_iter_num_destroy() is called on every path, also
 * where bpf_iter_num_new() fails (end < start, or more than 8 Mi numbers).
 */
struct bpf_iter_num {
	__u64 __opaque[1];
} __attribute__((aligned(8)));
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;

static __always_inline void eim_numbers_end(struct bpf_iter_num *it)
{
	bpf_iter_num_destroy(it);
}

#define bpf_for(i, start, end)                                                            \
	for (struct bpf_iter_num eim_numbers __attribute__((cleanup(eim_numbers_end))),   \
	     *eim_begun = (bpf_iter_num_new(&eim_numbers, (start), (end)), &eim_numbers); \
	     ({                                                                           \
		     const int *eim_number = bpf_iter_num_next(eim_begun);                \
		     eim_number && ((i) = *eim_number, (i) >= (start) && (i) < (end));    \
	     });)

/* Present in kernels, absent from the runtime: calling it is refused by name. */
static long (*const bpf_trace_printk)(const char *fmt, __u32 fmt_size, ...) = (void *)6;
static long (*const bpf_probe_write_user)(void *dst, const void *src, __u32 len) = (void *)36;
