/*
 * Problem: ten thousand agents hold a request each, and one thread serves them all.
 *
 * Idea: libmicrohttpd runs in external epoll mode, its descriptor being one of ours:
 *
 *	epoll ── MHD's epoll descriptor    requests, answers
 *	      ── signalfd                  SIGINT, SIGTERM: a clean end
 *	      ── sockets of held calls     hang-ups only: a suspended connection notices nothing itself
 *	timeout: the nearest of MHD's own and the heap of held calls
 *
 * [S1] Calls are freed only inside MHD_run(); hang-ups of one epoll_wait are handled before it, so
 *      none of them can point to a freed call.
 */
#include "controller/http/internal.h"
#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#define EVENTS_AT_ONCE 64
/* Descriptors that are not connections: the store's, the standard ones, the loop's. */
#define OTHER_DESCRIPTORS 64u
/* Rounds of the loop that a stopping server gives answers to leave. */
#define STOP_ROUNDS 16

static unsigned connection_limit(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return FD_SETSIZE - OTHER_DESCRIPTORS;
	files.rlim_cur = MIN(files.rlim_max, (rlim_t)HTTP_MAX_CONNECTIONS + OTHER_DESCRIPTORS);
	setrlimit(RLIMIT_NOFILE, &files); /* what it refuses, the next line sees */
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur <= 2 * OTHER_DESCRIPTORS)
		return OTHER_DESCRIPTORS;
	return (unsigned)MIN(files.rlim_cur - OTHER_DESCRIPTORS, (rlim_t)HTTP_MAX_CONNECTIONS);
}

static struct err *open_socket(const struct http_config *config, int *out)
{
	int on = 1;
	const struct sockaddr *address = (const struct sockaddr *)&config->address;
	OWNED(fd)
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(errno, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return err_sys(errno, "SO_REUSEADDR");
	if (bind(fd, address, config->address_size) != 0)
		return err_sys(errno, "bind");
	if (listen(fd, 1024) != 0)
		return err_sys(errno, "listen");
	*out = FD_MOVE(fd);
	return NULL;
}

static struct err *print_address(int fd, char *out, size_t size)
{
	struct sockaddr_storage bound;
	socklen_t bound_size = sizeof(bound);
	char host[INET6_ADDRSTRLEN] = "";
	if (getsockname(fd, (struct sockaddr *)&bound, &bound_size) != 0)
		return err_sys(errno, "getsockname");
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&bound;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&bound;
	bool is_v6 = bound.ss_family == AF_INET6;
	inet_ntop(bound.ss_family,
		  is_v6 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr, host,
		  sizeof(host));
	snprintf(out, size, is_v6 ? "[%s]:%u" : "%s:%u", host,
		 (unsigned)ntohs(is_v6 ? v6->sin6_port : v4->sin_port));
	return NULL;
}

PRINTF(2, 0) static void log_library(void *context, const char *format, va_list args)
{
	(void)context;
	OWNED_BUF struct buf line = BUF_INIT(4096);
	buf_vprintf(&line, format, args);
	struct str text = str_trim(buf_str(&line));
	log_debug("libmicrohttpd: %.*s", STR_FMT(text));
}

static struct err *start_daemon(struct http_server *s, int fd)
{
	s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
				     0, NULL, NULL, http_call_step, s, MHD_OPTION_EXTERNAL_LOGGER,
				     log_library, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
				     MHD_OPTION_URI_LOG_CALLBACK, http_call_open, s,
				     MHD_OPTION_NOTIFY_COMPLETED, http_call_completed, s,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_MAX_HEADERS,
				     MHD_OPTION_CONNECTION_LIMIT, connection_limit(),
				     MHD_OPTION_CONNECTION_TIMEOUT, HTTP_IDLE_TIMEOUT_S,
				     MHD_OPTION_END);
	return s->daemon ? NULL : err_new(ERR_SYSTEM, "libmicrohttpd does not start");
}

static struct err *watch(struct http_server *s, int fd, void *tag)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? NULL
								   : err_sys(errno, "epoll_ctl");
}

