/*
 * kind - the resources that get and describe know, from one table.
 */
#pragma once

#include "controller/ctl/api.h"
#include "controller/ctl/table.h"

#define KIND_MAX_COLUMNS 9u

struct kind_column {
	const char *header;
	/* Appends the cell of resource `n`. */
	void (*print)(const struct node *n, const char *pointer, struct buf *out);
	const char *pointer; /* for `print` */
};

struct kind {
	const char *plural, *singular;
	struct kind_column columns[KIND_MAX_COLUMNS];
};

/*
 * The kind that `word` names, in the singular or plural.
 *   fails  INVALID: none; names the nearest
 */
MUST_CHECK struct err *kind_find(const char *word, const struct kind **out);

/* Appends the role, or the roles, of a policy's `eim` (may be NULL). */
void kind_print_roles(const struct node *eim, struct buf *out);

/* Prints `list` (a LIST of resources) as a table. */
MUST_CHECK struct err *kind_print(const struct kind *kind, const struct node *list,
				  struct buf *out);
