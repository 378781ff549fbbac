/*
 * host_btf - a small BTF for tests of roles, put together type by type.
 *
 *	struct host_btf h = host_btf_start();
 *	uint32_t i = host_btf_int(&h, "int", 4, HOST_BTF_SIGNED);
 */
#pragma once

#include "shared/base/buf.h"
#include "shared/bpf/btf.h"

struct host_btf {
	struct buf types, strings;
	uint32_t count;
};

enum { HOST_BTF_UNSIGNED = 0, HOST_BTF_SIGNED = 1, HOST_BTF_CHAR = 2, HOST_BTF_BOOL = 4 };

static inline struct host_btf host_btf_start(void)
{
	struct host_btf h = {BUF_INIT(1 << 16), BUF_INIT(1 << 16), 0};
	buf_putc(&h.strings, 0);
	return h;
}

static inline void host_btf_word(struct host_btf *h, uint32_t word)
{
	buf_append(&h->types, &word, sizeof(word));
}

static inline uint32_t host_btf_name(struct host_btf *h, const char *name)
{
	uint32_t at = *name ? (uint32_t)h->strings.size : 0;
	if (*name)
		buf_append(&h->strings, name, strlen(name) + 1);
	return at;
}

/* `kind` is the kernel's number; the result is the type's id. */
static inline uint32_t host_btf_type(struct host_btf *h, uint32_t kind, const char *name,
				     uint32_t size_or_type, uint32_t vlen)
{
	host_btf_word(h, host_btf_name(h, name));
	host_btf_word(h, kind << 24 | vlen);
	host_btf_word(h, size_or_type);
	return ++h->count;
}

static inline uint32_t host_btf_int(struct host_btf *h, const char *name, uint32_t size,
				    uint32_t encoding)
{
	uint32_t id = host_btf_type(h, 1, name, size, 0);
	host_btf_word(h, encoding << 24 | size * 8);
	return id;
}

struct host_btf_param {
	const char *name;
	uint32_t type;
};

static inline uint32_t host_btf_func(struct host_btf *h, const char *name, uint32_t result,
				     const struct host_btf_param *params, uint32_t count)
{
	uint32_t proto = host_btf_type(h, 13, "", result, count);
	for (uint32_t i = 0; i < count; i++) {
		host_btf_word(h, host_btf_name(h, params[i].name));
		host_btf_word(h, params[i].type);
	}
	return host_btf_type(h, 12, name, proto, 1);
}

/* Parses it; `h` is used up. */
static inline struct err *host_btf_end(struct host_btf *h, struct btf **out)
{
	OWNED_BUF struct buf all = BUF_INIT(1 << 18);
	uint32_t types = (uint32_t)h->types.size, strings = (uint32_t)h->strings.size;
	const uint32_t header[] = {0x0001eb9f, 24, 0, types, types, strings};
	buf_append(&all, header, sizeof(header));
	buf_add(&all, buf_str(&h->types));
	buf_add(&all, buf_str(&h->strings));
	buf_fini(&h->types);
	buf_fini(&h->strings);
	return btf_parse(buf_bytes(&all), out);
}
