/*
 * site - decides, by decoding, how a place in a function can be patched with a 5-byte jump. Pure: code
 * bytes in, a plan out; nothing of a process is touched.
 *
 * Whole instructions are displaced until five bytes are free. The plan says for each displaced
 * instruction how it is relocated. Refused, with the reason, is what cannot be done safely: a branch of
 * the function that lands inside the window, an instruction that cannot be relocated, a function that
 * ends inside the window and is not followed by padding, code that does not decode.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/base/str.h"

#define SITE_JUMP_BYTES	   5u
#define SITE_MAX_WINDOW	   32u /* bytes displaced at the most */
#define SITE_MAX_INSNS	   8u
#define SITE_RELOCATED_MAX 256u

struct site_insn {
	uint8_t offset; /* in the window */
	uint8_t length;
	uint8_t relocated_offset; /* in the relocated copy: filled by site_relocate() */
};

struct site {
	uint64_t function_offset; /* of the site in its function */
	uint8_t original[SITE_MAX_WINDOW];
	uint8_t window; /* bytes displaced; >= SITE_JUMP_BYTES */
	uint8_t skip;	/* bytes before the jump that stay (endbr64): the jump is at site+skip */
	bool at_entry;	/* flags, r11 and the red zone are dead here */
	uint8_t insns_count;
	struct site_insn insns[SITE_MAX_INSNS];
};

/*
 *   code      the function's bytes, from its start to its end, and up to 16 bytes after it
 *   size      the function's own size
 *   at        offset of the probed instruction; must be the start of one
 *   fails     FAILED_PRECONDITION  not safe to patch: the message says why, with the instruction's text
 *             INVALID              `at` is outside, or not at an instruction's start
 */
MUST_CHECK struct err *site_plan(struct bytes code, uint64_t size, uint64_t at, struct site *out);

/* Whether the window holds nothing but no-operations, as eim.h's entries begin. */
bool site_is_padded(const struct site *s);

/*
 * Writes the displaced instructions, relocated from `from` (the window's address in the process) to
 * `to`, and the jump back behind them; fills relocated_offset.
 *   out, size  SITE_RELOCATED_MAX bytes of room; how many were written
 *   fails      FAILED_PRECONDITION: out of a displacement's reach
 */
MUST_CHECK struct err *site_relocate(struct site *s, uint64_t from, uint64_t to, uint8_t *out,
				     size_t *size);
