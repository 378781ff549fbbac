/* Refused: a map that programs may only read, which nothing here would enforce. */
#include "eim_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__uint(map_flags, 128); /* BPF_F_RDONLY_PROG */
	__type(key, __u32);
	__type(value, __u64);
} slots SEC(".maps");

SEC("uprobe")
int find(struct pt_regs *ctx)
{
	__u32 key = (__u32)PT_REGS_PARM1(ctx);
	return bpf_map_lookup_elem(&slots, &key) != 0;
}
