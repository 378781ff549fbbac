/*
 * duration - "500ms", "5s", "10m", "1h": a whole number and its unit.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/base/str.h"

/* fails INVALID: no duration, or over `max_ms`. */
MUST_CHECK struct err *duration_parse(struct str text, int64_t max_ms, int64_t *out_ms);
