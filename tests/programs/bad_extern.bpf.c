/* Refused: a function that is in another object. */
#include "eim_bpf.h"

extern int elsewhere(__u64 x);

SEC("uprobe")
int ask(struct pt_regs *ctx)
{
	return elsewhere(PT_REGS_PARM1(ctx));
}
