/*
 * str - borrowed views of text and of bytes, by value. They own nothing; whoever hands one out says
 * until when it lives. A `struct str` holds no NUL and needs none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *data;
	size_t size;
};

struct bytes {
	const uint8_t *data;
	size_t size;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_FMT(s)   (int)(s).size, (s).data /* for "%.*s" */

static inline struct str str_of(const char *text)
{
	return (struct str){text, text ? strlen(text) : 0};
}

static inline struct bytes bytes_of(const void *data, size_t size)
{
	return (struct bytes){data, size};
}

static inline bool str_equal(struct str a, struct str b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool str_is(struct str a, const char *text)
{
	return str_equal(a, str_of(text));
}

static inline bool str_starts(struct str s, const char *prefix)
{
	size_t size = strlen(prefix);
	return s.size >= size && memcmp(s.data, prefix, size) == 0;
}

static inline bool str_ends(struct str s, const char *suffix)
{
	size_t size = strlen(suffix);
	return s.size >= size && memcmp(s.data + s.size - size, suffix, size) == 0;
}

/* The part of `s` from `from` on; empty where `from` is past the end. */
static inline struct str str_from(struct str s, size_t from)
{
	return from >= s.size ? (struct str){s.data + s.size, 0}
			      : (struct str){s.data + from, s.size - from};
}

/* `s` without white space at both ends. */
struct str str_trim(struct str s);

/* Splits at the first `separator`: the part before it goes to *head, the rest to *tail. False, with
 * *head = s and *tail empty, where there is none. */
bool str_split(struct str s, char separator, struct str *head, struct str *tail);

/* Parses all of `s` as an integer: decimal, 0x hex, an optional minus. False where it is not one or
 * does not fit; *out is then untouched. */
bool str_to_i64(struct str s, int64_t *out);
bool str_to_u64(struct str s, uint64_t *out);
