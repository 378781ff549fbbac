#include "controller/ctl/table.h"

#include "shared/base/mem.h"

#define GAP 2

void table_fini(struct table *t)
{
	arena_fini(&t->arena);
	mem_free(t->cells);
	t->cells = NULL;
}

static bool grow(struct table *t)
{
	if (t->count < t->capacity)
		return true;
	size_t capacity = t->capacity ? t->capacity * 2 : 64;
	struct str *more = mem_resize_array(t->cells, capacity, sizeof(*more));
	if (!more)
		return false;
	t->cells = more;
	t->capacity = capacity;
	return true;
}

void table_cell(struct table *t, struct str text)
{
	struct str copy = arena_str(&t->arena, text.size ? text : STR("-"));
	if (!copy.data || !grow(t)) {
		t->failed = true;
		return;
	}
	char *bytes = (char *)copy.data; /* the arena's, and ours alone */
	for (size_t i = 0; i < copy.size; i++)
		if ((unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f)
			bytes[i] = ' ';
	t->cells[t->count++] = copy;
}

void table_cellf(struct table *t, const char *format, ...)
{
	OWNED_BUF struct buf text = BUF_INIT((size_t)1 << 20);
	va_list args;
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	t->failed |= text.failed;
	table_cell(t, buf_str(&text));
}

void table_header(struct table *t, const char *const *names)
{
	for (unsigned i = 0; i < t->columns; i++)
		table_cell(t, str_of(names[i]));
}

size_t table_rows(const struct table *t)
{
	size_t rows = t->count / t->columns;
	return rows ? rows - 1 : 0;
}

/* Columns on a screen: code points, which is right for all that our names are made of. */
static size_t width_of(struct str s)
{
	size_t width = 0;
	for (size_t i = 0; i < s.size; i++)
		width += ((unsigned char)s.data[i] & 0xc0) != 0x80;
	return width;
}

static bool is_number(struct str s)
{
	size_t digits = 0, dots = 0;
	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i] >= '0' && s.data[i] <= '9')
			digits++;
		else if (s.data[i] == '.' ? ++dots > 1 : !(s.data[i] == '-' && i == 0))
			return false;
	}
	return digits > 0 || str_is(s, "-");
}

static bool is_right(const struct table *t, unsigned column)
{
	bool right = table_rows(t) > 0;
	for (size_t i = t->columns + column; i < t->count; i += t->columns)
		right = right && is_number(t->cells[i]);
	return right;
}

static void print_spaces(struct buf *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_putc(out, ' ');
}

void table_print(const struct table *t, struct buf *out)
{
	size_t widths[TABLE_MAX_COLUMNS] = {0};
	bool right[TABLE_MAX_COLUMNS];
	for (size_t i = 0; i < t->count; i++)
		widths[i % t->columns] = MAX(widths[i % t->columns], width_of(t->cells[i]));
	for (unsigned c = 0; c < t->columns; c++)
		right[c] = is_right(t, c);
	for (size_t i = 0; i < t->count; i++) {
		unsigned c = (unsigned)(i % t->columns);
		size_t space = widths[c] - width_of(t->cells[i]);
		bool is_last = c + 1 == t->columns || i + 1 == t->count;
		print_spaces(out, right[c] ? space : 0);
		buf_add(out, t->cells[i]);
		print_spaces(out, is_last ? 0 : GAP + (right[c] ? 0 : space));
		if (is_last)
			buf_putc(out, '\n');
	}
}

struct err *table_check(const struct table *t)
{
	return t->failed ? err_no_memory() : NULL;
}
