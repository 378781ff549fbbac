/* Answers with a sum that the host makes, and counts. */
#include "eim_bpf.h"

extern int host_add(int a, int b) __ksym;

__u64 answers;

SEC("eim/answer")
int EIM_PROG(on_answer, int x, int y)
{
	(void)ctx;
	__sync_fetch_and_add(&answers, 1);
	return host_add(x, y) + 1000;
}
