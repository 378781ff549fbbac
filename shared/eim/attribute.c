#include "shared/eim/attribute.h"
#include "shared/base/near.h"

const struct attribute attribute_table[ATTRIBUTE_COUNT] = {
#define ATTRIBUTE(member, type, start, text) \
	{#member, ATTRIBUTE_##type, start, text, offsetof(struct role_attributes, member)},
#include "shared/eim/attribute.tbl.h"
#undef ATTRIBUTE
};

const struct attribute *attribute_find(struct str name)
{
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		if (str_is(name, attribute_table[i].name))
			return &attribute_table[i];
	return NULL;
}

struct str attribute_near(struct str name)
{
	struct near near = near_start(name);
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		near_offer(&near, str_of(attribute_table[i].name));
	return near_found(&near);
}

const char *attribute_problem(const struct attribute *attribute, const struct node *value)
{
	if (attribute->kind == ATTRIBUTE_FLAG)
		return value->kind == NODE_BOOL ? NULL : "must be true or false";
	if (value->kind != NODE_INT)
		return "must be an integer";
	if (value->integer < 0)
		return "is negative";
	if (attribute->kind == ATTRIBUTE_U32 && value->integer > UINT32_MAX)
		return "is larger than 4294967295";
	return NULL;
}

void attribute_set(const struct attribute *attribute, uint64_t value, struct role_attributes *out)
{
	void *at = (char *)out + attribute->offset;
	switch (attribute->kind) {
	case ATTRIBUTE_FLAG:
		*(bool *)at = value != 0;
		break;
	case ATTRIBUTE_U32:
		*(uint32_t *)at = (uint32_t)value;
		break;
	case ATTRIBUTE_U64:
		*(uint64_t *)at = value;
	}
}

uint64_t attribute_get(const struct attribute *attribute, const struct role_attributes *from)
{
	const void *at = (const char *)from + attribute->offset;
	switch (attribute->kind) {
	case ATTRIBUTE_FLAG:
		return *(const bool *)at;
	case ATTRIBUTE_U32:
		return *(const uint32_t *)at;
	case ATTRIBUTE_U64:
		return *(const uint64_t *)at;
	}
	return 0;
}

void attribute_store(const struct attribute *attribute, const struct node *value,
		     struct role_attributes *out)
{
	attribute_set(attribute, (uint64_t)value->integer, out);
}
