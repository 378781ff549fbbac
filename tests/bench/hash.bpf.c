/* Counts in a hash map, by a key of 8 bytes. */
#include "eim_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
} calls SEC(".maps");

SEC("uprobe/bench_host:bench_push")
int on_call(struct pt_regs *ctx)
{
	const __u64 none = 0;
	__u64 key = 0;
	__u64 *count = bpf_map_lookup_elem(&calls, &key);
	(void)ctx;
	if (!count) {
		bpf_map_update_elem(&calls, &key, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&calls, &key);
	}
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}
