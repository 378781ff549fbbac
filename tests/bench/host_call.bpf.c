/* The same with what an empty function of the host gives. */
#include "eim_bpf.h"

extern int bench_nothing(int x) __ksym;

SEC("eim/answer")
long EIM_PROG(on_call, unsigned long x)
{
	(void)ctx;
	(void)x;
	return bench_nothing(1);
}
