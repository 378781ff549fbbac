/*
 * [W1] A level of the writer is a bit; past JSON_MAX_LEVELS the buffer fails instead of mixing levels.
 * [W2] Nodes are printed by recursion that NODE_PRINT_DEPTH bounds: a tree past it fails the buffer.
 */
#include "shared/codec/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define JSON_MAX_LEVELS	 64
#define NODE_PRINT_DEPTH (2 * NODE_MAX_DEPTH) /* a document and what it was put into */

/* The bytes of the UTF-8 character at `s`, 0 where there is none: no overlong forms, no surrogates. */
static size_t utf8_size(struct str s)
{
	static const struct {
		uint8_t mask, lead, size;
		uint32_t least;
	} forms[] = {{0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};
	uint8_t first = (uint8_t)s.data[0];
	if (first < 0x80)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if ((first & forms[i].mask) != forms[i].lead || s.size < forms[i].size)
			continue;
		uint32_t c = first & (uint8_t)~forms[i].mask;
		for (size_t j = 1; j < forms[i].size; j++) {
			if (((uint8_t)s.data[j] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | ((uint8_t)s.data[j] & 0x3f);
		}
		bool surrogate = c >= 0xd800 && c <= 0xdfff;
		return c < forms[i].least || c > 0x10ffff || surrogate ? 0 : forms[i].size;
	}
	return 0;
}

static void put_escaped(char c, struct buf *out)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = c ? strchr(from, c) : NULL;
	if (at)
		buf_printf(out, "\\%c", to[at - from]);
	else
		buf_printf(out, "\\u%04x", (unsigned)(uint8_t)c);
}

void json_print_text(struct str s, struct buf *out)
{
	buf_putc(out, '"');
	while (s.size) {
		char c = s.data[0];
		size_t size = utf8_size(s);
		if (size == 0)
			buf_puts(out, "\xef\xbf\xbd");
		else if (size == 1 && ((uint8_t)c < 0x20 || c == '"' || c == '\\' || c == 0x7f))
			put_escaped(c, out);
		else
			buf_append(out, s.data, size);
		s = str_from(s, MAX(size, (size_t)1));
	}
	buf_putc(out, '"');
}

/* The shortest of the forms that read back as the same number, always with a point or exponent. */
static void print_real(double real, struct buf *out)
{
	char text[40];
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, real);
		if (strtod(text, NULL) == real)
			break;
	}
	buf_puts(out, strpbrk(text, "in") ? "null" : text); /* inf and nan are not JSON */
	if (!strpbrk(text, ".ein"))
		buf_puts(out, ".0");
}

static void print_scalar(const struct node *n, struct buf *out)
{
	switch (n->kind) {
	case NODE_BOOL:
		buf_puts(out, n->integer ? "true" : "false");
		break;
	case NODE_INT:
		buf_printf(out, "%" PRId64, n->integer);
		break;
	case NODE_REAL:
		print_real(n->real, out);
		break;
	case NODE_TEXT:
		json_print_text(n->text, out);
		break;
	case NODE_NULL:
	case NODE_LIST:
	case NODE_MAP:
		buf_puts(out, "null");
	}
}

static void print_line_start(struct buf *out, unsigned indent)
{
	buf_printf(out, "\n%*s", (int)indent, "");
}

/* `step` is 2 for indented text and 0 for one line. */
static void print_node(const struct node *n, unsigned depth, unsigned step, struct buf *out)
{
	if (depth > NODE_PRINT_DEPTH) { /* [W2] */
		out->failed = out->too_large = true;
		return;
	}
	if (!n || (n->kind != NODE_LIST && n->kind != NODE_MAP)) {
		static const struct node null = {.kind = NODE_NULL};
		print_scalar(n ? n : &null, out);
		return;
	}
	bool is_map = n->kind == NODE_MAP;
	buf_putc(out, is_map ? '{' : '[');
	NODE_EACH (member, n) {
		if (member != n->first)
			buf_putc(out, ',');
		if (step)
			print_line_start(out, (depth + 1) * step);
		if (is_map) {
			json_print_text(member->key, out);
			buf_puts(out, step ? ": " : ":");
		}
		print_node(member, depth + 1, step, out);
	}
	if (step && n->first)
		print_line_start(out, depth * step);
	buf_putc(out, is_map ? '}' : ']');
}

void json_print(const struct node *n, struct buf *out)
{
	print_node(n, 0, 0, out);
}

void json_print_pretty(const struct node *n, struct buf *out)
{
	print_node(n, 0, 2, out);
}

struct json json_start(struct buf *out)
{
	return (struct json){.out = out};
}

static uint64_t level_bit(const struct json *w)
{
	return w->depth && w->depth <= JSON_MAX_LEVELS ? (uint64_t)1 << (w->depth - 1) : 0;
}

/* What stands before a value: the comma, and the key in an object. */
static void start_value(struct json *w, const char *key)
{
	uint64_t bit = level_bit(w);
	if (w->filled_levels & bit)
		buf_putc(w->out, ',');
	w->filled_levels |= bit;
	if (!(w->object_levels & bit))
		return;
	json_print_text(str_of(key), w->out);
	buf_putc(w->out, ':');
}

static void open_level(struct json *w, const char *key, bool is_object)
{
	start_value(w, key);
	buf_putc(w->out, is_object ? '{' : '[');
	w->depth++;
	uint64_t bit = level_bit(w);
	if (bit == 0) /* [W1] */
		w->out->failed = w->out->too_large = true;
	w->filled_levels &= ~bit;
	w->object_levels = is_object ? w->object_levels | bit : w->object_levels & ~bit;
}

void json_object(struct json *w, const char *key)
{
	open_level(w, key, true);
}

void json_list(struct json *w, const char *key)
{
	open_level(w, key, false);
}

void json_end(struct json *w)
{
	if (w->depth == 0)
		return;
	buf_putc(w->out, w->object_levels & level_bit(w) ? '}' : ']');
	w->depth--;
}

void json_text(struct json *w, const char *key, struct str value)
{
	start_value(w, key);
	json_print_text(value, w->out);
}

void json_textf(struct json *w, const char *key, const char *format, ...)
{
	OWNED_BUF struct buf text = BUF_INIT(w->out->max);
	va_list args;
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	if (text.failed)
		w->out->failed = true;
	json_text(w, key, buf_str(&text));
}

void json_int(struct json *w, const char *key, int64_t value)
{
	start_value(w, key);
	buf_printf(w->out, "%" PRId64, value);
}

void json_uint(struct json *w, const char *key, uint64_t value)
{
	start_value(w, key);
	buf_printf(w->out, value > INT64_MAX ? "\"%" PRIu64 "\"" : "%" PRIu64, value);
}

void json_bool(struct json *w, const char *key, bool value)
{
	start_value(w, key);
	buf_puts(w->out, value ? "true" : "false");
}

void json_null(struct json *w, const char *key)
{
	start_value(w, key);
	buf_puts(w->out, "null");
}

void json_node(struct json *w, const char *key, const struct node *n)
{
	start_value(w, key);
	json_print(n, w->out);
}

void json_raw(struct json *w, const char *key, struct str json)
{
	start_value(w, key);
	buf_add(w->out, json);
}
