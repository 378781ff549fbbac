/*
 * host_field - fields of the host's structs: which of them the role may touch, and what they are called.
 * A span is in bytes from the struct's start, and inside of it.
 */
#pragma once

#include "shared/verifier/memory.h"

/* Whether one granted field of the place that `r` points to has all of the span. */
bool host_field_find(const struct check *c, const struct state_reg *r, struct memory_span s,
		     bool is_write);

/* The place behind the pointer that the span is, where a path of the role goes on behind it; else UINT32_MAX. */
uint32_t host_field_child(const struct check *c, const struct state_reg *r, struct memory_span s);

/* Bytes of one granted field from where `r` points, at the least. */
uint64_t host_field_left(const struct check *c, const struct state_reg *r);

/* Whether a pointer lies in the span of a value of `type`, or might. */
bool host_field_has_pointer(const struct check *c, uint32_t type, struct memory_span s);

/* Appends "headers_in.host": the member that the span begins in; nothing where that has no name. */
void host_field_name(const struct check *c, uint32_t type, struct memory_span s, struct buf *out);

/* fails FIELD_NOT_GRANTED, READ_ONLY: always */
MUST_CHECK NEVER_NULL struct err *host_field_reject(struct check *c, const struct memory_access *a,
						    struct memory_span s, bool is_write);
