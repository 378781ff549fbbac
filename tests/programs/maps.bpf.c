/* Maps of each kind that the runtime has, in both ways to declare sizes. */
#include "eim_bpf.h"

struct point {
	__s32 x, y;
	char name[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct point);
} points SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 24);
	__uint(map_flags, 1024);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("uprobe//usr/bin/app:work")
int on_work(struct pt_regs *ctx)
{
	__u32 key = (__u32)PT_REGS_PARM1(ctx);
	struct point *p = bpf_map_lookup_elem(&points, &key);
	struct point fresh = {.x = 1, .y = -1, .name = "new"};
	if (!p)
		return bpf_map_update_elem(&points, &key, &fresh, BPF_ANY) != 0;
	p->x++;
	__u64 *slot = bpf_map_lookup_elem(&slots, &key);
	return slot ? (int)*slot : 0;
}

SEC("uretprobe//usr/bin/app:work")
int on_return(struct pt_regs *ctx)
{
	__u64 *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	*event = PT_REGS_RC(ctx);
	bpf_ringbuf_submit(event, 0);
	return 0;
}
