/* Refused: data that holds an address. */
#include "eim_bpf.h"

__u64 value = 7;
__u64 *volatile pointer = &value;

SEC("uprobe")
int follow(struct pt_regs *ctx)
{
	return pointer != (__u64 *)PT_REGS_PARM1(ctx);
}
