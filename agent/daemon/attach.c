#include "agent/daemon/attach.h"

#include "agent/daemon/prepare.h"

#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/base/mem.h"
#include "shared/bpf/map_kind.h"
#include "shared/eim/role.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>

#define TICK_MS		   20
#define PATIENCE_MS	   5000
#define MAX_OUTPUT	   ((size_t)256 << 20)
#define MAX_RECORDS_TEXT   ((size_t)64 << 20)
#define MAX_RECORDS_A_TICK 100000u

struct attachment {
	struct policy *policy;
	struct target *target;
	struct buf *records; /* one per map of the image: JSON values, separated by commas */
	char *exe;
	bool is_gone;
};

static struct err *keep_record(void *context, const struct image_map *map, uint64_t sequence,
			       struct str json)
{
	struct attachment *a = context;
	struct buf *records = &a->records[map - policy_image(a->policy)->maps];
	if (sequence > 1)
		buf_putc(records, ',');
	buf_add(records, json);
	return buf_check(records);
}

static struct err *block_signals(int *out)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*out = signalfd(-1, &set, SFD_CLOEXEC);
	return *out < 0 ? err_sys(errno, "signalfd") : NULL;
}

/* Waits for the end; drains rings meanwhile so that they do not run over. */
static struct err *wait_for_end(struct attachment *a, int signals, int64_t duration_ms)
{
	OWNED(fd) int pidfd = pidfd_open(target_process(a->target).pid, 0);
	uint64_t end_ns = clock_mono_ns() + (uint64_t)MAX(duration_ms, (int64_t)0) * 1000000;
	for (;;) {
		struct pollfd fds[] = {{signals, POLLIN, 0}, {pidfd, POLLIN, 0}};
		int64_t left_ms =
			duration_ms < 0 ? INT32_MAX
					: ((int64_t)(end_ns - clock_mono_ns()) + 999999) / 1000000;
		if (policy_has_rings(a->policy))
			left_ms = MIN(left_ms, (int64_t)TICK_MS);
		if (poll(fds, 2, (int)MAX(left_ms, (int64_t)0)) < 0 && errno != EINTR)
			return err_sys(errno, "poll");
		TRY(policy_drain(a->policy, MAX_RECORDS_A_TICK, keep_record, a));
		a->is_gone = fds[1].revents != 0;
		if (fds[0].revents || a->is_gone)
			return NULL;
		if (duration_ms >= 0 && clock_mono_ns() >= end_ns)
			return NULL;
	}
}

static struct err *print_links(const struct attachment *a, struct json *w)
{
	struct target_link links[IMAGE_MAX_ENTRIES];
	uint32_t count = IMAGE_MAX_ENTRIES;
	const struct instance *i = target_find(a->target, policy_name(a->policy));
	json_list(w, "links");
	TRY(target_links(a->target, i, links, &count));
	for (uint32_t each = 0; each < count; each++) {
		json_object(w, NULL);
		json_text(w, "entry", links[each].entry);
		json_text(w, "target", links[each].target);
		json_int(w, "pid", target_process(a->target).pid);
		json_text(w, "state", a->is_gone ? STR("GONE") : STR("ACTIVE"));
		json_uint(w, "runs", links[each].runs);
		json_uint(w, "runsEnded", links[each].runs_ended);
		json_uint(w, "runsSkipped", links[each].runs_skipped);
		json_end(w);
	}
	json_end(w);
	return NULL;
}

static struct err *print_maps(struct attachment *a, struct json *w)
{
	const struct image *image = policy_image(a->policy);
	OWNED_BUF struct buf list = BUF_INIT(MAX_RECORDS_TEXT + 2);
	json_object(w, "maps");
	for (uint32_t i = 0; i < image->maps_count; i++) {
		char *name = mem_copy_text(image->maps[i].name.data, image->maps[i].name.size);
		OWNED(text) char *owned = name;
		TRY_MEMORY(name);
		if (a->records[i].size || image->maps[i].kind == MAP_KIND_RINGBUF) {
			buf_clear(&list);
			buf_printf(&list, "[%s]", buf_text(&a->records[i]));
			TRY(buf_check(&list));
			json_raw(w, name, buf_str(&list));
			continue;
		}
		TRY(policy_print_map(a->policy, &image->maps[i], w, name));
	}
	json_end(w);
	return NULL;
}

static struct err *write_output(const char *path, struct buf *text)
{
	buf_putc(text, '\n');
	TRY(buf_check(text));
	if (strcmp(path, "-") == 0)
		return file_write_fd(STDOUT_FILENO, buf_bytes(text));
	return file_replace(path, buf_bytes(text));
}

/* Links are read while they count, maps after the last event: so nothing that happened is missing. */
static struct err *finish(struct attachment *a, const char *path)
{
	OWNED_BUF struct buf text = BUF_INIT(MAX_OUTPUT);
	struct json w = json_start(&text);
	json_object(&w, NULL);
	OWNED(err) struct err *e = print_links(a, &w);
	struct err *detached = target_deinstantiate(a->target, policy_name(a->policy), PATIENCE_MS);
	if (detached && a->is_gone)
		err_destroy(detached);
	else
		err_add(&e, detached);
	if (!e)
		e = policy_drain(a->policy, UINT32_MAX, keep_record, a);
	if (!e)
		e = print_maps(a, &w);
	if (!e) {
		json_end(&w);
		e = write_output(path, &text);
	}
	return MOVE(e);
}

static struct err *prepare(const struct options *o, struct attachment *a, int *signals)
{
	OWNED_BUF struct buf object = BUF_INIT(OBJECT_MAX_BYTES);
	OWNED_BUF struct buf spec = BUF_INIT(SPEC_MAX_BYTES), role = BUF_INIT(1 << 20);
	OWNED(text) char *compiler = NULL;
	struct process_id id;
	TRY_DOING(process_find((pid_t)o->pid, &id), "--pid %d", (int)o->pid);
	TRY_DOING(file_read(o->program, &object), "--program");
	if (o->spec)
		TRY_DOING(file_read(o->spec, &spec), "--spec");
	TRY_DOING(role_join_texts(o->roles, o->roles_count, &role), "--role");
	TRY(process_exe(id.pid, &a->exe));
	TRY(prepare_find_compiler(&compiler));
	TRY(target_open(id, &a->target));
	struct prepare_input input = {STR("attach"), buf_bytes(&object), buf_str(&spec),
				      buf_str(&role), a->exe};
	TRY(prepare_policy(compiler, NULL, &input, &a->policy));
	a->records = mem_zalloc_array(policy_image(a->policy)->maps_count, sizeof(*a->records));
	TRY_MEMORY(a->records);
	for (uint32_t i = 0; i < policy_image(a->policy)->maps_count; i++)
		a->records[i] = BUF_INIT(MAX_RECORDS_TEXT);
	TRY(block_signals(signals));
	return policy_instantiate(a->policy, a->target);
}

static void attachment_fini(struct attachment *a)
{
	for (uint32_t i = 0; a->records && i < policy_image(a->policy)->maps_count; i++)
		buf_fini(&a->records[i]);
	mem_free(a->records);
	target_close(a->target);
	policy_destroy(a->policy);
	mem_free(a->exe);
}

struct err *attach_run(const struct options *options)
{
	struct attachment a = {0};
	OWNED(fd) int signals = -1;
	struct err *e = prepare(options, &a, &signals);
	if (!e) {
		fprintf(stderr, "ready\n");
		e = wait_for_end(&a, signals, options->duration_ms);
		err_add(&e, finish(&a, options->dump_maps));
	}
	attachment_fini(&a);
	return e;
}
