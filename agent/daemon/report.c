/*
 * Status, events and answers on their way to the controller.
 *
 * [S1] Status is sent when its text has changed (run counts apart), or when run counts have changed and
 *      RUNS_PAUSE_NS have passed; what did not arrive is sent again.
 * [S2] Events that do not fit stay in their ring; what the ring cannot hold is counted there by the
 *      producer. So nothing is dropped here without being counted.
 */
#include "agent/daemon/agent.h"

#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/bpf/map_kind.h"
#include "shared/crypto/digest.h"

#define RUNS_PAUSE_NS	((uint64_t)2000000000)
#define EVENTS_A_REPORT 256u
#define STATUS_MAX	((size_t)16 << 20)

struct report {
	struct arena out; /* events and answers that wait or are on their way */
	struct wire_event events[EVENTS_A_REPORT];
	struct wire_answer answers[64];
	uint32_t events_count, answers_count;
	uint32_t events_sent, answers_sent;			      /* on their way */
	char sent_state[DIGEST_HEX_SIZE], sent_runs[DIGEST_HEX_SIZE]; /* last that arrived */
	char state_on_way[DIGEST_HEX_SIZE], runs_on_way[DIGEST_HEX_SIZE];
	uint64_t runs_at_ns;
};

struct err *report_create(struct agent *a, struct report **out)
{
	(void)a;
	*out = mem_zalloc(sizeof(**out));
	TRY_MEMORY(*out);
	(*out)->out = ARENA_INIT((size_t)256 << 20);
	return NULL;
}

void report_destroy(struct report *r)
{
	if (!r)
		return;
	arena_fini(&r->out);
	mem_free(r);
}

/* ---- links ---- */

struct links {
	struct arena *arena;
	struct wire_link *items;
	size_t count, capacity;
};

static struct err *add_link(struct links *l, struct wire_link link)
{
	if (l->count == l->capacity) {
		size_t capacity = MAX((size_t)64, l->capacity * 2);
		struct wire_link *items = arena_alloc_array(l->arena, capacity, sizeof(*items));
		TRY_MEMORY(items);
		if (l->count)
			memcpy(items, l->items, l->count * sizeof(*items));
		l->items = items;
		l->capacity = capacity;
	}
	l->items[l->count++] = link;
	return NULL;
}

static struct wire_link describe(const struct deployment *d, const struct carrier *c,
				 enum wire_state state, const struct err *e)
{
	struct wire_link link = {
		.policy = str_of(d->name),
		.revision = str_of(d->revision),
		.pid = c ? c->id.pid : 0,
		.exe = str_of(d->exe),
		.state = state,
	};
	if (e) {
		link.code =
			str_of(err_code(e) == ERR_REJECTED ? "REJECTED" : err_status(err_code(e)));
		link.message = str_of(err_message(e));
		link.path = str_of(err_path(e));
		link.detail = err_detail(e) ? str_of(err_detail(e)) : STR("");
		link.verdict = err_data(e) ? str_of(err_data(e)) : STR("");
	}
	return link;
}

static struct err *add_active(struct links *l, const struct deployment *d, const struct carrier *c)
{
	struct target_link links[IMAGE_MAX_ENTRIES];
	uint32_t count = IMAGE_MAX_ENTRIES;
	const struct instance *i = target_find(c->target, str_of(d->name));
	if (!i)
		return NULL;
	OWNED(err) struct err *e = target_links(c->target, i, links, &count);
	for (uint32_t each = 0; !e && each < count; each++) {
		struct wire_link link = describe(d, c, WIRE_ACTIVE, NULL);
		link.entry = arena_str(l->arena, links[each].entry);
		link.target = arena_str(l->arena, links[each].target);
		link.runs = (int64_t)links[each].runs;
		link.runs_ended = (int64_t)links[each].runs_ended;
		link.runs_skipped = (int64_t)links[each].runs_skipped;
		TRY(add_link(l, link));
	}
	return NULL; /* a process that ended in between is dropped by the next scan */
}

static struct err *add_failures(struct links *l, const struct deployment *d,
				const struct carrier *c, const struct err *all)
{
	for (const struct err *e = all; e; e = err_next(e))
		TRY(add_link(l, describe(d, c, WIRE_FAILED, e)));
	return NULL;
}

