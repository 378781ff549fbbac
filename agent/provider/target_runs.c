/*
 * Threads that are in a function of the host which a program called will come back into the program, and
 * from there into its thunk. Where they stand cannot always be told by their stacks: the function may have
 * switched to another one (a coroutine's, a signal handler's), or be deeper than is looked. So programs that call
 * the host keep a slot for each run in the private page (shared/runtime/rt_guard.c), with the place of its
 * context; and the thunk keeps an address of its own in the context.
 *
 * [U1] A run that is going on has both. So a slot whose context holds no thunk's address (any more), or is not
 *      there, tells of a run that the host has left by longjmp().
 * [U2] What a dead frame still holds may look like a run: then memory stays mapped, which does no harm.
 * [U3] Runs whose slots were taken over may be anywhere: then everything is in use.
 * [U4] A region whose private page is not there was never finished: its agent died while it mapped it, before
 *      any site led there. So nothing runs in it.
 */
#include "agent/provider/target_impl.h"

#include "shared/runtime/rt.h"

bool target_has_thread_pointer(struct remote *r)
{
	for (uint32_t i = 0; i < remote_threads_count(r); i++) {
		uint64_t base = remote_regs(r, i)->fs_base, word = 0;
		if (base == 0)
			return false;
		OWNED(err) struct err *e = remote_read(r, base, &word, sizeof(word));
		if (e || word != base)
			return false;
	}
	return true;
}

/* The thunk that the run of that slot comes back to, or 0. */
static uint64_t thunk_of(const struct target *t, struct remote *r, const struct rt_run *run)
{
	uint64_t word = 0;
	if (run->thread == 0 || run->top == 0)
		return 0;
	OWNED(err) struct err *e = remote_read(r, ~run->top + THUNK_MARK, &word, sizeof(word));
	return e || target_island_of(t, word) == TARGET_NO_ISLAND ? 0 : word;
}

static void mark_dead(const struct target *t, const struct remote_range *ranges, uint64_t word,
		      bool *used)
{
	for (uint32_t n = 0; n < t->dead_count; n++)
		used[n] |= word >= ranges[n].start && word < ranges[n].end;
}

/* Marks the dead thunks that runs of `i` are in; true where there is any run. */
static bool mark_runs(const struct target *t, struct remote *r, const struct rt_private *page,
		      const struct remote_range *ranges, bool *used)
{
	bool is_used = page->lost != 0;
	for (uint32_t n = 0; page->lost && n < t->dead_count; n++)
		used[n] = true; /* [U3] */
	for (uint32_t n = 0; n < RT_RUNS; n++) {
		uint64_t word = thunk_of(t, r, &page->runs[n]);
		is_used |= word != 0;
		mark_dead(t, ranges, word, used);
	}
	return is_used;
}

static struct err *mark_instance(const struct target *t, struct remote *r, const struct instance *i,
				 const struct remote_range *ranges, bool *used, bool *is_used)
{
	struct rt_private page;
	OWNED(err)
	struct err *e = remote_read(r, i->base + i->private_offset, &page, sizeof(page));
	*is_used = !e && mark_runs(t, r, &page, ranges, used);
	return e && err_code(e) != ERR_INVALID ? MOVE(e) : NULL; /* [U4] */
}

struct err *target_runs_mark(const struct target *t, struct remote *r,
			     const struct remote_range *ranges, bool *used)
{
	uint32_t region = t->dead_count;
	for (const struct instance *i = t->instances; i; i = i->next) {
		bool is_used;
		if (!i->is_mapped)
			continue;
		TRY(mark_instance(t, r, i, ranges, used, &is_used));
		if (i->is_draining)
			used[region++] |= is_used;
	}
	return NULL;
}
