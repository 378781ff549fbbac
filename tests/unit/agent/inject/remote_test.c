#include "agent/inject/remote.h"

#include "agent/discover/process.h"
#include "shared/base/file.h"
#include "tests/unit/agent/host.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

static int64_t call(struct remote *r, long number, uint64_t a, uint64_t b, uint64_t c)
{
	int64_t result = INT64_MIN;
	assert_ok(remote_syscall(r, number, (uint64_t[6]){a, b, c, 0, 0, 0}, &result));
	return result;
}

static void says_no_to_a_process_that_does_not_exist(void **state)
{
	(void)state;
	struct host h = host_start("target_host", "idle", NULL);
	pid_t pid = h.pid;
	assert_ok(remote_check(pid));
	host_kill(&h);
	assert_fails(remote_check(pid), ERR_NOT_FOUND, "", "no process");
}

static void says_no_to_a_zombie(void **state)
{
	(void)state;
	siginfo_t info;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_fails(remote_check(pid), ERR_NOT_FOUND, "", "no process");
	waitpid(pid, NULL, 0);
}

static void says_no_to_itself_and_to_kernel_threads(void **state)
{
	(void)state;
	assert_fails(remote_check(getpid()), ERR_FAILED_PRECONDITION, "", "is this one");
	assert_fails(remote_check(2), ERR_FAILED_PRECONDITION, "", "kernel thread");
}

static void names_the_tracer_of_a_traced_process(void **state)
{
	(void)state;
	char want[64];
	struct host h = host_start("target_host", "idle", NULL);
	assert_int_equal(ptrace(PTRACE_SEIZE, h.pid, NULL, NULL), 0);
	snprintf(want, sizeof(want), "traced by process %d", getpid());
	assert_fails(remote_check(h.pid), ERR_FAILED_PRECONDITION, "", want);
	host_kill(&h);
}

static void makes_system_calls_in_the_target(void **state)
{
	(void)state;
	struct remote *r;
	struct host h = host_start("target_host", "call", "3");
	assert_ok(remote_stop(h.pid, &r));
	assert_int_equal(remote_threads_count(r), 4);
	assert_int_equal(call(r, SYS_getpid, 0, 0, 0), h.pid);
	assert_int_equal(call(r, SYS_close, 12345, 0, 0), -EBADF);
	assert_true(remote_stopped_ns(r) > 0);
	remote_resume(r);
	assert_int_equal(host_end(&h), 0);
}

