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

/* ---- maps (BTF-defined, as libbpf's) ---- */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_RINGBUF = 27,
};

#define __uint(name, val) int(*name)[val]
#define __type(name, val) __typeof__(val) *name

/*
 * Says what the records of ring buffer `map` are, so that they arrive as JSON with field names:
 *	EIM_RECORD(events, struct event);
 * Loaders that do not know the section skip it.
 */
#define EIM_RECORD(map, type) type *map##_record __attribute__((section(".eim.records"), used)) = 0

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
static __u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*const bpf_probe_read_str)(void *dst, __u32 size, const void *unsafe_ptr) = (void *)45;
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
/* Present in kernels, absent from the runtime: calling it is refused by name. */
static long (*const bpf_trace_printk)(const char *fmt, __u32 fmt_size, ...) = (void *)6;
static long (*const bpf_probe_write_user)(void *dst, const void *src, __u32 len) = (void *)36;
