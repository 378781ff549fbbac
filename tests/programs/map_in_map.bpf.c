/* Maps in maps: one in each slot that is written, nothing in the others. */
#include "eim_bpf.h"

struct counts {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} reads SEC(".maps"), writes SEC(".maps");
static struct counts hidden SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 5);
	__type(key, __u32);
	__array(values, struct counts);
} by_kind SEC(".maps") = {.values = {[1] = &reads, [3] = &writes, &hidden}};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 1000);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__array(values, struct counts);
} by_number SEC(".maps") = {.values = {[999] = &writes, [0] = &writes}};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct counts);
} nothing SEC(".maps");

static long add(void *map, const __u32 *key, __u64 *value, __u64 *sum)
{
	__u64 *again = bpf_map_lookup_elem(map, key);
	*sum += *value + (again ? 100 * *again : 100000);
	return 0;
}

/* Adds one to element 2 of the map with number `di` in `outer`: the new count, or 0 where there is no map. */
#define COUNT(outer)                                                  \
	__u32 number = PT_REGS_PARM1(ctx), two = 2;                   \
	void *counts = bpf_map_lookup_elem(&outer, &number);          \
	if (!counts)                                                  \
		return 0;                                             \
	__u64 *count = bpf_map_lookup_elem(counts, &two);             \
	return count ? ++*count : 0

SEC("uprobe//usr/bin/app:kind") int on_kind(struct pt_regs *ctx)
{
	COUNT(by_kind);
}

SEC("uprobe//usr/bin/app:number") int on_number(struct pt_regs *ctx)
{
	COUNT(by_number);
}

SEC("uprobe//usr/bin/app:nothing") int on_nothing(struct pt_regs *ctx)
{
	COUNT(nothing);
}

SEC("uprobe//usr/bin/app:each") int on_each(struct pt_regs *ctx)
{
	__u32 number = PT_REGS_PARM1(ctx), two = 2;
	__u64 sum = 0, seven = 7;
	void *counts = bpf_map_lookup_elem(&by_kind, &number);
	if (!counts)
		return -1;
	bpf_map_update_elem(counts, &two, &seven, BPF_ANY);
	bpf_for_each_map_elem(counts, add, &sum, 0);
	return sum;
}
