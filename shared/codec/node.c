#include "shared/codec/node.h"
#include "shared/base/buf.h"

const char *node_kind_name(enum node_kind kind)
{
	static const char *const names[] = {
		[NODE_NULL] = "null",	[NODE_BOOL] = "true or false", [NODE_INT] = "an integer",
		[NODE_REAL] = "a real", [NODE_TEXT] = "text",	       [NODE_LIST] = "a list",
		[NODE_MAP] = "a map",
	};
	return names[kind];
}

static const struct node *find_key(const struct node *n, struct str key)
{
	if (!n || n->kind != NODE_MAP)
		return NULL;
	NODE_EACH (member, n)
		if (str_equal(member->key, key))
			return member;
	return NULL;
}

const struct node *node_find(const struct node *n, const char *key)
{
	return find_key(n, str_of(key));
}

static const struct node *find_index(const struct node *list, struct str step)
{
	uint64_t index;
	bool leading_zero = step.size > 1 && step.data[0] == '0';
	if (leading_zero || !str_to_u64(step, &index) || index >= list->count)
		return NULL;
	const struct node *member = list->first;
	for (; member && index; index--)
		member = member->next;
	return member;
}

/* RFC 6901: ~1 is "/", ~0 is "~"; compared without making a copy. */
static bool step_is(struct str step, struct str key)
{
	size_t at = 0;
	for (size_t i = 0; i < step.size; i++, at++) {
		char c = step.data[i];
		if (c == '~' && i + 1 < step.size)
			c = step.data[++i] == '1' ? '/' : '~';
		if (at >= key.size || key.data[at] != c)
			return false;
	}
	return at == key.size;
}

static const struct node *find_step(const struct node *n, struct str step)
{
	if (n->kind == NODE_LIST)
		return find_index(n, step);
	if (n->kind != NODE_MAP)
		return NULL;
	NODE_EACH (member, n)
		if (step_is(step, member->key))
			return member;
	return NULL;
}

const struct node *node_at(const struct node *n, const char *pointer)
{
	struct str rest = str_of(pointer), step;
	while (n && rest.size) {
		if (rest.data[0] != '/')
			return NULL;
		struct str tail = str_from(rest, 1);
		const char *slash = tail.size ? memchr(tail.data, '/', tail.size) : NULL;
		step = (struct str){tail.data, slash ? (size_t)(slash - tail.data) : tail.size};
		rest = str_from(tail, step.size);
		n = find_step(n, step);
	}
	return n;
}

bool node_same(const struct node *a, const struct node *b)
{
	if (a == b)
		return true;
	if (a->kind != b->kind || a->kind == NODE_LIST || a->kind == NODE_MAP)
		return false;
	return a->kind == NODE_TEXT ? str_equal(a->text, b->text)
				    : a->integer == b->integer && !(a->real != b->real);
}

void node_print_step(struct str key, struct buf *out)
{
	buf_putc(out, '/');
	for (size_t i = 0; i < key.size; i++) {
		char c = key.data[i];
		if (c == '~' || c == '/')
			buf_puts(out, c == '~' ? "~0" : "~1");
		else
			buf_putc(out, c);
	}
}

struct err *node_err(const struct node *n, const char *path, const char *format, ...)
{
	OWNED_BUF struct buf message = BUF_INIT(65536);
	if (n && n->line)
		buf_printf(&message, "line %u:%u: ", n->line, n->column);
	va_list args;
	va_start(args, format);
	buf_vprintf(&message, format, args);
	va_end(args);
	if (message.failed && !message.too_large)
		return err_no_memory();
	return err_at(ERR_INVALID, path, "%s", buf_text(&message));
}

struct node *node_new(struct arena *a, enum node_kind kind)
{
	struct node *n = arena_alloc(a, sizeof(*n));
	if (n)
		n->kind = kind;
	return n;
}

struct node *node_new_text(struct arena *a, struct str text)
{
	struct node *n = node_new(a, NODE_TEXT);
	struct str copy = arena_str(a, text);
	if (!n || !copy.data)
		return NULL;
	n->text = copy;
	return n;
}

struct node *node_new_int(struct arena *a, int64_t value)
{
	struct node *n = node_new(a, NODE_INT);
	if (!n)
		return NULL;
	n->integer = value;
	n->real = (double)value;
	return n;
}

static struct node *copy_level(struct arena *a, const struct node *n, unsigned depth)
{
	struct node *copy = depth > NODE_MAX_DEPTH ? NULL : node_new(a, n->kind);
	struct str text = arena_str(a, n->text);
	if (!copy || !text.data)
		return NULL;
	*copy = *n;
	copy->text = text;
	copy->key = (struct str){0};
	copy->next = copy->first = copy->last = NULL;
	copy->count = 0;
	NODE_EACH (member, n) {
		struct node *below = copy_level(a, member, depth + 1);
		if (!(n->kind == NODE_MAP ? node_set(a, copy, member->key, below)
					  : node_add(copy, below)))
			return NULL;
	}
	return copy;
}

struct node *node_copy(struct arena *a, const struct node *n)
{
	return copy_level(a, n, 0);
}

struct node *node_add(struct node *list, struct node *member)
{
	if (!list || !member)
		return NULL;
	if (list->last)
		list->last->next = member;
	else
		list->first = member;
	list->last = member;
	list->count++;
	return member;
}

struct node *node_set(struct arena *a, struct node *map, struct str key, struct node *member)
{
	struct str copy = arena_str(a, key);
	if (!map || !member || !copy.data)
		return NULL;
	member->key = copy;
	return node_add(map, member);
}
