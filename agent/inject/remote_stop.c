/*
 * Stopping every thread, and letting them run on as if nothing had been.
 *
 * SEIZE disturbs nobody; INTERRUPT makes a thread stop at the next border between kernel and user. New
 * threads appear as long as one runs, so the list is read until it brings nothing new while all stand.
 * What a thread's stop looks like:
 *
 *	PTRACE_EVENT_STOP      our interrupt, or a group stop (SIGSTOP): it goes on as it was by detaching
 *	a signal's delivery    the signal came first: it waits there, and detaching delivers it
 *	gone                   it ended meanwhile: dropped
 *
 * A stop ends some system calls with EINTR though no signal handler runs (epoll_wait, semop,
 * sigtimedwait): such a thread is put back onto the call. The kernel's own restart codes (ERESTART…) are
 * settled by the kernel when the thread goes on with the registers that it had.
 */
#include "agent/inject/remote_impl.h"

#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define STOP_PATIENCE_MS  200  /* for all threads to stop, with the others standing */
#define LATE_PATIENCE_MS  2000 /* for one that has not, with the others running */
#define LOOKS_AT_ONCE	  8u
#define SHORTEST_SLEEP_NS 10000L
#define MAX_DOUBLINGS	  6u
#define MAX_LATE	  64

/* Rule broken: a mutable global, one of each thread. ptrace belongs to a thread, and a tracee that never
 * stopped cannot be let go, only waited for. */
static _Thread_local pid_t late[MAX_LATE];

/* ---- waiting ---- */

/* The end of a process that is our own child is for whoever started it; any other end has to be taken
 * before the real parent hears of it. */
static bool is_own_child(pid_t tid)
{
	uint64_t group = 0, parent = 0;
	OWNED(err) struct err *e = process_status(tid, 0, "Tgid", 10, &group);
	if (!e)
		e = process_status(tid, 0, "PPid", 10, &parent);
	return !e && group == (uint64_t)tid && parent == (uint64_t)getpid();
}

/* Whether `tid` has something to tell: its wait status, or 0 where it is gone. */
static bool poll_thread(pid_t tid, int *status)
{
	siginfo_t info = {0};
	int flags = WEXITED | WSTOPPED | WNOHANG | __WALL;
	if (waitid(P_PID, (id_t)tid, &info, flags | WNOWAIT) != 0) {
		*status = 0;
		return errno != EINTR;
	}
	if (info.si_pid == 0)
		return false;
	bool is_end = info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED;
	*status = is_end ? 0 : info.si_status << 8 | 0x7f;
	if (!is_end || !is_own_child(tid))
		waitid(P_PID, (id_t)tid, &info, flags);
	return true;
}

/* A thread that runs stops within microseconds; one that waits for a processor needs ours. So only a few
 * looks are taken at once, and then it sleeps, longer each time. */
static void wait_a_moment(unsigned try)
{
	unsigned doublings = try < LOOKS_AT_ONCE ? 0 : MIN(try - LOOKS_AT_ONCE, MAX_DOUBLINGS);
	struct timespec moment = {0, SHORTEST_SLEEP_NS << doublings};
	if (try < LOOKS_AT_ONCE)
		sched_yield();
	else
		nanosleep(&moment, NULL);
}

int remote_await(pid_t tid, int patience_ms)
{
	uint64_t deadline = clock_mono_ns() + (uint64_t)patience_ms * 1000000u;
	for (unsigned try = 0;; try++) {
		int status;
		if (poll_thread(tid, &status))
			return status;
		if (try >= LOOKS_AT_ONCE && clock_mono_ns() >= deadline)
			return REMOTE_BUSY;
		wait_a_moment(try);
	}
}

static int status_event(int status)
{
	return status >> 16;
}

/* The signal whose delivery the thread stands before; 0 where it stopped for our sake. */
static int status_signal(int status)
{
	return status_event(status) ? 0 : WSTOPSIG(status);
}

static bool detach(pid_t tid, int signal)
{
	return ptrace(PTRACE_DETACH, tid, NULL, (void *)(long)signal) == 0;
}

static void late_add(pid_t tid)
{
	for (size_t i = 0; i < MAX_LATE; i++)
		if (late[i] == 0) {
			late[i] = tid;
			return;
		}
}

