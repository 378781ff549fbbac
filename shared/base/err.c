/*
 * One heap object per error; strings are separate so that context can be put in front.
 *
 * [E1] The static out-of-memory error is never freed, changed or linked.
 * [E2] Findings form a singly linked list through `next`; the head owns the rest.
 */
#include "shared/base/err.h"
#include "shared/base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct err {
	enum err_code code;
	char *message;
	char *path;
	char *detail;
	char *data;
	struct err *next;
};

static const struct {
	const char *status;
	int http, exit;
} codes[] = {
#define ERR(name, status, http, exit) [ERR_##name] = {status, http, exit},
#include "shared/base/err.tbl.h"
#undef ERR
};

static char no_memory_message[] = "out of memory";
static char no_path[] = "";
static struct err no_memory = {ERR_NO_MEMORY, no_memory_message, no_path, NULL, NULL, NULL};

struct err *err_no_memory(void)
{
	return &no_memory;
}

PRINTF(1, 0) static char *format_text(const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	char *text = length < 0 ? NULL : mem_alloc((size_t)length + 1);
	if (text)
		vsnprintf(text, (size_t)length + 1, format, args);
	return text;
}

/* Takes `message`; NULL of either string is the out-of-memory error. */
static struct err *make(enum err_code code, const char *path, char *message)
{
	struct err *e = mem_zalloc(sizeof(*e));
	char *own_path = mem_strdup(path);
	if (!e || !own_path || !message) {
		mem_free(e);
		mem_free(own_path);
		mem_free(message);
		return &no_memory;
	}
	*e = (struct err){.code = code, .message = message, .path = own_path};
	return e;
}

struct err *err_new(enum err_code code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *message = format_text(format, args);
	va_end(args);
	return make(code, "", message);
}

struct err *err_at(enum err_code code, const char *path, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *message = format_text(format, args);
	va_end(args);
	return make(code, path, message);
}

static enum err_code code_of_errno(int errnum)
{
	static const struct {
		int errnum;
		enum err_code code;
	} known[] = {
		{EPERM, ERR_PERMISSION_DENIED}, {EACCES, ERR_PERMISSION_DENIED},
		{ENOENT, ERR_NOT_FOUND},	{ESRCH, ERR_NOT_FOUND},
		{ENOMEM, ERR_NO_MEMORY},	{EADDRINUSE, ERR_UNAVAILABLE},
	};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].errnum == errnum)
			return known[i].code;
	return ERR_SYSTEM;
}

struct err *err_sys(int errnum, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *message = format_text(format, args);
	va_end(args);
	char why[128];
	struct err *e =
		make(code_of_errno(errnum), "", mem_strdup(strerror_r(errnum, why, sizeof(why))));
	e = err_doing(e, "%s", message ? message : "");
	mem_free(message);
	return e;
}

/* Replaces *slot by `front` + separator + *slot; keeps it as it is when memory is short. */
static void put_in_front(char **slot, const char *front, const char *separator)
{
	size_t size = strlen(front) + strlen(separator) + strlen(*slot) + 1;
	char *joined = mem_alloc(size);
	if (!joined)
		return;
	snprintf(joined, size, "%s%s%s", front, separator, *slot);
	mem_free(*slot);
	*slot = joined;
}

struct err *err_in(struct err *e, const char *format, ...)
{
	if (!e || e == &no_memory)
		return e;
	va_list args;
	va_start(args, format);
	char *front = format_text(format, args);
	va_end(args);
	for (struct err *each = e; front && each; each = each->next)
		put_in_front(&each->path, front, "");
	mem_free(front);
	return e;
}

struct err *err_doing(struct err *e, const char *format, ...)
{
	if (!e || e == &no_memory)
		return e;
	va_list args;
	va_start(args, format);
	char *front = format_text(format, args);
	va_end(args);
	if (front)
		put_in_front(&e->message, front, ": ");
	mem_free(front);
	return e;
}

struct err *err_with_detail(struct err *e, const char *detail)
{
	if (!e || e == &no_memory)
		return e;
	char *copy = mem_strdup(detail);
	if (copy) {
		mem_free(e->detail);
		e->detail = copy;
	}
	return e;
}

struct err *err_with_data(struct err *e, const char *json)
{
	if (!e || e == &no_memory)
		return e;
	char *copy = mem_strdup(json);
	if (copy) {
		mem_free(e->data);
		e->data = copy;
	}
	return e;
}

void err_add(struct err **list, struct err *e)
{
	if (!e)
		return;
	if (!*list) {
		*list = e;
		return;
	}
	if (*list == &no_memory || e == &no_memory) {
		err_destroy(e); /* [E1] */
		return;
	}
	struct err *last = *list;
	while (last->next)
		last = last->next;
	last->next = e;
}

enum err_code err_code(const struct err *e)
{
	return e->code;
}

const char *err_message(const struct err *e)
{
	return e->message;
}

const char *err_path(const struct err *e)
{
	return e->path;
}

const char *err_detail(const struct err *e)
{
	return e->detail;
}

const char *err_data(const struct err *e)
{
	return e->data;
}

const struct err *err_next(const struct err *e)
{
	return e->next;
}

const char *err_status(enum err_code code)
{
	return codes[code].status;
}

int err_http(enum err_code code)
{
	return codes[code].http;
}

int err_exit(enum err_code code)
{
	return codes[code].exit;
}

enum err_code err_code_of(const char *status, int http)
{
	enum err_code found = ERR_INTERNAL;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (strcmp(codes[i].status, status) != 0)
			continue;
		found = (enum err_code)i;
		if (codes[i].http == http)
			return found;
	}
	return found;
}

void err_print(const char *program, const struct err *e)
{
	for (const struct err *each = e; each; each = each->next) {
		fprintf(stderr, "%s: %s%s%s\n", program, each->path, *each->path ? ": " : "",
			each->message);
		if (each->detail)
			fprintf(stderr, "%s%s", each->detail,
				strchr(each->detail, '\n') ? "" : "\n");
	}
}

void err_destroy(struct err *e)
{
	while (e && e != &no_memory) {
		struct err *next = e->next;
		mem_free(e->message);
		mem_free(e->path);
		mem_free(e->detail);
		mem_free(e->data);
		mem_free(e);
		e = next;
	}
}
