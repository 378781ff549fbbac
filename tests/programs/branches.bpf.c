/* Branches before a call that a role may forbid: a loop that goes the same way each round. */
#include "eim_bpf.h"

SEC("uprobe//bin/true:main")
int on_call(struct pt_regs *ctx)
{
	__u64 bits = PT_REGS_PARM1(ctx);
	for (__u32 i = 0; i < 5; i++) {
		__asm__ volatile("" : "+r"(bits));
		if (bits == 7)
			return 0;
	}
	return bpf_ktime_get_ns();
}
