#include "controller/api/api.h"
#include "controller/fleet/query.h"
#include "shared/base/mem.h"

static const struct http_route routes[] = {
#define ROUTE(method, pattern, handler, max) {#method, pattern, handler, max},
#include "controller/api/route.tbl.h"
#undef ROUTE
};

struct route_table api_routes(void)
{
	return (struct route_table){routes, ARRAY_SIZE(routes)};
}

void api_count_request(void *api, const struct http_route *route, int status)
{
	struct api *a = api;
	metrics_count_request(&a->metrics, route ? route->method : "other",
			      route ? route->pattern : "none", status);
}

struct err *api_create(const char *store_url, const char *dir, struct api **out)
{
	OWNED(api) struct api *a = mem_zalloc(sizeof(*a));
	TRY_MEMORY(a);
	TRY(store_open(store_url, dir, &a->store));
	TRY(events_create(&a->events));
	TRY(fleet_create(a->store, sync_wake, a, &a->fleet));
	TRY(policies_load(a));
	*out = MOVE(a);
	return NULL;
}

void api_destroy(struct api *a)
{
	if (!a)
		return;
	fleet_destroy(a->fleet);
	events_destroy(a->events);
	store_close(a->store);
	mem_free(a);
}
