/*
 * Names are found by binary search in sorted arrays of pointers to them: a document of a megabyte has
 * tens of thousands of names, and walking them for each reference would cost their square.
 */
#include "shared/eim/spec.h"
#include "shared/eim/spec_index.h"

#include <stdlib.h>

_Static_assert(offsetof(struct spec_type, name) == 0, "an item is found by its name's address");
_Static_assert(offsetof(struct spec_function, name) == 0, "…");
_Static_assert(offsetof(struct spec_capability, name) == 0, "…");
_Static_assert(offsetof(struct spec_role, name) == 0, "…");

static int compare_text(struct str a, struct str b)
{
	size_t size = MIN(a.size, b.size);
	int order = size ? memcmp(a.data, b.data, size) : 0;
	return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* Of equal names the one that stands first in the list comes first. */
static int compare_items(const void *a, const void *b)
{
	const struct str *x = *(const struct str *const *)a, *y = *(const struct str *const *)b;
	int order = compare_text(*x, *y);
	return order ? order : (x > y) - (x < y);
}

static int compare_wanted(const void *wanted, const void *item)
{
	return compare_text(*(const struct str *)wanted, **(const struct str *const *)item);
}

struct err *spec_index_build(struct arena *a, const void *items, size_t count, size_t item_size,
			     struct spec_index *out)
{
	struct spec_index index = {arena_alloc_array(a, count, sizeof(*index.sorted)), count};
	TRY_MEMORY(index.sorted);
	for (size_t i = 0; i < count; i++)
		index.sorted[i] = (const void *)((const char *)items + i * item_size);
	qsort(index.sorted, count, sizeof(*index.sorted), compare_items);
	*out = index;
	return NULL;
}

const void *spec_index_find(const struct spec_index *index, struct str name)
{
	const struct str **at = index->count ? bsearch(&name, index->sorted, index->count,
						       sizeof(*index->sorted), compare_wanted)
					     : NULL;
	return at ? *at : NULL;
}

const void *spec_index_repeated(const struct spec_index *index, size_t *at)
{
	for (size_t i = *at + 1; i < index->count; i++) {
		if (compare_text(*index->sorted[i - 1], *index->sorted[i]) != 0)
			continue;
		*at = i;
		return index->sorted[i];
	}
	return NULL;
}

struct str spec_index_near(const struct spec_index *index, struct str name)
{
	struct near near = near_start(name);
	for (size_t i = 0; i < MIN(index->count, (size_t)SPEC_INDEX_NEAR_MAX); i++)
		near_offer(&near, *index->sorted[i]);
	return near_found(&near);
}

const struct spec_role *spec_find_role(const struct spec *s, struct str name)
{
	return spec_index_find(&s->roles_index, name);
}

const struct spec_capability *spec_find_capability(const struct spec *s, struct str name)
{
	return spec_index_find(&s->capabilities_index, name);
}

const struct spec_function *spec_find_function(const struct spec *s, struct str name)
{
	return spec_index_find(&s->functions_index, name);
}

const struct spec_type *spec_find_type(const struct spec *s, struct str name)
{
	return spec_index_find(&s->types_index, name);
}
