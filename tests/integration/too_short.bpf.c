#include "eim_bpf.h"
SEC("uprobe/counted_host:too_short")
int on_short(void *ctx)
{
	return 0;
}
