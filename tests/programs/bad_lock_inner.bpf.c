/* A map that has no lock where the others in its map have one. */
#include "eim_bpf.h"

struct counted {
	struct bpf_spin_lock lock;
	__u32 count;
};
struct counted shown; /* so that its members are in the BTF */
struct locked {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct counted);
	__uint(max_entries, 4);
} alike SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 4);
} plain SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct locked);
} outer SEC(".maps") = {.values = {(void *)&plain}};

SEC("uprobe") int work(void *ctx)
{
	return 0;
}
