/* Refused: a key's size that is not its type's. */
#include "eim_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__uint(key_size, 4);
	__type(key, __u64);
	__type(value, __u64);
} hits SEC(".maps");

SEC("uprobe")
int find(struct pt_regs *ctx)
{
	__u64 key = PT_REGS_PARM1(ctx);
	return bpf_map_lookup_elem(&hits, &key) != 0;
}
