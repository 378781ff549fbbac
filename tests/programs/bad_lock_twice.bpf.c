/* Two locks in one value. */
#include "eim_bpf.h"

struct account {
	struct bpf_spin_lock a, b;
	__u64 count;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct account);
	__uint(max_entries, 4);
} accounts SEC(".maps");

SEC("uprobe") int work(void *ctx)
{
	return 0;
}
