#include "agent/discover/process.h"

#include "shared/base/mem.h"
#include "tests/unit/agent/host.h"

#include <inttypes.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#define GIB ((uint64_t)1 << 30)

static const char typical[] =
	"55bf11fbb000-55bf11fbd000 r--p 00000000 fe:00 247134                     /usr/bin/cat\n"
	"55bf11fbd000-55bf11fc2000 r-xp 00002000 fe:00 247134                     /usr/bin/cat\n"
	"55bf11fc6000-55bf11fc7000 rw-p 0000a000 fe:00 247134                     /usr/bin/cat\n"
	"55bf4a0ca000-55bf4a0eb000 rw-p 00000000 00:00 0                          [heap]\n"
	"7f923c997000-7f923c9bd000 r--p 00000000 103:1f 332835                    /usr/lib/a b "
	"(deleted)\n"
	"7f923c9bd000-7f923cb13000 r-xs 00026000 103:1f 332835                    "
	"/usr/lib/libc.so.6\n"
	"7f923cb8c000-7f923cb8e000 r-xp 00000000 00:00 0                          [vdso]\n"
	"7ffcce8cd000-7ffcce8ee000 rw-p 00000000 00:00 0                          [stack]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

static struct process_maps parse(const char *text)
{
	struct process_maps maps;
	assert_ok(process_maps_parse(str_of(text), &maps));
	return maps;
}

/* ---- maps ---- */

static void reads_every_field_of_a_mapping(void **state)
{
	(void)state;
	struct process_maps maps = parse(typical);
	assert_int_equal(maps.count, 9);
	const struct process_mapping *m = &maps.items[5];
	assert_int_equal(m->start, 0x7f923c9bd000);
	assert_int_equal(m->end, 0x7f923cb13000);
	assert_int_equal(m->offset, 0x26000);
	assert_int_equal(m->inode, 332835);
	assert_int_equal(m->device, makedev(0x103, 0x1f));
	assert_true(m->read && m->execute && m->shared && !m->write);
	assert_true(str_is(m->path, "/usr/lib/libc.so.6"));
	assert_true(str_is(maps.items[4].path, "/usr/lib/a b (deleted)"));
	process_maps_fini(&maps);
}

static void finds_the_mapping_of_an_address(void **state)
{
	(void)state;
	struct process_maps maps = parse(typical);
	assert_ptr_equal(process_maps_at(&maps, 0x55bf11fbd000), &maps.items[1]);
	assert_ptr_equal(process_maps_at(&maps, 0x55bf11fc1fff), &maps.items[1]);
	assert_null(process_maps_at(&maps, 0x55bf11fc2000));
	assert_null(process_maps_at(&maps, 0));
	assert_null(process_maps_at(&maps, UINT64_MAX));
	process_maps_fini(&maps);
}

static void refuses_text_that_is_no_maps_file(void **state)
{
	(void)state;
	struct process_maps maps;
	assert_fails(process_maps_parse(STR("garbage\n"), &maps), ERR_INVALID, "1", "no line of");
	assert_fails(process_maps_parse(STR("2000-1000 r--p 0 0:0 0\n"), &maps), ERR_INVALID, "1",
		     "no line of");
	assert_fails(process_maps_parse(STR("1000-3000 r--p 0 0:0 0\n2000-4000 r--p 0 0:0 0\n"),
					&maps),
		     ERR_INVALID, "2", "overlap");
}

static void survives_running_out_of_memory(void **state)
{
	(void)state;
	for (uint64_t nth = 1;; nth++) {
		struct process_maps maps;
		mem_fail_at(nth);
		struct err *e = process_maps_parse(str_of(typical), &maps);
		bool has_failed = mem_failed();
		mem_fail_at(0);
		if (!e) {
			process_maps_fini(&maps);
			assert_false(has_failed);
			return;
		}
		assert_int_equal(err_code(e), ERR_NO_MEMORY);
		err_destroy(e);
	}
}

/* ---- room ---- */

static void room_is_below_the_executable(void **state)
{
	(void)state;
	struct process_maps maps = parse(typical);
	assert_int_equal(process_maps_gap(&maps, 0x55bf11fbb000, 0x55bf11fc7000, 0x2000),
			 0x55bf11fbb000 - 0x2000);
	process_maps_fini(&maps);
}

static void room_above_leaves_a_gib_to_the_heap(void **state)
{
	(void)state;
	struct process_maps maps =
		parse("400000-500000 r-xp 00000000 fe:00 7 /bin/static\n"
		      "600000-700000 rw-p 00000000 00:00 0 [heap]\n"
		      "7ffcce8cd000-7ffcce8ee000 rw-p 00000000 00:00 0 [stack]\n");
	uint64_t small = process_maps_gap(&maps, 0x400000, 0x500000, 0x2000);
	assert_true(small >= 0x100000 && small + 0x2000 <= 0x400000);
	uint64_t big = process_maps_gap(&maps, 0x400000, 0x500000, 0x4000000);
	assert_true(big >= 0x700000 + GIB);
	assert_true(big + 0x4000000 <= 0x400000 + 2 * GIB);
	process_maps_fini(&maps);
}

