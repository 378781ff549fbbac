#include "eim_bpf.h"
SEC("uprobe/counted_host:probd")
int on_probd(void *ctx)
{
	return 0;
}
