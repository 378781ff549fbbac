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

/* A map of two maps, with locks in their values; in programs that ask for it. */
struct account {
	__u64 in;
	struct bpf_spin_lock lock;
	__u32 out;
};
#define LOCKED                                            \
	struct bank {                                     \
		__uint(type, BPF_MAP_TYPE_HASH);          \
		__type(key, __u32);                       \
		__type(value, struct account);            \
		__uint(max_entries, 8);                   \
	} north SEC(".maps"), south SEC(".maps");         \
	struct {                                          \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); \
		__type(key, __u32);                       \
		__uint(max_entries, 2);                   \
		__array(values, struct bank);             \
	} banks SEC(".maps") = {.values = {&north, &south}};
#define ACCOUNT(a, number)                                          \
	__u32 a##_bank = PT_REGS_PARM1(ctx), a##_key = number;      \
	void *a##_map = bpf_map_lookup_elem(&banks, &a##_bank);     \
	if (!a##_map)                                               \
		return 0;                                           \
	struct account *a = bpf_map_lookup_elem(a##_map, &a##_key); \
	if (!a)                                                     \
	return 0

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
#define HIDE(x) __asm__ volatile("" : "+r"(x))
#define MAY_LEAVE                                                 \
	{                                                         \
		__label__ leave, go_on;                           \
		__asm__ goto("may_goto %l[leave]" : : : : leave); \
		goto go_on;                                       \
	leave:                                                    \
		break;                                            \
	go_on:;                                                   \
	}
#define ENTRY	     SEC("uprobe//bin/true:main") int on_call(struct pt_regs *ctx)
#define FIND(v, key) struct wide *v = bpf_map_lookup_elem(&table, &key)
