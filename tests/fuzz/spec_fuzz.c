/* Any document is a spec or refused; a spec is linted, and each of its roles resolves or says why not. */
#include "shared/eim/role.h"

#include <stdlib.h>

#define ROLES_MAX 4 /* of one input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void resolve(const struct spec *s, struct str name)
{
	OWNED(role) struct role *r = NULL;
	OWNED_BUF struct buf out = BUF_INIT(BUF_DEFAULT_MAX);
	OWNED(err) struct err *e = role_resolve(s, name, NULL, &r);
	if (!e == !r)
		abort();
	if (e)
		return;
	role_print(r, &out);
	for (size_t i = 0; i < r->functions_count; i++)
		if (role_find_function(r, r->functions[i].name) != &r->functions[i])
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	OWNED(spec) struct spec *s = NULL;
	OWNED(err) struct err *e = spec_parse((struct str){(const char *)data, size}, &s);
	const struct spec_finding *findings;
	size_t count;
	if (!e == !s)
		abort();
	if (e)
		return 0;
	OWNED(err) struct err *lint = spec_lint(s, true, &findings, &count);
	for (size_t i = 0; i < s->roles_count && i < ROLES_MAX; i++)
		resolve(s, s->roles[i].name);
	return 0;
}
