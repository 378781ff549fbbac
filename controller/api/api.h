/*
 * api - the REST resources: one file each, their handlers listed in route.tbl.h.
 *
 * Memory:  struct api owns store, fleet, events; what handlers answer with is in the call's arena.
 * Threads: the HTTP server's.
 */
#pragma once

#include "controller/event/events.h"
#include "controller/fleet/fleet.h"
#include "controller/http/http.h"
#include "controller/metric/metrics.h"
#include "controller/model/policy.h"
#include "controller/store/store.h"
#include "shared/eim/spec.h"

#define API_MAX_SMALL_BODY ((size_t)64 << 10)
#define API_MAX_SYNC_BODY  ((size_t)32 << 20)

struct api {
	struct store *store;
	struct fleet *fleet;
	struct events *events;
	struct metrics metrics;
};

/*
 * Opens the store and loads what the controller keeps in memory.
 *   out    owned by the caller
 */
MUST_CHECK struct err *api_create(const char *store_url, const char *dir, struct api **out);
void api_destroy(struct api *a); /* after the server: no call is held any more */
OWN_DEFINE(api, struct api *, api_destroy)

/* All routes; static. */
struct route_table api_routes(void);

/* For the server's `done`. */
void api_count_request(void *api, const struct http_route *route, int status);

/* Where a host with a held sync has something to hear (sync.c). */
void sync_wake(void *api, struct fleet_host *host);

/* Builds the fleet's policies from the stored ones (policies.c). */
MUST_CHECK struct err *policies_load(struct api *a);

#define ROUTE(method, pattern, handler, max) http_handler handler;
#include "controller/api/route.tbl.h"
#undef ROUTE
