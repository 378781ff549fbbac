/* A map of maps that does not say what is inside. */
#include "eim_bpf.h"


struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);

} outer SEC(".maps");

SEC("uprobe") int work(void *ctx)
{
	return 0;
}
