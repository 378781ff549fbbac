/* Every third call of probed() never comes to an end here. */
#include "eim_bpf.h"

__u64 begun, whole;

SEC("uprobe/counted_host:probed")
int on_probed(struct pt_regs *ctx)
{
	__u64 x = PT_REGS_PARM1(ctx);
	__sync_fetch_and_add(&begun, 1);
	while (x % 3 == 0) {
		x += 3;
		eim_keep_index(x); /* or the compiler takes for granted that it ends */
	}
	__sync_fetch_and_add(&whole, 1);
	return 0;
}
