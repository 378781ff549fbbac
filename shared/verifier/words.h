/*
 * words - what is known, in plain words.
 */
#pragma once

#include "shared/base/buf.h"
#include "shared/verifier/check.h"

/* "r7": static. */
const char *words_name(unsigned reg);

/* "a number from 0 to 255", "a pointer to the stack, at r10-16", … */
void words_reg(const struct check *c, const struct state_reg *r, struct buf *out);

/* ", at offset 8" */
void words_offset(const struct range *r, struct buf *out);

/* The same as a text that lives as long as the verdict. */
const char *words_of(struct check *c, const struct state_reg *r);

/* "r1 = …", a line for each register that the current instruction uses. */
void words_registers(const struct check *c, struct buf *out);

/* A line for each of the last decisions: where, and which way. */
void words_path(const struct check *c, struct buf *out);
