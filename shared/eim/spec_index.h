/*
 * spec_index - the items of one of a spec's lists by name. Items begin with their `struct str name`.
 *
 * Memory:  the sorted array lives in the arena that it was built in; items are borrowed.
 */
#pragma once

#include "shared/base/near.h"
#include "shared/eim/spec.h"

/* fails NO_MEMORY */
MUST_CHECK struct err *spec_index_build(struct arena *a, const void *items, size_t count,
					size_t item_size, struct spec_index *out);

/* The first item of that name, or NULL. */
const void *spec_index_find(const struct spec_index *index, struct str name);

/* The next item behind position *at (start with 0) whose name an earlier item of the list has, or NULL;
 * *at moves on. */
const void *spec_index_repeated(const struct spec_index *index, size_t *at);

/* The name nearest to `name`, or an empty one. Comparing names letter by letter costs: of a longer list
 * only the first SPEC_INDEX_NEAR_MAX names are weighed. */
#define SPEC_INDEX_NEAR_MAX 256
struct str spec_index_near(const struct spec_index *index, struct str name);
