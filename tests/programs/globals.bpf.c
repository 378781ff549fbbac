/* Global data of every kind: .rodata, .rodata.str, .data, .bss, a section of its own, static and not. */
#include "eim_bpf.h"

const volatile __u32 limit = 42;
__u64 start = 1000;
__u64 total;
static volatile __u32 calls;
static volatile __u32 second = 7;
const char table[4] = {1, 2, 3, 4};
__u32 marked SEC(".data.marked") = 5;

SEC("uprobe")
int count(struct pt_regs *ctx)
{
	__u64 at = PT_REGS_PARM1(ctx);
	calls++;
	second++;
	marked++;
	total += start;
	start += table[at & 3];
	if (bpf_strncmp((const char *)&total, 8, "stopping") == 0)
		return 2;
	return total > limit;
}
