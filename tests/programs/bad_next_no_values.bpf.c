/* An array of programs that nothing fills. */
#include "eim_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 4);
} next SEC(".maps");

SEC("uprobe") int work(void *ctx)
{
	return 0;
}
