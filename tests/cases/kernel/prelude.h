/* Before each program in C of this folder. */
#pragma once
#include "eim_bpf.h"

struct wide {
	__u8 bytes[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct wide);
	__uint(max_entries, 8);
} table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 4);
} numbers SEC(".maps");

struct record {
	__u64 a, b, c, d;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");
EIM_RECORD(events, struct record);

#define PROGRAMS(name, ...)                            \
	struct {                                       \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY); \
		__uint(max_entries, 4);                \
		__uint(key_size, 4);                   \
		__uint(value_size, 4);                 \
		__array(values, int(void *));          \
	} name SEC(".maps") = {.values = {__VA_ARGS__}}

char LICENSE[] SEC("license") = "GPL";

/* What the compiler may conclude nothing from. */
#define HIDE(x)	     __asm__ volatile("" : "+r"(x))
#define ENTRY	     SEC("uprobe//bin/true:main") int on_call(struct pt_regs *ctx)
#define FIND(v, key) struct wide *v = bpf_map_lookup_elem(&table, &key)