static void room_keeps_away_from_the_stack(void **state)
{
	(void)state;
	struct process_maps maps =
		parse("7ff000000000-7ff000100000 r-xp 00000000 fe:00 7 /lib/x\n"
		      "7ff010000000-7ff010100000 rw-p 00000000 00:00 0 [stack]\n");
	uint64_t place = process_maps_gap(&maps, 0x7ff000000000, 0x7ff000100000, 0x2000);
	assert_int_equal(place, 0x7ff000000000 - 0x2000);
	process_maps_fini(&maps);
}

static void there_may_be_no_room_in_reach(void **state)
{
	(void)state;
	struct process_maps maps = parse("10000-100000000 rw-p 00000000 00:00 0\n"
					 "100000000-100001000 r-xp 00000000 fe:00 7 /lib/x\n"
					 "100001000-200000000 rw-p 00000000 00:00 0\n");
	assert_int_equal(process_maps_gap(&maps, 0x100000000, 0x100001000, 0x1000), 0);
	assert_int_equal(process_maps_gap(&maps, 0x100000000, 0x100001000, 0), 0);
	assert_int_equal(process_maps_gap(&maps, 0x100000000, 0x100001000, UINT64_MAX), 0);
	process_maps_fini(&maps);
}

/* Whatever the layout: what is given is free, aligned and within reach. */
static void room_is_always_free_and_in_reach(void **state)
{
	(void)state;
	uint64_t seed = 1;
	for (int round = 0; round < 2000; round++) {
		struct process_mapping items[8] = {0};
		struct process_maps maps = {.items = items, .count = 8};
		uint64_t at = 0x100000;
		for (int i = 0; i < 8; i++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			items[i].start = at += (seed >> 40) << 12 >> (seed >> 60);
			items[i].end = at += ((seed >> 20 & 0xffff) + 1) << 12;
		}
		const struct process_mapping *near = &items[seed >> 33 & 7];
		uint64_t size = ((seed >> 50) + 1) << 12;
		uint64_t place = process_maps_gap(&maps, near->start, near->end, size);
		if (!place)
			continue;
		assert_int_equal(place % 4096, 0);
		for (int i = 0; i < 8; i++)
			assert_true(place + size <= items[i].start || place >= items[i].end);
		assert_true(near->end < place || near->end - place < 2 * GIB);
		assert_true(place < near->start || place + size - near->start < 2 * GIB);
	}
}

/* ---- processes ---- */

static void a_process_is_known_by_pid_and_start(void **state)
{
	(void)state;
	struct process_id id, again;
	struct host h = host_start("target_host", "idle", NULL);
	assert_ok(process_find(h.pid, &id));
	assert_ok(process_find(h.pid, &again));
	assert_int_equal(id.start_ticks, again.start_ticks);
	assert_true(process_is_alive(id));
	assert_int_equal(process_parent(h.pid), getpid());
	assert_int_equal(process_pid_inside(h.pid), h.pid);
	again.start_ticks++;
	assert_false(process_is_alive(again));
	host_kill(&h);
	assert_false(process_is_alive(id));
	assert_fails(process_find(h.pid, &id), ERR_NOT_FOUND, "", "no process");
	assert_int_equal(process_parent(h.pid), 0);
}

static void lists_the_processes_of_an_executable(void **state)
{
	(void)state;
	struct process_id *ids;
	size_t count;
	char *exe;
	struct host a = host_start("target_host", "idle", NULL);
	struct host b = host_start("target_host", "idle", NULL);
	assert_ok(process_exe(a.pid, &exe));
	assert_string_equal(exe, a.path);
	assert_ok(process_list(str_of(exe), &ids, &count));
	bool found_a = false, found_b = false;
	for (size_t i = 0; i < count; i++) {
		found_a |= ids[i].pid == a.pid;
		found_b |= ids[i].pid == b.pid;
		assert_true(i == 0 || ids[i - 1].pid < ids[i].pid);
	}
	assert_true(found_a && found_b);
	mem_free(ids);
	mem_free(exe);
	assert_ok(process_exe(getpid(), &exe));
	assert_ok(process_list(str_of(exe), &ids, &count));
	for (size_t i = 0; i < count; i++)
		assert_int_not_equal(ids[i].pid, getpid());
	mem_free(ids);
	mem_free(exe);
	host_kill(&a);
	host_kill(&b);
}

static void reads_the_mappings_of_a_process(void **state)
{
	(void)state;
	struct process_maps maps;
	struct host h = host_start("target_host", "idle", NULL);
	assert_ok(process_maps(h.pid, &maps));
	assert_true(maps.count > 5);
	assert_true(str_is(maps.items[0].path, h.path));
	process_maps_fini(&maps);
	host_kill(&h);
	assert_fails(process_maps(h.pid, &maps), ERR_NOT_FOUND, "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_field_of_a_mapping),
		cmocka_unit_test(finds_the_mapping_of_an_address),
		cmocka_unit_test(refuses_text_that_is_no_maps_file),
		cmocka_unit_test(survives_running_out_of_memory),
		cmocka_unit_test(room_is_below_the_executable),
		cmocka_unit_test(room_above_leaves_a_gib_to_the_heap),
		cmocka_unit_test(room_keeps_away_from_the_stack),
		cmocka_unit_test(there_may_be_no_room_in_reach),
		cmocka_unit_test(room_is_always_free_and_in_reach),
		cmocka_unit_test(a_process_is_known_by_pid_and_start),
		cmocka_unit_test(lists_the_processes_of_an_executable),
		cmocka_unit_test(reads_the_mappings_of_a_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
