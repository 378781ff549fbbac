/*
 * grant - may the role call that helper?
 */
#pragma once

#include "shared/verifier/check.h"

/*
 *   helper   the helper's row
 *   granted  the role's function that it is
 *   fails    CALL_NOT_GRANTED, UNKNOWN_HELPER, UNSUPPORTED, ATTRIBUTE
 */
MUST_CHECK struct err *grant_helper(struct check *c, uint32_t id, const struct helper **helper,
				    const struct role_function **granted);

/*
 * What extern function `name` is, if the role may call it from this entry: of the host, or else of the runtime
 * (`runtime` is its row then; else NULL).
 *   fails CALL_NOT_GRANTED, UNKNOWN_HELPER, UNSUPPORTED, ATTRIBUTE, CONSTRAINT
 */
MUST_CHECK struct err *grant_extern(struct check *c, struct str name,
				    const struct role_function **granted,
				    const struct kfunc **runtime);