static struct err *add_deployment(const struct agent *a, struct links *l,
				  const struct deployment *d)
{
	size_t before = l->count;
	for (const struct carrier *c = a->carriers; c; c = c->next)
		for (uint32_t i = 0; i < c->carried_count; i++) {
			if (c->carried[i].deployment != d)
				continue;
			if (c->carried[i].error)
				TRY(add_failures(l, d, c, c->carried[i].error));
			else
				TRY(add_active(l, d, c));
		}
	if (l->count > before || !d->is_wanted)
		return NULL;
	if (!d->is_prepared)
		return add_link(l, describe(d, NULL, WIRE_PENDING, NULL));
	if (d->error && err_code(d->error) != ERR_NOT_FOUND)
		return add_failures(l, d, NULL, d->error);
	struct wire_link none = describe(d, NULL, WIRE_SKIPPED, NULL);
	none.code = STR("NOT_FOUND");
	none.message = STR("no process of this executable runs here");
	return add_link(l, none);
}

static struct err *collect_links(const struct agent *a, struct links *l)
{
	for (const struct deployment *d = a->deployments; d; d = d->next)
		TRY(add_deployment(a, l, d));
	return NULL;
}

/* The digest of the status as the controller would see it; `runs` counts or left out. */
static struct err *digest_links(const struct links *l, bool with_runs, char out[DIGEST_HEX_SIZE])
{
	OWNED_BUF struct buf text = BUF_INIT(STATUS_MAX);
	for (size_t i = 0; i < l->count; i++) {
		const struct wire_link *k = &l->items[i];
		const struct wire_link none = {0}, *counts = with_runs ? k : &none;
		buf_printf(&text, "%.*s %.*s %lld %.*s %.*s %d %.*s %.*s %lld %lld %lld\n",
			   STR_FMT(k->policy), STR_FMT(k->revision), (long long)k->pid,
			   STR_FMT(k->entry), STR_FMT(k->target), (int)k->state, STR_FMT(k->code),
			   STR_FMT(k->message), (long long)counts->runs,
			   (long long)counts->runs_ended, (long long)counts->runs_skipped);
	}
	TRY(buf_check(&text));
	return digest_hex(buf_bytes(&text), out);
}

/* ---- events and answers ---- */

static const struct deployment *active_deployment(const struct agent *a, struct str name)
{
	for (const struct deployment *d = a->deployments; d; d = d->next)
		if (d->is_wanted && d->policy && str_is(name, d->name))
			return d;
	return NULL;
}

struct drain {
	struct report *report;
	const struct deployment *deployment;
};

static struct err *keep_event(void *context, const struct image_map *map, uint64_t sequence,
			      struct str json)
{
	struct drain *d = context;
	struct report *r = d->report;
	struct wire_event *event = &r->events[r->events_count];
	*event = (struct wire_event){
		.policy = arena_str(&r->out, str_of(d->deployment->name)),
		.map = arena_str(&r->out, map->name),
		.time_unix_ms = (int64_t)clock_unix_ms(),
		.sequence = (int64_t)sequence,
	};
	TRY_MEMORY(event->map.data);
	TRY_MEMORY(event->policy.data);
	TRY(json_parse(json, &r->out, &event->data));
	r->events_count++;
	return NULL;
}

static struct err *drain_rings(struct agent *a)
{
	struct report *r = a->report;
	for (struct deployment *d = a->deployments; d; d = d->next) {
		struct drain context = {r, d};
		uint32_t room = EVENTS_A_REPORT - r->events_count;
		if (d->policy && room) /* [S2] */
			TRY(policy_drain(d->policy, room, keep_event, &context));
	}
	return NULL;
}

