/*
 * Instances in real processes. The images are made by hand, of a few bytes of machine code:
 *
 *	entry 0   adds 1 to the first value of the image's map
 *	entry 1   the same, and stays until the second value is not 0
 */
#include "agent/provider/target.h"

#include "agent/attach/binary.h"
#include "shared/base/file.h"
#include "shared/base/mem.h"
#include "shared/runtime/map.h"
#include "tests/unit/agent/host.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>

#define VALUES	    4u
#define MAP_VALUES  RT_PAGE /* of the map's file: where its values begin */
#define MAP_AT	    8192u
#define NO_PLACE    UINT64_MAX
#define PATIENCE_MS 5000

/* ---- a world: a host, an image, its map ---- */

struct world {
	struct host host;
	struct process_id id;
	struct image *image;
	struct rt_map map;
	int map_fd;
	struct target *target;
	char *maps; /* its mappings at first */
};

static struct image_map array_map(void)
{
	const struct rt_map shape = {.kind = RT_KIND_ARRAY,
				     .key_size = 4,
				     .value_size = 8,
				     .max_entries = VALUES};
	struct map_layout layout;
	assert_ok(map_layout(&shape, &layout));
	return (struct image_map){.name = STR("counts"),
				  .kind = shape.kind,
				  .key_size = 4,
				  .value_size = 8,
				  .max_entries = VALUES,
				  .offset = MAP_AT,
				  .file_bytes = layout.file_bytes,
				  .span_bytes = layout.span_bytes};
}

static const uint8_t code[] = {
	/* 0: lock add qword [rip + value 0], 1; xor eax,eax; ret */
	0xf0, 0x48, 0x83, 0x05, 0xf7, 0x2f, 0x00, 0x00, 0x01, 0x31, 0xc0, 0xc3, 0xcc, 0xcc, 0xcc,
	0xcc,
	/* 16: lock add qword [rip + value 0], 1; wait: cmp dword [rip + value 1], 0; je wait; xor … */
	0xf0, 0x48, 0x83, 0x05, 0xe7, 0x2f, 0x00, 0x00, 0x01, 0x83, 0x3d, 0xe8, 0x2f, 0x00, 0x00,
	0x00, 0x74, 0xf7, 0x31, 0xc0, 0xc3};

static struct image *an_image(void)
{
	struct image *i = image_create();
	assert_non_null(i);
	i->entries = arena_alloc_array(&i->arena, 2, sizeof(*i->entries));
	i->maps = arena_alloc_array(&i->arena, 1, sizeof(*i->maps));
	assert_non_null(i->entries);
	assert_non_null(i->maps);
	i->code = bytes_of(code, sizeof(code));
	i->entries[0] = (struct image_entry){.name = STR("count"),
					     .section = STR("uprobe"),
					     .ctx_reads = 1u << 14};
	i->entries[1] = (struct image_entry){.name = STR("stay"),
					     .section = STR("uprobe"),
					     .offset = 16,
					     .ctx_reads = 1u << 14};
	i->entries_count = 2;
	i->maps[0] = array_map();
	i->maps_count = 1;
	i->private_offset = 4096;
	i->total_bytes = MAP_AT + i->maps[0].span_bytes;
	assert_ok(image_check(i));
	return i;
}

static char *read_maps(pid_t pid)
{
	struct buf text = BUF_INIT((size_t)1 << 20);
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	assert_ok(file_read(path, &text));
	return buf_take(&text);
}

static struct world world_start(const char *host, const char *mode, const char *argument)
{
	struct world w = {.host = host_start(host, mode, argument), .map_fd = -1};
	assert_ok(process_find(w.host.pid, &w.id));
	w.image = an_image();
	w.map = (struct rt_map){.kind = RT_KIND_ARRAY,
				.key_size = 4,
				.value_size = 8,
				.max_entries = VALUES};
	assert_ok(map_create(&w.map, "counts", (struct bytes){0}, &w.map_fd));
	assert_ok(map_open(w.map_fd, &w.map));
	assert_ok(target_open(w.id, &w.target));
	w.maps = read_maps(w.host.pid);
	return w;
}

static uint64_t value(const struct world *w, unsigned n)
{
	return __atomic_load_n((uint64_t *)(void *)(w->map.base + MAP_VALUES) + n,
			       __ATOMIC_SEQ_CST);
}

