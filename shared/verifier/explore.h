/*
 * explore - walks all paths of one entry.
 */
#pragma once

#include "shared/verifier/check.h"

/*
 * Walks function `entry` of the object and appends its row to the verdict.
 *   fails NO_MEMORY; REJECTED: the finding is in the verdict
 */
MUST_CHECK struct err *explore_entry(struct check *c, uint32_t entry);
