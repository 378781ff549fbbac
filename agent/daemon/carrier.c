/*
 * Processes and what they carry.
 *
 * [A1] A row is active only while its target says that the instance is in the process: checked at every
 *      scan, since an exec takes everything away without a word.
 * [A2] A process forked from a carrier carries the same from its first instruction: its rows are taken
 *      over from the parent, nothing is patched twice.
 * [A3] The record of a target is on disk before the target changes.
 */
#include "agent/daemon/agent.h"

#include "agent/inject/remote.h"
#include "agent/plan/plan.h"

#include "shared/base/log.h"
#include "shared/base/mem.h"

#include <stdio.h>

#define PATIENCE_MS   2000
#define RETRY_BUSY_NS ((uint64_t)1000000000)  /* a thread did not stop in time */
#define RETRY_NS      ((uint64_t)30000000000) /* another tracer, a filter, a file that differs */
#define RECORD_MAX    ((size_t)1 << 20)

/* ---- records ---- */

static void record_name(pid_t pid, char out[32])
{
	snprintf(out, 32, "%d", (int)pid);
}

static struct err *save_record(void *context, const struct target *t)
{
	struct agent *a = context;
	char name[32];
	OWNED_BUF struct buf text = BUF_INIT(RECORD_MAX);
	struct json w = json_start(&text);
	record_name(target_process(t).pid, name);
	if (target_is_empty(t))
		return cache_remove(a->cache, CACHE_TARGET, name);
	target_record(t, &w, NULL);
	TRY(buf_check(&text));
	return cache_put(a->cache, CACHE_TARGET, name, buf_bytes(&text));
}

static void remove_record(struct agent *a, pid_t pid)
{
	char name[32];
	record_name(pid, name);
	log_err(LOG_WARN, cache_remove(a->cache, CACHE_TARGET, name), "record of process %d",
		(int)pid);
}

/* ---- rows ---- */

static void drop_row(struct carrier *c, uint32_t row)
{
	err_destroy(c->carried[row].error);
	c->carried[row] = c->carried[--c->carried_count];
}

static struct carried *add_row(struct carrier *c, struct deployment *d)
{
	if (c->carried_count == CARRIER_MAX)
		return NULL;
	c->carried[c->carried_count] = (struct carried){.deployment = d};
	return &c->carried[c->carried_count++];
}

/* The process has ended or changed its executable: nothing of ours is left in it. */
static void forget_target(struct agent *a, struct carrier *c)
{
	if (c->target) {
		target_close(MOVE(c->target));
		remove_record(a, c->id.pid);
	}
	while (c->carried_count) {
		struct policy *p = c->carried[0].deployment->policy;
		if (p)
			policy_process_ended(p);
		drop_row(c, 0);
	}
}

static void destroy(struct agent *a, struct carrier *c)
{
	forget_target(a, c);
	mem_free(c->exe);
	mem_free(c);
}

/* [A1] */
static bool still_carries(const struct carrier *c)
{
	struct target_link links[IMAGE_MAX_ENTRIES];
	for (uint32_t i = 0; i < c->carried_count; i++) {
		uint32_t count = IMAGE_MAX_ENTRIES;
		if (c->carried[i].error)
			continue;
		const struct instance *instance =
			target_find(c->target, str_of(c->carried[i].deployment->name));
		OWNED(err)
		struct err *e = instance ? target_links(c->target, instance, links, &count)
					 : err_no_memory();
		if (e)
			return false;
	}
	return true;
}

/* ---- scanning ---- */

static struct carrier *find(struct agent *a, struct process_id id)
{
	for (struct carrier *c = a->carriers; c; c = c->next)
		if (c->id.pid == id.pid && c->id.start_ticks == id.start_ticks)
			return c;
	return NULL;
}

