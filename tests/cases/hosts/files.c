/*
 * A host for cases: functions that extensions call. It is compiled for its BTF only.
 */
#include <stdbool.h>
#include <stddef.h>

struct connection; /* never shown */

struct status {
	long size;
	int mode, owner;
};

struct slice {
	const char *data;
	int length;
};

struct node {
	int value;
	struct node *next;
};

struct point {
	double x, y;
};

int on_work(int kind, int flags)
{
	return kind + flags;
}

/* ---- files: numbers ---- */

int host_open(const char *name, int flags)
{
	return name[0] + flags;
}

int host_read(int fd, char *buffer, int length)
{
	return fd + buffer[0] + length;
}

int host_write(int fd, const char *buffer, int length)
{
	return fd + buffer[0] + length;
}

int host_close(int fd)
{
	return fd;
}

int host_seek(int fd, long to, bool is_end)
{
	return fd + (int)to + is_end;
}

int host_stat(int fd, struct status *out)
{
	return fd + out->mode;
}

int host_chown(int fd, const struct status *to)
{
	return fd + to->mode;
}

int host_accept(void)
{
	return 1;
}

int host_leave(int peer)
{
	return peer;
}

/* ---- connections: handles ---- */

struct connection *host_connect(const char *address)
{
	return (struct connection *)address;
}

int host_send(struct connection *c, const void *data, size_t size)
{
	return c != 0 && data && size;
}

void host_disconnect(struct connection *c)
{
	(void)c;
}

const struct node *host_first(void)
{
	return 0;
}

int host_value(const struct node *n)
{
	return n->value;
}

int host_change(struct node *n)
{
	return n->value;
}

/* ---- what is harder to call ---- */

int host_log(const struct slice *text)
{
	return text->length;
}

int host_copy(void *to, const void *from)
{
	return to != from;
}

double host_scale(double by)
{
	return by;
}

int host_move(struct point by)
{
	return (int)by.x;
}

int host_six(int a, int b, int c, int d, int e, int f)
{
	return a + b + c + d + e + f;
}

int host_print(const char *format, ...)
{
	return format[0];
}

int host_rename(char *name)
{
	return name[0];
}

unsigned long host_limit(void)
{
	return 1;
}

signed char host_tiny(void)
{
	return 1;
}

bool host_ready(void)
{
	return true;
}

void host_notify(int what)
{
	(void)what;
}
