/*
 * Looks into nginx's request, which the role that its policy names does not allow: a rejection to
 * look at. Under the role `inspector` of the same spec it is accepted.
 */
#include "eim_bpf.h"

#define SIGNATURE 0x50545448 /* "HTTP": what ngx_http_request_t begins with */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} genuine SEC(".maps");

SEC("uprobe//usr/sbin/nginx:ngx_http_process_request")
int on_request(struct pt_regs *ctx)
{
	const __u64 one = 1;
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u32 signature = 0;
	bpf_probe_read_user(&signature, sizeof(signature), (const void *)PT_REGS_PARM1(ctx));
	if (signature == SIGNATURE)
		bpf_map_update_elem(&genuine, &pid, &one, BPF_ANY);
	return 0;
}
