/*
 * System calls in the name of a stopped process.
 *
 * One thread, the runner, makes them. Its signals wait meanwhile (PTRACE_SETSIGMASK; a signal before
 * whose delivery it stands goes back into the queue by being delivered while blocked, its siginfo kept).
 * A call is two stops, at entry and exit: no trap flag, so the target's own idea of SIGTRAP is not
 * touched.
 *
 * The runner stands in a stub (remote_stub.c) whose first instruction is the `syscall`; what follows puts
 * the runner's registers and signal mask back. It never gets there while we live.
 *
 * [R4] Whenever the runner's registers are not its own, the stub is complete and holds its own ones; so
 *      the stub is written before the registers are changed and taken out after they are back.
 * In the end the runner is interrupted once more: it then stands in the kernel's signal code, where
 * restart codes of a call that it was in at first are settled; a syscall-exit stop would leak them.
 */
#include "agent/inject/remote_impl.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define RUN_PATIENCE_MS	      5000
#define SYSCALL_BYTES	      2u
#define SYSCALL_STOP	      (SIGTRAP | 0x80)
#define ERESTART_RESTARTBLOCK 516

static struct err *gone(const struct remote *r)
{
	return err_new(ERR_NOT_FOUND, "process %d is gone", r->pid);
}

static struct remote_thread *runner_of(struct remote *r)
{
	return &r->threads[r->runner.thread];
}

/* ---- going from stop to stop ---- */

/* Lets the runner go on by `request` to its next stop; signals that come in between (SIGSTOP alone can)
 * are held back. */
static struct err *run_to_stop(struct remote *r, int request, int *status)
{
	struct remote_thread *t = runner_of(r);
	if (ptrace(request, t->tid, NULL, (void *)(long)t->signal) != 0)
		return err_sys(errno, "thread %d", t->tid);
	t->signal = 0;
	*status = remote_await(t->tid, RUN_PATIENCE_MS);
	if (*status == 0)
		return gone(r);
	if (*status == REMOTE_BUSY)
		return err_new(ERR_UNAVAILABLE, "thread %d does not come back from a system call",
			       t->tid);
	if (*status >> 16 == 0 && WSTOPSIG(*status) == SIGSTOP)
		r->runner.owes_stop = true;
	return NULL;
}

static struct err *run_to_syscall_stop(struct remote *r)
{
	int status;
	do
		TRY(run_to_stop(r, PTRACE_SYSCALL, &status));
	while (WSTOPSIG(status) != SYSCALL_STOP);
	return NULL;
}

/* To a stop inside the kernel's signal code, without a step in user mode. */
static struct err *run_to_event_stop(struct remote *r)
{
	int status;
	if (ptrace(PTRACE_INTERRUPT, runner_of(r)->tid, NULL, NULL) != 0)
		return err_sys(errno, "interrupt");
	do
		TRY(run_to_stop(r, PTRACE_CONT, &status));
	while (status >> 16 != PTRACE_EVENT_STOP);
	return NULL;
}

/* ---- becoming the runner ---- */

/* The best runner is in no system call; the worst stands before a signal or in a call that is to be
 * resumed by its restart block, which a call of ours could replace. */
static unsigned unfitness(const struct remote_thread *t)
{
	if (t->signal)
		return 3;
	if (t->regs.rax == (unsigned long long)-ERESTART_RESTARTBLOCK)
		return 2;
	return (long long)t->regs.orig_rax >= 0;
}

static uint32_t choose(const struct remote *r)
{
	uint32_t best = 0;
	for (uint32_t i = 1; i < r->count; i++)
		if (unfitness(&r->threads[i]) < unfitness(&r->threads[best]))
			best = i;
	return best;
}

static struct err *check_seccomp(const struct remote *r, pid_t tid)
{
	uint64_t mode;
	if (!r->seccomp_stays)
		return NULL;
	TRY(process_status(r->pid, tid, "Seccomp", 10, &mode));
	if (mode == 0)
		return NULL;
	return err_new(
		ERR_FAILED_PRECONDITION,
		"process %d has a seccomp filter, and suspending it takes CAP_SYS_ADMIN and a "
		"kernel with CONFIG_CHECKPOINT_RESTORE",
		r->pid);
}

