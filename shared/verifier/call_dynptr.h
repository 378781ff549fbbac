/*
 * call_dynptr - arguments that are dynptrs: 16 bytes of the program's stack that helpers make and use
 * (state_object.h).
 */
#pragma once

#include "shared/verifier/check.h"

#define CALL_DYNPTR_SLOTS 2

/* The argument `r` is a place for a new dynptr: two slots of a frame of the entry's or callback's own.
 * fails BAD_ARGUMENT, READ_ONLY and what memory_check() says to a write there */
MUST_CHECK struct err *call_dynptr_check_place(struct check *c, const char *subject,
					       const struct state_reg *r);

/* It points to a dynptr, whose first slot is in `out` then.
 * fails BAD_ARGUMENT */
MUST_CHECK struct err *call_dynptr_check(struct check *c, const char *subject,
					 const struct state_reg *r, struct state_reg *out);

/* … to one of a record, which this callback, or the entry outside of one, has reserved. */
MUST_CHECK struct err *call_dynptr_check_record(struct check *c, const char *subject,
						const struct state_reg *r, struct state_reg *out);

/* A call makes a dynptr at the place that was checked.
 * fails TOO_COMPLEX where it has to be released, and too many have */
MUST_CHECK struct err *call_dynptr_make(struct check *c, const struct state_reg *place,
					bool is_record);
