/* Refused: a mistyped section. */
#include "eim_bpf.h"

SEC("urpobe//usr/bin/app:work")
int on_work(struct pt_regs *ctx)
{
	return PT_REGS_PARM1(ctx) != 0;
}