static void set_value(const struct world *w, unsigned n, uint64_t to)
{
	__atomic_store_n((uint64_t *)(void *)(w->map.base + MAP_VALUES) + n, to, __ATOMIC_SEQ_CST);
}

static void world_close(struct world *w)
{
	target_close(w->target);
	map_close(&w->map);
	close(w->map_fd);
	image_destroy(w->image);
	mem_free(w->maps);
}

static void world_end(struct world *w)
{
	int status = host_end(&w->host);
	if (status)
		fail_msg("the host ends with %d: %s", status, w->host.line);
	world_close(w);
}

static struct target_place place(const struct world *w, uint32_t entry, const char *symbol,
				 uint64_t offset)
{
	return (struct target_place){entry, str_of(w->host.path), str_of(symbol), offset};
}

static struct err *put(struct world *w, const char *name, const struct target_place *places,
		       uint32_t count)
{
	struct instance *i;
	return target_instantiate(w->target, str_of(name), w->image, &w->map_fd, places, count, &i);
}

static struct err *put_one(struct world *w, const char *name, uint32_t entry, const char *symbol)
{
	struct target_place one = place(w, entry, symbol, 0);
	return put(w, name, &one, 1);
}

static struct err *take(struct world *w, const char *name)
{
	return target_deinstantiate(w->target, str_of(name), PATIENCE_MS);
}

static uint64_t runs(const struct world *w, const char *name, uint32_t row)
{
	struct target_link links[16];
	uint32_t count = ARRAY_SIZE(links);
	struct instance *i = target_find(w->target, str_of(name));
	assert_non_null(i);
	assert_ok(target_links(w->target, i, links, &count));
	assert_true(row < count);
	return links[row].runs;
}

/* The address of a function in the host, and its bytes there. */
static uint64_t address_of(const struct world *w, const char *symbol)
{
	struct binary *b;
	struct binary_function f;
	struct process_maps maps;
	uint64_t found = NO_PLACE;
	assert_ok(binary_open(w->host.path, &b));
	assert_ok(binary_find(b, str_of(symbol), &f));
	assert_ok(process_maps(w->host.pid, &maps));
	for (size_t n = 0; n < maps.count; n++) {
		const struct process_mapping *m = &maps.items[n];
		if (m->execute && m->inode == binary_inode(b) && f.file_offset >= m->offset &&
		    f.file_offset - m->offset < m->end - m->start)
			found = m->start + (f.file_offset - m->offset);
	}
	process_maps_fini(&maps);
	binary_destroy(b);
	assert_true(found != NO_PLACE);
	return found;
}

static void peek(pid_t pid, uint64_t address, uint8_t out[16])
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, out, 16, (off_t)address), 16);
	close(fd);
}

static void poke(pid_t pid, uint64_t address, const void *bytes, size_t size)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, bytes, size, (off_t)address), size);
	close(fd);
}

/* Waits until the program has run `more` times: work of the host's, not time. */
static void wait_for(struct world *w, uint64_t more)
{
	uint64_t until = value(w, 0) + more;
	while (value(w, 0) < until) {
		assert_true(process_is_alive(w->id));
		sched_yield();
	}
}

static void nothing_is_left(const struct world *w)
{
	char *now = read_maps(w->host.pid);
	assert_null(strstr(now, "eim-code"));
	assert_string_equal(now, w->maps);
	mem_free(now);
	assert_true(target_is_empty(w->target));
}

/* ---- in and out ---- */

static const char *const functions[] = {"probed",	 "probed_frame", "probed_global",
					"probed_branch", "probed_call",	 "probed_loop",
					"probed_short",	 "probed_mid"};

static void probes_every_kind_of_function_and_leaves_no_trace(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "call", "3");
	struct target_place places[ARRAY_SIZE(functions) + 1];
	uint8_t before[ARRAY_SIZE(functions)][16], after[16];
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		places[i] = place(&w, 0, functions[i], 0);
		peek(w.host.pid, address_of(&w, functions[i]), before[i]);
	}
	places[ARRAY_SIZE(functions)] = place(&w, 0, "probed_mid", 13); /* probed_mid_place */
	assert_ok(put(&w, "all", places, ARRAY_SIZE(places)));
	wait_for(&w, 10000);
	for (uint32_t i = 0; i < ARRAY_SIZE(places); i++)
		assert_true(runs(&w, "all", i) > 0);
	assert_ok(take(&w, "all"));
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		peek(w.host.pid, address_of(&w, functions[i]), after);
		assert_memory_equal(before[i], after, 16);
	}
	nothing_is_left(&w);
	world_end(&w);
}