void remote_tend(void)
{
	for (size_t i = 0; i < MAX_LATE; i++) {
		int status;
		if (late[i] == 0 || !poll_thread(late[i], &status))
			continue;
		if (status)
			detach(late[i], status_signal(status));
		late[i] = 0;
	}
}

/* ---- stopping ---- */

static struct remote_thread *add_thread(struct remote *r, pid_t tid)
{
	if (r->count == r->capacity) {
		uint32_t capacity = r->capacity ? r->capacity * 2 : 64;
		struct remote_thread *threads =
			mem_resize_array(r->threads, capacity, sizeof(*threads));
		if (!threads)
			return NULL;
		r->threads = threads;
		r->capacity = capacity;
	}
	struct remote_thread *t = &r->threads[r->count++];
	memset(t, 0, sizeof(*t));
	t->tid = tid;
	return t;
}

/* Listings keep their order, so the next one is most often the one asked for. */
static bool is_known(const struct remote *r, pid_t tid, uint32_t *hint)
{
	for (uint32_t n = 0; n < r->count; n++) {
		uint32_t i = (*hint + n) % r->count;
		if (r->threads[i].tid == tid) {
			*hint = i + 1;
			return true;
		}
	}
	return false;
}

static bool is_ending(pid_t pid, pid_t tid)
{
	char path[64], state = 'Z';
	OWNED_BUF struct buf text = BUF_INIT(4096);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	struct err *e = file_read(path, &text);
	const char *at = e ? NULL : strrchr(buf_text(&text), ')');
	if (at && at[1] == ' ')
		state = at[2];
	err_destroy(e);
	return state == 'Z' || state == 'X';
}

static int seize(struct remote *r, pid_t tid)
{
	long options = PTRACE_O_TRACESYSGOOD;
	if (!r->seccomp_stays) {
		if (ptrace(PTRACE_SEIZE, tid, NULL, options | PTRACE_O_SUSPEND_SECCOMP) == 0)
			return 0;
		if (errno == ESRCH)
			return ESRCH;
	}
	if (ptrace(PTRACE_SEIZE, tid, NULL, options) != 0)
		return errno;
	r->seccomp_stays = true;
	return 0;
}

static struct err *stop_thread(struct remote *r, pid_t tid)
{
	int errnum = seize(r, tid);
	if (errnum == ESRCH || (errnum == EPERM && is_ending(r->pid, tid)))
		return NULL;
	if (errnum)
		return err_sys(errnum, "ptrace of thread %d", tid);
	if (!add_thread(r, tid)) {
		late_add(tid);
		return err_no_memory();
	}
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL); /* fails where it is gone: waiting tells */
	return NULL;
}

static void close_folder(DIR *folder)
{
	if (folder)
		closedir(folder);
}
OWN_DEFINE(folder, DIR *, close_folder)

static struct err *stop_new_threads(struct remote *r, bool *is_new)
{
	char path[32];
	uint32_t hint = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", r->pid);
	OWNED(folder) DIR *folder = opendir(path);
	if (!folder)
		return err_new(ERR_NOT_FOUND, "no process %d", r->pid);
	*is_new = false;
	for (struct dirent *each; (each = readdir(folder));) {
		uint64_t tid;
		if (!str_to_u64(str_of(each->d_name), &tid) || tid > INT_MAX ||
		    is_known(r, (pid_t)tid, &hint))
			continue;
		if (r->count == REMOTE_MAX_THREADS)
			return err_new(ERR_RESOURCE_EXHAUSTED,
				       "process %d has more than %u threads", r->pid,
				       REMOTE_MAX_THREADS);
		uint32_t before = r->count;
		TRY(stop_thread(r, (pid_t)tid));
		*is_new |= r->count > before;
	}
	return NULL;
}

static void drop_thread(struct remote *r, uint32_t i)
{
	r->threads[i] = r->threads[--r->count];
}

