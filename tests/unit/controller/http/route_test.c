#include "tests/unit/test.h"

#include "controller/http/route.h"
#include "shared/base/buf.h"

static const struct http_route rows[] = {
	{"GET", "/v1/hosts", NULL, 0},
	{"GET", "/v1/hosts/{host}", NULL, 0},
	{"DELETE", "/v1/hosts/{host}", NULL, 0},
	{"POST", "/v1/hosts/{host}:sync", NULL, 0},
	{"GET", "/v1/events:tail", NULL, 0},
	{"GET", "/v1/specs/{spec}/revisions/{revision}", NULL, 0},
};
static const struct route_table table = {rows, ARRAY_SIZE(rows)};

/* The pattern that `method path` belongs to. */
static const struct http_route *found(const char *method, const char *path, struct arena *a,
				      struct target *t)
{
	const struct http_route *route = NULL;
	assert_ok(target_parse(str_of(path), a, t));
	assert_ok(route_find(table, str_of(method), t, &route));
	return route;
}

static void assert_capture(const struct http_route *route, const struct target *t, const char *name,
			   const char *want)
{
	struct str value = route_capture(route, t, name);
	assert_int_equal(value.size, strlen(want));
	assert_memory_equal(value.data, want, value.size);
}

static void finds_literals_captures_and_verbs(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(65536);
	struct target t;
	assert_ptr_equal(found("GET", "/v1/hosts", &a, &t), &rows[0]);
	assert_ptr_equal(found("GET", "/v1/events:tail?follow=true", &a, &t), &rows[4]);
	const struct http_route *route = found("POST", "/v1/hosts/web%2D1:sync", &a, &t);
	assert_ptr_equal(route, &rows[3]);
	assert_capture(route, &t, "host", "web-1");
	route = found("GET", "/v1/specs/nginx/revisions/3", &a, &t);
	assert_capture(route, &t, "spec", "nginx");
	assert_capture(route, &t, "revision", "3");
	assert_capture(route, &t, "host", "");
}

static void get_serves_head(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(65536);
	struct target t;
	assert_ptr_equal(found("HEAD", "/v1/hosts/a", &a, &t), &rows[1]);
}

static void assert_not_found(const char *method, const char *path, enum err_code code,
			     const char *part)
{
	OWNED_ARENA struct arena a = ARENA_INIT(65536);
	struct target t;
	const struct http_route *route;
	assert_ok(target_parse(str_of(path), &a, &t));
	assert_fails(route_find(table, str_of(method), &t, &route), code, "", part);
}

static void names_the_nearest_route(void **state)
{
	(void)state;
	assert_not_found("GET", "/v1/host", ERR_NOT_FOUND, "the nearest is GET /v1/hosts");
	assert_not_found("POST", "/v1/hosts/a:snyc", ERR_NOT_FOUND,
			 "the nearest is POST /v1/hosts/{host}:sync");
	assert_not_found("GET", "/v1/event:tail", ERR_NOT_FOUND, "GET /v1/events:tail");
	assert_not_found("GET", "/zzzzzzzzzzzzzzz", ERR_NOT_FOUND, "no route GET /zzzzzzzzzzzzzzz");
}

static void an_empty_segment_is_no_capture(void **state)
{
	(void)state;
	assert_not_found("GET", "/v1/hosts/", ERR_NOT_FOUND, "no route");
	assert_not_found("POST", "/v1/hosts/:sync", ERR_NOT_FOUND, "no route");
}

static void a_wrong_method_lists_the_right_ones(void **state)
{
	(void)state;
	assert_not_found("PUT", "/v1/hosts/a", ERR_NO_METHOD, "only GET, HEAD, DELETE");
	assert_not_found("get", "/v1/hosts", ERR_NO_METHOD, "no method get, only GET, HEAD");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_literals_captures_and_verbs),
		cmocka_unit_test(get_serves_head),
		cmocka_unit_test(names_the_nearest_route),
		cmocka_unit_test(an_empty_segment_is_no_capture),
		cmocka_unit_test(a_wrong_method_lists_the_right_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
