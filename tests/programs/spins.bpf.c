/* A loop that takes an analysis that walks its rounds some time. */
#include "eim_bpf.h"

SEC("uprobe//bin/true:main")
int on_call(struct pt_regs *ctx)
{
	__u64 sum = PT_REGS_PARM1(ctx);
	for (__u32 i = 0; i < 100000; i++)
		__asm__ volatile("" : "+r"(sum));
	return sum;
}
