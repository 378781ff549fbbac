/*
 * A query has one slot per host that was asked; a slot is in its query and, until it is answered, in
 * its host's list.
 *
 *	query ── slots[] ── slot ◀── host->asked (a list through next)
 *
 * [Y1] A slot is in its host's list exactly while `host` is not NULL.
 */
#include "controller/fleet/internal.h"
#include "shared/base/clock.h"
#include "shared/base/mem.h"
#include "shared/codec/json.h"

#include <stdio.h>

struct fleet_query_slot {
	struct query *query;
	struct fleet_host *host; /* [Y1] */
	struct fleet_query_slot *next;
	bool handed_over;
};

struct query {
	struct fleet *fleet;
	struct query *older, *newer; /* in the fleet's list */
	struct arena arena;
	char id[24];
	struct str policy, map;
	struct fleet_query_slot *slots;
	struct query_answer *answers; /* one per slot */
	size_t count, missing;
	void (*done)(void *context, struct query *q);
	void *context;
};

static bool carries(const struct fleet_host *host, struct str policy)
{
	for (size_t i = 0; i < host->report.links_count; i++)
		if (str_equal(host->report.links[i].policy, policy) &&
		    host->report.links[i].state == WIRE_ACTIVE)
			return true;
	return false;
}

/* Takes the slot out of its host's list. */
static void leave(struct fleet_query_slot *slot)
{
	if (!slot->host)
		return;
	struct fleet_query_slot **at = &slot->host->asked;
	while (*at != slot)
		at = &(*at)->next;
	*at = slot->next;
	slot->host = NULL;
}

static struct err *ask(struct query *q, struct fleet_host *host)
{
	struct fleet_query_slot *slot = &q->slots[q->count];
	struct str name = arena_str(&q->arena, host->name);
	TRY_MEMORY(name.data);
	q->answers[q->count++] = (struct query_answer){.host = name};
	*slot = (struct fleet_query_slot){.query = q, .host = host, .next = host->asked};
	host->asked = slot;
	q->missing++;
	return NULL;
}

static struct err *ask_all(struct query *q)
{
	uint64_t now = clock_mono_ns();
	size_t count;
	struct fleet_host *const *hosts = fleet_hosts(q->fleet, &count);
	q->slots = arena_alloc_array(&q->arena, count, sizeof(*q->slots));
	q->answers = arena_alloc_array(&q->arena, count, sizeof(*q->answers));
	if (!q->slots || !q->answers)
		return err_no_memory();
	for (size_t i = 0; i < count; i++)
		if (fleet_is_connected(hosts[i], now) && carries(hosts[i], q->policy))
			TRY(ask(q, hosts[i]));
	return NULL;
}

static void link_query(struct fleet *f, struct query *q)
{
	q->older = f->queries;
	if (q->older)
		q->older->newer = q;
	f->queries = q;
	f->queries_count++;
}

static struct err *fill(struct query *q, struct str policy, struct str map)
{
	snprintf(q->id, sizeof(q->id), "q%lld", (long long)++q->fleet->last_query);
	q->policy = arena_str(&q->arena, policy);
	q->map = arena_str(&q->arena, map);
	if (!q->policy.data || !q->map.data)
		return err_no_memory();
	return ask_all(q);
}

struct err *query_start(struct fleet *f, struct str policy, struct str map,
			void (*done)(void *context, struct query *q), void *context,
			struct query **out)
{
	if (f->queries_count == QUERY_MAX_OPEN)
		return err_new(ERR_RESOURCE_EXHAUSTED, "%u queries are open already: try again",
			       QUERY_MAX_OPEN);
	OWNED(query) struct query *q = mem_zalloc(sizeof(*q));
	TRY_MEMORY(q);
	q->fleet = f;
	q->arena = ARENA_INIT(QUERY_MAX_ANSWERS);
	q->done = done;
	q->context = context;
	link_query(f, q);
	TRY(fill(q, policy, map));
	for (size_t i = 0; i < q->count; i++)
		if (q->slots[i].host && q->slots[i].host->waiter)
			f->wake(f->context, q->slots[i].host);
	*out = MOVE(q);
	return NULL;
}

void query_destroy(struct query *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->count; i++)
		leave(&q->slots[i]);
	if (q->newer)
		q->newer->older = q->older;
	else
		q->fleet->queries = q->older;
	if (q->older)
		q->older->newer = q->newer;
	q->fleet->queries_count--;
	arena_fini(&q->arena);
	mem_free(q);
}

static struct fleet_query_slot *find_slot(struct fleet_host *host, struct str id)
{
	for (struct fleet_query_slot *s = host->asked; s; s = s->next)
		if (str_is(id, s->query->id))
			return s;
	return NULL;
}

/* Copies `n` into the query's arena, through its text. */
static struct err *copy_node(struct query *q, const struct node *n, const struct node **out)
{
	OWNED_BUF struct buf text = BUF_INIT(QUERY_MAX_ANSWERS);
	json_print(n, &text);
	TRY(buf_check(&text));
	return json_parse(buf_str(&text), &q->arena, out);
}

static struct err *note_answer(struct query *q, struct query_answer *to,
			       const struct wire_answer *answer)
{
	to->error = arena_str(&q->arena, answer->error);
	TRY_MEMORY(to->error.data);
	if (answer->value && answer->error.size == 0)
		TRY(copy_node(q, answer->value, &to->value));
	return NULL;
}

struct err *query_take_answer(struct fleet *f, struct fleet_host *host,
			      const struct wire_answer *answer)
{
	(void)f;
	struct fleet_query_slot *slot = find_slot(host, answer->query);
	if (!slot)
		return NULL;
	struct query *q = slot->query;
	struct query_answer *to = &q->answers[slot - q->slots];
	OWNED(err) struct err *e = note_answer(q, to, answer);
	if (e) /* one host's answer that does not fit is that host's error, not its sync's */
		*to = (struct query_answer){.host = to->host,
					    .error = STR("the answer is too large")};
	to->answered = true;
	leave(slot);
	if (--q->missing == 0)
		q->done(q->context, q);
	return NULL;
}

const struct query_answer *query_answers(const struct query *q, size_t *count)
{
	*count = q->count;
	return q->answers;
}

size_t query_missing(const struct query *q)
{
	return q->missing;
}

struct arena *query_arena(struct query *q)
{
	return &q->arena;
}

bool query_is_due(const struct fleet_host *host)
{
	for (const struct fleet_query_slot *s = host->asked; s; s = s->next)
		if (!s->handed_over)
			return true;
	return false;
}

void query_print_due(struct fleet_host *host, struct json *w)
{
	json_list(w, "queries");
	for (struct fleet_query_slot *s = host->asked; s; s = s->next) {
		if (s->handed_over)
			continue;
		json_object(w, NULL);
		json_text(w, "id", str_of(s->query->id));
		json_text(w, "policy", s->query->policy);
		json_text(w, "map", s->query->map);
		json_end(w);
		s->handed_over = true;
	}
	json_end(w);
}

void query_leave_host(struct fleet_host *host)
{
	while (host->asked)
		leave(host->asked);
}
