/*
 * attribute - the attributes of a role that mean something to the verifier, from one table
 * (attribute.tbl.h). Any other key of a role's `attributes` is custom: host functions may require it.
 */
#pragma once

#include "shared/eim/role.h"

enum attribute_kind { ATTRIBUTE_FLAG, ATTRIBUTE_U32, ATTRIBUTE_U64 };

enum attribute_id {
#define ATTRIBUTE(name, kind, initial, meaning) ATTRIBUTE_ID_##name,
#include "shared/eim/attribute.tbl.h"
#undef ATTRIBUTE
	ATTRIBUTE_COUNT
};
_Static_assert(ATTRIBUTE_COUNT <= ROLE_ATTRIBUTES_MAX, "a row more needs a larger role.set_by");

struct attribute {
	const char *name;
	enum attribute_kind kind;
	uint64_t initial;
	const char *meaning;
	size_t offset; /* in struct role_attributes */
};

extern const struct attribute attribute_table[ATTRIBUTE_COUNT];

/* The row of that name, or NULL. */
const struct attribute *attribute_find(struct str name);

/* The table's name nearest to `name`, or an empty one. */
struct str attribute_near(struct str name);

/* What is wrong with `value`, to follow the name: "is negative"; NULL where nothing is. */
const char *attribute_problem(const struct attribute *attribute, const struct node *value);

/* Writes `value`, which has no problem, to its member. */
void attribute_store(const struct attribute *attribute, const struct node *value,
		     struct role_attributes *out);

void attribute_set(const struct attribute *attribute, uint64_t value, struct role_attributes *out);
uint64_t attribute_get(const struct attribute *attribute, const struct role_attributes *from);
