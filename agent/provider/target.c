/*
 * The book of one process: islands, sites, instances. Every list is small; looking through it beats
 * keeping an index right.
 */
#include "agent/provider/target_impl.h"

#include "shared/base/mem.h"
#include "shared/runtime/rt.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "shared/base/file.h"

/* ---- instances ---- */

struct instance *target_instance_create(struct str name, uint32_t rows)
{
	struct instance *i = mem_zalloc(sizeof(*i));
	if (!i)
		return NULL;
	i->name = mem_copy_text(name.data, name.size);
	i->rows = mem_zalloc_array(rows, sizeof(*i->rows));
	i->rows_count = rows;
	if (i->name && i->rows)
		return i;
	target_instance_destroy(i);
	return NULL;
}

void target_instance_destroy(struct instance *i)
{
	if (!i)
		return;
	for (uint32_t n = 0; i->rows && n < i->rows_count; n++) {
		mem_free(i->rows[n].entry);
		mem_free(i->rows[n].target);
	}
	mem_free(i->rows);
	mem_free(i->counters);
	mem_free(i->imports);
	mem_free(i->name);
	mem_free(i);
}

void target_instance_add(struct target *t, struct instance *i)
{
	i->next = t->instances;
	t->instances = i;
}

void target_instance_remove(struct target *t, struct instance *i)
{
	for (struct instance **at = &t->instances; *at; at = &(*at)->next) {
		if (*at != i)
			continue;
		*at = i->next;
		target_instance_destroy(i);
		return;
	}
}

/* ---- sites ---- */

struct target_site *target_site_find(const struct target *t, uint64_t address)
{
	for (uint32_t i = 0; i < t->sites_count; i++)
		if (t->sites[i]->address == address)
			return t->sites[i];
	return NULL;
}

struct target_site *target_site_add(struct target *t)
{
	if (t->sites_count == TARGET_MAX_SITES)
		return NULL;
	struct target_site **sites = mem_resize_array(t->sites, (size_t)t->sites_count + 1,
						      sizeof(struct target_site *));
	if (!sites)
		return NULL;
	t->sites = sites;
	struct target_site *s = mem_zalloc(sizeof(*s));
	if (s)
		t->sites[t->sites_count++] = s;
	return s;
}

void target_site_remove(struct target *t, struct target_site *s)
{
	for (uint32_t i = 0; i < t->sites_count; i++) {
		if (t->sites[i] != s)
			continue;
		t->sites[i] = t->sites[--t->sites_count];
		mem_free(s);
		return;
	}
}

/* ---- life ---- */

struct target *target_create(struct process_id id)
{
	struct target *t = mem_zalloc(sizeof(*t));
	if (t)
		t->id = id;
	return t;
}

struct err *target_open(struct process_id id, struct target **out)
{
	TRY(remote_check(id.pid));
	if (!process_is_alive(id))
		return err_new(ERR_NOT_FOUND, "process %d is gone", id.pid);
	struct target *t = target_create(id);
	TRY_MEMORY(t);
	*out = t;
	return NULL;
}

void target_forget(struct target *t)
{
	while (t->instances)
		target_instance_remove(t, t->instances);
	while (t->sites_count)
		mem_free(t->sites[--t->sites_count]);
	t->islands_count = 0;
	t->dead_count = 0;
}

void target_close(struct target *t)
{
	if (!t)
		return;
	target_forget(t);
	mem_free(t->sites);
	mem_free(t->islands);
	mem_free(t->dead);
	mem_free(t);
}

struct process_id target_process(const struct target *t)
{
	return t->id;
}

struct instance *target_find(const struct target *t, struct str name)
{
	for (struct instance *i = t->instances; i; i = i->next)
		if (str_is(name, i->name))
			return i;
	return NULL;
}

bool target_is_empty(const struct target *t)
{
	return !t->instances && !t->dead_count;
}

uint64_t target_stopped_ns(const struct target *t)
{
	return t->stopped_ns;
}

void target_on_change(struct target *t, struct err *(*save)(void *context, const struct target *t),
		      void *context)
{
	t->save = save;
	t->save_context = context;
}

struct err *target_save(const struct target *t)
{
	return t->save ? t->save(t->save_context, t) : NULL;
}