static void maps_reads_writes_and_unmaps_memory(void **state)
{
	(void)state;
	struct remote *r;
	char got[8] = {0};
	const uint64_t at = 0x10000000;
	struct host h = host_start("target_host", "idle", NULL);
	assert_ok(remote_stop(h.pid, &r));
	assert_ok(remote_mmap(r, at, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			      0));
	assert_ok(remote_write(r, at + 100, "thunks", 7));
	assert_ok(remote_read(r, at + 100, got, 7));
	assert_string_equal(got, "thunks");
	assert_fails(remote_mmap(r, at, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		     ERR_FAILED_PRECONDITION, "", "something is mapped at 0x10000000");
	assert_ok(remote_munmap(r, at, 4096));
	assert_fails(remote_read(r, at, got, 1), ERR_INVALID, "", "memory at 0x10000000");
	remote_resume(r);
	assert_int_equal(host_end(&h), 0);
}

static void opens_our_descriptors_in_the_target(void **state)
{
	(void)state;
	struct remote *r;
	int fds[70], there[70];
	char link_path[64], target[64] = {0};
	struct host h = host_start("target_host", "idle", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = memfd_create("sent", MFD_CLOEXEC);
	assert_ok(remote_stop(h.pid, &r));
	assert_ok(remote_send_fds(r, fds, ARRAY_SIZE(fds), there));
	snprintf(link_path, sizeof(link_path), "/proc/%d/fd/%d", h.pid, there[69]);
	assert_true(readlink(link_path, target, sizeof(target) - 1) > 0);
	assert_string_equal(target, "/memfd:sent (deleted)");
	assert_int_equal(call(r, SYS_fcntl, (uint64_t)there[0], F_GETFD, 0), FD_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		assert_int_equal(call(r, SYS_close, (uint64_t)there[i], 0, 0), 0);
		close(fds[i]);
	}
	snprintf(link_path, sizeof(link_path), "/proc/%d/fd/3", h.pid);
	assert_int_equal(access(link_path, F_OK), -1); /* the socket pair is closed, too */
	remote_resume(r);
	assert_int_equal(host_end(&h), 0);
}

static void says_so_when_the_target_cannot_open_more_files(void **state)
{
	(void)state;
	struct remote *r;
	struct rlimit_pair {
		uint64_t now, most;
	} limit = {6, 4096};
	int fds[8], there[8];
	struct host h = host_start("target_host", "idle", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = memfd_create("sent", MFD_CLOEXEC);
	assert_int_equal(syscall(SYS_prlimit64, h.pid, 7, &limit, NULL), 0);
	assert_ok(remote_stop(h.pid, &r));
	assert_fails(remote_send_fds(r, fds, 8, there), ERR_RESOURCE_EXHAUSTED, "",
		     "cannot open 8 more files");
	assert_int_equal(call(r, SYS_close, 3, 0, 0), -EBADF); /* nothing stays open */
	remote_resume(r);
	assert_int_equal(host_end(&h), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

static void blocked_system_calls_never_see_a_stop(void **state)
{
	(void)state;
	struct host h = host_start("target_host", "blocked", NULL);
	for (int i = 0; i < 60; i++) {
		struct remote *r;
		assert_ok(remote_stop(h.pid, &r));
		assert_int_equal(remote_threads_count(r), 15);
		if (i % 2)
			assert_int_equal(call(r, SYS_getpid, 0, 0, 0), h.pid);
		remote_resume(r);
	}
	int status = host_end(&h);
	assert_true(strncmp(h.line, "calls 0 wrong 0 ", 16) == 0);
	assert_int_equal(status, 0);
}

static void send(struct host *h, int value, unsigned long *count, unsigned long *sum)
{
	assert_int_equal(sigqueue(h->pid, SIGRTMIN, (union sigval){.sival_int = value}), 0);
	*count += 1;
	*sum += (unsigned long)value;
}

static void no_signal_is_lost_or_changed_by_stops(void **state)
{
	(void)state;
	unsigned long sum = 0, count = 0;
	char want[128];
	struct host h = host_start("target_host", "signals", "2");
	for (int i = 1; i <= 100; i++) {
		struct remote *r;
		for (int n = 0; n < 5; n++)
			send(&h, i, &count, &sum);
		assert_ok(remote_stop(h.pid, &r));
		for (int n = 0; n < 3; n++) {
			send(&h, n, &count, &sum);
			assert_int_equal(call(r, SYS_getpid, 0, 0, 0), h.pid);
		}
		remote_resume(r);
	}
	snprintf(want, sizeof(want), "wrong 0 signals %lu carried %lu", count, sum);
	assert_int_equal(host_end(&h), 0);
	if (!strstr(h.line, want))
		fail_msg("\"%s\" lacks \"%s\"", h.line, want);
}

static char state_of(pid_t pid)
{
	OWNED_BUF struct buf text = BUF_INIT(4096);
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	assert_ok(file_read(path, &text));
	return strrchr(buf_text(&text), ')')[2];
}

static void a_stopped_process_stays_stopped(void **state)
{
	(void)state;
	struct remote *r;
	siginfo_t info;
	struct host h = host_start("target_host", "call", "2");
	kill(h.pid, SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)h.pid, &info, WSTOPPED), 0);
	assert_ok(remote_stop(h.pid, &r));
	assert_int_equal(call(r, SYS_getpid, 0, 0, 0), h.pid);
	remote_resume(r);
	assert_int_equal(state_of(h.pid), 'T');
	kill(h.pid, SIGCONT);
	assert_int_equal(host_end(&h), 0);
}

static void a_stop_signal_that_comes_meanwhile_is_not_lost(void **state)
{
	(void)state;
	struct remote *r;
	siginfo_t info;
	struct host h = host_start("target_host", "idle", NULL);
	assert_ok(remote_stop(h.pid, &r));
	assert_int_equal(call(r, SYS_getpid, 0, 0, 0), h.pid);
	kill(h.pid, SIGSTOP);
	assert_int_equal(call(r, SYS_getpid, 0, 0, 0), h.pid);
	remote_resume(r);
	assert_int_equal(waitid(P_PID, (id_t)h.pid, &info, WSTOPPED), 0);
	kill(h.pid, SIGCONT);
	assert_int_equal(host_end(&h), 0);
}

static void a_kill_while_stopped_is_told_and_reaped(void **state)
{
	(void)state;
	struct remote *r;
	int64_t result;
	struct host h = host_start("target_host", "call", "4");
	assert_ok(remote_stop(h.pid, &r));
	assert_int_equal(call(r, SYS_getpid, 0, 0, 0), h.pid);
	kill(h.pid, SIGKILL);
	assert_fails(remote_syscall(r, SYS_getpid, (uint64_t[6]){0}, &result), ERR_NOT_FOUND, "",
		     "");
	remote_resume(r);
	host_kill(&h); /* waits for it: would hang if a thread were still ours */
}

static void suspends_the_seccomp_filter_of_the_target(void **state)
{
	(void)state;
	struct remote *r;
	struct host h = host_start("target_host", "call", "2");
	int fd = memfd_create("sent", MFD_CLOEXEC), there;
	assert_string_equal(host_say(&h, "filter"), "filtered");
	assert_ok(remote_stop(h.pid, &r));
	assert_ok(remote_send_fds(r, &fd, 1, &there));
	assert_int_equal(call(r, SYS_close, (uint64_t)there, 0, 0), 0);
	remote_resume(r);
	close(fd);
	assert_string_equal(host_say(&h, "once 1"), "result 2654442");
	assert_int_equal(host_end(&h), 0);
}

/* The tracer dies: with the host stopped, with registers of ours in it, in the middle of things. */
static void a_dying_tracer_does_not_hurt(void **state)
{
	(void)state;
	struct host calling = host_start("target_host", "call", "3");
	struct host blocked = host_start("target_host", "blocked", NULL);
	for (int i = 0; i < 40; i++) {
		struct host *h = i % 2 ? &blocked : &calling;
		int status;
		pid_t tracer = fork();
		if (tracer == 0) {
			struct remote *r;
			int64_t result;
			if (remote_stop(h->pid, &r))
				_exit(1);
			for (int n = 0; n < i / 10; n++)
				if (remote_syscall(r, SYS_getpid, (uint64_t[6]){0}, &result))
					_exit(2);
			_exit(0);
		}
		assert_int_equal(waitpid(tracer, &status, 0), tracer);
		assert_int_equal(status, 0);
		assert_true(strncmp(host_say(h, "once 1"), "result 2654442", 14) == 0);
	}
	assert_int_equal(host_end(&calling), 0);
	assert_int_equal(host_end(&blocked), 0);
}

static void moves_a_thread(void **state)
{
	(void)state;
	struct remote *r;
	bool used = false;
	const uint64_t at = 0x10000000;
	/* spins until the word at +64 is not zero, then goes on to +128 by a jump that we fill in */
	uint8_t code[128] = {0x80, 0x3d, 0x39, 0, 0, 0, 0, 0x74, 0xf7, 0xff, 0x25, 0, 0, 0, 0};
	struct host h = host_start("target_host", "call", "1");
	assert_ok(remote_stop(h.pid, &r));
	assert_ok(remote_mmap(r, at, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			      0));
	uint32_t thread = remote_tid(r, 0) == h.pid ? 1 : 0;
	uint64_t ip = remote_regs(r, thread)->rip;
	/* flags are changed by the spin's cmp: it goes back through popf of the old ones */
	memcpy(code + 15, &ip, sizeof(ip));
	assert_ok(remote_write(r, at, code, sizeof(code)));
	assert_ok(remote_uses(r, at, at + 4096, &used));
	assert_false(used);
	assert_ok(remote_move(r, thread, at));
	assert_ok(remote_uses(r, at, at + 4096, &used));
	assert_true(used);
	remote_resume(r);
	assert_ok(remote_stop(h.pid, &r));
	assert_ok(remote_uses(r, at, at + 4096, &used));
	assert_true(used);
	for (uint32_t i = 0; i < remote_threads_count(r); i++)
		if (remote_regs(r, i)->rip - at < 4096)
			assert_ok(remote_move(r, i, ip));
	assert_ok(remote_uses(r, at, at + 4096, &used));
	assert_false(used);
	assert_ok(remote_munmap(r, at, 4096));
	remote_resume(r);
	host_kill(&h); /* its flags may be wrong: this is about moving alone */
}

static void stops_threads_that_come_and_go(void **state)
{
	(void)state;
	struct host h = host_start("target_host", "call", "2");
	for (int i = 0; i < 50; i++) {
		struct remote *r;
		fprintf(h.in, "hold\nrelease\n");
		fflush(h.in);
		assert_ok(remote_stop(h.pid, &r));
		assert_int_equal(call(r, SYS_getpid, 0, 0, 0), h.pid);
		remote_resume(r);
		assert_string_equal(host_read(&h), "holding");
		assert_string_equal(host_read(&h), "released");
	}
	assert_int_equal(host_end(&h), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_no_to_a_process_that_does_not_exist),
		cmocka_unit_test(says_no_to_a_zombie),
		cmocka_unit_test(says_no_to_itself_and_to_kernel_threads),
		cmocka_unit_test(names_the_tracer_of_a_traced_process),
		cmocka_unit_test(makes_system_calls_in_the_target),
		cmocka_unit_test(maps_reads_writes_and_unmaps_memory),
		cmocka_unit_test(opens_our_descriptors_in_the_target),
		cmocka_unit_test(says_so_when_the_target_cannot_open_more_files),
		cmocka_unit_test(blocked_system_calls_never_see_a_stop),
		cmocka_unit_test(no_signal_is_lost_or_changed_by_stops),
		cmocka_unit_test(a_stopped_process_stays_stopped),
		cmocka_unit_test(a_stop_signal_that_comes_meanwhile_is_not_lost),
		cmocka_unit_test(a_kill_while_stopped_is_told_and_reaped),
		cmocka_unit_test(suspends_the_seccomp_filter_of_the_target),
		cmocka_unit_test(a_dying_tracer_does_not_hurt),
		cmocka_unit_test(moves_a_thread),
		cmocka_unit_test(stops_threads_that_come_and_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
