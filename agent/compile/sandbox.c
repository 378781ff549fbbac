#include "agent/compile/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Everything that allocation, LLVM's own bookkeeping and leaving ask for; no call here opens, connects,
 * starts or signals anything. mprotect and mmap are needed by malloc: code pages they could make stay in
 * this process, which holds nothing. */
static const int allowed[] = {
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(brk),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getrusage),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(sched_yield),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(prlimit64),
	SCMP_SYS(sysinfo),
};

static struct err *limit(int resource, rlim_t value)
{
	struct rlimit both = {value, value};
	return setrlimit(resource, &both) == 0 ? NULL : err_sys(errno, "setrlimit");
}

static struct err *set_limits(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they reserve terabytes */
	TRY(limit(RLIMIT_AS, SANDBOX_MAX_MEMORY_BYTES));
#endif
	TRY(limit(RLIMIT_CPU, SANDBOX_MAX_CPU_S));
	TRY(limit(RLIMIT_CORE, 0));
	return limit(RLIMIT_FSIZE, 0);
}

static int add_rules(scmp_filter_ctx filter)
{
	int failed = 0;
	for (size_t i = 0; i < ARRAY_SIZE(allowed) && !failed; i++)
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!failed)
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(read), 1,
					  SCMP_A0(SCMP_CMP_EQ, STDIN_FILENO));
	if (!failed)
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
					  SCMP_A0(SCMP_CMP_LE, STDERR_FILENO));
	return failed ? failed : seccomp_load(filter);
}

struct err *sandbox_enter(void)
{
	TRY(set_limits());
	if (prctl(PR_SET_DUMPABLE, 0) != 0)
		return err_sys(errno, "prctl");
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return err_new(ERR_SYSTEM, "seccomp is not available");
	int failed = add_rules(filter);
	seccomp_release(filter);
	return failed ? err_sys(-failed, "seccomp filter") : NULL;
}
