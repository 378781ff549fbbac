/*
 * A stream's bytes wait in the call's answer buffer; the library asks for them. With nothing to give,
 * the connection is suspended (else the loop would spin) and resumed by the next write.
 */
#include "controller/http/internal.h"
#include "shared/base/log.h"

static void detach(struct http_call *c)
{
	http_wait_leave(c);
	c->stream_gone = NULL;
	c->owner = NULL;
}

static void wake(struct http_call *c)
{
	if (!c->stream_suspended)
		return;
	c->stream_suspended = false;
	http_wait_over(c);
}

struct err *http_call_stream(struct http_call *c, const char *content_type,
			     void (*gone)(void *owner, struct http_call *c), void *owner)
{
	TRY(http_wait_enter(c));
	c->answer = BUF_INIT(HTTP_STREAM_MAX);
	c->status = MHD_HTTP_OK;
	c->content_type = content_type;
	c->stream_gone = gone;
	c->owner = owner;
	c->state = CALL_STREAM;
	return NULL;
}

bool http_stream_write(struct http_call *c, struct str data)
{
	buf_add(&c->answer, data);
	if (c->answer.failed) {
		/* The buffer keeps what it has; only this piece is refused. */
		c->answer.failed = c->answer.too_large = false;
		return false;
	}
	wake(c);
	return true;
}

void http_stream_end(struct http_call *c)
{
	detach(c);
	c->stream_ended = true;
	wake(c);
}

void http_stream_hang_up(struct http_call *c)
{
	void (*gone)(void *, struct http_call *) = c->stream_gone;
	void *owner = c->owner;
	detach(c);
	c->stream_broken = true;
	if (gone)
		gone(owner, c);
	wake(c);
}

static ssize_t give(struct http_call *c, char *to, size_t room)
{
	size_t size = MIN(room, c->answer.size - c->stream_read);
	memcpy(to, c->answer.data + c->stream_read, size);
	c->stream_read += size;
	if (c->stream_read == c->answer.size) {
		buf_clear(&c->answer);
		c->stream_read = 0;
	} else if (c->stream_read >= HTTP_STREAM_MAX / 4) {
		memmove(c->answer.data, c->answer.data + c->stream_read,
			c->answer.size - c->stream_read);
		c->answer.size -= c->stream_read;
		c->stream_read = 0;
	}
	return (ssize_t)size;
}

static ssize_t read_stream(void *context, uint64_t at, char *to, size_t room)
{
	struct http_call *c = context;
	(void)at;
	if (c->answer.size > c->stream_read)
		return give(c, to, room);
	if (c->stream_ended || c->stream_broken)
		return MHD_CONTENT_READER_END_OF_STREAM;
	c->stream_suspended = true;
	MHD_suspend_connection(c->connection);
	return 0;
}

struct MHD_Response *http_stream_response(struct http_call *c)
{
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, c, NULL);
}
