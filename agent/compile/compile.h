/*
 * compile - resolve, verify and compile in a child process that can do nothing else.
 *
 * Programs and BTF come from outside and LLVM is large: the child (eim-compile) has no files, no
 * network, a seccomp filter of a few calls, limits on memory and time, and one job. It takes bytes and
 * gives bytes, then exits; the resident agent never holds LLVM.
 *
 *	agent ── request: object, EIM document, role, host BTF ──▶ eim-compile
 *	      ◀── answer: image and verdict, or the error ──
 */
#pragma once

#include "shared/jit/image.h"

#define COMPILE_MAX_REQUEST ((size_t)32 << 20)
#define COMPILE_MAX_ANSWER  (IMAGE_MAX_BYTES + ((size_t)4 << 20))

struct compile_request {
	struct bytes object;  /* ELF, at most OBJECT_MAX_BYTES */
	struct str spec_text; /* the EIM document; empty: what the host binary declares */
	struct str role;
	struct bytes host_btf; /* of the host binary; empty where it has none */
};

/*
 * Starts `program` (the path of eim-compile) and waits for its answer, at most `timeout_ms`.
 *   out      owned by the caller
 *   verdict  the accepted verdict as JSON is appended
 *   fails    REJECTED           the program does not keep to the role: detail is the verdict's text
 *            DEADLINE_EXCEEDED  the child was ended
 *            INTERNAL           the child died, or its answer is none
 *            whatever parsing the inputs fails with
 */
MUST_CHECK struct err *compile_run(const char *program, const struct compile_request *request,
				   int timeout_ms, struct image **out, struct buf *verdict);

/* The child's work, in the calling process: request bytes in, answer bytes out. Never fails: errors are
 * answers. */
void compile_answer(struct bytes request, struct buf *answer);

/* ---- the messages; both sides read hostile bytes ---- */
void compile_request_encode(const struct compile_request *request, struct buf *out);
MUST_CHECK struct err *compile_request_decode(struct bytes data, struct compile_request *out);
