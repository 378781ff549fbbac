/* One call or access of each kind that verifier facts speak of. */
#include "eim_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 16);
} first SEC(".maps"), second SEC(".maps");

__u64 total;

SEC("uprobe//bin/true:fixed")
int fixed(struct pt_regs *ctx)
{
	__u32 key = 1;
	__u64 value = PT_REGS_PARM1(ctx);
	total = value;
	return bpf_map_update_elem(&second, &key, &value, BPF_NOEXIST);
}

/* The same call with flags, and with a map, that differ by path. */
SEC("uprobe//bin/true:mixed")
int mixed(struct pt_regs *ctx)
{
	__u32 key = 1;
	__u64 value = 2, flags = BPF_ANY;
	void *map = &first;
	if (PT_REGS_PARM1(ctx) == 7)
		flags = BPF_EXIST;
	asm volatile("" : "+r"(flags));
	if (PT_REGS_PARM2(ctx) == 8)
		map = &second;
	asm volatile("" : "+r"(map));
	return bpf_map_update_elem(map, &key, &value, flags);
}