/* [A2] True where `c` took over what `parent` carries. */
static bool inherit(struct agent *a, struct carrier *c, const struct carrier *parent)
{
	if (!parent->target || target_is_empty(parent->target))
		return false;
	OWNED(err) struct err *e = target_inherit(parent->target, c->id, &c->target);
	if (e)
		return false;
	for (uint32_t i = 0; i < parent->carried_count; i++)
		if (!parent->carried[i].error)
			add_row(c, parent->carried[i].deployment);
	target_on_change(c->target, save_record, a);
	log_err(LOG_WARN, save_record(a, c->target), "record of process %d", (int)c->id.pid);
	return true;
}

static void inherit_from_any(struct agent *a, struct carrier *c)
{
	for (const struct carrier *parent = a->carriers; parent; parent = parent->next)
		if (parent != c && strcmp(parent->exe, c->exe) == 0 && inherit(a, c, parent))
			return;
}

static struct err *add(struct agent *a, struct process_id id, const char *exe)
{
	struct carrier *c = mem_zalloc(sizeof(*c));
	TRY_MEMORY(c);
	c->id = id;
	c->is_seen = true;
	c->exe = mem_strdup(exe);
	if (!c->exe) {
		mem_free(c);
		return err_no_memory();
	}
	inherit_from_any(a, c);
	c->next = a->carriers;
	a->carriers = c;
	return NULL;
}

static struct err *scan_exe(struct agent *a, const char *exe)
{
	OWNED(mem) void *owned = NULL;
	struct process_id *ids = NULL;
	size_t count = 0;
	TRY(process_list(str_of(exe), &ids, &count));
	owned = ids;
	for (size_t i = 0; i < count; i++) {
		struct carrier *known = find(a, ids[i]);
		if (known && strcmp(known->exe, exe) == 0)
			known->is_seen = true;
		else if (!known)
			TRY(add(a, ids[i], exe));
	}
	return NULL;
}

/* Whether an earlier deployment in the list has the same executable: it was scanned already. */
static bool was_scanned(const struct agent *a, const struct deployment *d)
{
	for (const struct deployment *each = a->deployments; each != d; each = each->next)
		if (strcmp(each->exe, d->exe) == 0)
			return true;
	return false;
}

static void drop_ended(struct agent *a)
{
	for (struct carrier **at = &a->carriers; *at;) {
		struct carrier *c = *at;
		if (c->is_seen && c->target && !still_carries(c))
			forget_target(a, c);
		if (c->is_seen) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		destroy(a, c);
	}
}

struct err *carrier_scan(struct agent *a)
{
	for (struct carrier *c = a->carriers; c; c = c->next)
		c->is_seen = false;
	for (const struct deployment *d = a->deployments; d; d = d->next)
		if (!was_scanned(a, d))
			TRY(scan_exe(a, d->exe));
	drop_ended(a);
	return NULL;
}

/* ---- steps ---- */

static struct err *remove_row(struct carrier *c, uint32_t row)
{
	struct deployment *d = c->carried[row].deployment;
	struct err *e = target_deinstantiate(c->target, str_of(d->name), PATIENCE_MS);
	if (e && err_code(e) == ERR_NOT_FOUND) {
		err_destroy(e); /* the process is gone, and the instance with it */
		e = NULL;
	}
	if (!e)
		log_info("policy %s is out of process %d", d->name, (int)c->id.pid);
	return e;
}

static struct err *instantiate(struct agent *a, struct carrier *c, struct deployment *d)
{
	if (!c->target) {
		TRY(target_open(c->id, &c->target));
		target_on_change(c->target, save_record, a);
	}
	TRY(policy_instantiate(d->policy, c->target));
	log_info("policy %s %s is in process %d, threads stopped for %llu us", d->name, d->revision,
		 (int)c->id.pid, (unsigned long long)(target_stopped_ns(c->target) / 1000));
	return NULL;
}

