#include "shared/base/buf.h"
#include "shared/base/mem.h"

#include <stdio.h>

void buf_fini(struct buf *b)
{
	mem_free(b->data);
	*b = BUF_INIT(b->max);
}

static bool reserve(struct buf *b, size_t more)
{
	size_t need;
	if (b->failed)
		return false;
	if (__builtin_add_overflow(b->size, more, &need) || need > b->max) {
		b->failed = b->too_large = true;
		return false;
	}
	if (need < b->capacity)
		return true;
	size_t capacity = MAX(need + 1, b->capacity * 2);
	char *data = mem_resize_array(b->data, capacity, 1);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->capacity = capacity;
	return true;
}

void *buf_extend(struct buf *b, size_t size)
{
	if (!reserve(b, size))
		return NULL;
	char *at = b->data + b->size;
	memset(at, 0, size + 1);
	b->size += size;
	return at;
}

void buf_append(struct buf *b, const void *data, size_t size)
{
	if (!reserve(b, size))
		return;
	if (size)
		memcpy(b->data + b->size, data, size);
	b->size += size;
	b->data[b->size] = 0;
}

void buf_add(struct buf *b, struct str s)
{
	buf_append(b, s.data, s.size);
}

void buf_puts(struct buf *b, const char *text)
{
	buf_append(b, text, strlen(text));
}

void buf_putc(struct buf *b, char c)
{
	buf_append(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0 || !reserve(b, (size_t)length)) {
		b->failed = true;
		return;
	}
	vsnprintf(b->data + b->size, (size_t)length + 1, format, args);
	b->size += (size_t)length;
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	buf_vprintf(b, format, args);
	va_end(args);
}

void buf_clear(struct buf *b)
{
	b->size = 0;
	b->failed = b->too_large = false;
	if (b->data)
		b->data[0] = 0;
}

struct err *buf_check(const struct buf *b)
{
	if (!b->failed)
		return NULL;
	if (b->too_large)
		return err_new(ERR_TOO_LARGE, "more than the limit of %zu bytes", b->max);
	return err_no_memory();
}

const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *buf_take(struct buf *b)
{
	if (b->failed)
		return NULL;
	char *text = b->data ? b->data : mem_strdup("");
	*b = BUF_INIT(b->max);
	return text;
}
