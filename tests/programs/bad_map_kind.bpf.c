/* Refused: a kind of map that the kernel has and the runtime lacks. */
#include "eim_bpf.h"

struct {
	__uint(type, 11);
	__uint(max_entries, 16);
	__type(key, __u64);
	__type(value, __u64);
} routes SEC(".maps");

SEC("uprobe")
int find(struct pt_regs *ctx)
{
	__u64 key = PT_REGS_PARM1(ctx);
	return bpf_map_lookup_elem(&routes, &key) != 0;
}
