#include "tests/unit/test.h"

#include "controller/event/events.h"
#include "shared/base/buf.h"

#include <stdio.h>

static void add(struct events *e, const char *policy, int64_t sequence)
{
	struct wire_event event = {.policy = str_of(policy),
				   .map = STR("m"),
				   .time_unix_ms = 1700000000123,
				   .sequence = sequence};
	assert_ok(events_add(e, STR("web-1"), &event));
}

static bool collect(void *context, struct str line)
{
	buf_add(context, line);
	return true;
}

static bool refuse(void *context, struct str line)
{
	(void)context;
	(void)line;
	return false;
}

/* Whether `policy`'s line of that sequence is the next in `*text`, which moves past it. */
static void assert_next(const char **text, const char *policy, int sequence)
{
	char want[160];
	int size = snprintf(want, sizeof(want),
			    "{\"time\":\"2023-11-14T22:13:20.123Z\",\"host\":\"web-1\","
			    "\"policy\":\"%s\",\"map\":\"m\",\"sequence\":%d}\n",
			    policy, sequence);
	assert_memory_equal(*text, want, size);
	*text += size;
}

static void replays_one_policy_or_all_in_order_of_arrival(void **state)
{
	(void)state;
	OWNED(events) struct events *e = NULL;
	OWNED_BUF struct buf one = BUF_INIT(65536), all = BUF_INIT(65536);
	assert_ok(events_create(&e));
	add(e, "a", 1);
	add(e, "b", 2);
	add(e, "a", 3);
	events_replay(e, STR("a"), collect, &one);
	events_replay(e, STR(""), collect, &all);
	const char *text = buf_text(&one);
	assert_next(&text, "a", 1);
	assert_next(&text, "a", 3);
	assert_string_equal(text, "");
	text = buf_text(&all);
	assert_next(&text, "a", 1);
	assert_next(&text, "b", 2);
	assert_next(&text, "a", 3);
	assert_string_equal(text, "");
}

static void keeps_the_newest_thousand(void **state)
{
	(void)state;
	OWNED(events) struct events *e = NULL;
	OWNED_BUF struct buf all = BUF_INIT(1 << 20);
	assert_ok(events_create(&e));
	for (int i = 1; i <= 1234; i++)
		add(e, "a", i);
	events_replay(e, STR("a"), collect, &all);
	const char *text = buf_text(&all);
	for (int i = 235; i <= 1234; i++)
		assert_next(&text, "a", i);
	assert_string_equal(text, "");
}

static void listeners_hear_their_policy_until_they_leave(void **state)
{
	(void)state;
	OWNED(events) struct events *e = NULL;
	OWNED_BUF struct buf a = BUF_INIT(65536), all = BUF_INIT(65536);
	struct events_listener one = {.policy = STR("a"), .sink = collect, .context = &a};
	struct events_listener every = {.sink = collect, .context = &all};
	assert_ok(events_create(&e));
	events_join(e, &one);
	events_join(e, &every);
	assert_int_equal(events_counts(e).listeners, 2);
	add(e, "a", 1);
	add(e, "b", 2);
	events_leave(e, &one);
	add(e, "a", 3);
	events_leave(e, &every);
	add(e, "a", 4);
	const char *text = buf_text(&a);
	assert_next(&text, "a", 1);
	assert_string_equal(text, "");
	text = buf_text(&all);
	assert_next(&text, "a", 1);
	assert_next(&text, "b", 2);
	assert_next(&text, "a", 3);
	assert_string_equal(text, "");
}

struct once {
	struct events *events;
	struct events_listener listener;
	int heard;
};

static bool hear_once(void *context, struct str line)
{
	struct once *once = context;
	(void)line;
	once->heard++;
	events_leave(once->events, &once->listener);
	return true;
}

static void a_listener_may_leave_while_it_hears(void **state)
{
	(void)state;
	OWNED(events) struct events *e = NULL;
	OWNED_BUF struct buf all = BUF_INIT(65536);
	struct once once = {.listener = {.sink = hear_once}};
	struct events_listener other = {.sink = collect, .context = &all};
	assert_ok(events_create(&e));
	once.events = e;
	once.listener.context = &once;
	events_join(e, &other);
	events_join(e, &once.listener);
	add(e, "a", 1);
	add(e, "a", 2);
	assert_int_equal(once.heard, 1);
	assert_int_equal(events_counts(e).listeners, 1);
	const char *text = buf_text(&all);
	assert_next(&text, "a", 1);
	assert_next(&text, "a", 2);
	events_leave(e, &other);
}

static void lines_without_room_are_counted(void **state)
{
	(void)state;
	OWNED(events) struct events *e = NULL;
	struct events_listener slow = {.sink = refuse};
	assert_ok(events_create(&e));
	events_join(e, &slow);
	add(e, "a", 1);
	add(e, "a", 2);
	assert_int_equal(events_counts(e).dropped, 2);
	assert_int_equal(events_counts(e).received, 2);
	events_leave(e, &slow);
}

static void an_event_that_is_too_long_is_dropped_and_counted(void **state)
{
	(void)state;
	OWNED(events) struct events *e = NULL;
	OWNED_ARENA struct arena arena = ARENA_INIT(1 << 20);
	OWNED_BUF struct buf all = BUF_INIT(65536), text = BUF_INIT(1 << 20);
	assert_ok(events_create(&e));
	buf_extend(&text, EVENTS_MAX_LINE);
	memset(text.data, 'x', text.size);
	struct wire_event event = {.policy = STR("a"), .map = STR("m")};
	event.data = node_new_text(&arena, buf_str(&text));
	assert_ok(events_add(e, STR("h"), &event));
	events_replay(e, STR("a"), collect, &all);
	assert_string_equal(buf_text(&all), "");
	assert_int_equal(events_counts(e).dropped, 1);
}

static void a_forgotten_policy_replays_nothing(void **state)
{
	(void)state;
	OWNED(events) struct events *e = NULL;
	OWNED_BUF struct buf all = BUF_INIT(65536);
	assert_ok(events_create(&e));
	add(e, "a", 1);
	events_forget(e, STR("a"));
	events_forget(e, STR("never"));
	events_replay(e, STR(""), collect, &all);
	assert_string_equal(buf_text(&all), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replays_one_policy_or_all_in_order_of_arrival),
		cmocka_unit_test(keeps_the_newest_thousand),
		cmocka_unit_test(listeners_hear_their_policy_until_they_leave),
		cmocka_unit_test(a_listener_may_leave_while_it_hears),
		cmocka_unit_test(lines_without_room_are_counted),
		cmocka_unit_test(an_event_that_is_too_long_is_dropped_and_counted),
		cmocka_unit_test(a_forgotten_policy_replays_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
