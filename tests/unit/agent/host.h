/*
 * host - a child process for tests to stop and attach to (tests/hosts). Header only, for tests.
 */
#pragma once

#include "tests/unit/test.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct host {
	pid_t pid;
	FILE *in, *out; /* its stdin, its stdout */
	char path[PATH_MAX];
	char line[256];
};

/* Hosts lie beside the tests: …/tests/unit/… becomes …/tests/hosts/NAME. */
static inline void host_path(const char *name, char out[PATH_MAX])
{
	char self[PATH_MAX] = {0};
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	char *unit = strstr(self, "/tests/unit/");
	assert_non_null(unit);
	*unit = 0;
	snprintf(out, PATH_MAX, "%.3500s/tests/hosts/%s", self, name);
}

static inline const char *host_read(struct host *h)
{
	if (!fgets(h->line, sizeof(h->line), h->out))
		fail_msg("host %d says nothing more", h->pid);
	h->line[strcspn(h->line, "\n")] = 0;
	return h->line;
}

static inline const char *host_say(struct host *h, const char *command)
{
	fprintf(h->in, "%s\n", command);
	fflush(h->in);
	return host_read(h);
}

static inline struct host host_start(const char *name, const char *mode, const char *argument)
{
	struct host h = {0};
	int in[2], out[2];
	host_path(name, h.path);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	h.pid = fork();
	if (h.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(h.path, h.path, mode, argument, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	h.in = fdopen(in[1], "w");
	h.out = fdopen(out[0], "r");
	assert_true(strncmp(host_read(&h), "ready", 5) == 0);
	return h;
}

/* Ends its stdin; its exit status, or 1000 + the signal that killed it. Its last line is in h->line. */
static inline int host_end(struct host *h)
{
	int status;
	fclose(h->in);
	while (fgets(h->line, sizeof(h->line), h->out))
		;
	fclose(h->out);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static inline void host_kill(struct host *h)
{
	int status;
	kill(h->pid, SIGKILL);
	fclose(h->in);
	fclose(h->out);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
}
