/*
 * A pid names a process only until it is used again, so everything that lasts is keyed by (pid, start
 * time). A zombie has a pid and no memory: for us it is gone.
 */
#include "agent/discover/process.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define STAT_MAX_BYTES	 4096u
#define STATUS_MAX_BYTES 65536u
#define STAT_FIELD_STATE 3u
#define STAT_FIELD_PPID	 4u
#define STAT_FIELD_START 22u

/* Appends /proc/PID[/task/TID]/NAME to `out`. */
static struct err *read_proc(pid_t pid, pid_t tid, const char *name, struct buf *out)
{
	char path[96];
	if (tid)
		snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
	else
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return file_read(path, out);
}

/* Field `wanted` (counted from 1, as proc(5) does; 3 and up) of a stat line. The command name may hold
 * anything, so fields are counted from its last parenthesis. */
static bool stat_field(struct str line, unsigned wanted, struct str *out)
{
	size_t at = line.size;
	while (at > 0 && line.data[at - 1] != ')')
		at--;
	struct str rest = str_trim(str_from(line, at));
	struct str field = {0};
	for (unsigned i = STAT_FIELD_STATE; i <= wanted; i++) {
		if (rest.size == 0)
			return false;
		str_split(rest, ' ', &field, &rest);
	}
	*out = field;
	return at > 0;
}

static struct err *gone(pid_t pid)
{
	return err_new(ERR_NOT_FOUND, "no process %d", pid);
}

/* Field `wanted` of a living process, as a number. */
static struct err *read_stat(pid_t pid, unsigned wanted, uint64_t *out)
{
	OWNED_BUF struct buf text = BUF_INIT(STAT_MAX_BYTES);
	struct str state, field;
	struct err *e = read_proc(pid, 0, "stat", &text);
	if (e && err_code(e) != ERR_NO_MEMORY) {
		err_destroy(e);
		return gone(pid);
	}
	TRY(e);
	if (!stat_field(buf_str(&text), STAT_FIELD_STATE, &state) ||
	    !stat_field(buf_str(&text), wanted, &field))
		return err_new(ERR_INVALID, "/proc/%d/stat is not understood", pid);
	if (str_is(state, "Z") || str_is(state, "X"))
		return gone(pid);
	if (!str_to_u64(field, out))
		return err_new(ERR_INVALID, "/proc/%d/stat: field %u is no number", pid, wanted);
	return NULL;
}

struct err *process_find(pid_t pid, struct process_id *out)
{
	uint64_t start;
	TRY(read_stat(pid, STAT_FIELD_START, &start));
	*out = (struct process_id){pid, start};
	return NULL;
}

bool process_is_alive(struct process_id id)
{
	uint64_t start;
	OWNED(err) struct err *e = read_stat(id.pid, STAT_FIELD_START, &start);
	return !e && start == id.start_ticks;
}

pid_t process_parent(pid_t pid)
{
	uint64_t parent;
	OWNED(err) struct err *e = read_stat(pid, STAT_FIELD_PPID, &parent);
	return e || parent > INT_MAX ? 0 : (pid_t)parent;
}

static bool to_number(struct str s, int base, uint64_t *out)
{
	char text[24] = {0};
	char *end;
	if (s.size == 0 || s.size >= sizeof(text))
		return false;
	memcpy(text, s.data, s.size);
	errno = 0;
	*out = strtoull(text, &end, base);
	return errno == 0 && *end == 0;
}

/* The value of the line `key` in the text of a status file. */
static bool status_line(struct str text, const char *key, struct str *out)
{
	while (text.size) {
		struct str line, name, value;
		str_split(text, '\n', &line, &text);
		if (str_split(line, ':', &name, &value) && str_is(name, key)) {
			*out = str_trim(value);
			return true;
		}
	}
	return false;
}

struct err *process_status(pid_t pid, pid_t tid, const char *key, int base, uint64_t *out)
{
	OWNED_BUF struct buf text = BUF_INIT(STATUS_MAX_BYTES);
	struct str value, rest;
	TRY(read_proc(pid, tid, "status", &text));
	if (status_line(buf_str(&text), key, &value)) {
		str_split(value, ' ', &value, &rest);
		if (to_number(value, base, out))
			return NULL;
	}
	return err_new(ERR_NOT_FOUND, "/proc/%d/status has no %s", pid, key);
}