static void counts_runs_exactly(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "idle", NULL);
	assert_ok(put_one(&w, "one", 0, "probed"));
	for (int i = 1; i <= 5; i++) {
		assert_string_equal(host_say(&w.host, "once 1"), "result 2654442");
		assert_int_equal(runs(&w, "one", 0), i);
		assert_int_equal(value(&w, 0), i);
	}
	assert_ok(take(&w, "one"));
	assert_string_equal(host_say(&w.host, "once 1"), "result 2654442");
	assert_int_equal(value(&w, 0), 5);
	assert_ok(put_one(&w, "one", 0, "probed"));
	assert_int_equal(runs(&w, "one", 0), 0);
	assert_ok(take(&w, "one"));
	world_end(&w);
}

static void attaches_and_detaches_under_load(const char *host)
{
	struct world w = world_start(host, "call", "8");
	struct target_place places[] = {place(&w, 0, "probed", 0), place(&w, 0, "probed_mid", 13),
					place(&w, 0, "probed_loop", 0)};
	uint64_t stopped = 0, longest = 0;
	uint8_t before[16], after[16];
	peek(w.host.pid, address_of(&w, "probed"), before);
	for (int i = 0; i < 200; i++) {
		assert_ok(put(&w, "p", places, ARRAY_SIZE(places)));
		stopped += target_stopped_ns(w.target);
		longest = target_stopped_ns(w.target) > longest ? target_stopped_ns(w.target)
								: longest;
		if (i % 10 == 0)
			wait_for(&w, 10);
		assert_ok(take(&w, "p"));
	}
	peek(w.host.pid, address_of(&w, "probed"), after);
	assert_memory_equal(before, after, 16);
	nothing_is_left(&w);
	print_message("threads stopped: %" PRIu64 " us on average, %" PRIu64 " us at most\n",
		      stopped / 200000, longest / 1000);
	world_end(&w);
}

static void two_hundred_times_under_eight_threads(void **state)
{
	(void)state;
	attaches_and_detaches_under_load("target_host");
}

static void two_hundred_times_in_a_static_binary(void **state)
{
	(void)state;
	attaches_and_detaches_under_load("target_host-static");
}

static void several_instances_share_a_place(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "idle", NULL);
	assert_ok(put_one(&w, "a", 0, "probed"));
	assert_ok(put_one(&w, "b", 0, "probed"));
	assert_ok(put_one(&w, "c", 0, "probed"));
	host_say(&w.host, "once 1");
	assert_int_equal(value(&w, 0), 3);
	assert_ok(take(&w, "b"));
	host_say(&w.host, "once 1");
	assert_int_equal(value(&w, 0), 5);
	assert_int_equal(runs(&w, "a", 0), 2);
	assert_int_equal(runs(&w, "c", 0), 2);
	assert_ok(take(&w, "a"));
	assert_ok(take(&w, "c"));
	host_say(&w.host, "once 1");
	assert_int_equal(value(&w, 0), 5);
	nothing_is_left(&w);
	world_end(&w);
}

static void the_same_name_twice_is_refused(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "idle", NULL);
	assert_ok(put_one(&w, "a", 0, "probed"));
	assert_fails(put_one(&w, "a", 0, "probed"), ERR_ALREADY_EXISTS, "", "has an instance a");
	assert_ok(take(&w, "a"));
	assert_fails(take(&w, "a"), ERR_NOT_FOUND, "", "no instance a");
	world_end(&w);
}

/* ---- what cannot be done ---- */

static void every_place_that_cannot_be_patched_is_a_finding(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "idle", NULL);
	char path[PATH_MAX + 64];
	struct target_place places[] = {place(&w, 0, "probed", 0),
					place(&w, 0, "probde", 0),
					place(&w, 0, "probed_mid", 14),
					{0, STR("/bin/true"), STR(""), 0}};
	struct err *e = put(&w, "x", places, ARRAY_SIZE(places));
	assert_non_null(e);
	snprintf(path, sizeof(path), "%s:probde", w.host.path);
	assert_int_equal(err_code(e), ERR_NOT_FOUND);
	assert_string_equal(err_path(e), path);
	assert_non_null(strstr(err_message(e), "near it: probed"));
	const struct err *second = err_next(e);
	snprintf(path, sizeof(path), "%s:probed_mid+14", w.host.path);
	assert_string_equal(err_path(second), path);
	assert_non_null(strstr(err_message(second), "not the start of an instruction"));
	assert_string_equal(err_path(err_next(second)), "/bin/true:0x0");
	err_destroy(e);
	nothing_is_left(&w);
	world_end(&w);
}