static struct err *write_stub(struct remote *r)
{
	uint8_t stub[REMOTE_STUB_MAX];
	size_t size = remote_stub_encode(&runner_of(r)->going, r->runner.mask, stub);
	return remote_write(r, r->runner.stub, stub, size);
}

static struct err *enter_stub(struct remote *r)
{
	struct remote_thread *t = runner_of(r);
	struct user_regs_struct regs = t->going;
	TRY(remote_read(r, r->runner.stub, r->runner.replaced, REMOTE_STUB_MAX));
	t->must_set = true;
	TRY(write_stub(r));
	regs.rip = r->runner.stub + SYSCALL_BYTES;
	regs.orig_rax = REMOTE_NO_SYSCALL;
	if (ptrace(PTRACE_SETREGS, t->tid, NULL, &regs) != 0)
		return err_sys(errno, "registers of thread %d", t->tid);
	return NULL;
}

static struct err *hold_signals(struct remote *r)
{
	struct remote_thread *t = runner_of(r);
	uint64_t all = ~(uint64_t)0;
	if (ptrace(PTRACE_SETSIGMASK, t->tid, sizeof(all), &all) != 0)
		return err_sys(errno, "signal mask of thread %d", t->tid);
	return t->signal ? run_to_event_stop(r) : NULL;
}

struct err *remote_runner_start(struct remote *r)
{
	if (r->runner.thread != REMOTE_NO_THREAD)
		return NULL;
	uint32_t chosen = choose(r);
	pid_t tid = r->threads[chosen].tid;
	TRY(check_seccomp(r, tid));
	r->runner.syscall_at = remote_find_syscall(r);
	if (!r->runner.syscall_at)
		return err_new(ERR_FAILED_PRECONDITION,
			       "process %d has no `syscall` instruction mapped", r->pid);
	if (ptrace(PTRACE_GETSIGMASK, tid, sizeof(r->runner.mask), &r->runner.mask) != 0)
		return err_sys(errno, "signal mask of thread %d", tid);
	r->runner.stub = remote_find_slack(r, REMOTE_STUB_MAX);
	r->runner.thread = chosen;
	if (r->runner.stub)
		TRY(enter_stub(r));
	return hold_signals(r);
}

struct err *remote_runner_moved(struct remote *r)
{
	return r->runner.stub ? write_stub(r) : NULL;
}

/* Failures here are a target that is gone: there is nothing left to put back. */
void remote_runner_stop(struct remote *r)
{
	if (r->runner.thread == REMOTE_NO_THREAD)
		return;
	struct remote_thread *t = runner_of(r);
	OWNED(err) struct err *e = run_to_event_stop(r);
	ptrace(PTRACE_SETSIGMASK, t->tid, sizeof(r->runner.mask), &r->runner.mask);
	ptrace(PTRACE_SETREGS, t->tid, NULL, &t->going);
	t->must_set = false;
	if (r->runner.stub && !e)
		e = remote_write(r, r->runner.stub, r->runner.replaced, REMOTE_STUB_MAX);
	r->runner.thread = REMOTE_NO_THREAD;
}

/* ---- calls ---- */

struct err *remote_syscall(struct remote *r, long number, const uint64_t args[6], int64_t *result)
{
	TRY(remote_runner_start(r));
	struct remote_thread *t = runner_of(r);
	struct user_regs_struct regs = t->going;
	regs.rax = (unsigned long long)number;
	regs.orig_rax = REMOTE_NO_SYSCALL;
	regs.rdi = args[0];
	regs.rsi = args[1];
	regs.rdx = args[2];
	regs.r10 = args[3];
	regs.r8 = args[4];
	regs.r9 = args[5];
	regs.rip = r->runner.stub ? r->runner.stub : r->runner.syscall_at;
	t->must_set = true;
	if (ptrace(PTRACE_SETREGS, t->tid, NULL, &regs) != 0)
		return err_sys(errno, "registers of thread %d", t->tid);
	TRY(run_to_syscall_stop(r));
	TRY(run_to_syscall_stop(r));
	if (ptrace(PTRACE_GETREGS, t->tid, NULL, &regs) != 0)
		return err_sys(errno, "registers of thread %d", t->tid);
	*result = (int64_t)regs.rax;
	return NULL;
}