static bool status_hex(struct str text, const char *key, uint64_t *out)
{
	struct str value;
	return status_line(text, key, &value) && to_number(value, 16, out);
}

bool process_has_signals(pid_t pid, pid_t tid)
{
	OWNED_BUF struct buf text = BUF_INIT(STATUS_MAX_BYTES);
	uint64_t own, shared, blocked;
	OWNED(err) struct err *e = read_proc(pid, tid, "status", &text);
	struct str status = buf_str(&text);
	if (e || !status_hex(status, "SigPnd", &own) || !status_hex(status, "ShdPnd", &shared) ||
	    !status_hex(status, "SigBlk", &blocked))
		return true;
	return (own | shared) & ~blocked;
}

/* NSpid lists its pids from our namespace inwards; the last one is its own. */
pid_t process_pid_inside(pid_t pid)
{
	OWNED_BUF struct buf text = BUF_INIT(STATUS_MAX_BYTES);
	struct str value;
	uint64_t inside = 0;
	OWNED(err) struct err *e = read_proc(pid, 0, "status", &text);
	if (e || !status_line(buf_str(&text), "NSpid", &value))
		return 0;
	while (value.size) {
		struct str number;
		str_split(value, '\t', &number, &value);
		if (!to_number(number, 10, &inside) || inside > INT_MAX)
			return 0;
	}
	return (pid_t)inside;
}

struct err *process_exe(pid_t pid, char **out)
{
	char path[32], target[PATH_MAX];
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	ssize_t size = readlink(path, target, sizeof(target));
	if (size < 0)
		return err_sys(errno, "%s", path);
	struct str exe = {target, (size_t)size};
	if (str_ends(exe, " (deleted)"))
		exe.size -= strlen(" (deleted)");
	char *copy = mem_copy_text(exe.data, exe.size);
	TRY_MEMORY(copy);
	*out = copy;
	return NULL;
}

/* ---- listing ---- */

struct found {
	struct process_id *items;
	size_t count, capacity;
};

static struct err *found_add(struct found *f, struct process_id id)
{
	if (f->count == f->capacity) {
		size_t capacity = f->capacity ? f->capacity * 2 : 16;
		struct process_id *items = mem_resize_array(f->items, capacity, sizeof(*items));
		TRY_MEMORY(items);
		f->items = items;
		f->capacity = capacity;
	}
	f->items[f->count++] = id;
	return NULL;
}

/* Processes come and go while they are listed: one that cannot be read is one that does not match. */
static struct err *offer(struct found *f, pid_t pid, struct str exe)
{
	OWNED(text) char *path = NULL;
	struct process_id id;
	struct err *e = process_exe(pid, &path);
	if (!e && (exe.size == 0 || str_equal(str_of(path), exe))) {
		e = process_find(pid, &id);
		if (!e)
			return found_add(f, id);
	}
	if (e && err_code(e) == ERR_NO_MEMORY)
		return e;
	err_destroy(e);
	return NULL;
}

static int by_pid(const void *a, const void *b)
{
	const struct process_id *x = a, *y = b;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static void close_folder(DIR *folder)
{
	if (folder)
		closedir(folder);
}
OWN_DEFINE(folder, DIR *, close_folder)

static struct err *offer_all(struct found *f, struct str exe)
{
	OWNED(folder) DIR *folder = opendir("/proc");
	if (!folder)
		return err_sys(errno, "/proc");
	for (struct dirent *each; (each = readdir(folder));) {
		uint64_t pid;
		if (str_to_u64(str_of(each->d_name), &pid) && pid <= INT_MAX &&
		    (pid_t)pid != getpid())
			TRY(offer(f, (pid_t)pid, exe));
	}
	return NULL;
}

struct err *process_list(struct str exe, struct process_id **out, size_t *count)
{
	struct found f = {0};
	struct err *e = offer_all(&f, exe);
	if (e) {
		mem_free(f.items);
		return e;
	}
	if (f.count)
		qsort(f.items, f.count, sizeof(*f.items), by_pid);
	*out = f.items;
	*count = f.count;
	return NULL;
}
