/* Does nothing: what the hook itself costs. */
#include "eim_bpf.h"

SEC("uprobe/bench_host:bench_push")
int on_call(struct pt_regs *ctx)
{
	(void)ctx;
	return 0;
}
