/* Refused: a field whose place only the host's BTF would tell. */
#include "eim_bpf.h"

struct request {
	int uri, status;
} __attribute__((preserve_access_index));

SEC("uprobe")
int status(struct pt_regs *ctx)
{
	struct request *r = (struct request *)PT_REGS_PARM1(ctx);
	int value = 0;
	bpf_probe_read_user(&value, sizeof(value), &r->status);
	return value;
}
