#include "tests/unit/test.h"

#include "shared/bpf/section.h"

#include <stdio.h>

#include <linux/bpf.h>

static void finds_sections_by_what_may_follow_their_names(void **state UNUSED)
{
	static const struct {
		const char *name, *prefix;
		enum section_kind kind;
		enum section_provider provider;
		uint32_t prog_type;
	} cases[] = {
		{"uprobe", "uprobe", SECTION_UPROBE, SECTION_BOTH, BPF_PROG_TYPE_KPROBE},
		{"uprobe//bin/sh:main", "uprobe", SECTION_UPROBE, SECTION_BOTH,
		 BPF_PROG_TYPE_KPROBE},
		{"uprobe.s//bin/sh:main", "uprobe.s", SECTION_UPROBE, SECTION_BOTH,
		 BPF_PROG_TYPE_KPROBE},
		{"?uprobe/x:y", "uprobe", SECTION_UPROBE, SECTION_BOTH, BPF_PROG_TYPE_KPROBE},
		{"uretprobe", "uretprobe", SECTION_URETPROBE, SECTION_BOTH, BPF_PROG_TYPE_KPROBE},
		{"usdt/x:p:n", "usdt", SECTION_USDT, SECTION_BOTH, BPF_PROG_TYPE_KPROBE},
		{"eim/process_begin", "eim", SECTION_EXTENSION, SECTION_USERSPACE, 0},
		{"tracepoint/syscalls/sys_enter_openat", "tracepoint/syscalls/sys_enter_",
		 SECTION_SYSCALL_ENTER, SECTION_BOTH, BPF_PROG_TYPE_TRACEPOINT},
		{"tp/syscalls/sys_enter_read", "tp/syscalls/sys_enter_", SECTION_SYSCALL_ENTER,
		 SECTION_BOTH, BPF_PROG_TYPE_TRACEPOINT},
		{"tracepoint/sched/sched_switch", "tracepoint", SECTION_KERNEL_ONLY, SECTION_KERNEL,
		 BPF_PROG_TYPE_TRACEPOINT},
		{"xdp", "xdp", SECTION_KERNEL_ONLY, SECTION_KERNEL, BPF_PROG_TYPE_XDP},
		{"xdp/devmap", "xdp/devmap", SECTION_KERNEL_ONLY, SECTION_KERNEL,
		 BPF_PROG_TYPE_XDP},
		{"fentry/vfs_read", "fentry", SECTION_KERNEL_ONLY, SECTION_KERNEL,
		 BPF_PROG_TYPE_TRACING},
		{"cgroup/connect4", "cgroup/connect4", SECTION_KERNEL_ONLY, SECTION_KERNEL,
		 BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
		{"netfilter", "netfilter", SECTION_KERNEL_ONLY, SECTION_KERNEL, 32},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct section *s = section_find(str_of(cases[i].name));
		if (!s)
			fail_msg("%s is not found", cases[i].name);
		assert_string_equal(s->prefix, cases[i].prefix);
		assert_int_equal(s->kind, cases[i].kind);
		assert_int_equal(s->provider, cases[i].provider);
		assert_int_equal(s->prog_type, cases[i].prog_type);
	}
}

static void finds_nothing_for_other_names(void **state UNUSED)
{
	static const char *const names[] = {
		"",	    "?",   ".text", "uprob",	"uprobes", "uprobex/y", "xdp/",
		"xdp_drop", "eim", "eim/",  "socket/x", "license", "??uprobe",
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct section *s = section_find(str_of(names[i]));
		if (s)
			fail_msg("\"%s\" is taken for %s", names[i], s->prefix);
	}
}

/* No row may hide a later one: each is found by its own name. */
static void keeps_every_row_reachable(void **state UNUSED)
{
	for (size_t i = 0; i < sections_count; i++) {
		char name[128];
		bool needs =
			sections[i].match == SECTION_NEEDS || sections[i].match == SECTION_OPEN;
		snprintf(name, sizeof(name), "%s%s", sections[i].prefix, needs ? "/x" : "");
		assert_ptr_equal(section_find(str_of(name)), &sections[i]);
	}
}

static void reads_targets(void **state UNUSED)
{
	static const struct {
		const char *name, *path, *symbol;
		uint64_t offset;
	} cases[] = {
		{"uprobe", "", "", 0},
		{"uprobe//usr/bin/app:work", "/usr/bin/app", "work", 0},
		{"uretprobe/libc.so.6:malloc", "libc.so.6", "malloc", 0},
		{"?uprobe/app:work+0x10", "app", "work", 16},
		{"uprobe/app:work+12", "app", "work", 12},
		{"uprobe//a:b/app:work", "/a:b/app", "work", 0},
		{"uprobe/app:0x1240", "app", "", 0x1240},
		{"uprobe/app:4096", "app", "", 4096},
		{"uprobe/:work", "", "work", 0},
		{"uprobe/app:sym@@VER_1", "app", "sym@@VER_1", 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct section_target t;
		assert_ok(section_target_parse(str_of(cases[i].name), &t));
		assert_true(str_is(t.path, cases[i].path));
		assert_true(str_is(t.symbol, cases[i].symbol));
		assert_int_equal(t.offset, cases[i].offset);
	}
}

static void rejects_targets_that_are_not_whole(void **state UNUSED)
{
	static const struct {
		const char *name, *part;
	} cases[] = {
		{"uprobe/app", "write PATH:SYMBOL"},
		{"uprobe/", "write PATH:SYMBOL"},
		{"uprobe/app:", "no symbol stands after"},
		{"uprobe/app:+4", "no symbol stands after"},
		{"uprobe/app:work+", "the offset \"\" is no number"},
		{"uprobe/app:work+x", "the offset \"x\" is no number"},
		{"uprobe/app:work+99999999999999999999", "is no number"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct section_target t = {.offset = 77};
		assert_fails(section_target_parse(str_of(cases[i].name), &t), ERR_INVALID, "",
			     cases[i].part);
		assert_int_equal(t.offset, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_sections_by_what_may_follow_their_names),
		cmocka_unit_test(finds_nothing_for_other_names),
		cmocka_unit_test(keeps_every_row_reachable),
		cmocka_unit_test(reads_targets),
		cmocka_unit_test(rejects_targets_that_are_not_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
