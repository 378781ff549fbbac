/* Counts calls of probed() by pid in a hash map and by parity in an array, and sends each 100th. */
#include "eim_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} hits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} parity SEC(".maps");

struct event {
	__u64 argument;
	__u32 pid;
	char word[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} events SEC(".maps");
EIM_RECORD(events, struct event);

__u64 total;

static __always_inline void count(void *map, const void *key)
{
	__u64 zero = 0, *value = bpf_map_lookup_elem(map, key);
	if (!value) {
		bpf_map_update_elem(map, key, &zero, BPF_NOEXIST);
		value = bpf_map_lookup_elem(map, key);
	}
	if (value)
		__sync_fetch_and_add(value, 1);
}

SEC("uprobe/counted_host:probed")
int on_probed(struct pt_regs *ctx)
{
	__u64 argument = PT_REGS_PARM1(ctx);
	__u32 pid = bpf_get_current_pid_tgid() >> 32, odd = argument & 1;
	count(&hits, &pid);
	count(&parity, &odd);
	__sync_fetch_and_add(&total, 1);
	if (argument % 100 == 0) {
		struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
		if (!e)
			return 0;
		e->argument = argument;
		e->pid = pid;
		__builtin_memcpy(e->word, "call", 5);
		bpf_ringbuf_submit(e, 0);
	}
	return 0;
}
