/*
 * What the other roles of the document have that this one has not: a program that calls it is told who may.
 */
#include "shared/eim/role_internal.h"

static const struct spec_role *holder_of(const struct spec *spec, struct str capability)
{
	for (size_t i = 0; i < spec->roles_count; i++)
		for (size_t j = 0; j < spec->roles[i].capabilities.count; j++)
			if (str_equal(spec->roles[i].capabilities.items[j], capability))
				return &spec->roles[i];
	return NULL;
}

static struct err *take_other(struct role_builder *b, const struct spec_capability *c,
			      struct role_other *others)
{
	const struct spec_role *holder = holder_of(b->spec, c->name);
	struct role *role = b->role;
	struct role_other of = {0};
	if (!holder || role->others_count == ROLE_MAX_GRANTS)
		return NULL;
	of.capability = arena_str(&role->arena, c->name);
	of.role = arena_str(&role->arena, holder->name);
	TRY_MEMORY(of.capability.data);
	TRY_MEMORY(of.role.data);
	for (size_t i = 0; i < c->apis.count && role->others_count < ROLE_MAX_GRANTS; i++) {
		if (role_find_function(role, c->apis.items[i]))
			continue;
		of.function = arena_str(&role->arena, c->apis.items[i]);
		TRY_MEMORY(of.function.data);
		others[role->others_count++] = of;
	}
	return NULL;
}

struct err *role_take_others(struct role_builder *b)
{
	size_t count = 0;
	for (size_t i = 0; i < b->spec->capabilities_count; i++)
		count += b->spec->capabilities[i].apis.count;
	struct role_other *others =
		arena_alloc_array(&b->role->arena, MIN(count, (size_t)ROLE_MAX_GRANTS),
				  sizeof(*others));
	TRY_MEMORY(others);
	b->role->others = others;
	for (size_t i = 0; i < b->spec->capabilities_count; i++)
		TRY(take_other(b, &b->spec->capabilities[i], others));
	return NULL;
}

const struct role_other *role_find_other(const struct role *r, struct str function)
{
	for (size_t i = 0; i < r->others_count; i++)
		if (str_equal(r->others[i].function, function))
			return &r->others[i];
	return NULL;
}