static void a_file_that_is_not_mapped_is_told(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "idle", NULL);
	struct world other = world_start("target_host-static", "idle", NULL);
	struct target_place place_there = place(&other, 0, "probed", 0);
	struct err *e = put(&w, "x", &place_there, 1);
	assert_non_null(e);
	assert_int_equal(err_code(e), ERR_FAILED_PRECONDITION);
	assert_non_null(strstr(err_message(e), "is not mapped in process"));
	err_destroy(e);
	world_end(&w);
	world_end(&other);
}

static void code_that_another_tool_changed_is_left_alone(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "idle", NULL);
	uint64_t at = address_of(&w, "probed");
	uint8_t original[16];
	peek(w.host.pid, at, original);
	poke(w.host.pid, at, "\xcc", 1);
	struct err *e = put_one(&w, "x", 0, "probed");
	assert_non_null(e);
	assert_non_null(strstr(err_message(e), "another tool has changed it"));
	err_destroy(e);
	poke(w.host.pid, at, original, 1);
	assert_ok(put_one(&w, "x", 0, "probed"));
	poke(w.host.pid, at, "\xcc", 1);
	assert_fails(take(&w, "x"), ERR_FAILED_PRECONDITION, "",
		     "neither the original ones nor ours");
	poke(w.host.pid, at, "\xe9", 1);
	assert_ok(take(&w, "x"));
	nothing_is_left(&w);
	world_end(&w);
}

static void a_seccomp_filter_refuses_programs_with_system_calls_only(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "call", "2");
	assert_string_equal(host_say(&w.host, "filter"), "filtered");
	w.image->needs = IMAGE_NEEDS_PID | IMAGE_NEEDS_SYSCALLS;
	assert_fails(put_one(&w, "x", 0, "probed"), ERR_FAILED_PRECONDITION, "", "seccomp filter");
	w.image->needs = 0;
	assert_ok(put_one(&w, "x", 0, "probed"));
	wait_for(&w, 10);
	assert_ok(take(&w, "x"));
	nothing_is_left(&w);
	world_end(&w);
}

/* ---- quiescence ---- */

static void waits_for_threads_inside_and_says_when_they_stay(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "call", "1");
	assert_ok(put_one(&w, "x", 1, "probed"));
	while (value(&w, 0) == 0) /* it comes once, and stays */
		sched_yield();
	assert_fails(target_deinstantiate(w.target, STR("x"), 30), ERR_DEADLINE_EXCEEDED, "",
		     "stay inside of x");
	char *maps = read_maps(w.host.pid);
	assert_non_null(strstr(maps, "eim-code"));
	mem_free(maps);
	set_value(&w, 1, 1);
	assert_ok(take(&w, "x"));
	assert_int_equal(value(&w, 0), 1);
	nothing_is_left(&w);
	world_end(&w);
}

/* ---- fork, exec, death ---- */

static void a_forked_child_carries_the_same_and_is_taken_over(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "idle", NULL);
	struct process_id id;
	struct target *child;
	struct target_link link;
	uint32_t one = 1;
	uint64_t pid;
	assert_ok(put_one(&w, "x", 0, "probed"));
	host_say(&w.host, "once 1");
	assert_true(
		str_to_u64(str_from(str_of(host_say(&w.host, "fork")), strlen("child ")), &pid));
	assert_ok(process_find((pid_t)pid, &id));
	assert_ok(target_inherit(w.target, id, &child));
	wait_for(&w, 100);
	assert_ok(target_links(child, target_find(child, STR("x")), &link, &one));
	assert_true(link.runs >= 50 && link.runs < value(&w, 0));
	assert_int_equal(runs(&w, "x", 0), 1);
	assert_ok(target_deinstantiate(child, STR("x"), PATIENCE_MS));
	char *maps = read_maps((pid_t)pid);
	assert_null(strstr(maps, "eim-code"));
	mem_free(maps);
	target_close(child);
	host_say(&w.host, "once 1"); /* the parent keeps its own */
	assert_int_equal(runs(&w, "x", 0), 2);
	assert_ok(take(&w, "x"));
	world_end(&w);
}

