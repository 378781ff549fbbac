#include "tests/unit/test.h"

#include "controller/fleet/fleet.h"
#include "controller/fleet/query.h"
#include "shared/base/mem.h"
#include "shared/codec/json.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
	char dir[64];
	struct store *store;
	struct fleet *fleet;
	struct arena arena;
	int wakes, dones;
	struct str woken; /* the last one */
};

static void wake(void *context, struct fleet_host *host)
{
	struct fixture *f = context;
	f->wakes++;
	f->woken = host->name;
}

static void open_fleet(struct fixture *f)
{
	assert_ok(store_open("sqlite", f->dir, &f->store));
	assert_ok(fleet_create(f->store, wake, f, &f->fleet));
}

static void close_fleet(struct fixture *f)
{
	fleet_destroy(f->fleet);
	store_close(f->store);
}

static int set_up(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/eim-fleet-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->arena = ARENA_INIT((size_t)64 << 20);
	open_fleet(f);
	assert_ok(fleet_settle(f->fleet));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	close_fleet(f);
	DIR *dir = opendir(f->dir);
	for (struct dirent *each; dir && (each = readdir(dir));)
		unlinkat(dirfd(dir), each->d_name, each->d_type == DT_DIR ? AT_REMOVEDIR : 0);
	if (dir)
		closedir(dir);
	rmdir(f->dir);
	arena_fini(&f->arena);
	mem_free(f);
	return 0;
}

static void set_policy(struct fixture *f, const char *name, const char *revision, const char *env)
{
	const struct wire_label match[] = {{STR("env"), str_of(env)}};
	const struct wire_policy wire = {str_of(name), str_of(revision), STR("d"),
					 STR("spec"),  STR("role"),	 STR("/bin/x")};
	struct fleet_policy *p = NULL;
	assert_ok(fleet_make_policy(f->fleet, &wire, match, 1, &p));
	fleet_set_policy(f->fleet, p);
}

/* The host reports `text`, a sync request. */
static struct fleet_host *report(struct fixture *f, const char *name, const char *text)
{
	struct wire_sync_request m;
	struct fleet_host *host = NULL;
	assert_ok(wire_sync_request_parse(str_of(text), &f->arena, &m));
	assert_ok(fleet_report(f->fleet, str_of(name), &m, &host));
	return host;
}

/* The response for `host` contains `part`; NULL: there is none. */
static void assert_responds(struct fixture *f, struct fleet_host *host, const char *part)
{
	OWNED_BUF struct buf out = BUF_INIT(1 << 20);
	bool any;
	assert_ok(fleet_respond(f->fleet, host, &out, &any));
	assert_int_equal(any, part != NULL);
	if (part && !strstr(buf_text(&out), part))
		fail_msg("\"%s\" lacks \"%s\"", buf_text(&out), part);
}

/* Says that the host has what it should have. */
static struct fleet_host *catch_up(struct fixture *f, const char *name, const char *rest)
{
	char text[600];
	struct fleet_host *host = fleet_find_host(f->fleet, str_of(name));
	assert_non_null(host);
	snprintf(text, sizeof(text), "{\"generation\":%lld%s}",
		 (long long)fleet_host_generation(host), rest);
	return report(f, name, text);
}

#define PROD ",\"labels\":{\"env\":\"prod\"}"

static void hosts_get_the_policies_of_their_labels(void **state)
{
	struct fixture *f = *state;
	set_policy(f, "a", "1", "prod");
	set_policy(f, "b", "1", "test");
	struct fleet_host *prod = report(f, "h1", "{\"labels\":{\"env\":\"prod\"}}");
	assert_responds(f, prod, "\"policies\":[{\"name\":\"a\",\"revision\":\"1\"");
	struct fleet_host *other = report(f, "h2", "{\"labels\":{\"env\":\"none\"}}");
	assert_responds(f, other, "\"policies\":[]");
}

static void equal_states_share_a_generation(void **state)
{
	struct fixture *f = *state;
	set_policy(f, "a", "1", "prod");
	struct fleet_host *one = report(f, "h1", "{\"labels\":{\"env\":\"prod\"}}");
	struct fleet_host *two = report(f, "h2", "{\"labels\":{\"env\":\"prod\",\"x\":\"y\"}}");
	struct fleet_host *none = report(f, "h3", "{}");
	assert_int_equal(fleet_host_generation(one), fleet_host_generation(two));
	assert_int_not_equal(fleet_host_generation(one), fleet_host_generation(none));
	assert_true(fleet_host_generation(none) > 0);
}

static void a_host_that_has_it_all_hears_nothing(void **state)
{
	struct fixture *f = *state;
	set_policy(f, "a", "1", "prod");
	report(f, "h1", "{\"labels\":{\"env\":\"prod\"}}");
	assert_responds(f, catch_up(f, "h1", PROD), NULL);
}

