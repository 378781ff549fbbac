/*
 * Spin locks: one at a time, nothing is called meanwhile, and it is given back. Now and then another one keeps
 * the lock, and the run ends there: so nothing may be held that would be lost.
 */
#include "tests/sound/interp_part.h"

#define SPIN_LOCK_BYTES 4

static uint32_t lock_end_of(const struct interp *i, const struct interp_object *o)
{
	return o->place == INTERP_ELEMENT_OF ? i->maps[o->map].map->lock_end : 0;
}

bool interp_lock_access(struct interp *i, const struct interp_object *o, int64_t at, uint64_t size)
{
	int64_t end = lock_end_of(i, o);
	if (end == 0 || size == 0 || at >= end || at + (int64_t)size <= end - SPIN_LOCK_BYTES)
		return true;
	return interp_stop(i, INTERP_LOCK, "%lu bytes at %ld reach into a spin lock",
			   (unsigned long)size, (long)at);
}

bool interp_lock_argument(struct interp_call *k, unsigned n)
{
	const struct interp_value *v = &k->args[n];
	const struct interp_object *o = &k->i->objects[v->object];
	uint32_t end = v->kind == INTERP_POINTER ? lock_end_of(k->i, o) : 0;
	if (end && v->bits == end - SPIN_LOCK_BYTES)
		return true;
	return interp_stop(k->i, INTERP_ARGUMENT, "argument %u is no spin lock", n + 1);
}

bool interp_lock_free(struct interp *i, const char *what)
{
	return i->locked == 0 || interp_stop(i, INTERP_LOCK, "%s while a lock is held", what);
}

static bool do_lock(struct interp_call *k)
{
	struct interp *i = k->i;
	i->seed = i->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	if (!interp_lock_free(i, "a lock is taken"))
		return false;
	for (uint32_t n = 0; n < i->records_count; n++)
		if (i->records[n].is_busy)
			return interp_stop(i, INTERP_UNRELEASED,
					   "record %u is held where the run may end", n);
	if (i->is_wild && i->seed >> 60 == 0) {
		i->result.is_open = true;
		return interp_stop(i, INTERP_FINE, "another one keeps the lock");
	}
	i->locked = k->args[0].object + 1;
	return true;
}

static bool do_unlock(struct interp_call *k)
{
	if (k->i->locked != k->args[0].object + 1)
		return interp_stop(k->i, INTERP_LOCK, "a lock is given back that is not held");
	k->i->locked = 0;
	return true;
}

static void reset(struct interp *i)
{
	i->locked = 0;
}

static const struct interp_model models[] = {
	{BPF_FUNC_spin_lock, 0, do_lock},
	{BPF_FUNC_spin_unlock, 0, do_unlock},
};

const struct interp_part interp_part_lock = {models, ARRAY_SIZE(models), reset};