static void a_process_that_is_no_child_inherits_nothing(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "idle", NULL);
	struct world other = world_start("target_host", "idle", NULL);
	struct target *child;
	assert_ok(put_one(&w, "x", 0, "probed"));
	assert_fails(target_inherit(w.target, other.id, &child), ERR_FAILED_PRECONDITION, "",
		     "does not carry what");
	assert_ok(take(&w, "x"));
	world_end(&w);
	world_end(&other);
}

static void exec_takes_everything_away(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "idle", NULL);
	struct target_link link;
	uint32_t one = 1;
	assert_ok(put_one(&w, "x", 0, "probed"));
	assert_true(strncmp(host_say(&w.host, "exec"), "ready", 5) == 0);
	assert_fails(target_links(w.target, target_find(w.target, STR("x")), &link, &one),
		     ERR_FAILED_PRECONDITION, "", "runs another program");
	assert_fails(take(&w, "x"), ERR_NOT_FOUND, "", "runs another program");
	assert_true(target_is_empty(w.target));
	world_end(&w);
}

static void a_killed_process_is_told_and_forgotten(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++) {
		struct world w = world_start("target_host", "call", "2");
		assert_ok(put_one(&w, "x", 0, "probed"));
		pid_t killer = fork();
		if (killer == 0) {
			for (volatile int spin = 0; spin < i * 40000; spin++)
				;
			kill(w.host.pid, SIGKILL);
			_exit(0);
		}
		/* At any moment of going in and out: the answer is either done, or gone. */
		struct err *e = NULL;
		while (!e) {
			e = put_one(&w, "y", 0, "probed_call");
			if (!e)
				e = take(&w, "y");
		}
		if (err_code(e) != ERR_NOT_FOUND)
			err_print("killed", e);
		assert_int_equal(err_code(e), ERR_NOT_FOUND);
		err_destroy(e);
		assert_fails(take(&w, "x"), ERR_NOT_FOUND, "", "");
		assert_true(target_is_empty(w.target));
		waitpid(killer, NULL, 0);
		host_kill(&w.host);
		world_close(&w);
	}
}

/* ---- records ---- */

static struct err *refuse(void *context, const struct target *t)
{
	(void)t;
	return (*(int *)context)-- == 0 ? err_new(ERR_SYSTEM, "the disk is full") : NULL;
}

static void a_record_that_cannot_be_written_stops_the_change(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "idle", NULL);
	int after = 0;
	target_on_change(w.target, refuse, &after);
	assert_fails(put_one(&w, "x", 0, "probed"), ERR_SYSTEM, "", "the disk is full");
	nothing_is_left(&w);
	world_end(&w);
}

/* The newest record, in memory that survives whoever writes it. */
struct disk {
	uint64_t sequence;
	size_t size[2];
	char text[2][65536];
};

