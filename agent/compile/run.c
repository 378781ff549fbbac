/*
 * The parent's side: one child, two pipes, one deadline.
 *
 * [C1] The child is waited for on every path; a child that does not end in time is killed by its pidfd,
 *      so no other process can be hit.
 * [C2] Writing the request and reading the answer go on side by side, so neither pipe can fill up and
 *      stop both.
 */
#include "agent/compile/message.h"

#include "shared/base/clock.h"
#include "shared/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

struct child {
	pid_t pid;
	int pidfd;   /* owned */
	int request; /* owned, our writing end; -1 when all is written */
	int answer;  /* owned, our reading end */
};

static void child_end(struct child *c)
{
	if (c->pidfd >= 0)
		pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
	if (c->pid > 0)
		waitpid(c->pid, NULL, 0); /* [C1] */
	file_close(c->pidfd);
	file_close(c->request);
	file_close(c->answer);
}

static struct err *spawn(const char *program, int in, int out, pid_t *pid)
{
	char *const argv[] = {(char *)program, NULL};
	char *const env[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	int failed = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO) ||
		     posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	int errnum = failed ? ENOMEM : posix_spawn(pid, program, &actions, &attributes, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return errnum ? err_sys(errnum, "start %s", program) : NULL;
}

static struct err *child_start(const char *program, struct child *c)
{
	int to[2], from[2];
	if (pipe2(to, O_CLOEXEC) != 0)
		return err_sys(errno, "pipe");
	OWNED(fd) int in = to[0];
	c->request = to[1];
	if (pipe2(from, O_CLOEXEC) != 0)
		return err_sys(errno, "pipe");
	OWNED(fd) int out = from[1];
	c->answer = from[0];
	TRY(spawn(program, in, out, &c->pid));
	c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd < 0)
		return err_sys(errno, "pidfd_open");
	fcntl(c->request, F_SETFL, O_NONBLOCK);
	return NULL;
}

/* Writes what fits; closes the pipe when all is written, or when the child does not want more. */
static void write_some(struct child *c, struct bytes *left)
{
	ssize_t put = write(c->request, left->data, left->size);
	if (put > 0)
		*left = bytes_of(left->data + put, left->size - (size_t)put);
	if (left->size && (put >= 0 || errno == EAGAIN || errno == EINTR))
		return;
	close(c->request);
	c->request = -1;
}

/* False at the end of the answer. */
static bool read_some(struct child *c, struct buf *answer)
{
	char chunk[65536];
	ssize_t got = read(c->answer, chunk, sizeof(chunk));
	if (got < 0)
		return errno == EINTR;
	buf_append(answer, chunk, (size_t)got);
	return got > 0 && !answer->failed;
}

static struct err *talk(struct child *c, struct bytes request, uint64_t deadline_ns,
			struct buf *answer)
{
	for (;;) {
		uint64_t now = clock_mono_ns();
		if (now >= deadline_ns)
			return err_new(ERR_DEADLINE_EXCEEDED, "the compiler took too long");
		struct pollfd fds[] = {{c->answer, POLLIN, 0}, {c->request, POLLOUT, 0}};
		int ready = poll(fds, 2, (int)((deadline_ns - now) / 1000000) + 1);
		if (ready < 0 && errno != EINTR)
			return err_sys(errno, "poll");
		if (ready <= 0)
			continue;
		if (fds[1].revents)
			write_some(c, &request); /* [C2] */
		if (fds[0].revents && !read_some(c, answer))
			return buf_check(answer);
	}
}

static struct err *run(const char *program, struct bytes request, int timeout_ms,
		       struct buf *answer)
{
	struct child child = {.pid = -1, .pidfd = -1, .request = -1, .answer = -1};
	uint64_t deadline_ns = clock_mono_ns() + (uint64_t)timeout_ms * 1000000;
	struct err *e = child_start(program, &child);
	if (!e)
		e = talk(&child, request, deadline_ns, answer);
	child_end(&child);
	return e;
}

struct err *compile_run(const char *program, const struct compile_request *request, int timeout_ms,
			struct image **out, struct buf *verdict)
{
	OWNED_BUF struct buf question = BUF_INIT(COMPILE_MAX_REQUEST);
	OWNED_BUF struct buf answer = BUF_INIT(COMPILE_MAX_ANSWER);
	compile_request_encode(request, &question);
	TRY_DOING(buf_check(&question), "the request to the compiler");
	TRY(run(program, buf_bytes(&question), timeout_ms, &answer));
	if (answer.size == 0)
		return err_new(ERR_INTERNAL, "the compiler ended without an answer");
	return compile_answer_decode(buf_bytes(&answer), out, verdict);
}
