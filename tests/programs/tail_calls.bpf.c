/* Programs that go on with one another: a map with a hole, and one whose programs lie in other sections. */
#include "eim_bpf.h"

__u64 steps;

SEC("uprobe//bin/true:main")
int first(struct pt_regs *ctx);
SEC("uprobe")
int second(struct pt_regs *ctx);
SEC("uprobe")
int third(struct pt_regs *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__array(values, int(void *));
} next SEC(".maps") = {
	.values = {[0] = (void *)&second, [2] = (void *)&third, [7] = (void *)&first}};

SEC("uprobe//bin/true:main")
int first(struct pt_regs *ctx)
{
	steps += 1;
	bpf_tail_call(ctx, &next, PT_REGS_PARM1(ctx));
	return 1;
}

SEC("uprobe")
int second(struct pt_regs *ctx)
{
	steps += 100;
	bpf_tail_call(ctx, &next, 2);
	return 2;
}

SEC("uprobe")
int third(struct pt_regs *ctx)
{
	steps += 10000;
	return PT_REGS_PARM2(ctx);
}
