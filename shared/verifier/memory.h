/*
 * memory - accesses: which memory a register points to, and what may be done there.
 */
#pragma once

#include "shared/verifier/check.h"

enum memory_use { MEMORY_READ, MEMORY_WRITE, MEMORY_ATOMIC };

/* One access, as messages speak of it. */
struct memory_access {
	const char *subject; /* "r2", "argument 2 (r2) of bpf_map_update_elem" */
	struct state_reg pointer;
	int32_t offset; /* added to the pointer */
	uint64_t size_bytes;
	enum memory_use use;
	const struct state_reg
		*size; /* holds how many bytes, size_bytes at the most; NULL: no register */
};

/* The first and last+1 byte that may be touched, from the object's start. Valid after memory_check(). */
struct memory_span {
	int64_t from, to;
};

/*
 * The access stays within one object that allows it.
 *   fails NO_POINTER, NULL_POINTER, READ_ONLY, OUT_OF_BOUNDS, STACK_LIMIT, MISALIGNED
 */
MUST_CHECK struct err *memory_check(struct check *c, const struct memory_access *a,
				    struct memory_span *out);

/* Whether stores through `r` are possible at all: it is no constant memory. */
bool memory_is_writable(const struct check *c, const struct state_reg *r);

/* Bytes from where `r` points to the object's end, at the least; 0 where it points to no memory. */
uint64_t memory_left(const struct check *c, const struct state_reg *r);

/* The constant bytes that `r` points to (.rodata at a known offset); empty where there are none. */
struct bytes memory_constant(const struct check *c, const struct state_reg *r);

/* All bytes of the span of stack of `frame` were written, and are numbers.
 * fails UNINIT_STACK, POINTER_LEAK */
MUST_CHECK struct err *memory_check_stack(struct check *c, const char *subject, unsigned frame,
					  struct memory_span span);

/* A call writes at least `min`, at most `max` bytes to where `pointer` points (checked before). */
void memory_written(struct check *c, const struct state_reg *pointer, uint64_t min, uint64_t max);

/* The instructions themselves. */
MUST_CHECK struct err *memory_load(struct check *c, const struct bpf_insn *insn);
MUST_CHECK struct err *memory_store(struct check *c, const struct bpf_insn *insn);
MUST_CHECK struct err *memory_atomic(struct check *c, const struct bpf_insn *insn);
