/*
 * name - the names of resources: [a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?, as in host names.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/base/str.h"

#define NAME_MAX_BYTES 63

/* fails INVALID: `name` is no name of a `what` ("policy"); says why. */
MUST_CHECK struct err *name_check(const char *what, struct str name);
