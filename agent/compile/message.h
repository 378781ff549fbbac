/*
 * message - the bytes between the agent and eim-compile. Both sides read them as hostile.
 */
#pragma once

#include "agent/compile/compile.h"

void compile_answer_encode_image(const struct image *image, struct str verdict, struct buf *out);
void compile_answer_encode_err(const struct err *e, struct buf *out);

/*
 * Reads an answer.
 *   out, verdict  as compile_run()
 *   fails         the error that the answer holds; INVALID where it is no answer
 */
MUST_CHECK struct err *compile_answer_decode(struct bytes data, struct image **out,
					     struct buf *verdict);