static void put_in(struct agent *a, struct carrier *c, struct deployment *d, uint64_t now_ns)
{
	struct carried *row = add_row(c, d);
	if (!row) {
		log_warn("process %d carries %u policies already", (int)c->id.pid, CARRIER_MAX);
		return;
	}
	row->error = instantiate(a, c, d);
	if (!row->error)
		return;
	bool is_busy = err_code(row->error) == ERR_UNAVAILABLE;
	row->retry_at_ns = now_ns + (is_busy ? RETRY_BUSY_NS : RETRY_NS);
	log_warn("policy %s %s in process %d: %s", d->name, d->revision, (int)c->id.pid,
		 err_message(row->error));
}

/* Failures that are due are forgotten, so that the planner tries again. */
static void forget_due(struct agent *a, uint64_t now_ns)
{
	for (struct carrier *c = a->carriers; c; c = c->next)
		for (uint32_t i = c->carried_count; i-- > 0;)
			if (c->carried[i].error && now_ns >= c->carried[i].retry_at_ns)
				drop_row(c, i);
}

/* ---- planning ---- */

struct view { /* the planner's input and where its rows came from */
	struct plan_policy *policies;
	struct deployment **deployments;
	struct plan_process *processes;
	struct carrier **carriers;
	struct plan_carried *carried;
	struct plan_input input;
};

static void view_fini(struct view *v)
{
	void *const owned[] = {v->policies, v->deployments, v->processes, v->carriers, v->carried};
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		mem_free(owned[i]);
}

static struct err *view_allocate(const struct agent *a, struct view *v)
{
	uint32_t deployments = 0, carriers = 0;
	for (const struct deployment *d = a->deployments; d; d = d->next)
		deployments++;
	for (const struct carrier *c = a->carriers; c; c = c->next)
		carriers++;
	v->policies = mem_zalloc_array(deployments, sizeof(*v->policies));
	v->deployments = mem_zalloc_array(deployments, sizeof(struct deployment *));
	v->processes = mem_zalloc_array(carriers, sizeof(*v->processes));
	v->carriers = mem_zalloc_array(carriers, sizeof(struct carrier *));
	v->carried = mem_zalloc_array((size_t)carriers * CARRIER_MAX, sizeof(*v->carried));
	bool complete = v->policies && v->deployments && v->processes && v->carriers && v->carried;
	return complete ? NULL : err_no_memory();
}

static void view_fill(const struct agent *a, struct view *v)
{
	uint32_t deployments = 0, carriers = 0, rows = 0;
	for (struct deployment *d = a->deployments; d; d = d->next) {
		if (!d->is_wanted)
			continue;
		v->deployments[deployments] = d;
		v->policies[deployments++] =
			(struct plan_policy){str_of(d->name), str_of(d->revision), str_of(d->exe),
					     d->policy != NULL};
	}
	for (struct carrier *c = a->carriers; c; c = c->next) {
		v->carriers[carriers] = c;
		v->processes[carriers++] =
			(struct plan_process){str_of(c->exe), rows, c->carried_count};
		for (uint32_t i = 0; i < c->carried_count; i++) {
			const struct deployment *d = c->carried[i].deployment;
			v->carried[rows++] =
				(struct plan_carried){str_of(d->name), str_of(d->revision),
						      !c->carried[i].error};
		}
	}
	v->input =
		(struct plan_input){v->policies, v->processes, v->carried, deployments, carriers};
}

/* The row of a process by its deployment: indices move while rows are dropped. */
static bool find_row(const struct carrier *c, const struct plan_carried *planned, uint32_t *row)
{
	for (uint32_t i = 0; i < c->carried_count; i++) {
		const struct deployment *d = c->carried[i].deployment;
		if (str_is(planned->policy, d->name) && str_is(planned->revision, d->revision)) {
			*row = i;
			return true;
		}
	}
	return false;
}