static void only_hosts_with_a_change_are_woken(void **state)
{
	struct fixture *f = *state;
	report(f, "h1", "{\"labels\":{\"env\":\"prod\"}}");
	report(f, "h2", "{\"labels\":{\"env\":\"test\"}}");
	catch_up(f, "h1", PROD)->waiter = f;
	catch_up(f, "h2", ",\"labels\":{\"env\":\"test\"}")->waiter = f;
	assert_int_equal(fleet_waiting_count(f->fleet), 2);
	set_policy(f, "a", "1", "prod");
	assert_int_equal(f->wakes, 1);
	assert_true(str_is(f->woken, "h1"));
	fleet_remove_policy(f->fleet, STR("none"));
	assert_int_equal(f->wakes, 1);
}

static void generations_grow_with_every_change(void **state)
{
	struct fixture *f = *state;
	struct fleet_host *host = report(f, "h1", "{\"labels\":{\"env\":\"prod\"}}");
	int64_t before = fleet_host_generation(host);
	set_policy(f, "a", "1", "prod");
	int64_t with = fleet_host_generation(host);
	assert_true(with > before);
	set_policy(f, "a", "2", "prod");
	int64_t changed = fleet_host_generation(host);
	assert_true(changed > with);
	fleet_remove_policy(f->fleet, STR("a"));
	assert_true(fleet_host_generation(host) > changed);
}

static void generations_and_reports_survive_a_restart(void **state)
{
	struct fixture *f = *state;
	set_policy(f, "a", "1", "prod");
	report(f, "h1",
	       "{\"labels\":{\"env\":\"prod\"},\"agentVersion\":\"1\","
	       "\"links\":[{\"policy\":\"a\",\"state\":\"ACTIVE\",\"pid\":7}]}");
	int64_t before = fleet_host_generation(fleet_find_host(f->fleet, STR("h1")));
	close_fleet(f);
	open_fleet(f);
	set_policy(f, "a", "1", "prod");
	assert_ok(fleet_settle(f->fleet));
	struct fleet_host *host = fleet_find_host(f->fleet, STR("h1"));
	assert_non_null(host);
	assert_int_equal(fleet_host_generation(host), before);
	assert_int_equal(host->report.links_count, 1);
	assert_int_equal(host->report.links[0].pid, 7);
	assert_false(fleet_is_connected(host, 1));
}

static int64_t version_of(struct fixture *f, const char *host)
{
	struct store_doc doc;
	assert_ok(store_get(f->store, FLEET_KIND_HOST, str_of(host), &f->arena, &doc));
	return doc.version;
}

static void the_store_is_written_on_change_only(void **state)
{
	struct fixture *f = *state;
	report(f, "h1", "{\"links\":[{\"policy\":\"a\",\"state\":\"ACTIVE\",\"runs\":1}]}");
	int64_t first = version_of(f, "h1");
	report(f, "h1", "{}");
	report(f, "h1", "{\"generation\":7,\"eventsLost\":2}");
	report(f, "h1", "{\"links\":[{\"policy\":\"a\",\"state\":\"ACTIVE\",\"runs\":9}]}");
	assert_int_equal(version_of(f, "h1"), first);
	struct fleet_host *host = fleet_find_host(f->fleet, STR("h1"));
	assert_int_equal(host->report.links[0].runs, 9);
	report(f, "h1", "{\"links\":[{\"policy\":\"a\",\"state\":\"SKIPPED\",\"runs\":9}]}");
	assert_true(version_of(f, "h1") > first);
}

static void an_unchanged_status_keeps_the_links(void **state)
{
	struct fixture *f = *state;
	report(f, "h1", "{\"links\":[{\"policy\":\"a\",\"state\":\"ACTIVE\"}]}");
	struct fleet_host *host = report(f, "h1", "{\"agentVersion\":\"2\"}");
	assert_int_equal(host->report.links_count, 1);
	host = report(f, "h1", "{\"links\":[]}");
	assert_int_equal(host->report.links_count, 0);
}

static void hosts_are_sorted_and_can_be_forgotten(void **state)
{
	struct fixture *f = *state;
	size_t count;
	report(f, "c", "{}");
	report(f, "a", "{}");
	report(f, "b", "{}");
	struct fleet_host *const *hosts = fleet_hosts(f->fleet, &count);
	assert_int_equal(count, 3);
	assert_true(str_is(hosts[0]->name, "a"));
	assert_true(str_is(hosts[2]->name, "c"));
	assert_fails(fleet_forget_host(f->fleet, STR("b")), ERR_FAILED_PRECONDITION, "",
		     "is connected");
	assert_fails(fleet_forget_host(f->fleet, STR("x")), ERR_NOT_FOUND, "", "no host \"x\"");
	fleet_find_host(f->fleet, STR("b"))->seen_ns = 0;
	assert_ok(fleet_forget_host(f->fleet, STR("b")));
	assert_null(fleet_find_host(f->fleet, STR("b")));
}

