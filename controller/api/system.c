/*
 * /healthz, /readyz, /metrics: for the machines that look after this one.
 */
#include "controller/api/common.h"

#define PREFIX "eim_controller_"

static struct err *answer_ok(struct http_call *c)
{
	struct json w = common_json(c, 200);
	json_object(&w, NULL);
	json_text(&w, "status", STR("ok"));
	json_end(&w);
	return NULL;
}

struct err *system_healthz(void *context, struct http_call *c)
{
	(void)context;
	return answer_ok(c);
}

/* Ready is: the store takes writes. */
struct err *system_readyz(void *context, struct http_call *c)
{
	struct api *a = context;
	struct err *e = store_check(a->store);
	if (!e)
		return answer_ok(c);
	struct err *unready = err_new(ERR_UNAVAILABLE, "%s", err_message(e));
	err_destroy(e);
	return unready;
}

struct err *system_metrics(void *context, struct http_call *c)
{
	struct api *a = context;
	struct events_counts events = events_counts(a->events);
	struct buf *out = http_call_answer(c, 200, METRICS_CONTENT_TYPE);
	size_t hosts;
	fleet_hosts(a->fleet, &hosts);
	metrics_print_requests(&a->metrics, out);
	metrics_print(out, PREFIX "held_syncs", "gauge", "Sync requests that are held open.",
		      fleet_waiting_count(a->fleet));
	metrics_print(out, PREFIX "hosts", "gauge", "Hosts that are known.", hosts);
	metrics_print(out, PREFIX "policies", "gauge", "Policies.", fleet_policies_count(a->fleet));
	metrics_print(out, PREFIX "event_listeners", "gauge", "Open event streams.",
		      events.listeners);
	metrics_print(out, PREFIX "events_total", "counter", "Events taken in.", events.received);
	metrics_print(out, PREFIX "events_dropped_total", "counter",
		      "Event lines that a reader was too slow for, or that were too long.",
		      events.dropped);
	metrics_print(out, PREFIX "events_refused_total", "counter", "Events of unknown policies.",
		      a->metrics.events_refused);
	metrics_print(out, PREFIX "store_errors_total", "counter", "Failures of the database.",
		      store_errors(a->store));
	return NULL;
}
