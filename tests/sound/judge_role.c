/*
 * The roles that programs are judged under, and what each may call.
 */
#include "tests/sound/judge.h"

/* What a part adds: a row, and its name in those roles below that have it. */
static const struct {
	const char *name, *apis;
} capabilities[] = {
	{"Maps", "bpf_map_lookup_elem, bpf_map_update_elem"},
	{"Reads", "bpf_probe_read, bpf_probe_read_str, bpf_probe_read_user, "
		  "bpf_probe_read_user_str, bpf_strncmp, bpf_get_current_pid_tgid"},
	{"Records", "bpf_ringbuf_reserve, bpf_ringbuf_submit, bpf_ringbuf_discard"},
	{"Dynptrs",
	 "bpf_dynptr_from_mem, bpf_ringbuf_reserve_dynptr, bpf_ringbuf_submit_dynptr, "
	 "bpf_ringbuf_discard_dynptr, bpf_dynptr_read, bpf_dynptr_write, bpf_dynptr_data"},
	{"Ranges", "bpf_iter_num_new, bpf_iter_num_next, bpf_iter_num_destroy"},
	{"Locks", "bpf_spin_lock, bpf_spin_unlock"},
	{"Calls", "bpf_loop, bpf_for_each_map_elem"},
	{"Changes", "bpf_map_delete_elem, bpf_ringbuf_query, bpf_ringbuf_output, bpf_tail_call"},
	{"Chances", "bpf_ktime_get_ns, bpf_get_prandom_u32, bpf_get_smp_processor_id"},
};

static const struct {
	const char *name, *capabilities, *attributes;
} roles[JUDGE_ROLES] = {
	{"All", "Maps, Reads, Records, Dynptrs, Ranges, Locks, Calls, Changes, Chances, Host",
	 "max_instructions: 20000, max_memory: 4096, allow_memory_write: true, "
	 "always_const: false, may_have_side_effect: true"},
	{"Some", "Maps, Reads, Records, Dynptrs, Ranges, Locks, Calls, Changes, Host",
	 "max_instructions: 2000, max_memory: 1024, allow_memory_write: true"},
	{"Tight", "Maps, Reads, Records, Dynptrs, Ranges, Locks, Calls, Changes, Chances, Host",
	 "max_instructions: 200, max_memory: 640, always_const: false"},
	{"Metered", "Maps, Reads, Records, Dynptrs, Ranges, Locks, Calls, Changes, Chances, Host",
	 "max_instructions: 4000, max_memory: 4096, metered: true, allow_memory_write: true, "
	 "always_const: false, may_have_side_effect: true"},
};

void judge_document(struct buf *out)
{
	judge_host_document(out);
	buf_printf(out, "capabilities:\n  - name: Host\n    apis: [%s]\n", judge_host_functions());
	for (size_t n = 0; n < ARRAY_SIZE(capabilities); n++)
		buf_printf(out, "  - name: %s\n    apis: [%s]\n", capabilities[n].name,
			   capabilities[n].apis);
	buf_printf(out, "roles:\n");
	for (size_t n = 0; n < ARRAY_SIZE(roles); n++) {
		buf_printf(out,
			   "  - name: %s\n    capabilities: [%s]\n    attributes: {%s}\n"
			   "    access: {",
			   roles[n].name, roles[n].capabilities, roles[n].attributes);
		judge_host_access((unsigned)n, out);
		buf_puts(out, "}\n");
	}
}

void judge_grants(const struct role *role, uint64_t granted[4])
{
	for (size_t n = 0; n < role->functions_count; n++)
		if (role->functions[n].helper)
			granted[role->functions[n].helper->id / 64] |=
				UINT64_C(1) << role->functions[n].helper->id % 64;
}
