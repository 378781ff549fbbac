/*
 * Block style. Text stands plain only where every YAML reader, old ones included, takes it for text;
 * all other text is a JSON string, which is YAML too.
 *
 * [P1] The recursion is bounded by PRINT_DEPTH: a deeper tree fails the buffer.
 */
#include "shared/codec/json.h"
#include "shared/codec/yaml.h"
#include "shared/codec/yaml_scalar.h"

#include <ctype.h>

#define PRINT_DEPTH (2 * NODE_MAX_DEPTH)

/* Words that YAML 1.1 readers take for booleans. */
static const char *const old_words[] = {"y",   "n",  "yes", "no",  "on",  "off", "Y",  "N",
					"Yes", "No", "On",  "Off", "YES", "NO",	 "ON", "OFF"};

static bool has_plain_form(struct str s)
{
	uint8_t first = s.size ? (uint8_t)s.data[0] : 0;
	if (!isalpha(first) && first != '_' && first != '/')
		return false;
	for (size_t i = 0; i < s.size; i++) {
		uint8_t c = (uint8_t)s.data[i];
		bool inner_space = c == ' ' && i + 1 < s.size;
		if (!isalnum(c) && !inner_space && (c == 0 || !strchr("_./+-@", c)))
			return false;
	}
	return true;
}

static void print_text(struct str s, struct buf *out)
{
	struct node probe = {.text = s};
	bool plain = has_plain_form(s);
	if (plain)
		yaml_scalar_resolve(&probe);
	for (size_t i = 0; plain && i < ARRAY_SIZE(old_words); i++)
		plain = !str_is(s, old_words[i]);
	if (plain && probe.kind == NODE_TEXT)
		buf_add(out, s);
	else
		json_print_text(s, out);
}

static bool is_block(const struct node *n)
{
	return (n->kind == NODE_LIST || n->kind == NODE_MAP) && n->first;
}

static void print_members(const struct node *n, unsigned depth, unsigned indent, bool first_inline,
			  struct buf *out);

static void print_leaf(const struct node *n, struct buf *out)
{
	if (n->kind == NODE_TEXT)
		print_text(n->text, out);
	else
		json_print(n, out); /* scalars, [] and {} */
	buf_putc(out, '\n');
}

/* What follows "key:" or "-". A map in a list begins on the line of its dash. */
static void print_value(const struct node *n, unsigned depth, unsigned indent, bool in_list,
			struct buf *out)
{
	if (!is_block(n)) {
		buf_putc(out, ' ');
		print_leaf(n, out);
		return;
	}
	buf_putc(out, in_list ? ' ' : '\n');
	print_members(n, depth + 1, indent + 2, in_list, out);
}

static void print_members(const struct node *n, unsigned depth, unsigned indent, bool first_inline,
			  struct buf *out)
{
	if (depth > PRINT_DEPTH) { /* [P1] */
		out->failed = out->too_large = true;
		return;
	}
	NODE_EACH (member, n) {
		if (!(first_inline && member == n->first))
			buf_printf(out, "%*s", (int)indent, "");
		if (n->kind == NODE_MAP)
			print_text(member->key, out);
		buf_putc(out, n->kind == NODE_MAP ? ':' : '-');
		print_value(member, depth, indent, n->kind == NODE_LIST, out);
	}
}

void yaml_print(const struct node *n, struct buf *out)
{
	if (is_block(n))
		print_members(n, 0, 0, false, out);
	else
		print_leaf(n, out);
}
