/* Refused: a function that the host may or may not have. */
#include "eim_bpf.h"

extern int host_close(int fd) __ksym __attribute__((weak));

SEC("eim/serve")
int serve(unsigned long long *ctx)
{
	return host_close((int)ctx[0]);
}