static struct err *await_new_threads(struct remote *r)
{
	for (uint32_t i = 0; i < r->count;) {
		struct remote_thread *t = &r->threads[i];
		int status = t->is_stopped ? 1 : remote_await(t->tid, STOP_PATIENCE_MS);
		if (status == REMOTE_BUSY)
			return err_new(
				ERR_UNAVAILABLE,
				"thread %d of process %d does not stop: it waits in the kernel "
				"(vfork, or a device); try again later",
				t->tid, r->pid);
		if (status == 0) {
			drop_thread(r, i);
			continue;
		}
		if (!t->is_stopped)
			t->signal = status_signal(status);
		t->is_stopped = true;
		i++;
	}
	return NULL;
}

/* ---- registers ---- */

/* Puts a thread that our stop alone has thrown out of its system call back onto it. */
static void step_back(struct remote *r, struct remote_thread *t)
{
	uint8_t code[2];
	if (t->regs.rax != (unsigned long long)-EINTR || (long long)t->regs.orig_rax < 0 ||
	    t->signal || process_has_signals(r->pid, t->tid))
		return;
	if (pread(r->memory, code, sizeof(code), (off_t)(t->regs.rip - 2)) != 2 ||
	    code[0] != 0x0f || code[1] != 0x05)
		return;
	t->going.rip -= 2;
	t->going.rax = t->regs.orig_rax;
	t->going.orig_rax = REMOTE_NO_SYSCALL;
	t->must_set = ptrace(PTRACE_SETREGS, t->tid, NULL, &t->going) != 0;
}

/* A thread that vanishes while it stands was killed, and the process with it. */
static struct err *read_registers(struct remote *r)
{
	for (uint32_t i = 0; i < r->count; i++) {
		struct remote_thread *t = &r->threads[i];
		if (ptrace(PTRACE_GETREGS, t->tid, NULL, &t->regs) != 0)
			return err_sys(errno, "registers of thread %d", t->tid);
		t->going = t->regs;
		step_back(r, t);
	}
	return r->count ? NULL : err_new(ERR_NOT_FOUND, "process %d is gone", r->pid);
}

static struct err *stop_all(struct remote *r)
{
	bool is_new = true;
	while (is_new) {
		TRY(stop_new_threads(r, &is_new));
		TRY(await_new_threads(r));
	}
	return read_registers(r);
}

static struct err *open_memory(struct remote *r)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d/mem", r->pid);
	return file_open(path, O_RDWR, 0, &r->memory);
}

struct err *remote_stop(pid_t pid, struct remote **out)
{
	remote_tend();
	TRY(remote_check(pid));
	OWNED(remote) struct remote *r = mem_zalloc(sizeof(*r));
	TRY_MEMORY(r);
	r->pid = pid;
	r->memory = -1;
	r->runner.thread = REMOTE_NO_THREAD;
	TRY(open_memory(r));
	r->since_ns = clock_mono_ns();
	TRY(stop_all(r));
	*out = MOVE(r);
	return NULL;
}

/* ---- going on ---- */

/* One that has not stopped yet, or was killed, cannot be let go: it is waited for, so that its parent may
 * reap it. */
static void let_go_late(pid_t tid)
{
	int status = remote_await(tid, LATE_PATIENCE_MS);
	if (status == REMOTE_BUSY)
		late_add(tid);
	else if (status)
		detach(tid, status_signal(status));
}

static void let_go(struct remote_thread *t)
{
	if (t->must_set)
		ptrace(PTRACE_SETREGS, t->tid, NULL, &t->going);
	if (t->is_stopped && detach(t->tid, t->signal))
		t->tid = 0;
}

/* First those that stand, at once; then the others, the main thread last: the kernel reports its end
 * only after all the others'. */
static void let_all_go(struct remote *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		let_go(&r->threads[i]);
	for (uint32_t i = 0; i < r->count; i++)
		if (r->threads[i].tid && r->threads[i].tid != r->pid)
			let_go_late(r->threads[i].tid);
	for (uint32_t i = 0; i < r->count; i++)
		if (r->threads[i].tid == r->pid)
			let_go_late(r->threads[i].tid);
}

void remote_resume(struct remote *r)
{
	if (!r)
		return;
	remote_scratch_free(r);
	remote_runner_stop(r);
	let_all_go(r);
	if (r->runner.owes_stop)
		syscall(SYS_tgkill, r->pid, r->pid, SIGSTOP);
	process_maps_fini(&r->maps);
	file_close(r->memory);
	mem_free(r->threads);
	mem_free(r);
}