static struct err *open_loop(struct http_server *s)
{
	sigset_t ends;
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &ends, NULL) != 0)
		return err_sys(errno, "sigprocmask");
	/* A client that goes away while it is written to is no reason to die. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return err_sys(errno, "signal");
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->epoll < 0 || s->signals < 0)
		return err_sys(errno, "epoll_create, signalfd");
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return err_new(ERR_SYSTEM, "libmicrohttpd has no epoll descriptor");
	TRY(watch(s, info->epoll_fd, s->daemon));
	return watch(s, s->signals, &s->signals);
}

struct err *http_server_create(const struct http_config *config, struct http_server **out)
{
	OWNED(http_server) struct http_server *s = mem_zalloc(sizeof(*s));
	OWNED(fd) int fd = -1;
	TRY_MEMORY(s);
	s->config = *config;
	s->epoll = s->signals = -1;
	TRY(open_socket(config, &fd));
	TRY(print_address(fd, s->address, sizeof(s->address)));
	TRY(start_daemon(s, fd));
	fd = -1; /* the daemon closes it */
	TRY(open_loop(s));
	*out = MOVE(s);
	return NULL;
}

const char *http_server_address(const struct http_server *s)
{
	return s->address;
}

/* Milliseconds until something is due; -1: nothing is. */
static int next_timeout_ms(const struct http_server *s)
{
	MHD_UNSIGNED_LONG_LONG library_ms;
	uint64_t wait_ms = UINT64_MAX;
	if (s->resumed)
		return 0;
	if (MHD_get_timeout(s->daemon, &library_ms) == MHD_YES)
		wait_ms = library_ms;
	const struct timer *first = timer_first(&s->timers);
	if (first) {
		uint64_t now = clock_mono_ns();
		uint64_t due = first->deadline_ns > now ? first->deadline_ns - now : 0;
		wait_ms = MIN(wait_ms, (due + 999999) / 1000000);
	}
	return wait_ms == UINT64_MAX ? -1 : (int)MIN(wait_ms, (uint64_t)60000);
}

static void expire_due(struct http_server *s)
{
	uint64_t now = clock_mono_ns();
	for (struct timer *t; (t = timer_first(&s->timers)) && t->deadline_ns <= now;)
		http_hold_expire(
			(struct http_call *)((char *)t - offsetof(struct http_call, timer)));
}

static void take_event(struct http_server *s, void *tag)
{
	struct signalfd_siginfo info;
	if (tag == s->daemon)
		return; /* MHD_run() is called anyway */
	if (tag == &s->signals) {
		if (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
			s->stopping = true;
		return;
	}
	http_hold_hang_up(tag);
}

static struct err *turn(struct http_server *s, int timeout_ms)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(s->epoll, events, EVENTS_AT_ONCE, timeout_ms);
	if (count < 0 && errno != EINTR)
		return err_sys(errno, "epoll_wait");
	for (int i = 0; i < count; i++)
		take_event(s, events[i].data.ptr); /* [S1] */
	expire_due(s);
	s->resumed = false;
	if (MHD_run(s->daemon) != MHD_YES)
		return err_new(ERR_SYSTEM, "libmicrohttpd stopped running");
	return NULL;
}

struct err *http_server_run(struct http_server *s)
{
	while (!s->stopping)
		TRY(turn(s, next_timeout_ms(s)));
	return NULL;
}

void http_server_stop(struct http_server *s)
{
	s->stopping = true;
}

/* Held calls get their answer and streams their end; then a few rounds let them leave. */
static void drain(struct http_server *s)
{
	while (s->waiting) {
		struct http_call *c = s->waiting;
		if (c->state == CALL_HELD)
			http_hold_expire(c);
		else
			http_stream_hang_up(c);
	}
	for (int i = 0; i < STOP_ROUNDS; i++)
		err_destroy(turn(s, 0)); /* the server ends: nobody is left to tell */
}

void http_server_destroy(struct http_server *s)
{
	if (!s)
		return;
	if (s->daemon && s->epoll >= 0)
		drain(s);
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	timer_heap_fini(&s->timers);
	file_close(s->epoll);
	file_close(s->signals);
	mem_free(s);
}