/* ---- queries ---- */

static void done(void *context, struct query *q)
{
	struct fixture *f = context;
	(void)q;
	f->dones++;
}

#define ACTIVE "{\"links\":[{\"policy\":\"a\",\"state\":\"ACTIVE\"}]}"

static void answer(struct fixture *f, const char *host, const char *id, const char *value)
{
	struct wire_answer a = {.query = str_of(id)};
	assert_ok(json_parse(str_of(value), &f->arena, &a.value));
	assert_ok(query_take_answer(f->fleet, fleet_find_host(f->fleet, str_of(host)), &a));
}

static void a_query_asks_the_hosts_that_carry_the_policy(void **state)
{
	struct fixture *f = *state;
	OWNED(query) struct query *q = NULL;
	size_t count;
	struct fleet_host *h1 = report(f, "h1", ACTIVE);
	report(f, "h2", "{\"links\":[{\"policy\":\"a\",\"state\":\"FAILED\"}]}");
	report(f, "h3", ACTIVE)->seen_ns = 0;
	assert_ok(query_start(f->fleet, STR("a"), STR("hits"), done, f, &q));
	const struct query_answer *rows = query_answers(q, &count);
	assert_int_equal(count, 1);
	assert_true(str_is(rows[0].host, "h1"));
	assert_responds(f, h1, "\"queries\":[{\"id\":\"q1\",\"policy\":\"a\",\"map\":\"hits\"}]");
	catch_up(f, "h1", "");
	assert_responds(f, h1, NULL); /* handed over once */
}

static void a_query_is_done_when_all_have_answered(void **state)
{
	struct fixture *f = *state;
	OWNED(query) struct query *q = NULL;
	size_t count;
	report(f, "h1", ACTIVE);
	report(f, "h2", ACTIVE)->waiter = f;
	assert_ok(query_start(f->fleet, STR("a"), STR("m"), done, f, &q));
	assert_int_equal(f->wakes, 1);
	assert_int_equal(query_missing(q), 2);
	answer(f, "h1", "q1", "{\"elements\":[]}");
	answer(f, "h1", "q1", "1");
	answer(f, "h1", "q9", "1");
	assert_int_equal(f->dones, 0);
	answer(f, "h2", "q1", "2");
	assert_int_equal(f->dones, 1);
	const struct query_answer *rows = query_answers(q, &count);
	assert_int_equal(rows[0].value->kind, NODE_MAP);
	assert_int_equal(rows[1].value->integer, 2);
}

static void nobody_to_ask_is_an_empty_answer(void **state)
{
	struct fixture *f = *state;
	OWNED(query) struct query *q = NULL;
	size_t count;
	assert_ok(query_start(f->fleet, STR("a"), STR("m"), done, f, &q));
	query_answers(q, &count);
	assert_int_equal(count, 0);
	assert_int_equal(query_missing(q), 0);
	assert_int_equal(f->dones, 0);
}

static void queries_are_bounded_and_leave_nothing_behind(void **state)
{
	struct fixture *f = *state;
	struct query *open[QUERY_MAX_OPEN], *more = NULL;
	report(f, "h1", ACTIVE);
	for (size_t i = 0; i < QUERY_MAX_OPEN; i++)
		assert_ok(query_start(f->fleet, STR("a"), STR("m"), done, f, &open[i]));
	assert_fails(query_start(f->fleet, STR("a"), STR("m"), done, f, &more),
		     ERR_RESOURCE_EXHAUSTED, "", "100 queries are open");
	for (size_t i = 0; i < QUERY_MAX_OPEN; i++)
		query_destroy(open[i]);
	struct fleet_host *host = catch_up(f, "h1", "");
	assert_responds(f, host, NULL);
	assert_null(host->asked);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hosts_get_the_policies_of_their_labels),
		TEST(equal_states_share_a_generation),
		TEST(a_host_that_has_it_all_hears_nothing),
		TEST(only_hosts_with_a_change_are_woken),
		TEST(generations_grow_with_every_change),
		TEST(generations_and_reports_survive_a_restart),
		TEST(the_store_is_written_on_change_only),
		TEST(an_unchanged_status_keeps_the_links),
		TEST(hosts_are_sorted_and_can_be_forgotten),
		TEST(a_query_asks_the_hosts_that_carry_the_policy),
		TEST(a_query_is_done_when_all_have_answered),
		TEST(nobody_to_ask_is_an_empty_answer),
		TEST(queries_are_bounded_and_leave_nothing_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
