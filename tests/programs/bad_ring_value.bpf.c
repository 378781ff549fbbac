/* Refused, as by the kernel: a ring buffer has no values. */
#include "eim_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
	__type(value, __u64);
} events SEC(".maps");

SEC("uprobe")
int emit(struct pt_regs *ctx)
{
	__u64 value = PT_REGS_PARM1(ctx);
	return (int)bpf_ringbuf_output(&events, &value, sizeof(value), 0);
}
