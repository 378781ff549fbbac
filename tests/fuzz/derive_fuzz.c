/* Any BTF: an error, or a document that the model reads, and whose roles resolve on that BTF or say why not. */
#include "shared/eim/derive.h"
#include "shared/eim/role.h"

#include <stdlib.h>

#define ROLES_MAX 4 /* of one input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a well-formed name can still do wrong: too many parameters, or two that end up with one name. */
static bool may_fail(const struct err *e)
{
	return strstr(err_message(e), "parameters") != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	OWNED(btf) struct btf *btf = NULL;
	OWNED(spec) struct spec *spec = NULL;
	OWNED_BUF struct buf text = BUF_INIT(SPEC_MAX_BYTES);
	OWNED(err) struct err *bad = btf_parse(bytes_of(data, size), &btf);
	if (bad)
		return 0;
	OWNED(err) struct err *none = derive_document(btf, &text);
	if (none)
		return 0;
	OWNED(err) struct err *unread = spec_parse(buf_str(&text), &spec);
	if (unread && !may_fail(unread))
		abort();
	for (size_t i = 0; spec && i < spec->roles_count && i < ROLES_MAX; i++) {
		OWNED(role) struct role *role = NULL;
		OWNED(err) struct err *e = role_resolve(spec, spec->roles[i].name, btf, &role);
		if (!e == !role || (e && err_code(e) == ERR_REJECTED))
			abort(); /* a host does not differ from itself */
	}
	return 0;
}
