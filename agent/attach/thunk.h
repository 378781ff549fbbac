/*
 * thunk - the code between a patched site and the programs attached there. Pure: a plan in, bytes out.
 *
 *	site:  jmp thunk            thunk:  make room, save what lives, fill the context fields that
 *	                                    the programs read, call each program, restore,
 *	                                    [displaced instructions], jmp site+window
 *
 * The program of an extension takes the function's place (only at its entry, and only one):
 *
 *	site:  jmp thunk            thunk:  …, fill the arguments that it reads, call it;
 *	                                    with a result: drop the frame and return it;
 *	                                    without: restore, [displaced instructions], jmp site+window
 *
 * Programs are preserve_most and use no vector or x87 state, so only rax, rdi and r11 need saving beside
 * the context; in mid-function flags and the red zone too. Each call is counted per link.
 */
#pragma once

#include "agent/attach/site.h"
#include "shared/jit/image.h"

#define THUNK_MAX_BYTES 1024u
#define THUNK_MAX_LINKS 16u

/* Of a call. */
#define THUNK_EXTENSION	    1u /* in place of the function */
#define THUNK_CALLS_HOST    2u /* … its program calls functions of the host */
#define THUNK_KEEPS_VECTORS 4u /* … which must change no vector register */

/* Where the context of an extension that calls the host has an address inside its thunk: a run is going on
 * as long as it stands there. */
#define THUNK_MARK (IMAGE_CTX_NO_RESULT + 8u)

struct thunk_call {
	uint64_t entry;	    /* address of the program's code in the process */
	uint64_t counter;   /* address of the link's u64 run counter, within ±2 GiB of the thunk */
	uint64_t ctx_reads; /* struct pt_regs fields that the program reads, bit n: bytes 8n…;
			     * extensions: arguments */
	uint32_t flags;	    /* THUNK_* */
};

struct thunk_plan {
	struct site *site;	/* relocated offsets are filled in */
	uint64_t site_address;	/* of the window */
	uint64_t thunk_address; /* where the thunk will be */
	const struct thunk_call *calls;
	uint32_t calls_count;
};

/*
 *   out, size  THUNK_MAX_BYTES of room; how many were written
 *   displaced  offset in the thunk of the relocated instructions
 *   fails      FAILED_PRECONDITION  out of reach; two extensions, or one that is not at an entry
 *              TOO_LARGE            more than THUNK_MAX_BYTES or THUNK_MAX_LINKS
 */
MUST_CHECK struct err *thunk_encode(const struct thunk_plan *plan, uint8_t *out, size_t *size,
				    size_t *displaced);

/* Whether this machine is one where THUNK_KEEPS_VECTORS works. */
bool thunk_can_keep_vectors(void);
