/*
 * thunk - the code between a patched site and the programs attached there. Pure: a plan in, bytes out.
 *
 *	site:  jmp thunk            thunk:  make room, save what lives, fill the context fields that
 *	                                    the programs read, call each program, restore,
 *	                                    [displaced instructions], jmp site+window
 *
 * Programs are preserve_most and use no vector or x87 state, so only rax, rdi and r11 need saving beside
 * the context; in mid-function flags and the red zone too. Each call is counted per link.
 */
#pragma once

#include "agent/attach/site.h"

#define THUNK_MAX_BYTES 1024u
#define THUNK_MAX_LINKS 16u

struct thunk_call {
	uint64_t entry;	    /* address of the program's code in the process */
	uint64_t counter;   /* address of the link's u64 run counter, within ±2 GiB of the thunk */
	uint64_t ctx_reads; /* struct pt_regs fields that the program reads, bit n: bytes 8n… */
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
 *   fails      FAILED_PRECONDITION  out of reach
 *              TOO_LARGE            more than THUNK_MAX_BYTES or THUNK_MAX_LINKS
 */
MUST_CHECK struct err *thunk_encode(const struct thunk_plan *plan, uint8_t *out, size_t *size,
				    size_t *displaced);