static struct err *save_to(void *context, const struct target *t)
{
	struct disk *d = context;
	OWNED_BUF struct buf text = BUF_INIT(sizeof(d->text[0]));
	struct json w = json_start(&text);
	target_record(t, &w, NULL);
	TRY(buf_check(&text));
	unsigned next = (d->sequence + 1) & 1;
	memcpy(d->text[next], buf_text(&text), text.size);
	d->size[next] = text.size;
	__atomic_add_fetch(&d->sequence, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static struct disk *disk_new(void)
{
	struct disk *d =
		mmap(NULL, sizeof(*d), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(d != MAP_FAILED);
	return d;
}

static struct err *restore(const struct disk *d, struct target **out)
{
	OWNED_ARENA struct arena a = ARENA_INIT((size_t)16 << 20);
	const struct node *record;
	unsigned now = d->sequence & 1;
	TRY(json_parse((struct str){d->text[now], d->size[now]}, &a, &record));
	return target_restore(record, out);
}

static void the_record_comes_before_the_patch(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "idle", NULL);
	struct disk *d = disk_new();
	target_on_change(w.target, save_to, d);
	assert_ok(put_one(&w, "x", 0, "probed"));
	assert_int_equal(d->sequence, 2); /* the intent, and that it is done */
	assert_non_null(strstr(d->text[1], "\"original\""));
	assert_ok(take(&w, "x"));
	assert_int_equal(d->sequence, 5); /* the intent, the bytes, the memory */
	munmap(d, sizeof(*d));
	world_end(&w);
}

static void a_new_agent_takes_over(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "call", "2");
	struct disk *d = disk_new();
	struct target_link link;
	uint32_t one = 1;
	target_on_change(w.target, save_to, d);
	assert_ok(put_one(&w, "x", 0, "probed"));
	assert_ok(put_one(&w, "y", 0, "probed"));
	target_close(w.target);
	assert_ok(restore(d, &w.target));
	wait_for(&w, 10);
	assert_ok(target_links(w.target, target_find(w.target, STR("x")), &link, &one));
	assert_true(link.runs > 0);
	assert_true(str_is(link.entry, "count"));
	assert_ok(take(&w, "x"));
	assert_true(runs(&w, "y", 0) > 0);
	assert_ok(put_one(&w, "z", 0, "probed"));
	assert_ok(target_deinstantiate_all(w.target, PATIENCE_MS));
	nothing_is_left(&w);
	munmap(d, sizeof(*d));
	world_end(&w);
}

static void a_record_of_a_process_that_is_gone_is_not_restored(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "idle", NULL);
	struct disk *d = disk_new();
	struct target *t;
	target_on_change(w.target, save_to, d);
	assert_ok(put_one(&w, "x", 0, "probed"));
	host_kill(&w.host);
	assert_fails(restore(d, &t), ERR_NOT_FOUND, "", "is gone");
	char *boot = strstr(d->text[d->sequence & 1], "\"boot\":\"");
	boot[8] ^= 1;
	assert_fails(restore(d, &t), ERR_NOT_FOUND, "", "restarted");
	munmap(d, sizeof(*d));
	world_close(&w);
}

static void a_record_that_is_none_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"{}", "[]", "{\"layout\":2}",
					    "{\"layout\":1,\"boot\":\"x\",\"pid\":-1}"};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		OWNED_ARENA struct arena a = ARENA_INIT((size_t)1 << 20);
		const struct node *record;
		struct target *t;
		assert_ok(json_parse(str_of(texts[i]), &a, &record));
		assert_fails(target_restore(record, &t), ERR_INVALID, "", "no record of ours");
	}
}

/* An agent goes in and out until it is killed, at any moment; the next one cleans up after it. */
static void an_agent_killed_at_any_moment_leaves_a_host_that_can_be_cleaned(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "call", "3");
	struct disk *d = disk_new();
	uint8_t before[16], after[16];
	unsigned restored = 0;
	peek(w.host.pid, address_of(&w, "probed"), before);
	for (int i = 0; i < 60; i++) {
		d->sequence = 0;
		pid_t agent = fork();
		if (agent == 0) {
			target_on_change(w.target, save_to, d);
			for (;;)
				if (put_one(&w, "x", 0, "probed") ||
				    put_one(&w, "y", 0, "probed") || take(&w, "x") || take(&w, "y"))
					_exit(1);
		}
		while (__atomic_load_n(&d->sequence, __ATOMIC_SEQ_CST) < (uint64_t)(i % 7 + 1))
			sched_yield();
		for (volatile int spin = 0; spin < i * 5000; spin++)
			;
		kill(agent, SIGKILL);
		int status;
		waitpid(agent, &status, 0);
		assert_true(WIFSIGNALED(status));
		struct target *t;
		assert_ok(restore(d, &t));
		restored += !target_is_empty(t);
		assert_ok(target_deinstantiate_all(t, PATIENCE_MS));
		assert_true(target_is_empty(t));
		target_close(t);
		peek(w.host.pid, address_of(&w, "probed"), after);
		assert_memory_equal(before, after, 16);
	}
	assert_true(restored > 10);
	char *maps = read_maps(w.host.pid);
	assert_null(strstr(maps, "eim-code"));
	mem_free(maps);
	munmap(d, sizeof(*d));
	world_end(&w);
}

/* ---- images ---- */

/* Where the first mapping of that name begins. */
static uint64_t mapping_of(const struct world *w, const char *path)
{
	struct process_maps maps;
	uint64_t found = NO_PLACE;
	assert_ok(process_maps(w->host.pid, &maps));
	for (size_t n = maps.count; n-- > 0;)
		if (str_is(maps.items[n].path, path))
			found = maps.items[n].start;
	process_maps_fini(&maps);
	assert_true(found != NO_PLACE);
	return found;
}

