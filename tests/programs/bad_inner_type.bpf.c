/* Values that are no pointers to a map. */
#include "eim_bpf.h"


struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	int values;

} outer SEC(".maps");

SEC("uprobe") int work(void *ctx)
{
	return 0;
}
