/*
 * lock - spin locks in values of maps: what is a lock, who holds one, and what may happen meanwhile.
 */
#pragma once

#include "shared/verifier/check.h"

/* `r` is what `subject` says, and has to be a pointer to the spin lock of an element.
 * fails BAD_ARGUMENT, NULL_POINTER */
MUST_CHECK struct err *lock_check_argument(struct check *c, const char *subject,
					   const struct state_reg *r);

/* Helper `id` is called with `r`, which was checked: the lock is taken, or given back; other helpers do
 * neither. fails SPIN_LOCK */
MUST_CHECK struct err *lock_take_effect(struct check *c, uint32_t id, const struct state_reg *r);

/* The current instruction, of `kind`, before it is looked at otherwise. fails SPIN_LOCK */
MUST_CHECK struct err *lock_check_step(struct check *c, enum insn_kind kind);

/* The bytes from `from` to `to` (not included) of the value in `pointer` are accessed. fails SPIN_LOCK */
MUST_CHECK struct err *lock_check_access(struct check *c, const char *subject,
					 const struct state_reg *pointer, int64_t from, int64_t to);

/* Where the bytes end that may be accessed from the offsets of `pointer` on, in a value of `size` bytes. */
int64_t lock_bound(const struct check *c, const struct state_reg *pointer, int64_t size);
