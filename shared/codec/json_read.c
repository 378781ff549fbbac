/*
 * jansson reads the text; json_scan says beforehand where each value stands. Both go through the
 * document in the same order (jansson keeps the order of members), so the conversion takes one scanned
 * value per jansson value.
 *
 * [I1] The scan has bounded depth and number of values before jansson sees the text, so the recursion
 *      here and in jansson is at most NODE_MAX_DEPTH deep.
 */
#include "shared/codec/json_read.h"
#include "shared/codec/json_scan.h"
#include "shared/base/mem.h"

#include <jansson.h>
#include <stdio.h>

/* Rule broken: a mutable global. jansson reports some failed allocations as invalid tokens, and its
 * allocator has no context to note the truth in. */
static _Thread_local bool memory_is_out;

static void *alloc_for_jansson(size_t size)
{
	void *memory = mem_alloc(size);
	if (!memory)
		memory_is_out = true;
	return memory;
}

/* jansson's allocations go through the one door, too. Before main, so no thread can see it change. */
__attribute__((constructor)) static void use_our_allocator(void)
{
	json_set_alloc_funcs(alloc_for_jansson, mem_free);
}

static void destroy_tree(json_t *tree)
{
	json_decref(tree);
}
OWN_DEFINE(tree, json_t *, destroy_tree)

static void scan_fini(struct json_scan *s)
{
	json_scan_fini(s);
}

struct reader {
	struct str text; /* as it came, integers included that jansson did not see */
	struct json_scan scan;
	size_t next;
	struct arena *arena;
};

static struct err *convert(struct reader *r, json_t *from, struct node **out);

static struct err *convert_list(struct reader *r, json_t *from, struct node *list)
{
	size_t i;
	json_t *each;
	json_array_foreach(from, i, each)
	{
		struct node *member;
		TRY(convert(r, each, &member));
		node_add(list, member);
	}
	return NULL;
}

static struct err *convert_map(struct reader *r, json_t *from, struct node *map)
{
	const char *key;
	json_t *each;
	json_object_foreach(from, key, each)
	{
		struct node *member;
		TRY(convert(r, each, &member));
		TRY_MEMORY(node_set(r->arena, map, str_of(key), member));
	}
	return NULL;
}

static struct err *fill_text(struct reader *r, struct str text, struct node *n)
{
	n->text = arena_str(r->arena, text);
	TRY_MEMORY(n->text.data);
	return NULL;
}

static struct err *fill_scalar(struct reader *r, json_t *from, struct str word, struct node *n)
{
	if (n->kind == NODE_TEXT && word.size == 0)
		word = (struct str){json_string_value(from), json_string_length(from)};
	TRY(fill_text(r, word, n));
	if (n->kind == NODE_INT)
		n->integer = json_integer_value(from);
	if (n->kind == NODE_BOOL)
		n->integer = json_is_true(from);
	if (n->kind == NODE_INT || n->kind == NODE_REAL)
		n->real = json_number_value(from);
	return NULL;
}

static enum node_kind kind_of(const json_t *from)
{
	static const enum node_kind kinds[] = {
		[JSON_OBJECT] = NODE_MAP, [JSON_ARRAY] = NODE_LIST,  [JSON_STRING] = NODE_TEXT,
		[JSON_REAL] = NODE_REAL,  [JSON_INTEGER] = NODE_INT, [JSON_TRUE] = NODE_BOOL,
		[JSON_FALSE] = NODE_BOOL, [JSON_NULL] = NODE_NULL,
	};
	return kinds[json_typeof(from)];
}

static struct err *convert(struct reader *r, json_t *from, struct node **out)
{
	if (r->next >= r->scan.count)
		return err_new(ERR_INTERNAL, "JSON was scanned and read differently");
	struct json_scan_value at = r->scan.values[r->next++];
	struct node *n = node_new(r->arena, at.is_big ? NODE_TEXT : kind_of(from));
	TRY_MEMORY(n);
	n->line = at.line;
	n->column = at.column;
	if (n->kind == NODE_MAP)
		TRY(convert_map(r, from, n));
	else if (n->kind == NODE_LIST)
		TRY(convert_list(r, from, n));
	else
		TRY(fill_scalar(r, from, (struct str){r->text.data + at.offset, at.size}, n));
	*out = n;
	return NULL;
}

static struct err *parse_failed(const json_error_t *error)
{
	char path[48];
	if (memory_is_out)
		return err_no_memory();
	snprintf(path, sizeof(path), "%d:%d", MAX(error->line, 1), MAX(error->column, 1));
	return err_at(ERR_INVALID, path, "not JSON: %s", error->text);
}

struct err *json_parse(struct str text, struct arena *a, const struct node **out)
{
	struct reader r = {.text = text, .arena = a};
	__attribute__((cleanup(scan_fini))) struct json_scan scan = {0};
	OWNED(text) char *copy = mem_copy_text(text.data, text.size);
	OWNED(tree) json_t *tree = NULL;
	json_error_t error = {0};
	struct node *root;
	TRY_MEMORY(copy);
	TRY(json_scan_run(copy, text.size, &scan));
	memory_is_out = false;
	tree = json_loadb(copy, text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!tree)
		return parse_failed(&error);
	r.scan = scan;
	TRY(convert(&r, tree, &root));
	*out = root;
	return NULL;
}
