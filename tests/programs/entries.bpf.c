/* Entries of several kinds, without maps or data. */
#include "eim_bpf.h"

SEC("uprobe/libc.so.6:malloc+0x10")
int on_malloc(struct pt_regs *ctx)
{
	return PT_REGS_PARM1(ctx) > 4096;
}

SEC("eim/filter")
int filter(struct pt_regs *ctx)
{
	return PT_REGS_PARM1(ctx) == 0;
}

SEC("xdp")
int drop(void *ctx)
{
	return ctx ? 1 : 2;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
