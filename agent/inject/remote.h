/*
 * remote - a running process, stopped for a moment: system calls in its name, its memory, its threads.
 *
 * ptrace (SEIZE, INTERRUPT) on every thread; system calls run in one stopped thread from a `syscall`
 * instruction of its own text; descriptors go over by a socket pair and SCM_RIGHTS; memory through
 * /proc/PID/mem. No path or name is resolved inside the target, so its namespaces do not matter, and its
 * own seccomp filter is suspended while it is stopped.
 *
 * [R1] After remote_resume() every thread has the registers that it was stopped with, apart from those
 *      that remote_move() changed on purpose; no system call that it was in fails for our sake.
 * [R2] Whatever fails here, the target runs on.
 * [R3] Should this process die while the target is stopped, the target runs on as in [R1]: the thread
 *      that runs our system calls stands in a stub that puts its registers back by itself.
 * A system call that a stop ended early is made again, so a time-out in it begins anew.
 * Threads: all calls for one remote from the thread that stopped it (ptrace asks for that).
 * Limits:  REMOTE_MAX_THREADS threads.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/base/str.h"

#include <sys/types.h>
#include <sys/user.h>

#define REMOTE_MAX_THREADS 4096u

struct remote;

/*
 * Whether this process may be touched at all; nothing is stopped.
 *   fails  NOT_FOUND            no such process, or a zombie
 *          PERMISSION_DENIED    Yama, capabilities, another user's
 *          FAILED_PRECONDITION  traced by another (names the tracer's pid), a 32-bit task, a kernel thread
 */
MUST_CHECK struct err *remote_check(pid_t pid);

/*
 * Stops all threads of `pid` (loops until no new one appears).
 *   out    owned; remote_resume() ends it
 *   fails  as remote_check(); RESOURCE_EXHAUSTED past the thread limit. The target runs on.
 */
MUST_CHECK struct err *remote_stop(pid_t pid, struct remote **out);

/* Lets all threads run on and destroys `r`. NULL is fine. */
void remote_resume(struct remote *r);
OWN_DEFINE(remote, struct remote *, remote_resume)

pid_t remote_pid(const struct remote *r);

/* Nanoseconds since the first thread was asked to stop. */
uint64_t remote_stopped_ns(const struct remote *r);

/* The threads and their registers as they were when stopped; borrowed until resume. */
uint32_t remote_threads_count(const struct remote *r);
pid_t remote_tid(const struct remote *r, uint32_t thread);
const struct user_regs_struct *remote_regs(const struct remote *r, uint32_t thread);

/* Lets `thread` go on at `ip`; takes effect at once, so that it holds should this process die. */
MUST_CHECK struct err *remote_move(struct remote *r, uint32_t thread, uint64_t ip);

/*
 * Runs one system call in the target.
 *   result  what the kernel returned, -errno included
 *   fails   SYSTEM, NOT_FOUND (it died)
 */
MUST_CHECK struct err *remote_syscall(struct remote *r, long number, const uint64_t args[6],
				      int64_t *result);

/* Copies memory; all or an error (INVALID with the address). Writing ignores page protection. */
MUST_CHECK struct err *remote_read(struct remote *r, uint64_t address, void *out, size_t size);
MUST_CHECK struct err *remote_write(struct remote *r, uint64_t address, const void *data,
				    size_t size);

/*
 * Opens `count` of our descriptors in the target (close-on-exec there).
 *   remote_fds  their numbers there; the caller closes them by remote_syscall(SYS_close)
 */
MUST_CHECK struct err *remote_send_fds(struct remote *r, const int *fds, uint32_t count,
				       int *remote_fds);

/*
 * mmap in the target at exactly `address`. MAP_FIXED_NOREPLACE is added, but where `flags` has
 * MAP_FIXED, for a range that the caller has reserved.
 *   fails  by errno; FAILED_PRECONDITION where something is there
 */
MUST_CHECK struct err *remote_mmap(struct remote *r, uint64_t address, uint64_t size,
				   int protection, int flags, int remote_fd, uint64_t offset);
MUST_CHECK struct err *remote_munmap(struct remote *r, uint64_t address, uint64_t size);

struct remote_range {
	uint64_t start, end;
};

/*
 * Whether any thread is, or may come back to be, in [start, end): its ip, or any word of its stack from
 * its stack pointer to the end of that mapping (bounded), points there. Conservative.
 */
MUST_CHECK struct err *remote_uses(struct remote *r, uint64_t start, uint64_t end, bool *out);

/* The same for `count` ranges in one pass: sets used[i]. */
MUST_CHECK struct err *remote_uses_each(struct remote *r, const struct remote_range *ranges,
					uint32_t count, bool *used);

/*
 * A thread that the kernel does not let stop (it waits in vfork, say) is left alone after a while, and
 * trips over our request when it wakes up. Lets such threads of this thread's doing run on; called by
 * each remote_stop(), and now and then by whoever stops processes.
 */
void remote_tend(void);
