/*
 * table - rows with aligned columns, for people: UPPERCASE headers, two spaces between columns, no
 * white space at the end of a line. Columns whose cells are all numbers stand to the right.
 *
 *	OWNED_TABLE struct table t = TABLE_INIT(3);
 *	table_header(&t, (const char *const[]){"NAME", "STATE", "RUNS"});
 *	table_cell(&t, name); …
 *	table_print(&t, out);
 *
 * A failure to get memory sticks, and table_check() tells it. Cells are copied; control characters
 * in them become spaces.
 */
#pragma once

#include "shared/base/arena.h"
#include "shared/base/buf.h"

#define TABLE_MAX_COLUMNS 12u

struct table {
	struct arena arena;
	unsigned columns;
	struct str *cells;
	size_t count, capacity;
	bool failed;
};

#define TABLE_INIT(n) ((struct table){.arena = ARENA_INIT((size_t)128 << 20), .columns = (n)})

void table_fini(struct table *t);
#define OWNED_TABLE __attribute__((cleanup(table_fini)))

/* Appends the next cell; the first row is the header. Empty text is shown as "-". */
void table_cell(struct table *t, struct str text);
void table_cellf(struct table *t, const char *format, ...) PRINTF(2, 3);

/* Appends one row of `t->columns` texts. */
void table_header(struct table *t, const char *const *names);

/* Rows without the header. */
size_t table_rows(const struct table *t);

void table_print(const struct table *t, struct buf *out);

MUST_CHECK struct err *table_check(const struct table *t);
