#include "shared/base/cursor.h"

static struct err *want(const struct cursor *c, size_t size)
{
	if (size <= cursor_left(c))
		return NULL;
	return err_new(ERR_INVALID, "%zu bytes wanted at offset %zu, %zu are left", size, c->at,
		       cursor_left(c));
}

struct err *cursor_copy(struct cursor *c, void *out, size_t size)
{
	TRY(want(c, size));
	if (size)
		memcpy(out, c->all.data + c->at, size);
	c->at += size;
	return NULL;
}

struct err *cursor_u8(struct cursor *c, uint8_t *out)
{
	return cursor_copy(c, out, sizeof(*out));
}

struct err *cursor_u16(struct cursor *c, uint16_t *out)
{
	return cursor_copy(c, out, sizeof(*out));
}

struct err *cursor_u32(struct cursor *c, uint32_t *out)
{
	return cursor_copy(c, out, sizeof(*out));
}

struct err *cursor_u64(struct cursor *c, uint64_t *out)
{
	return cursor_copy(c, out, sizeof(*out));
}

struct err *cursor_take(struct cursor *c, size_t size, struct bytes *out)
{
	TRY(want(c, size));
	*out = (struct bytes){c->all.data + c->at, size};
	c->at += size;
	return NULL;
}

struct err *cursor_seek(struct cursor *c, size_t offset)
{
	if (offset > c->all.size)
		return err_new(ERR_INVALID, "offset %zu is outside of %zu bytes", offset,
			       c->all.size);
	c->at = offset;
	return NULL;
}

struct err *bytes_slice(struct bytes all, uint64_t offset, uint64_t size, struct bytes *out)
{
	uint64_t end;
	if (__builtin_add_overflow(offset, size, &end) || end > all.size)
		return err_new(ERR_INVALID, "%llu bytes at offset %llu are outside of %zu bytes",
			       (unsigned long long)size, (unsigned long long)offset, all.size);
	*out = (struct bytes){all.data + offset, size};
	return NULL;
}

struct err *bytes_string(struct bytes table, uint64_t offset, struct str *out)
{
	struct bytes rest;
	TRY(bytes_slice(table, offset, offset <= table.size ? table.size - offset : 0, &rest));
	const void *end = rest.size ? memchr(rest.data, 0, rest.size) : NULL;
	if (!end)
		return err_new(ERR_INVALID, "the string at offset %llu has no end",
			       (unsigned long long)offset);
	*out = (struct str){(const char *)rest.data, (size_t)((const uint8_t *)end - rest.data)};
	return NULL;
}
