/*
 * host - what of the host's memory a program may touch: the arguments of extension entries, the structs that
 * access lists speak of, memory of a size that an entry vouches for, and variables.
 *
 *	HOST_STRUCT	fields of a place (role.h), by the host's BTF; pointers in it that a path goes on behind
 *	HOST_MEM	bytes 0 to size of an argument, where the size may be another argument (limit.h)
 *	HOST_VAR	the whole of a variable
 *
 * Everything else that the host hands in is a number, for bpf_probe_read_user().
 */
#pragma once

#include "shared/verifier/memory.h"

/* Offsets from memory whose size an argument says: no larger, so that no sum overflows. */
#define HOST_MAX_OFFSET (INT64_C(1) << 57)

static inline bool host_is(const struct state_reg *r)
{
	return state_flags(r) & STATE_IS_HOST;
}

/* ---- entries ---- */

/* SEC("eim/NAME"): finds the role's entry for function `f`, and makes c->host, c->ctx and the arguments.
 * fails ENTRY_NOT_GRANTED */
MUST_CHECK struct err *host_entry(struct check *c, const struct object_function *f);

/* What is known of the sizes when the entry begins; the state is new. */
void host_begin(struct check *c);

/* What a load of `size` bytes at `offset` of the entry's context gives. */
struct state_reg host_argument(struct check *c, uint32_t offset, unsigned size);

/* ---- accesses; the pointer is host_is() ---- */

/*
 *   fails NULL_POINTER, OUT_OF_BOUNDS, FIELD_NOT_GRANTED, READ_ONLY, ATTRIBUTE
 */
MUST_CHECK struct err *host_check(struct check *c, const struct memory_access *a,
				  struct memory_span *out);

/* What a load gives that host_check() allows. */
struct state_reg host_load(struct check *c, const struct memory_access *a,
			   const struct memory_span *span, bool is_extended);

/* Bytes that may be read from where `r` points, at the least. */
uint64_t host_left(const struct check *c, const struct state_reg *r);

/*
 * Whether `max` bytes may be read (or written) from where `r` points, or fewer where `size`, which may be NULL,
 * holds the number: a size that is known only by its limits is then enough.
 */
bool host_allows(struct check *c, const struct state_reg *r, uint64_t max,
		 const struct state_reg *size, enum memory_use use);

/* Whether there are bytes where `r` points, and all that may be read there may be written too. */
bool host_is_writable(const struct check *c, const struct state_reg *r);

/* Whether `r` points to text that ends with a NUL, as the entry vouches. */
bool host_is_terminated(const struct check *c, const struct state_reg *r);

/* The struct or union in role->host that `r` points to the start of, and is not null; 0 where it does not. */
uint32_t host_pointer_type(const struct check *c, const struct state_reg *r);

/* ---- variables ---- */

/* ld_imm64 of an extern variable.
 * fails VARIABLE_NOT_GRANTED, BAD_INSN */
MUST_CHECK struct err *host_variable(struct check *c, const struct bpf_insn *insn,
				     struct state_reg *out);

/* ---- words ---- */

void host_words(const struct check *c, const struct state_reg *r, struct buf *out);

/* What the register's limits say: " (`what` is at most length - 4)". */
void host_words_limits(const struct check *c, const struct state_reg *r, const char *what,
		       struct buf *out);
