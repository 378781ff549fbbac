/*
 * What is known of a stopped process, and its memory.
 */
#include "agent/inject/remote_impl.h"

#include "shared/base/clock.h"

#include <errno.h>
#include <sys/ptrace.h>
#include <unistd.h>

pid_t remote_pid(const struct remote *r)
{
	return r->pid;
}

uint64_t remote_stopped_ns(const struct remote *r)
{
	return clock_mono_ns() - r->since_ns;
}

uint32_t remote_threads_count(const struct remote *r)
{
	return r->count;
}

pid_t remote_tid(const struct remote *r, uint32_t thread)
{
	return r->threads[thread].tid;
}

const struct user_regs_struct *remote_regs(const struct remote *r, uint32_t thread)
{
	return &r->threads[thread].regs;
}

struct err *remote_move(struct remote *r, uint32_t thread, uint64_t ip)
{
	struct remote_thread *t = &r->threads[thread];
	t->going.rip = ip;
	t->must_set = true;
	if (thread == r->runner.thread)
		return remote_runner_moved(r);
	if (ptrace(PTRACE_SETREGS, t->tid, NULL, &t->going) != 0)
		return err_sys(errno, "registers of thread %d", t->tid);
	t->must_set = false;
	return NULL;
}

struct err *remote_maps(struct remote *r, const struct process_maps **out)
{
	if (!r->has_maps)
		TRY(process_maps(r->pid, &r->maps));
	r->has_maps = true;
	*out = &r->maps;
	return NULL;
}

/* The kernel says "nothing there" of a process whose memory is gone, and fails where a page is missing. */
static struct err *memory_error(const struct remote *r, uint64_t address, bool is_gone,
				const char *done)
{
	if (is_gone)
		return err_new(ERR_NOT_FOUND, "process %d is gone", r->pid);
	return err_new(ERR_INVALID, "memory at 0x%llx of process %d cannot be %s",
		       (unsigned long long)address, r->pid, done);
}

struct err *remote_read(struct remote *r, uint64_t address, void *out, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = pread(r->memory, (uint8_t *)out + done, size - done,
				    (off_t)(address + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return memory_error(r, address + done, got == 0, "read");
		done += (size_t)got;
	}
	return NULL;
}

struct err *remote_write(struct remote *r, uint64_t address, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t put = pwrite(r->memory, (const uint8_t *)data + done, size - done,
				     (off_t)(address + done));
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return memory_error(r, address + done, put == 0, "written");
		done += (size_t)put;
	}
	return NULL;
}
