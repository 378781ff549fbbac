/*
 * Putting instances in and taking them out: the order of steps, and what happens when one fails.
 *
 * What is decided while the process runs may no longer hold when it stands (somebody mapped something, a
 * thread is in the way): then all is undone and planned anew, a few times.
 */
#include "agent/provider/target_impl.h"

#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"

#include <poll.h>
#include <sys/stat.h>

#define MAX_TRIES    40u
#define MAX_PAUSE_MS 50

/* The one wait for time: nothing tells when a thread leaves a few bytes of code. */
static void pause_before(unsigned try)
{
	poll(NULL, 0, try < 6 ? 1 << try : MAX_PAUSE_MS);
}

static bool is_transient(const struct err *e)
{
	return err_code(e) == ERR_ABORTED || err_code(e) == ERR_UNAVAILABLE;
}

/* After a change: the record on disk holds both states of each site, so an old one does no harm. */
static void save_after(const struct target *t)
{
	log_err(LOG_WARN, target_save(t), "record of process %d", t->id.pid);
}

/* ---- putting in ---- */

struct wanted {
	const struct image *image;
	int code_fd;
	const int *map_fds;
	const struct target_place *places;
	uint32_t count;
};

static struct err *plan(struct target *t, struct instance *i, const struct wanted *w)
{
	struct target_view v;
	TRY(target_view_open(t->id.pid, &v));
	struct err *e = target_plan(t, &v, i, w->image, w->places, w->count);
	if (!e)
		e = target_plan_thunks(t, &v);
	target_view_fini(&v);
	return e;
}

static struct err *apply(struct target *t, struct remote *r, struct instance *i,
			 const struct wanted *w)
{
	TRY(target_check_program(t, r));
	TRY(target_patch_check(t, r));
	TRY(target_map_islands(t, r));
	TRY(target_map_region(t, r, i, w->image, w->code_fd, w->map_fds));
	return target_patch(t, r);
}

static void drop(struct target *t, struct instance *i)
{
	target_plan_drop(t);
	target_counters_give(t, i);
}

/* Nothing of the change stays. What fails here fails because the process is gone. */
static void undo(struct target *t, struct remote *r, struct instance *i)
{
	target_patch_undo(t, r);
	if (i->is_mapped)
		err_destroy(remote_munmap(r, i->base, i->bytes));
	i->is_mapped = false;
	drop(t, i);
	err_destroy(target_unmap_islands(t, r));
}

static struct err *put_in(struct target *t, struct instance *i, const struct wanted *w)
{
	struct remote *r;
	struct err *e = plan(t, i, w);
	if (!e)
		e = target_save(t);
	if (!e)
		e = target_stop(t, &r);
	if (e) {
		drop(t, i);
		return e;
	}
	e = apply(t, r, i, w);
	if (e)
		undo(t, r, i);
	else
		target_plan_commit(t);
	target_resume(t, r);
	return e;
}

/* `i` is in the target's list while this tries, so that the record has it. */
static struct err *put_in_patiently(struct target *t, struct instance *i, const struct wanted *w)
{
	for (unsigned try = 0;; try++) {
		struct err *e = put_in(t, i, w);
		if (!e || !is_transient(e) || try == MAX_TRIES)
			return e;
		err_destroy(e);
		pause_before(try);
		for (uint32_t row = 0; row < i->rows_count; row++) {
			mem_free(MOVE(i->rows[row].entry));
			mem_free(MOVE(i->rows[row].target));
		}
	}
}

static struct err *identify(struct instance *i, int code_fd)
{
	struct stat st;
	if (fstat(code_fd, &st) != 0)
		return err_new(ERR_SYSTEM, "the code's file has no number");
	i->device = (uint32_t)st.st_dev;
	i->inode = st.st_ino;
	return NULL;
}

static struct err *check_wanted(const struct target *t, struct str name, const struct image *image,
				uint32_t count)
{
	if (target_find(t, name))
		return err_new(ERR_ALREADY_EXISTS, "process %d has an instance %.*s already",
			       t->id.pid, STR_FMT(name));
	if (count == 0 || count > TARGET_MAX_PLACES)
		return err_new(ERR_INVALID, "%u places; there have to be 1 to %u", count,
			       TARGET_MAX_PLACES);
	TRY(image_check(image));
	return target_check_filter(t, image);
}

static struct err *instantiate(struct target *t, struct str name, const struct wanted *w,
			       struct instance **out)
{
	struct instance *i = target_instance_create(name, w->count);
	TRY_MEMORY(i);
	target_instance_add(t, i);
	struct err *e = identify(i, w->code_fd);
	if (!e)
		e = put_in_patiently(t, i, w);
	if (e) {
		target_instance_remove(t, i);
		save_after(t);
		return e;
	}
	save_after(t);
	*out = i;
	return NULL;
}

