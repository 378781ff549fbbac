/* Sums that only a lock keeps together, in one of two maps. */
#include "eim_bpf.h"

struct sums {
	__u64 count;
	struct bpf_spin_lock lock;
	__u32 last;
	__u64 sum;
};
struct sums_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct sums);
	__uint(max_entries, 1);
} even SEC(".maps"), odd SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 2);
	__array(values, struct sums_map);
} by_parity SEC(".maps") = {.values = {&even, &odd}};

SEC("uprobe/counted_host:probed")
int on_probed(struct pt_regs *ctx)
{
	__u64 argument = PT_REGS_PARM1(ctx);
	__u32 parity = argument & 1, zero = 0;
	void *map = bpf_map_lookup_elem(&by_parity, &parity);
	if (!map)
		return 0;
	struct sums *s = bpf_map_lookup_elem(map, &zero);
	if (!s)
		return 0;
	bpf_spin_lock(&s->lock);
	s->count = s->count + 1;
	s->sum = s->sum + argument;
	s->last = argument;
	bpf_spin_unlock(&s->lock);
	return 0;
}
