/*
 * Calls that wait: held ones and streams. The library does not look at a suspended connection, so each
 * one's socket is watched here for the peer's hang-up alone.
 *
 * [H1] A call is in server->waiting exactly while its state is HELD, or STREAM with an owner.
 * [H2] A watched socket is unwatched before the connection goes on.
 */
#include "controller/http/internal.h"
#include "shared/base/mem.h"

#include <errno.h>
#include <sys/epoll.h>

static int socket_of(const struct http_call *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	return info ? info->connect_fd : -1;
}

struct err *http_wait_watch(struct http_call *c)
{
	struct epoll_event event = {.events = EPOLLRDHUP, .data.ptr = c};
	if (!c->watched && epoll_ctl(c->server->epoll, EPOLL_CTL_ADD, socket_of(c), &event) != 0)
		return err_sys(errno, "epoll_ctl");
	c->watched = true;
	return NULL;
}

void http_wait_unwatch(struct http_call *c)
{
	if (c->watched)
		epoll_ctl(c->server->epoll, EPOLL_CTL_DEL, socket_of(c), NULL);
	c->watched = false;
}

struct err *http_wait_enter(struct http_call *c)
{
	struct http_server *s = c->server;
	if (s->stopping)
		return err_new(ERR_UNAVAILABLE, "the controller is ending");
	TRY(http_wait_watch(c));
	c->older = s->waiting;
	if (c->older)
		c->older->newer = c;
	s->waiting = c;
	return NULL;
}

void http_wait_leave(struct http_call *c)
{
	struct http_server *s = c->server;
	http_wait_unwatch(c);
	timer_remove(&s->timers, &c->timer);
	if (c->newer)
		c->newer->older = c->older;
	else if (s->waiting == c)
		s->waiting = c->older;
	if (c->older)
		c->older->newer = c->newer;
	c->older = c->newer = NULL;
}

struct err *http_call_hold(struct http_call *c, uint64_t deadline_ns, const struct http_hold *ops,
			   void *owner)
{
	TRY(http_wait_enter(c));
	struct err *e = timer_add(&c->server->timers, &c->timer, deadline_ns);
	if (e) {
		http_wait_leave(c);
		return e;
	}
	c->hold = ops;
	c->owner = owner;
	c->state = CALL_HELD;
	return NULL;
}

void http_wait_over(struct http_call *c)
{
	/* The library does not count this among the reasons to run at once. */
	c->server->resumed = true;
	MHD_resume_connection(c->connection);
}

static void resume(struct http_call *c)
{
	http_wait_leave(c); /* [H2] */
	c->state = CALL_RESUMED;
	/* Not so where the handler that held the call ended it before it returned. */
	if (c->suspended)
		http_wait_over(c);
	c->suspended = false;
}

void http_call_resume(struct http_call *c, struct err *e)
{
	c->refused = e;
	resume(c);
}

void http_hold_expire(struct http_call *c)
{
	c->hold->expired(c->owner, c);
	resume(c);
}

void http_hold_hang_up(struct http_call *c)
{
	if (c->state == CALL_STREAM && c->watched) {
		http_stream_hang_up(c);
		return;
	}
	if (c->state != CALL_HELD)
		return; /* woken by an event that came before this one */
	c->hold->gone(c->owner, c);
	http_call_answer(c, MHD_HTTP_NO_CONTENT,
			 NULL); /* nobody reads it; it ends the connection */
	resume(c);
}
