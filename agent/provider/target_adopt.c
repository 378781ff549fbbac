/*
 * Comparing what a record says with what a running process holds, and keeping what is true of it. Nothing
 * is written to the process, but who it is after a fork.
 *
 *	an island without its mark, a region of another file   was never mapped, or is gone: dropped
 *	a site with original bytes                             was not reached, or restored: dropped
 *	a site with the jump of one of its states              that is its state; other states' thunks are dead
 *	a site with anything else                              another tool's: nothing is adopted
 */
#include "agent/provider/target_impl.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"
#include "shared/runtime/rt.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- sites ---- */

static bool holds(const struct target_site *s, const struct target_state *state,
		  const uint8_t *have)
{
	uint8_t want[SITE_MAX_WINDOW];
	target_site_bytes(s, state, want);
	return memcmp(want, have, s->plan.window) == 0;
}

/* Which state is true: it becomes the present one. */
static struct err *settle_site(struct target *t, struct target_site *s, int memory)
{
	static const struct target_state original;
	uint8_t have[SITE_MAX_WINDOW];
	if (pread(memory, have, s->plan.window, (off_t)s->address) != s->plan.window)
		return err_new(ERR_FAILED_PRECONDITION, "0x%llx of process %d cannot be read",
			       (unsigned long long)s->address, t->id.pid);
	struct target_state kept = original;
	TRY(target_dead_reserve(t, TARGET_STATES));
	const struct target_state *states[TARGET_STATES] = {&s->now,
							    s->is_changing ? &s->next : &original};
	bool is_known = holds(s, &original, have);
	for (unsigned n = 0; n < TARGET_STATES; n++) {
		if (!states[n]->thunk)
			continue;
		if (!is_known && holds(s, states[n], have)) {
			kept = *states[n];
			is_known = true;
		} else {
			target_thunk_bury(t, states[n]->thunk, states[n]->bytes);
		}
	}
	if (!is_known)
		return err_new(ERR_FAILED_PRECONDITION,
			       "the bytes at 0x%llx of process %d are neither the original ones "
			       "nor ours",
			       (unsigned long long)s->address, t->id.pid);
	s->now = kept;
	s->is_changing = false;
	return NULL;
}

/* ---- what is mapped ---- */

static void drop_islands(struct target *t, int memory)
{
	for (uint32_t i = 0; i < t->islands_count; i++)
		t->islands[i].is_mapped = target_island_is_ours(memory, t->islands[i].base);
	target_islands_sweep(t);
}

static void settle_regions(struct target *t, const struct process_maps *maps)
{
	for (struct instance *i = t->instances; i; i = i->next)
		i->is_mapped = target_region_is_ours(maps, i);
}

/* ---- what is in use ---- */

static struct err *mark_site(struct target *t, const struct target_site *s)
{
	if (!target_thunk_mark(t, s->now.thunk, s->now.bytes))
		return err_new(ERR_INVALID, "no record of ours: thunk at 0x%llx",
			       (unsigned long long)s->now.thunk);
	for (uint32_t h = 0; h < s->now.hooks_count; h++) {
		const struct target_hook *hook = &s->now.hooks[h];
		if (!hook->instance->is_mapped ||
		    !target_counter_mark(t, hook->counter, hook->instance))
			return err_new(ERR_INVALID, "no record of ours: counter at 0x%llx",
				       (unsigned long long)hook->counter);
		hook->instance->is_draining = false;
	}
	return NULL;
}

/* Dead thunks of islands that are gone are gone. */
static void mark_dead(struct target *t)
{
	uint32_t kept = 0;
	for (uint32_t n = 0; n < t->dead_count; n++)
		if (target_thunk_mark(t, t->dead[n].start,
				      (uint32_t)(t->dead[n].end - t->dead[n].start)))
			t->dead[kept++] = t->dead[n];
	t->dead_count = kept;
}

static struct err *mark_all(struct target *t)
{
	for (struct instance *i = t->instances; i; i = i->next)
		i->is_draining = true;
	for (uint32_t n = 0; n < t->sites_count;) {
		struct target_site *s = t->sites[n];
		if (!s->now.thunk) {
			target_site_remove(t, s);
			continue;
		}
		TRY(mark_site(t, s));
		n++;
	}
	mark_dead(t);
	return NULL;
}

static void drop_instances(struct target *t)
{
	for (struct instance *i = t->instances, *next; i; i = next) {
		next = i->next;
		if (!i->is_mapped && i->is_draining)
			target_instance_remove(t, i);
	}
}

struct err *target_adopt(struct target *t)
{
	OWNED(fd) int memory = -1;
	struct process_maps maps;
	TRY(target_memory_open(t, O_RDONLY, &memory));
	TRY(process_maps(t->id.pid, &maps));
	settle_regions(t, &maps);
	process_maps_fini(&maps);
	drop_islands(t, memory);
	for (uint32_t n = 0; n < t->sites_count; n++)
		TRY(settle_site(t, t->sites[n], memory));
	TRY(mark_all(t));
	drop_instances(t);
	return NULL;
}

/* ---- forked children ---- */

static struct err *copy(const struct target *parent, struct process_id id, struct target **out)
{
	OWNED_BUF struct buf text = BUF_INIT(BUF_DEFAULT_MAX);
	OWNED_ARENA struct arena arena = ARENA_INIT(BUF_DEFAULT_MAX);
	const struct node *record;
	struct json w = json_start(&text);
	target_record(parent, &w, NULL);
	TRY(buf_check(&text));
	TRY(json_parse(buf_str(&text), &arena, &record));
	return target_load(record, id, out);
}

static uint32_t count_instances(const struct target *t)
{
	uint32_t count = 0;
	for (const struct instance *i = t->instances; i; i = i->next)
		count++;
	return count;
}

static struct err *put_private(int memory, const struct instance *i, size_t offset, uint32_t value)
{
	if (pwrite(memory, &value, sizeof(value), (off_t)(i->base + i->private_offset + offset)) !=
	    (ssize_t)sizeof(value))
		return err_sys(errno, "a private page");
	return NULL;
}

/* The fork wiped the private pages; inside, a pid namespace's answer would be found. Nothing else is
 * written: the child runs, and its runs have their slots there. */
static struct err *tell_who(const struct target *t)
{
	OWNED(fd) int memory = -1;
	uint32_t inside = (uint32_t)process_pid_inside(t->id.pid);
	TRY(target_memory_open(t, O_RDWR, &memory));
	for (const struct instance *i = t->instances; i; i = i->next) {
		if (!i->is_mapped)
			continue;
		TRY(put_private(memory, i, offsetof(struct rt_private, tgid), (uint32_t)t->id.pid));
		TRY(put_private(memory, i, offsetof(struct rt_private, pid_inside), inside));
		TRY(put_private(memory, i, offsetof(struct rt_private, has_thread_pointer),
				i->has_thread_pointer));
	}
	return NULL;
}

struct err *target_inherit(const struct target *parent, struct process_id id, struct target **out)
{
	OWNED(target) struct target *t = NULL;
	TRY(copy(parent, id, &t));
	struct err *e = target_explain(t, target_adopt(t));
	if (e && err_code(e) == ERR_NOT_FOUND)
		return e;
	if (e || count_instances(t) != count_instances(parent) ||
	    t->sites_count != parent->sites_count) {
		err_destroy(e);
		return err_new(ERR_FAILED_PRECONDITION,
			       "process %d does not carry what process %d does", id.pid,
			       parent->id.pid);
	}
	TRY(tell_who(t));
	*out = MOVE(t);
	return NULL;
}
