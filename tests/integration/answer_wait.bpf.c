/* Answers when the host lets it go on. */
#include "eim_bpf.h"

extern int host_wait(int x) __ksym;

SEC("eim/answer")
int EIM_PROG(on_answer, int x, int y)
{
	(void)ctx;
	return host_wait(x) + y + 1000;
}
