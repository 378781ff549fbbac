/*
 * global - functions of the program that are not static: each is verified once, by what its types say of
 * its arguments, and its calls are checked against these types alone.
 *
 *	int count(struct stats *s, int n)	s: null, or 16 bytes that may be read and written; n: any number
 *	int check(const struct key *k)		k: null, or bytes that may be read
 *	int arg(struct pt_regs *ctx)		the context, as the entry got it
 *
 * A parameter with the declaration tag "arg:nonnull" is never null, one with "arg:ctx" is the context.
 * The function returns a number (nothing is known of it) or nothing. It acquires and releases by itself.
 * Functions without BTF, static and hidden ones, and entries, are none: calls walk into them.
 */
#pragma once

#include "shared/verifier/check.h"

#define GLOBAL_MAX_PARAMS 5

enum global_kind { GLOBAL_NUMBER, GLOBAL_CTX, GLOBAL_MEMORY };

struct global_param {
	uint8_t kind;		    /* enum global_kind */
	bool is_const, may_be_null; /* MEMORY */
	uint8_t align; /* MEMORY: what callers have to align it to: 1, or an atomic operation's size */
	uint32_t size; /* MEMORY: bytes */
};

/* By parameter: bit n is about parameter n. */
struct global_tags {
	uint8_t nonnull, context;
};

/* One function: what its types say, then what the walk through it has proved. */
struct global {
	struct global_param params[GLOBAL_MAX_PARAMS];
	uint8_t params_count;
	bool is_void, is_verified;
	bool holds; /* something over a jump back, or over rounds: it must not be metered (meter.h) */
	uint32_t stack_bytes; /* of it and all that it calls, at the most */
	uint32_t frames;
	uint64_t longest; /* instructions */
	uint64_t ctx_reads;
	struct verifier_uses uses;
};

/* Whether calls of function `f` do not walk into it. */
bool global_is(const struct check *c, uint32_t f);

/*
 * The global functions that `entry` may call, also by others, each behind those that it calls.
 *   out    c->functions_count places
 *   fails  NO_MEMORY
 */
MUST_CHECK struct err *global_order(const struct check *c, uint32_t entry, uint32_t *out,
				    uint32_t *count);

/* Reads the declaration tags of all functions, once. fails NO_MEMORY */
MUST_CHECK struct err *global_read_tags(struct check *c);

/* Reads the types of c->root into its row. fails UNSUPPORTED: a parameter or result of another type */
MUST_CHECK struct err *global_read(struct check *c);

/* r1 … r5 as any caller of c->root may leave them. */
void global_arguments(struct check *c, struct state_reg *regs);

/* c->root returns. fails BAD_RETURN, UNRELEASED */
MUST_CHECK struct err *global_leave(struct check *c);

/* The current instruction calls global function `f`: its arguments fit, and then it was called.
 * fails  CALL_DEPTH, BAD_ARGUMENT, UNINIT_REGISTER, as memory_check() and memory_check_stack() */
MUST_CHECK struct err *global_call(struct check *c, uint32_t f);

/* An atomic operation of `size_bytes` on memory that `pointer` points to. */
void global_aligned(struct check *c, const struct state_reg *pointer, uint8_t size_bytes);
