/* A function's address as a constant: callbacks of helpers that the kernel has. */
#include "eim_bpf.h"

__u64 sum;

static long add(__u32 index, void *context)
{
	sum += index + *(__u64 *)context;
	return 0;
}

__noinline int add_global(__u32 index, __u64 *context)
{
	return context ? (int)(index + *context) : 0;
}

SEC("uprobe")
int run(struct pt_regs *ctx)
{
	__u64 context = PT_REGS_PARM1(ctx);
	bpf_loop(10, add, &context, 0);
	return (int)bpf_loop(10, add_global, &context, 0);
}