static void a_ring_buffer_is_mapped_twice_in_a_row(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "idle", NULL);
	struct rt_map ring = {.kind = RT_KIND_RINGBUF, .max_entries = 8192};
	struct map_layout layout;
	struct image_map *maps = arena_alloc_array(&w.image->arena, 2, sizeof(*maps));
	int fds[2] = {w.map_fd, -1};
	struct instance *i;
	struct target_place one = place(&w, 0, "probed", 0);
	uint8_t first[16], second[16];
	assert_non_null(maps);
	assert_ok(map_layout(&ring, &layout));
	assert_true(layout.twice_bytes > 0);
	assert_ok(map_create(&ring, "ring", (struct bytes){0}, &fds[1]));
	maps[0] = w.image->maps[0];
	maps[1] = (struct image_map){.name = STR("ring"),
				     .kind = ring.kind,
				     .max_entries = ring.max_entries,
				     .offset = w.image->total_bytes,
				     .file_bytes = layout.file_bytes,
				     .span_bytes = layout.span_bytes};
	w.image->maps = maps;
	w.image->maps_count = 2;
	w.image->total_bytes += layout.span_bytes;
	assert_ok(target_instantiate(w.target, STR("r"), w.image, fds, &one, 1, &i));
	uint64_t base = mapping_of(&w, "/memfd:ring (deleted)");
	poke(w.host.pid, base + layout.twice_offset, "seen twice", 10);
	peek(w.host.pid, base + layout.twice_offset, first);
	peek(w.host.pid, base + layout.file_bytes, second);
	assert_memory_equal(second, first, 16);
	assert_memory_equal(first, "seen twice", 10);
	assert_ok(take(&w, "r"));
	nothing_is_left(&w);
	close(fds[1]);
	world_end(&w);
}

static void out_of_memory_undoes_everything(void **state)
{
	(void)state;
	struct world w = world_start("target_host", "idle", NULL);
	bool has_worked = false;
	for (uint64_t nth = 1; !has_worked; nth++) {
		mem_fail_at(nth);
		struct err *e = put_one(&w, "x", 0, "probed");
		bool has_failed = mem_failed();
		mem_fail_at(0);
		has_worked = !e;
		if (e && !has_failed)
			err_print("out of memory", e);
		assert_true(!e || has_failed);
		err_destroy(e);
		if (has_worked)
			break;
		nothing_is_left(&w);
	}
	assert_ok(take(&w, "x"));
	nothing_is_left(&w);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_every_kind_of_function_and_leaves_no_trace),
		cmocka_unit_test(counts_runs_exactly),
		cmocka_unit_test(two_hundred_times_under_eight_threads),
		cmocka_unit_test(two_hundred_times_in_a_static_binary),
		cmocka_unit_test(several_instances_share_a_place),
		cmocka_unit_test(the_same_name_twice_is_refused),
		cmocka_unit_test(every_place_that_cannot_be_patched_is_a_finding),
		cmocka_unit_test(a_file_that_is_not_mapped_is_told),
		cmocka_unit_test(code_that_another_tool_changed_is_left_alone),
		cmocka_unit_test(a_seccomp_filter_refuses_programs_with_system_calls_only),
		cmocka_unit_test(waits_for_threads_inside_and_says_when_they_stay),
		cmocka_unit_test(a_forked_child_carries_the_same_and_is_taken_over),
		cmocka_unit_test(a_process_that_is_no_child_inherits_nothing),
		cmocka_unit_test(exec_takes_everything_away),
		cmocka_unit_test(a_killed_process_is_told_and_forgotten),
		cmocka_unit_test(a_record_that_cannot_be_written_stops_the_change),
		cmocka_unit_test(the_record_comes_before_the_patch),
		cmocka_unit_test(a_new_agent_takes_over),
		cmocka_unit_test(a_record_of_a_process_that_is_gone_is_not_restored),
		cmocka_unit_test(a_record_that_is_none_is_refused),
		cmocka_unit_test(an_agent_killed_at_any_moment_leaves_a_host_that_can_be_cleaned),
		cmocka_unit_test(a_ring_buffer_is_mapped_twice_in_a_row),
		cmocka_unit_test(out_of_memory_undoes_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