static void end_row(const struct view *v, const struct plan_step *step)
{
	struct carrier *c = v->carriers[step->process];
	uint32_t row;
	if (!find_row(c, &v->carried[step->row], &row))
		return;
	struct err *e = step->action == PLAN_REMOVE ? remove_row(c, row) : NULL;
	/* What could not be taken out stays on the list and is tried again at the next pass. */
	if (e)
		log_err(LOG_WARN, e, "take policy %s out of process %d",
			c->carried[row].deployment->name, (int)c->id.pid);
	else
		drop_row(c, row);
}

static void carry_out(struct agent *a, const struct view *v, const struct plan_step *step,
		      uint64_t now_ns)
{
	if (step->action == PLAN_INSTANTIATE)
		put_in(a, v->carriers[step->process], v->deployments[step->policy], now_ns);
	else
		end_row(v, step);
}

static struct err *plan_and_carry_out(struct agent *a, struct view *v, uint64_t now_ns)
{
	OWNED(mem) void *owned = NULL;
	struct plan_step *steps = NULL;
	uint32_t count = 0;
	TRY(view_allocate(a, v));
	view_fill(a, v);
	TRY(plan_make(&v->input, &steps, &count));
	owned = steps;
	for (uint32_t i = 0; i < count; i++)
		carry_out(a, v, &steps[i], now_ns);
	return NULL;
}

struct err *carrier_reconcile(struct agent *a, uint64_t now_ns)
{
	struct view v = {0};
	forget_due(a, now_ns);
	struct err *e = plan_and_carry_out(a, &v, now_ns);
	view_fini(&v);
	return e;
}

/* ---- ends ---- */

static void remove_from(struct agent *a, struct carrier *c)
{
	while (c->carried_count) {
		if (!c->carried[0].error)
			log_err(LOG_WARN, remove_row(c, 0), "take policy %s out of process %d",
				c->carried[0].deployment->name, (int)c->id.pid);
		drop_row(c, 0);
	}
	destroy(a, c);
}

void carrier_remove_all(struct agent *a)
{
	while (a->carriers) {
		struct carrier *next = a->carriers->next;
		remove_from(a, a->carriers);
		a->carriers = next;
	}
}

/* ---- recovery ---- */

struct recovery {
	struct agent *agent;
	const struct process_id *processes; /* all that run */
	size_t count;
};

/* Takes out of one process what the record tells of; a process that carries none of it is no matter. */
static void clean(const struct node *record, struct process_id id)
{
	OWNED(target) struct target *t = NULL;
	struct err *e = target_restore_heir(record, id, &t);
	if (e) {
		err_destroy(e);
		return;
	}
	e = target_deinstantiate_all(t, PATIENCE_MS);
	if (!e)
		log_info("process %d: what an earlier agent left is taken out", (int)id.pid);
	log_err(LOG_WARN, e, "process %d: what an earlier agent left stays", (int)id.pid);
}

/* Children that were forked after the record was written carry the same and have none of their own. */
static struct err *recover(void *context, const char *name)
{
	const struct recovery *r = context;
	OWNED_BUF struct buf text = BUF_INIT(RECORD_MAX);
	OWNED_ARENA struct arena arena = ARENA_INIT((size_t)16 << 20);
	const struct node *record = NULL;
	TRY(cache_get(r->agent->cache, CACHE_TARGET, name, &text));
	struct err *e = json_parse(buf_str(&text), &arena, &record);
	for (size_t i = 0; !e && i < r->count; i++)
		clean(record, r->processes[i]);
	log_err(LOG_WARN, e, "record of process %s", name);
	return cache_remove(r->agent->cache, CACHE_TARGET, name);
}

struct err *carrier_recover(struct agent *a)
{
	OWNED(mem) void *owned = NULL;
	struct process_id *processes = NULL;
	struct recovery r = {.agent = a};
	TRY(process_list(STR(""), &processes, &r.count));
	owned = processes;
	r.processes = processes;
	return cache_each(a->cache, CACHE_TARGET, recover, &r);
}
