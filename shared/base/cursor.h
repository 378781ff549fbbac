/*
 * cursor - reads untrusted little-endian bytes front to back; every read is checked.
 *
 * Offsets in messages are from the start of the range that the cursor was made with.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/base/str.h"

struct cursor {
	struct bytes all; /* borrowed for the cursor's life */
	size_t at;
};

static inline struct cursor cursor_of(struct bytes all)
{
	return (struct cursor){all, 0};
}

static inline size_t cursor_left(const struct cursor *c)
{
	return c->all.size - c->at;
}

/*
 * Each reads the next bytes and moves on.
 *   fails  INVALID "N bytes wanted at offset O, M are left"; the cursor stays where it was
 */
MUST_CHECK struct err *cursor_u8(struct cursor *c, uint8_t *out);
MUST_CHECK struct err *cursor_u16(struct cursor *c, uint16_t *out);
MUST_CHECK struct err *cursor_u32(struct cursor *c, uint32_t *out);
MUST_CHECK struct err *cursor_u64(struct cursor *c, uint64_t *out);

/* Copies `size` bytes to `out`. */
MUST_CHECK struct err *cursor_copy(struct cursor *c, void *out, size_t size);

/* The next `size` bytes, borrowed from the range. */
MUST_CHECK struct err *cursor_take(struct cursor *c, size_t size, struct bytes *out);

/* Goes to `offset`, which may be the end. */
MUST_CHECK struct err *cursor_seek(struct cursor *c, size_t offset);

/* The part [offset, offset+size) of `all`, borrowed; INVALID where it is not inside. */
MUST_CHECK struct err *bytes_slice(struct bytes all, uint64_t offset, uint64_t size,
				   struct bytes *out);

/* The NUL-terminated string at `offset` of string table `table`, borrowed; INVALID where the offset
 * or the end of the string is outside. */
MUST_CHECK struct err *bytes_string(struct bytes table, uint64_t offset, struct str *out);
