/* More maps than there are slots. */
#include "eim_bpf.h"

struct counts {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
};
struct counts a SEC(".maps"), b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct counts);
} outer SEC(".maps") = {.values = {&a, &b}};

SEC("uprobe") int work(void *ctx)
{
	return 0;
}
