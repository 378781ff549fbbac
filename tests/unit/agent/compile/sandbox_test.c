#include "tests/unit/test.h"

#include "agent/compile/sandbox.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void open_a_file(void)
{
	open("/etc/passwd", O_RDONLY);
}

static void open_a_socket(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
}

static void start_a_process(void)
{
	if (fork() == 0)
		_exit(0);
}

static void signal_another(void)
{
	kill(getppid(), 0);
}

static void read_another_descriptor(void)
{
	char byte;
	if (read(3, &byte, 1))
		return;
}

static void only_compute(void)
{
	free(malloc(1 << 20));
}

/* The status of a child that enters the sandbox and does `work`. */
static int status_of(void (*work)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		if (sandbox_enter())
			_exit(9);
		work();
		_exit(0);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	return status;
}

static void ends_whoever_does_more_than_compute(void **state)
{
	(void)state;
	void (*const bad[])(void) = {open_a_file, open_a_socket, start_a_process, signal_another,
				     read_another_descriptor};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int status = status_of(bad[i]);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(SIGSYS, WTERMSIG(status));
	}
}

static void lets_computing_be(void **state)
{
	(void)state;
	int status = status_of(only_compute);
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_whoever_does_more_than_compute),
		cmocka_unit_test(lets_computing_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
