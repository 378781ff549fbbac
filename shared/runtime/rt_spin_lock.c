/*
 * Spin locks in elements of maps, shared by processes any of which may be killed or stopped while it holds
 * one.
 *
 * [I1] The word is 0, or the tgid of the process that holds the lock. Nothing but these two functions and
 *      the agent's sweep, which frees what a dead process held, writes it: updates of elements leave it
 *      alone (rt_copy_value), so that it stays true when an element is deleted and its memory used again.
 * [I2] Programs hold one lock at a time, call nothing meanwhile and give it back on every path (the
 *      verifier sees to that), so the time is short unless the holder is not running.
 * [I3] Who waits gives up in the end: its run ends without having touched what the lock protects. A holder
 *      that was stopped, or that a signal handler's own run waits for, holds up nobody for long.
 */
#include "shared/runtime/rt_base.h"

RT_INLINE bool try_lock(uint32_t *lock, uint32_t owner)
{
	uint32_t nobody = 0;
	return __atomic_compare_exchange_n(lock, &nobody, owner, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static RT_COLD bool lock_patiently(uint32_t *lock, uint32_t owner)
{
	RT_NO_UNROLL
	for (uint32_t i = 0; i < RT_SPINS; i++) {
		if (!__atomic_load_n(lock, __ATOMIC_RELAXED) && try_lock(lock, owner))
			return true;
		rt_pause();
	}
	return false; /* I3 */
}

bool rt_spin_lock(uint32_t *lock, struct rt_private *self)
{
	uint32_t owner = rt_pid_field(self ? &self->tgid : NULL);
	return RT_LIKELY(try_lock(lock, owner)) || lock_patiently(lock, owner);
}

void rt_spin_unlock(uint32_t *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}
