#include "eim_bpf.h"
SEC("uprobe/counted_host:tight_loop")
int on_loop(void *ctx)
{
	return 0;
}
