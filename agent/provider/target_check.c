/*
 * What is asked of the process before it is changed.
 */
#include "agent/provider/target_impl.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

static void close_folder(DIR *folder)
{
	if (folder)
		closedir(folder);
}
OWN_DEFINE(folder, DIR *, close_folder)

/* Filters are a thread's own; one that has ended meanwhile has none. */
static bool is_filtered(pid_t pid, pid_t tid)
{
	uint64_t mode = 0;
	OWNED(err) struct err *e = process_status(pid, tid, "Seccomp", 10, &mode);
	return !e && mode != 0;
}

struct err *target_check_filter(const struct target *t, const struct image *image)
{
	char path[32];
	if (!image->needs)
		return NULL;
	snprintf(path, sizeof(path), "/proc/%d/task", t->id.pid);
	OWNED(folder) DIR *folder = opendir(path);
	if (!folder)
		return err_sys(errno, "%s", path);
	for (struct dirent *each; (each = readdir(folder));) {
		uint64_t tid;
		if (!str_to_u64(str_of(each->d_name), &tid) || tid > INT_MAX ||
		    !is_filtered(t->id.pid, (pid_t)tid))
			continue;
		return err_new(
			ERR_FAILED_PRECONDITION,
			"process %d has a seccomp filter, and the program makes system calls "
			"in it (for probe_read, pid, time or cpu) that the filter may punish",
			t->id.pid);
	}
	return NULL;
}

struct err *target_check_program(struct target *t, struct remote *r)
{
	for (uint32_t i = 0; i < t->islands_count; i++) {
		struct target_mark mark = {0};
		if (!t->islands[i].is_mapped)
			continue;
		OWNED(err)
		struct err *e = remote_read(r, t->islands[i].base, &mark, sizeof(mark));
		if (e || memcmp(mark.magic, TARGET_MAGIC, sizeof(mark.magic)) != 0)
			return err_new(ERR_FAILED_PRECONDITION,
				       "process %d runs another program now", t->id.pid);
	}
	return NULL;
}
