/*
 * libyaml's events become nodes with a stack of open collections; nothing recurses.
 *
 * [I1] stack[0 … depth-1] are the open collections, at most NODE_MAX_DEPTH.
 * [I2] In an open map `key` is set exactly while its value is awaited.
 * [I3] A document cannot say anything twice: no anchors, no aliases, no duplicate keys, so its tree is
 *      no larger than its text.
 */
#include "shared/codec/yaml.h"
#include "shared/codec/yaml_scalar.h"
#include "shared/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

struct level {
	struct node *node;
	bool has_key;
	struct str key;
	uint32_t line, column; /* of the key */
};

struct reader {
	struct arena *arena;
	struct level stack[NODE_MAX_DEPTH];
	size_t depth, nodes;
	struct node *documents; /* a LIST */
};

static struct err *fail_at(yaml_mark_t mark, const char *message, const char *what)
{
	char path[64];
	snprintf(path, sizeof(path), "%zu:%zu", mark.line + 1, mark.column + 1);
	return err_at(ERR_INVALID, path, "%s%s%s", message, what ? ": " : "", what ? what : "");
}

/* ---- duplicate keys ---- */

static int compare_keys(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a, *y = *(const struct node *const *)b;
	size_t size = MIN(x->key.size, y->key.size);
	int order = size ? memcmp(x->key.data, y->key.data, size) : 0;
	if (order == 0)
		order = (x->key.size > y->key.size) - (x->key.size < y->key.size);
	if (order == 0) /* the later one last, so that the repetition is what is reported */
		order = (x->line > y->line) - (x->line < y->line);
	return order ? order : (x->column > y->column) - (x->column < y->column);
}

/* By sorting: a hostile map of 200,000 members must not cost their square. */
static struct err *check_keys(const struct node *map)
{
	if (map->count < 2)
		return NULL;
	OWNED(mem) void *memory = mem_zalloc_array(map->count, sizeof(const struct node *));
	const struct node **sorted = memory;
	size_t count = 0;
	TRY_MEMORY(memory);
	NODE_EACH (member, map)
		sorted[count++] = member;
	qsort(sorted, count, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < count; i++)
		if (str_equal(sorted[i - 1]->key, sorted[i]->key))
			return fail_at((yaml_mark_t){.line = sorted[i]->line - 1,
						     .column = sorted[i]->column - 1},
				       "duplicate key", sorted[i]->key.data);
	return NULL;
}

/* ---- scalars ---- */

static const struct {
	const char *tag;
	enum node_kind kind;
} tags[] = {
	{YAML_STR_TAG, NODE_TEXT},   {YAML_INT_TAG, NODE_INT},	{YAML_BOOL_TAG, NODE_BOOL},
	{YAML_FLOAT_TAG, NODE_REAL}, {YAML_SEQ_TAG, NODE_LIST}, {YAML_MAP_TAG, NODE_MAP},
	{YAML_NULL_TAG, NODE_NULL},  {"!", NODE_TEXT},
};

/* fails INVALID: a tag that is not the core schema's. */
static struct err *find_tag(const char *tag, yaml_mark_t mark, enum node_kind *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		if (strcmp(tags[i].tag, tag) == 0) {
			*out = tags[i].kind;
			return NULL;
		}
	}
	return fail_at(mark, "a tag that documents do not have", tag);
}

static struct err *refuse_anchor(const yaml_char_t *anchor, yaml_mark_t mark)
{
	return anchor ? fail_at(mark, "anchors are not allowed", (const char *)anchor) : NULL;
}

static struct err *resolve(const yaml_event_t *event, struct node *n)
{
	const char *tag = (const char *)event->data.scalar.tag;
	enum node_kind wanted;
	if (!tag) {
		if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
			yaml_scalar_resolve(n);
		return NULL;
	}
	TRY(find_tag(tag, event->start_mark, &wanted));
	if (wanted == NODE_TEXT)
		return NULL;
	yaml_scalar_resolve(n);
	if (n->kind != wanted && !(wanted == NODE_REAL && n->kind == NODE_INT))
		return fail_at(event->start_mark, "the text is not what its tag says",
			       n->text.data);
	return NULL;
}

static struct err *copy_scalar(struct reader *r, const yaml_event_t *event, struct str *out)
{
	struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
	TRY(refuse_anchor(event->data.scalar.anchor, event->start_mark));
	if (text.size && memchr(text.data, 0, text.size))
		return fail_at(event->start_mark, "text with a NUL character", NULL);
	*out = arena_str(r->arena, text);
	TRY_MEMORY(out->data);
	return NULL;
}

/* ---- the tree ---- */

