/*
 * Counts the requests of each nginx worker, and tells of each one as an event.
 *
 * ngx_http_process_request(ngx_http_request_t *r) runs once for each request whose headers have been
 * read, in the worker that serves it. Nothing of `r` is read: its address is only a number here.
 */
#include "eim_bpf.h"

#define MAX_WORKERS 1024
#define RING_BYTES  (64 * 1024)

struct event {
	__u64 time_ns; /* since the machine started */
	__u32 pid, tid;
	__u64 sequence; /* of the worker: 1, 2, 3 … without gaps */
	__u64 request;	/* where the worker keeps the request: equal for requests that share it */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_WORKERS);
	__type(key, __u32);
	__type(value, __u64);
} requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} events SEC(".maps");
EIM_RECORD(events, struct event);

/* One more request of `pid`: how many that makes; 0 where there is no room for another worker. */
static __always_inline __u64 count_request(__u32 pid)
{
	const __u64 none = 0;
	__u64 *count = bpf_map_lookup_elem(&requests, &pid);
	if (!count) {
		/* Another thread may be first: then this changes nothing, and both add to its element. */
		bpf_map_update_elem(&requests, &pid, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&requests, &pid);
	}
	return count ? __sync_fetch_and_add(count, 1) + 1 : 0;
}

SEC("uprobe//usr/sbin/nginx:ngx_http_process_request")
int on_request(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u64 sequence = count_request(id >> 32);
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	event->time_ns = bpf_ktime_get_ns();
	event->pid = id >> 32;
	event->tid = (__u32)id;
	event->sequence = sequence;
	event->request = PT_REGS_PARM1(ctx);
	bpf_ringbuf_submit(event, 0);
	return 0;
}
