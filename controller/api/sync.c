/*
 * POST /v1/hosts/{host}:sync: the one request that an agent keeps open.
 *
 * [S1] host->waiter is the host's held call, and NULL when there is none: each of the four ways in
 *      which a hold ends (something new, a newer sync, the deadline, the peer's hang-up) clears it.
 */
#include "controller/api/common.h"
#include "controller/fleet/query.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"

static void answer_nothing(struct http_call *c)
{
	http_call_answer(c, 204, NULL);
}

/* ---- the ends of a hold ---- */

/* `owner` is the host. */
static void expired(void *owner, struct http_call *c)
{
	struct fleet_host *host = owner;
	host->waiter = NULL;
	host->seen_ns = clock_mono_ns();
	answer_nothing(c);
}

static void gone(void *owner, struct http_call *c)
{
	(void)c;
	struct fleet_host *host = owner;
	host->waiter = NULL;
}

static const struct http_hold hold = {expired, gone};

/* A newer sync came while this one was held. */
static void end_older(struct fleet_host *host)
{
	struct http_call *older = host->waiter;
	if (!older)
		return;
	host->waiter = NULL;
	answer_nothing(older);
	http_call_resume(older, NULL);
}

static struct err *respond(struct api *a, struct fleet_host *host, struct http_call *c, bool *any)
{
	struct buf *out = http_call_answer(c, 200, HTTP_JSON);
	return fleet_respond(a->fleet, host, out, any);
}

void sync_wake(void *api, struct fleet_host *host)
{
	struct http_call *c = host->waiter;
	bool any;
	host->waiter = NULL;
	host->seen_ns = clock_mono_ns();
	struct err *e = respond(api, host, c, &any);
	if (!e && !any)
		answer_nothing(c);
	http_call_resume(c, e);
}

/* ---- the request ---- */

/* Events of policies that are not known have nobody to hear them, and would only fill the memory. */
static void take_events(struct api *a, struct fleet_host *host, const struct wire_sync_request *m)
{
	for (size_t i = 0; i < m->events_count; i++) {
		if (!fleet_find_policy(a->fleet, m->events[i].policy)) {
			a->metrics.events_refused++;
			continue;
		}
		log_err(LOG_WARN, events_add(a->events, host->name, &m->events[i]),
			"an event of %.*s is lost", STR_FMT(host->name));
	}
}

static struct err *take_answers(struct api *a, struct fleet_host *host,
				const struct wire_sync_request *m)
{
	for (size_t i = 0; i < m->answers_count; i++)
		TRY(query_take_answer(a->fleet, host, &m->answers[i]));
	return NULL;
}

/* `host` may have been woken meanwhile: its own answers can start nothing, but its older sync ends. */
static struct err *answer_or_hold(struct api *a, struct fleet_host *host, int64_t hold_s,
				  struct http_call *c)
{
	bool any;
	TRY(respond(a, host, c, &any));
	if (any)
		return NULL;
	answer_nothing(c);
	if (hold_s == 0)
		return NULL;
	TRY(http_call_hold(c, clock_mono_ns() + (uint64_t)hold_s * 1000000000u, &hold, host));
	host->waiter = c;
	return NULL;
}

struct err *sync_post(void *context, struct http_call *c)
{
	struct api *a = context;
	struct wire_sync_request m;
	struct fleet_host *host;
	struct str name;
	TRY(common_no_query(c));
	TRY(common_name(c, "host", &name));
	TRY(wire_sync_request_parse(http_call_body(c), http_call_arena(c), &m));
	TRY(fleet_report(a->fleet, name, &m, &host));
	end_older(host);
	take_events(a, host, &m);
	TRY(take_answers(a, host, &m));
	return answer_or_hold(a, host, m.hold_s, c);
}