static struct err *add_node(struct reader *r, struct node *n, yaml_mark_t mark)
{
	if (++r->nodes > NODE_MAX_NODES)
		return fail_at(mark, "too many values", NULL);
	struct level *top = r->depth ? &r->stack[r->depth - 1] : NULL;
	n->line = (uint32_t)mark.line + 1;
	n->column = (uint32_t)mark.column + 1;
	if (top && top->node->kind == NODE_MAP) {
		if (!top->has_key)
			return fail_at(mark, "a key must be text", NULL);
		n->key = top->key;
		n->line = top->line;
		n->column = top->column;
		top->has_key = false;
	}
	node_add(top ? top->node : r->documents, n);
	return NULL;
}

static struct err *take_key(struct reader *r, struct level *top, const yaml_event_t *event)
{
	const char *tag = (const char *)event->data.scalar.tag;
	enum node_kind ignored;
	if (tag)
		TRY(find_tag(tag, event->start_mark, &ignored));
	TRY(copy_scalar(r, event, &top->key));
	top->has_key = true;
	top->line = (uint32_t)event->start_mark.line + 1;
	top->column = (uint32_t)event->start_mark.column + 1;
	return NULL;
}

static struct err *take_scalar(struct reader *r, const yaml_event_t *event)
{
	struct level *top = r->depth ? &r->stack[r->depth - 1] : NULL;
	if (top && top->node->kind == NODE_MAP && !top->has_key)
		return take_key(r, top, event);
	struct node *n = node_new(r->arena, NODE_TEXT);
	TRY_MEMORY(n);
	TRY(copy_scalar(r, event, &n->text));
	TRY(resolve(event, n));
	return add_node(r, n, event->start_mark);
}

static struct err *open_level(struct reader *r, enum node_kind kind, const yaml_char_t *anchor,
			      const yaml_char_t *tag, yaml_mark_t mark)
{
	enum node_kind tagged = kind;
	TRY(refuse_anchor(anchor, mark));
	if (tag)
		TRY(find_tag((const char *)tag, mark, &tagged));
	if (tagged != kind)
		return fail_at(mark, "a collection with the tag of something else",
			       (const char *)tag);
	if (r->depth == NODE_MAX_DEPTH)
		return fail_at(mark, "nested too deeply", NULL);
	struct node *n = node_new(r->arena, kind);
	TRY_MEMORY(n);
	TRY(add_node(r, n, mark));
	r->stack[r->depth++] = (struct level){.node = n};
	return NULL;
}

static struct err *close_level(struct reader *r)
{
	const struct node *n = r->stack[--r->depth].node;
	return n->kind == NODE_MAP ? check_keys(n) : NULL;
}

static struct err *take_event(struct reader *r, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return take_scalar(r, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_level(r, NODE_LIST, event->data.sequence_start.anchor,
				  event->data.sequence_start.tag, event->start_mark);
	case YAML_MAPPING_START_EVENT:
		return open_level(r, NODE_MAP, event->data.mapping_start.anchor,
				  event->data.mapping_start.tag, event->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_level(r);
	case YAML_ALIAS_EVENT:
		return fail_at(event->start_mark, "aliases are not allowed",
			       (const char *)event->data.alias.anchor);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return NULL;
}

static struct err *parser_failed(const yaml_parser_t *parser)
{
	yaml_mark_t mark = parser->problem_mark;
	if (parser->error == YAML_MEMORY_ERROR)
		return err_no_memory();
	return fail_at(mark, "not YAML", parser->problem);
}

static struct err *read_events(struct reader *r, yaml_parser_t *parser)
{
	for (bool more = true; more;) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event))
			return parser_failed(parser);
		struct err *e = take_event(r, &event);
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
		TRY(e);
	}
	return NULL;
}

static struct err *read_documents(struct str text, struct arena *a, struct node **out)
{
	struct reader r = {.arena = a, .documents = node_new(a, NODE_LIST)};
	yaml_parser_t parser;
	TRY_MEMORY(r.documents);
	if (!yaml_parser_initialize(&parser))
		return err_no_memory();
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.size);
	struct err *e = read_events(&r, &parser);
	yaml_parser_delete(&parser);
	TRY(e);
	*out = r.documents;
	return NULL;
}

struct err *yaml_parse_all(struct str text, struct arena *a, const struct node **out)
{
	struct node *documents;
	TRY(read_documents(text, a, &documents));
	*out = documents;
	return NULL;
}

struct err *yaml_parse(struct str text, struct arena *a, const struct node **out)
{
	struct node *documents;
	TRY(read_documents(text, a, &documents));
	if (documents->count > 1)
		return fail_at((yaml_mark_t){.line = documents->first->next->line - 1,
					     .column = documents->first->next->column - 1},
			       "one document is wanted, here begins a second", NULL);
	struct node *root = documents->first ? documents->first : node_new(a, NODE_NULL);
	TRY_MEMORY(root);
	root->next = NULL;
	*out = root;
	return NULL;
}
