/*
 * Saying no before anything is stopped, with words that tell what to change.
 */
#include "agent/inject/remote_impl.h"

#include "shared/base/file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define YAMA_SCOPE    "/proc/sys/kernel/yama/ptrace_scope"
#define YAMA_DISABLED '3'

static struct err *check_yama(void)
{
	OWNED_BUF struct buf text = BUF_INIT(64);
	OWNED(err) struct err *e = file_read(YAMA_SCOPE, &text); /* absent: no Yama */
	if (e || text.size == 0 || buf_text(&text)[0] != YAMA_DISABLED)
		return NULL;
	return err_new(ERR_PERMISSION_DENIED, "ptrace is switched off until reboot (%s is 3)",
		       YAMA_SCOPE);
}

static struct err *check_tracer(pid_t pid)
{
	uint64_t tracer;
	TRY(process_status(pid, 0, "TracerPid", 10, &tracer));
	if (tracer)
		return err_new(ERR_FAILED_PRECONDITION,
			       "process %d is traced by process %d already", pid, (int)tracer);
	return NULL;
}

/* Kernel threads have no executable; 32-bit ones have another ELF class. */
static struct err *check_executable(pid_t pid)
{
	char path[32];
	unsigned char start[EI_CLASS + 1];
	OWNED(fd) int fd = -1;
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	struct err *e = file_open(path, O_RDONLY, 0, &fd);
	if (e && err_code(e) == ERR_NOT_FOUND) {
		err_destroy(e);
		return err_new(ERR_FAILED_PRECONDITION,
			       "process %d has no executable: a kernel thread, or about to end",
			       pid);
	}
	TRY(e);
	if (pread(fd, start, sizeof(start), 0) != (ssize_t)sizeof(start))
		return err_new(ERR_FAILED_PRECONDITION, "%s cannot be read", path);
	if (start[EI_CLASS] != ELFCLASS64)
		return err_new(ERR_FAILED_PRECONDITION, "process %d is a 32-bit one", pid);
	return NULL;
}

static struct err *check_memory(pid_t pid)
{
	char path[32];
	OWNED(fd) int fd = -1;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	return file_open(path, O_RDWR, 0, &fd);
}

struct err *remote_check(pid_t pid)
{
	struct process_id id;
	if (pid == getpid())
		return err_new(ERR_FAILED_PRECONDITION, "process %d is this one", pid);
	TRY(process_find(pid, &id));
	TRY(check_yama());
	TRY(check_tracer(pid));
	TRY(check_executable(pid));
	return check_memory(pid);
}
