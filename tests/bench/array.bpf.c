/* Counts in an array. */
#include "eim_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} calls SEC(".maps");

SEC("uprobe/bench_host:bench_push")
int on_call(struct pt_regs *ctx)
{
	__u32 key = 0;
	__u64 *count = bpf_map_lookup_elem(&calls, &key);
	(void)ctx;
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}
