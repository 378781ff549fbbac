/* More programs than max_entries. */
#include "eim_bpf.h"

SEC("uprobe") int work(void *ctx)
{
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(values, int(void *));
} next SEC(".maps") = {.values = {[4] = (void *)&work}};
