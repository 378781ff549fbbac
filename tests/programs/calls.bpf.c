/* Calls: static and global functions, from .text and from a section of entries, and within one. */
#include "eim_bpf.h"

static __noinline __u64 twice(__u64 x)
{
	__asm__ volatile("" : "+r"(x));
	return x * 2;
}

static __noinline __u64 quad(__u64 x)
{
	return twice(x) + twice(x + 1);
}

__noinline int shared_code(__u64 x)
{
	return (int)quad(x);
}

SEC("uprobe")
int first(struct pt_regs *ctx)
{
	return (int)quad(PT_REGS_PARM1(ctx)) + shared_code(3);
}

SEC("uprobe")
int second(struct pt_regs *ctx)
{
	return (int)twice(PT_REGS_PARM2(ctx));
}

SEC("uretprobe")
int third(struct pt_regs *ctx)
{
	return shared_code(PT_REGS_RC(ctx)) + second(ctx);
}
