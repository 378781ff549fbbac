#include "tests/unit/test.h"

#include "controller/metric/metrics.h"

static void counts_by_route_and_status(void **state)
{
	(void)state;
	static struct metrics m;
	OWNED_BUF struct buf out = BUF_INIT(65536);
	metrics_count_request(&m, "GET", "/a", 200);
	metrics_count_request(&m, "GET", "/a", 200);
	metrics_count_request(&m, "PUT", "/a", 200);
	metrics_count_request(&m, "GET", "/a", 404);
	metrics_print_requests(&m, &out);
	assert_string_equal(
		buf_text(&out),
		"# HELP eim_controller_requests_total Requests answered, by route and status.\n"
		"# TYPE eim_controller_requests_total counter\n"
		"eim_controller_requests_total{method=\"GET\",route=\"/a\",code=\"200\"} 2\n"
		"eim_controller_requests_total{method=\"PUT\",route=\"/a\",code=\"200\"} 1\n"
		"eim_controller_requests_total{method=\"GET\",route=\"/a\",code=\"404\"} 1\n");
}

static void more_rows_than_the_limit_count_as_one(void **state)
{
	(void)state;
	static struct metrics m;
	for (int status = 0; status < 2 * (int)METRICS_MAX_ROWS; status++)
		metrics_count_request(&m, "GET", "/a", status);
	assert_int_equal(m.rows_count, METRICS_MAX_ROWS);
	const struct metrics_row *last = &m.rows[METRICS_MAX_ROWS - 1];
	assert_string_equal(last->route, "other");
	assert_int_equal(last->count, METRICS_MAX_ROWS + 1);
}

static void prints_one_metric_with_its_head(void **state)
{
	(void)state;
	OWNED_BUF struct buf out = BUF_INIT(65536);
	metrics_print(&out, "x_total", "counter", "Some.", UINT64_MAX);
	assert_string_equal(buf_text(&out), "# HELP x_total Some.\n# TYPE x_total counter\n"
					    "x_total 18446744073709551615\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_by_route_and_status),
		cmocka_unit_test(more_rows_than_the_limit_count_as_one),
		cmocka_unit_test(prints_one_metric_with_its_head),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