struct err *target_instantiate(struct target *t, struct str name, const struct image *image,
			       const int *map_fds, const struct target_place *places,
			       uint32_t count, struct instance **out)
{
	OWNED(fd) int code_fd = -1;
	t->stopped_ns = 0;
	TRY(target_explain(t, check_wanted(t, name, image, count)));
	TRY(target_code_create(image, &code_fd));
	struct wanted w = {image, code_fd, map_fds, places, count};
	return target_explain(t, instantiate(t, name, &w, out));
}

/* ---- taking out ---- */

static struct err *plan_removal(struct target *t, const struct instance *i)
{
	struct target_view v;
	TRY(target_view_open(t->id.pid, &v));
	struct err *e = target_plan_removal(t, &v, i);
	target_view_fini(&v);
	return e ? e : target_save(t);
}

static struct err *apply_removal(struct target *t, struct remote *r)
{
	TRY(target_patch_check(t, r));
	TRY(target_map_islands(t, r));
	return target_patch(t, r);
}

static struct err *take_out_standing(struct target *t, struct remote *r, struct instance *i)
{
	struct err *e = apply_removal(t, r);
	if (e) {
		target_patch_undo(t, r);
		target_plan_drop(t);
		err_destroy(target_unmap_islands(t, r));
		return e;
	}
	target_plan_commit(t);
	i->is_draining = true;
	return target_drain(t, r);
}

static struct err *take_out(struct target *t, struct instance *i)
{
	struct remote *r;
	struct err *e = plan_removal(t, i);
	if (!e)
		e = target_stop(t, &r);
	if (e) {
		target_plan_drop(t);
		return e;
	}
	e = target_check_program(t, r);
	if (e) {
		target_resume(t, r);
		target_forget(t);
		err_destroy(e);
		return err_new(ERR_NOT_FOUND, "process %d runs another program now", t->id.pid);
	}
	e = take_out_standing(t, r, i);
	target_resume(t, r);
	return e;
}

static struct err *take_out_patiently(struct target *t, struct instance *i, uint64_t deadline)
{
	for (unsigned try = 0;; try++) {
		struct err *e = take_out(t, i);
		if (!e || !is_transient(e) || clock_mono_ns() >= deadline)
			return e;
		err_destroy(e);
		pause_before(try);
	}
}

static struct err *drain_once(struct target *t)
{
	struct remote *r;
	struct err *e = target_stop(t, &r);
	if (e && err_code(e) == ERR_UNAVAILABLE) {
		err_destroy(e);
		return NULL;
	}
	TRY(e);
	e = target_drain(t, r);
	target_resume(t, r);
	return e;
}

static struct err *drain_patiently(struct target *t, const struct instance *i, uint64_t deadline)
{
	for (unsigned try = 0; !target_is_drained(t, i); try++) {
		if (clock_mono_ns() >= deadline)
			return err_new(ERR_DEADLINE_EXCEEDED,
				       "threads of process %d stay inside of %s; its bytes are "
				       "restored, its memory stays mapped",
				       t->id.pid, i ? i->name : "an earlier thunk");
		pause_before(try);
		TRY(drain_once(t));
	}
	return NULL;
}

static struct err *deinstantiate(struct target *t, struct instance *i, uint64_t deadline)
{
	if (!i->is_draining)
		TRY(take_out_patiently(t, i, deadline));
	save_after(t);
	TRY(drain_patiently(t, i, deadline));
	target_instance_remove(t, i);
	save_after(t);
	return NULL;
}

static uint64_t deadline_in(int patience_ms)
{
	return clock_mono_ns() + (uint64_t)MAX(patience_ms, 0) * 1000000u;
}

struct err *target_deinstantiate(struct target *t, struct str name, int patience_ms)
{
	struct instance *i = target_find(t, name);
	t->stopped_ns = 0;
	if (!i)
		return err_new(ERR_NOT_FOUND, "process %d has no instance %.*s", t->id.pid,
			       STR_FMT(name));
	struct err *e = target_explain(t, deinstantiate(t, i, deadline_in(patience_ms)));
	if (e && !t->instances)
		save_after(t); /* forgotten: the record has to go, too */
	return e;
}

struct err *target_deinstantiate_all(struct target *t, int patience_ms)
{
	uint64_t deadline = deadline_in(patience_ms);
	struct err *all = NULL;
	t->stopped_ns = 0;
	for (struct instance *i = t->instances, *next; i; i = next) {
		next = i->next;
		err_add(&all, target_explain(t, deinstantiate(t, i, deadline)));
		if (!t->instances) /* none left, or forgotten */
			next = NULL;
	}
	if (!all && t->dead_count)
		all = target_explain(t, drain_patiently(t, NULL, deadline));
	save_after(t);
	return all;
}
