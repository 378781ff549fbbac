/* Refused: a map declared as before BTF. */
#include "eim_bpf.h"

struct {
	__u32 type, key_size, value_size, max_entries;
} hits SEC("maps") = {BPF_MAP_TYPE_HASH, 8, 8, 16};

SEC("uprobe")
int find(struct pt_regs *ctx)
{
	__u64 key = PT_REGS_PARM1(ctx);
	return bpf_map_lookup_elem(&hits, &key) != 0;
}