struct err *target_explain(struct target *t, struct err *e)
{
	if (!e || process_is_alive(t->id))
		return e;
	err_destroy(e);
	target_forget(t);
	return err_new(ERR_NOT_FOUND, "process %d is gone", t->id.pid);
}

/* ---- stopping ---- */

struct err *target_stop(struct target *t, struct remote **out)
{
	OWNED(remote) struct remote *r = NULL;
	TRY(remote_stop(t->id.pid, &r));
	if (!process_is_alive(t->id))
		return err_new(ERR_NOT_FOUND, "process %d is another one now", t->id.pid);
	*out = MOVE(r);
	return NULL;
}

void target_resume(struct target *t, struct remote *r)
{
	t->stopped_ns += remote_stopped_ns(r);
	remote_resume(r);
}

/* ---- reading a running process ---- */

struct err *target_memory_open(const struct target *t, int flags, int *out)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d/mem", t->id.pid);
	return file_open(path, flags, 0, out);
}

bool target_island_is_ours(int memory, uint64_t base)
{
	struct target_mark mark;
	return pread(memory, &mark, sizeof(mark), (off_t)base) == (ssize_t)sizeof(mark) &&
	       memcmp(mark.magic, TARGET_MAGIC, sizeof(mark.magic)) == 0 && mark.base == base;
}

static struct err *read_runs(const struct target *t, int memory, const struct instance *i)
{
	for (uint32_t s = 0; s < t->sites_count; s++) {
		const struct target_state *now = &t->sites[s]->now;
		for (uint32_t h = 0; h < now->hooks_count; h++) {
			const struct target_hook *hook = &now->hooks[h];
			uint64_t runs;
			if (hook->instance != i)
				continue;
			if (pread(memory, &runs, sizeof(runs), (off_t)hook->counter) !=
			    (ssize_t)sizeof(runs))
				return err_new(ERR_NOT_FOUND, "process %d lost its counters",
					       t->id.pid);
			i->rows[hook->row].runs += runs;
		}
	}
	return NULL;
}

/* What the code counts itself, in the private page: of all links together. */
static struct err *read_counts(const struct target *t, int memory, const struct instance *i)
{
	struct {
		uint64_t ended, skipped;
	} now;
	_Static_assert(offsetof(struct rt_private, skipped) ==
			       offsetof(struct rt_private, ended) + sizeof(uint64_t),
		       "read at once");
	if (pread(memory, &now, sizeof(now),
		  (off_t)(i->base + i->private_offset + offsetof(struct rt_private, ended))) !=
	    (ssize_t)sizeof(now))
		return err_new(ERR_NOT_FOUND, "process %d lost its counters", t->id.pid);
	i->rows[0].runs_ended = now.ended;
	i->rows[0].runs_skipped = now.skipped;
	return NULL;
}

/* An exec takes everything away and leaves the pid. */
static struct err *refresh_runs(const struct target *t, const struct instance *i)
{
	OWNED(fd) int memory = -1;
	TRY(target_memory_open(t, O_RDONLY, &memory));
	for (uint32_t n = 0; n < t->islands_count; n++)
		if (!target_island_is_ours(memory, t->islands[n].base))
			return err_new(ERR_FAILED_PRECONDITION,
				       "process %d runs another program now", t->id.pid);
	for (uint32_t row = 0; row < i->rows_count; row++)
		i->rows[row].runs = 0;
	TRY(read_runs(t, memory, i));
	return i->is_mapped && i->rows_count > 0 ? read_counts(t, memory, i) : NULL;
}

struct err *target_links(const struct target *t, const struct instance *i, struct target_link *out,
			 uint32_t *count)
{
	/* Of a process that is gone, what was seen last is all there is. */
	if (process_is_alive(t->id) && !i->is_draining)
		TRY(refresh_runs(t, i));
	uint32_t rows = MIN(*count, i->rows_count);
	for (uint32_t row = 0; row < rows; row++)
		out[row] = (struct target_link){str_of(i->rows[row].entry),
						str_of(i->rows[row].target), i->rows[row].runs,
						i->rows[row].runs_ended, i->rows[row].runs_skipped};
	*count = rows;
	return NULL;
}
