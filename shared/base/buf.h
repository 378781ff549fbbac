/*
 * buf - an owned, growing run of bytes with a hard maximum and a sticky failure.
 *
 * Appending never needs a check at each call: once an append fails (memory, or past the maximum),
 * the buffer stays failed, later appends do nothing, and buf_check() tells.
 * The content is always followed by a NUL that does not count, so buf_text() is a C string.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/base/str.h"

struct buf {
	char *data; /* NULL while empty */
	size_t size, capacity, max;
	bool failed;	/* an append did not happen … */
	bool too_large; /* … because of `max`, not of memory */
};

#define BUF_DEFAULT_MAX ((size_t)64 << 20)

/* An empty buffer that may hold `max` bytes; it allocates nothing yet. */
#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})

void buf_fini(struct buf *b);
#define OWNED_BUF __attribute__((cleanup(buf_fini)))

void buf_append(struct buf *b, const void *data, size_t size);
void buf_add(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *format, va_list args) PRINTF(2, 0);

/* Appends `size` zero bytes and returns where they begin, or NULL (failed). Borrowed until the next
 * append. */
void *buf_extend(struct buf *b, size_t size);

/* Forgets the content and the failure, keeps the memory. */
void buf_clear(struct buf *b);

/* TOO_LARGE (names the maximum) or NO_MEMORY where an append has failed. */
MUST_CHECK struct err *buf_check(const struct buf *b);

/* Borrowed until the next append. */
const char *buf_text(const struct buf *b);
static inline struct str buf_str(const struct buf *b)
{
	return (struct str){buf_text(b), b->size};
}
static inline struct bytes buf_bytes(const struct buf *b)
{
	return (struct bytes){(const uint8_t *)buf_text(b), b->size};
}

/* Hands the content over as a C string (owned by the caller, mem_free) and empties the buffer; NULL
 * where the buffer has failed or memory is short. */
char *buf_take(struct buf *b);
