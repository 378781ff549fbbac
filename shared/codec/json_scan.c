/*
 * One pass over the bytes with a bit per open level (is it a map?).
 *
 * [I1] `depth` never passes NODE_MAX_DEPTH, so a shift by depth - 1 is defined.
 * [I2] In text that is JSON, a string in a map that stands where a key is expected is a key; every
 *      other string, word, '{' and '[' begins a value.
 */
#include "shared/codec/json_scan.h"
#include "shared/base/mem.h"

#include <stdio.h>

_Static_assert(NODE_MAX_DEPTH <= 64, "a level is a bit");

struct scan {
	char *text;
	size_t size, at;
	uint32_t line;
	size_t line_start;
	uint64_t maps; /* bit n: level n + 1 is a map */
	unsigned depth;
	bool key_next;		       /* a string here is a key */
	uint32_t key_line, key_column; /* of the last key; 0 where the next value has none */
	struct json_scan *out;
};

void json_scan_fini(struct json_scan *s)
{
	mem_free(s->values);
	*s = (struct json_scan){0};
}

static struct err *fail(const struct scan *s, const char *message)
{
	char path[48];
	snprintf(path, sizeof(path), "%u:%zu", s->line, s->at - s->line_start + 1);
	return err_at(ERR_INVALID, path, "%s", message);
}

static struct err *add_value(struct scan *s, struct json_scan_value value)
{
	struct json_scan *out = s->out;
	if (out->count == NODE_MAX_NODES)
		return fail(s, "too many values");
	if (out->count == out->capacity) {
		size_t capacity = MAX(out->capacity * 2, (size_t)64);
		struct json_scan_value *values =
			mem_resize_array(out->values, capacity, sizeof(*values));
		TRY_MEMORY(values);
		out->values = values;
		out->capacity = capacity;
	}
	bool has_key = s->key_line != 0;
	value.line = has_key ? s->key_line : s->line;
	value.column = has_key ? s->key_column : (uint32_t)(s->at - s->line_start + 1);
	s->key_line = 0;
	out->values[out->count++] = value;
	return NULL;
}

static bool in_map(const struct scan *s)
{
	return s->depth && (s->maps >> (s->depth - 1) & 1);
}

static struct err *open_level(struct scan *s, bool is_map)
{
	if (s->depth == NODE_MAX_DEPTH)
		return fail(s, "nested too deeply");
	TRY(add_value(s, (struct json_scan_value){0}));
	uint64_t bit = (uint64_t)1 << s->depth++;
	s->maps = is_map ? s->maps | bit : s->maps & ~bit;
	s->key_next = is_map;
	s->at++;
	return NULL;
}

static struct err *take_string(struct scan *s)
{
	if (s->key_next) {
		s->key_line = s->line;
		s->key_column = (uint32_t)(s->at - s->line_start + 1);
		s->key_next = false;
	} else {
		TRY(add_value(s, (struct json_scan_value){0}));
	}
	/* A raw line feed ends the string here; jansson refuses it. */
	for (s->at++; s->at < s->size && s->text[s->at] != '\n'; s->at++) {
		if (s->text[s->at] == '"') {
			s->at++;
			break;
		}
		if (s->text[s->at] == '\\' && s->at + 1 < s->size && s->text[s->at + 1] != '\n')
			s->at++;
	}
	return NULL;
}

/* RFC 8259's int: no plus, no leading zero. */
static bool is_integer(struct str word)
{
	struct str digits = str_from(word, word.size && word.data[0] == '-');
	if (digits.size == 0 || (digits.size > 1 && digits.data[0] == '0'))
		return false;
	for (size_t i = 0; i < digits.size; i++)
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return false;
	return true;
}

static bool ends_word(char c)
{
	return c == 0 || strchr(" \t\r\n{}[],:\"", c);
}

static struct err *take_word(struct scan *s)
{
	size_t end = s->at;
	while (end < s->size && !ends_word(s->text[end]))
		end++;
	if (end == s->at) { /* a NUL byte: jansson refuses it */
		s->at++;
		return NULL;
	}
	struct str word = {s->text + s->at, end - s->at};
	int64_t ignored;
	bool is_big = is_integer(word) && !str_to_i64(word, &ignored);
	TRY(add_value(s, (struct json_scan_value){.offset = (uint32_t)s->at,
						  .size = (uint32_t)word.size,
						  .is_big = is_big}));
	if (is_big) {
		memset(s->text + s->at, ' ', word.size);
		s->text[s->at] = '0';
	}
	s->at = end;
	return NULL;
}

static void take_mark(struct scan *s, char c)
{
	if ((c == '}' || c == ']') && s->depth)
		s->depth--;
	s->key_next = c == ',' && in_map(s);
	s->at++;
}

static struct err *take_next(struct scan *s)
{
	char c = s->text[s->at];
	switch (c) {
	case '\n':
		s->line++;
		s->line_start = ++s->at;
		return NULL;
	case ' ':
	case '\t':
	case '\r':
		s->at++;
		return NULL;
	case '{':
	case '[':
		return open_level(s, c == '{');
	case '}':
	case ']':
	case ',':
	case ':':
		take_mark(s, c);
		return NULL;
	case '"':
		return take_string(s);
	default:
		return take_word(s);
	}
}

struct err *json_scan_run(char *text, size_t size, struct json_scan *out)
{
	struct scan s = {.text = text, .size = size, .line = 1, .out = out};
	if (size > UINT32_MAX)
		return err_at(ERR_INVALID, "1:1", "more than 4 GiB of text");
	while (s.at < s.size)
		TRY(take_next(&s));
	return NULL;
}
