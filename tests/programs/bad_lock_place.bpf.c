/* A lock at an odd place. */
#include "eim_bpf.h"

struct account {
	__u8 kind;
	struct bpf_spin_lock lock;
} __attribute__((packed));
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
