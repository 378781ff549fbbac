/*
 * btf_build - BTF put together by hand, good or bad, for tests.
 */
#pragma once

#include "shared/bpf/btf.h"
#include "shared/base/buf.h"

struct btf_build {
	struct buf types, strings;
	uint32_t count;
};

#define BTF_BUILD_INIT                                                    \
	{                                                                 \
		BUF_INIT((size_t)32 << 20), BUF_INIT((size_t)32 << 20), 0 \
	}
#define OWNED_BUILD __attribute__((cleanup(btf_build_fini)))

UNUSED static void btf_build_fini(struct btf_build *b)
{
	buf_fini(&b->types);
	buf_fini(&b->strings);
}

UNUSED static uint32_t btf_build_text(struct btf_build *b, const char *text)
{
	if (b->strings.size == 0)
		buf_putc(&b->strings, 0);
	if (!*text)
		return 0;
	uint32_t at = (uint32_t)b->strings.size;
	buf_append(&b->strings, text, strlen(text) + 1);
	return at;
}

UNUSED static void btf_build_word(struct btf_build *b, uint32_t word)
{
	buf_append(&b->types, &word, sizeof(word));
}

/* The record's head; `last` is its size or type. Gives the new type's id. */
UNUSED static uint32_t btf_build_type(struct btf_build *b, const char *name, uint32_t info,
				      uint32_t last)
{
	btf_build_word(b, btf_build_text(b, name));
	btf_build_word(b, info);
	btf_build_word(b, last);
	return ++b->count;
}

#define BTF_BUILD_INFO(kind, count) ((uint32_t)(kind) << 24 | (uint32_t)(count))
#define BTF_BUILD_FLAG		    (1u << 31)

UNUSED static uint32_t btf_build_plain(struct btf_build *b, enum btf_kind kind, const char *name,
				       uint32_t last)
{
	return btf_build_type(b, name, BTF_BUILD_INFO(kind, 0), last);
}

/* `encoding`: 1 signed, 2 char, 4 bool */
UNUSED static uint32_t btf_build_int(struct btf_build *b, const char *name, uint32_t size,
				     uint32_t encoding)
{
	uint32_t id = btf_build_plain(b, BTF_INT, name, size);
	btf_build_word(b, encoding << 24 | size * 8);
	return id;
}

UNUSED static uint32_t btf_build_array(struct btf_build *b, uint32_t type, uint32_t index,
				       uint32_t count)
{
	uint32_t id = btf_build_plain(b, BTF_ARRAY, "", 0);
	btf_build_word(b, type);
	btf_build_word(b, index);
	btf_build_word(b, count);
	return id;
}

/* One more member of the struct or union built last. */
UNUSED static void btf_build_member(struct btf_build *b, const char *name, uint32_t type,
				    uint32_t place)
{
	btf_build_word(b, btf_build_text(b, name));
	btf_build_word(b, type);
	btf_build_word(b, place);
}

/* One more parameter of the FUNC_PROTO, or value of the ENUM, built last. */
UNUSED static void btf_build_pair(struct btf_build *b, const char *name, uint32_t value)
{
	btf_build_word(b, btf_build_text(b, name));
	btf_build_word(b, value);
}

/* The section, as it would stand in a file. */
UNUSED static void btf_build_image(struct btf_build *b, struct buf *out)
{
	btf_build_text(b, "");
	uint32_t types = (uint32_t)b->types.size, strings = (uint32_t)b->strings.size;
	const uint32_t header[] = {0x0001eb9f, 24, 0, types, types, strings};
	buf_append(out, header, sizeof(header));
	buf_add(out, buf_str(&b->types));
	buf_add(out, buf_str(&b->strings));
}

MUST_CHECK UNUSED static struct err *btf_build_parse(struct btf_build *b, struct btf **out)
{
	OWNED_BUF struct buf image = BUF_INIT((size_t)64 << 20);
	btf_build_image(b, &image);
	return btf_parse(buf_bytes(&image), out);
}