static struct err *print_answer(const struct agent *a, const struct wire_query *query,
				struct buf *out)
{
	const struct deployment *d = active_deployment(a, query->policy);
	struct str near = {0};
	if (!d)
		return err_new(ERR_NOT_FOUND, "policy %.*s is not active here",
			       STR_FMT(query->policy));
	const struct image_map *map = policy_find_map(d->policy, query->map, &near);
	if (!map)
		return err_new(ERR_NOT_FOUND, "policy %s has no map %.*s%s%.*s", d->name,
			       STR_FMT(query->map), near.size ? "; there is " : "", STR_FMT(near));
	struct json w = json_start(out);
	json_object(&w, NULL);
	if (map->kind == MAP_KIND_RINGBUF)
		return err_new(ERR_INVALID, "%.*s is a ring buffer: its records are events",
			       STR_FMT(map->name));
	TRY(policy_print_map(d->policy, map, &w, "elements"));
	json_uint(&w, "lost", policy_lost(d->policy, map));
	json_end(&w);
	return buf_check(out);
}

static struct err *answer(struct agent *a, const struct wire_query *query, struct wire_answer *out)
{
	struct arena *arena = &a->report->out;
	OWNED_BUF struct buf text = BUF_INIT(STATUS_MAX);
	OWNED(err) struct err *e = print_answer(a, query, &text);
	*out = (struct wire_answer){.query = arena_str(arena, query->id)};
	TRY_MEMORY(out->query.data);
	if (e)
		out->error = arena_str(arena, str_of(err_message(e)));
	else
		TRY(json_parse(buf_str(&text), arena, &out->value));
	return NULL;
}

void report_answer(struct agent *a, const struct wire_query *query)
{
	struct report *r = a->report;
	if (r->answers_count == ARRAY_SIZE(r->answers)) {
		log_warn("too many queries at once: %.*s is not answered", STR_FMT(query->id));
		return;
	}
	struct err *e = answer(a, query, &r->answers[r->answers_count]);
	if (!e)
		r->answers_count++;
	log_err(LOG_WARN, e, "query %.*s", STR_FMT(query->id));
}

/* ---- sending ---- */

static struct err *send(struct agent *a, const struct links *l, bool has_status)
{
	struct report *r = a->report;
	struct wire_sync_request m = {
		.has_status = has_status,
		.links = has_status ? l->items : NULL,
		.links_count = has_status ? l->count : 0,
		.events = r->events,
		.events_count = r->events_count,
		.answers = r->answers,
		.answers_count = r->answers_count,
	};
	TRY(sync_report(a->sync, &m));
	r->events_sent = r->events_count;
	r->answers_sent = r->answers_count;
	return NULL;
}

void report_done(struct agent *a, bool arrived)
{
	struct report *r = a->report;
	if (!arrived)
		return; /* all of it is still here */
	memcpy(r->sent_state, r->state_on_way, sizeof(r->sent_state));
	memcpy(r->sent_runs, r->runs_on_way, sizeof(r->sent_runs));
	r->events_count -= r->events_sent;
	r->answers_count -= r->answers_sent;
	memmove(r->events, r->events + r->events_sent, r->events_count * sizeof(r->events[0]));
	memmove(r->answers, r->answers + r->answers_sent, r->answers_count * sizeof(r->answers[0]));
	r->events_sent = r->answers_sent = 0;
	if (r->events_count == 0 && r->answers_count == 0)
		arena_fini(&r->out);
}

/* [S1] */
static bool is_due(struct report *r, bool *has_status, uint64_t now_ns)
{
	bool state_changed = strcmp(r->sent_state, r->state_on_way) != 0;
	bool runs_changed = strcmp(r->sent_runs, r->runs_on_way) != 0;
	*has_status = state_changed || (runs_changed && now_ns >= r->runs_at_ns + RUNS_PAUSE_NS);
	if (*has_status)
		r->runs_at_ns = now_ns;
	else
		memcpy(r->runs_on_way, r->sent_runs, sizeof(r->sent_runs));
	return *has_status || r->events_count || r->answers_count;
}

struct err *report_step(struct agent *a, uint64_t now_ns)
{
	OWNED_ARENA struct arena arena = ARENA_INIT((size_t)64 << 20);
	struct links links = {.arena = &arena};
	bool has_status;
	if (sync_is_reporting(a->sync))
		return NULL;
	TRY(drain_rings(a));
	if (!sync_is_connected(a->sync))
		return NULL;
	TRY(collect_links(a, &links));
	TRY(digest_links(&links, false, a->report->state_on_way));
	TRY(digest_links(&links, true, a->report->runs_on_way));
	return is_due(a->report, &has_status, now_ns) ? send(a, &links, has_status) : NULL;
}
