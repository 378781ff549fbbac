#include "tests/unit/test.h"

#include "shared/base/mem.h"
#include "shared/codec/json.h"
#include "shared/wire/sync.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)64 << 20)

/* ---- parse ∘ print ---- */

struct source {
	uint64_t seed;
	struct arena *arena;
};

static uint64_t next(struct source *s)
{
	s->seed = s->seed * 6364136223846793005u + 1442695040888963407u;
	return s->seed >> 33;
}

/* Any text: empty, plain, and what JSON has to escape. */
static struct str any_text(struct source *s)
{
	static const char *const texts[] = {
		"",	 "a",	 "\"quoted\" \\ back", "line\nline\ttab",
		"äöü ≥", "\x01", "/usr/sbin/nginx:x",  "null"};
	return str_of(texts[next(s) % ARRAY_SIZE(texts)]);
}

static int64_t any_number(struct source *s)
{
	static const int64_t numbers[] = {0, 1, 4096, INT64_MAX};
	return numbers[next(s) % ARRAY_SIZE(numbers)];
}

static const struct node *any_node(struct source *s)
{
	static const char *const texts[] = {"1", "\"x\"", "[1,{\"a\":null}]", "{\"k\":[true]}"};
	const struct node *n = NULL;
	if (next(s) % 3)
		assert_ok(json_parse(str_of(texts[next(s) % ARRAY_SIZE(texts)]), s->arena, &n));
	return n;
}

static struct str any_verdict(struct source *s)
{
	static const char *const verdicts[] = {"", "{}",
					       "{\"rule\":\"x\",\"path\":[{\"insn\":1}]}"};
	return str_of(verdicts[next(s) % 3]);
}

static const struct wire_link *any_links(struct source *s, size_t count)
{
	struct wire_link *links = arena_alloc_array(s->arena, count, sizeof(*links));
	for (size_t i = 0; i < count; i++)
		links[i] = (struct wire_link){any_text(s),   any_text(s),   any_number(s),
					      any_text(s),   any_text(s),   any_text(s),
					      next(s) % 4,   any_text(s),   any_text(s),
					      any_text(s),   any_text(s),   any_verdict(s),
					      any_number(s), any_number(s), any_number(s)};
	return links;
}

static struct wire_sync_request any_request(struct source *s)
{
	struct wire_sync_request m = {
		.agent_version = any_text(s),
		.boot_id = any_text(s),
		.generation = any_number(s),
		.hold_s = (int64_t)(next(s) % (WIRE_HOLD_MAX_S + 1)),
		.has_status = next(s) % 2,
		.events_lost = any_number(s),
	};
	struct wire_label *labels = arena_alloc_array(s->arena, 3, sizeof(*labels));
	struct wire_event *events = arena_alloc_array(s->arena, 3, sizeof(*events));
	struct wire_answer *answers = arena_alloc_array(s->arena, 3, sizeof(*answers));
	static const char *const keys[] = {"env", "a/b", "zone \"1\""};
	m.labels_count = next(s) % 4;
	m.links_count = m.has_status ? next(s) % 4 : 0;
	m.events_count = next(s) % 4;
	m.answers_count = next(s) % 4;
	for (size_t i = 0; i < 3; i++) {
		labels[i] = (struct wire_label){str_of(keys[i]), any_text(s)};
		events[i] = (struct wire_event){any_text(s), any_text(s), any_number(s),
						any_number(s), any_node(s)};
		answers[i] = (struct wire_answer){any_text(s), any_node(s), any_text(s)};
	}
	m.labels = labels;
	m.links = any_links(s, m.links_count);
	m.events = events;
	m.answers = answers;
	return m;
}

static struct wire_sync_response any_response(struct source *s)
{
	struct wire_sync_response m = {.generation = any_number(s), .has_policies = next(s) % 2};
	struct wire_policy *policies = arena_alloc_array(s->arena, 3, sizeof(*policies));
	struct wire_query *queries = arena_alloc_array(s->arena, 3, sizeof(*queries));
	m.policies_count = m.has_policies ? next(s) % 4 : 0;
	m.queries_count = next(s) % 4;
	for (size_t i = 0; i < 3; i++) {
		policies[i] = (struct wire_policy){any_text(s), any_text(s), any_text(s),
						   any_text(s), any_text(s), any_text(s)};
		queries[i] = (struct wire_query){any_text(s), any_text(s), any_text(s)};
	}
	m.policies = policies;
	m.queries = queries;
	return m;
}

static void a_printed_request_parses_to_the_same(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++) {
		OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
		OWNED_BUF struct buf first = BUF_INIT(1 << 20), second = BUF_INIT(1 << 20);
		struct source s = {seed, &a};
		struct wire_sync_request m = any_request(&s), read;
		wire_sync_request_print(&m, &first);
		assert_ok(wire_sync_request_parse(buf_str(&first), &a, &read));
		wire_sync_request_print(&read, &second);
		assert_string_equal(buf_text(&first), buf_text(&second));
		assert_int_equal(m.has_status, read.has_status);
		assert_int_equal(m.generation, read.generation);
		assert_int_equal(m.hold_s, read.hold_s);
		assert_int_equal(m.links_count, read.links_count);
		for (size_t i = 0; i < m.links_count; i++) {
			assert_int_equal(m.links[i].state, read.links[i].state);
			assert_int_equal(m.links[i].runs, read.links[i].runs);
			assert_int_equal(m.links[i].runs_ended, read.links[i].runs_ended);
			assert_int_equal(m.links[i].runs_skipped, read.links[i].runs_skipped);
			assert_true(str_equal(m.links[i].policy, read.links[i].policy));
			assert_true(str_equal(m.links[i].detail, read.links[i].detail));
			assert_true(str_equal(m.links[i].verdict, read.links[i].verdict));
		}
	}
}

static void a_printed_response_parses_to_the_same(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++) {
		OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
		OWNED_BUF struct buf first = BUF_INIT(1 << 20), second = BUF_INIT(1 << 20);
		struct source s = {seed, &a};
		struct wire_sync_response m = any_response(&s), read;
		wire_sync_response_print(&m, &first);
		assert_ok(wire_sync_response_parse(buf_str(&first), &a, &read));
		wire_sync_response_print(&read, &second);
		assert_string_equal(buf_text(&first), buf_text(&second));
		assert_int_equal(m.has_policies, read.has_policies);
		assert_int_equal(m.generation, read.generation);
		for (size_t i = 0; i < m.policies_count; i++)
			assert_true(str_equal(m.policies[i].spec_text, read.policies[i].spec_text));
	}
}

static void an_empty_request_has_no_members(void **state)
{
	(void)state;
	OWNED_BUF struct buf out = BUF_INIT(1000);
	struct wire_sync_request m = {0};
	wire_sync_request_print(&m, &out);
	assert_string_equal(buf_text(&out), "{}");
}

static void an_empty_status_is_not_the_same_as_none(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	struct wire_sync_request m;
	struct wire_sync_response r;
	assert_ok(wire_sync_request_parse(STR("{\"links\":[]}"), &a, &m));
	assert_true(m.has_status);
	assert_ok(wire_sync_request_parse(STR("{}"), &a, &m));
	assert_false(m.has_status);
	assert_ok(wire_sync_response_parse(STR("{\"generation\":1,\"policies\":[]}"), &a, &r));
	assert_true(r.has_policies);
	assert_ok(wire_sync_response_parse(STR("{\"generation\":1}"), &a, &r));
	assert_false(r.has_policies);
}

/* ---- hostile input ---- */

static void refuses_each_fault_of_a_request_at_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *path, *part;
	} cases[] = {
		{"", "1:1", "not JSON"},
		{"[]", "", "must be a map"},
		{"{\"holdSecond\":1}", "/holdSecond", "did you mean \"holdSeconds\""},
		{"{\"generation\":\"1\"}", "/generation", "must be"},
		{"{\"generation\":-1}", "/generation", "-1 is negative"},
		{"{\"holdSeconds\":56}", "/holdSeconds", "56 is more than 55"},
		{"{\"labels\":[]}", "/labels", "must be"},
		{"{\"labels\":{\"a/b\":1}}", "/labels/a~1b", "a label is text"},
		{"{\"labels\":{\"\":\"x\"}}", "/labels/", "a label's name has 1 to"},
		{"{\"links\":[{\"policy\":\"p\"}]}", "/links/0", "\"state\" is missing"},
		{"{\"links\":[{\"policy\":\"p\",\"state\":\"ACTIV\"}]}", "/links/0/state",
		 "did you mean ACTIVE"},
		{"{\"links\":[{\"policy\":\"p\",\"state\":\"xyz\"}]}", "/links/0/state",
		 "there are PENDING, ACTIVE, FAILED, SKIPPED"},
		{"{\"links\":[{\"policy\":\"p\",\"state\":\"ACTIVE\"},"
		 "{\"policy\":\"p\",\"state\":\"ACTIVE\",\"pid\":-5}]}",
		 "/links/1/pid", "-5 is negative"},
		{"{\"links\":[1]}", "/links/0", "must be a map"},
		{"{\"events\":[{\"policy\":\"p\"}]}", "/events/0", "\"map\" is missing"},
		{"{\"answers\":[{}]}", "/answers/0", "\"query\" is missing"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
		struct wire_sync_request m;
		assert_fails(wire_sync_request_parse(str_of(cases[i].text), &a, &m), ERR_INVALID,
			     cases[i].path, cases[i].part);
	}
}

static void refuses_each_fault_of_a_response_at_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *path, *part;
	} cases[] = {
		{"{}", "", "\"generation\" is missing"},
		{"{\"generation\":1,\"policies\":[{\"name\":\"p\"}]}", "/policies/0", "is missing"},
		{"{\"generation\":1,\"queries\":[{\"id\":1}]}", "/queries/0/id", "must be text"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
		struct wire_sync_response m;
		assert_fails(wire_sync_response_parse(str_of(cases[i].text), &a, &m), ERR_INVALID,
			     cases[i].path, cases[i].part);
	}
}

static void refuses_more_than_the_limits(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	struct wire_sync_request m;
	buf_puts(&text, "{\"events\":[");
	for (unsigned i = 0; i <= WIRE_MAX_EVENTS; i++)
		buf_printf(&text, "%s{\"policy\":\"p\",\"map\":\"m\"}", i ? "," : "");
	buf_puts(&text, "]}");
	assert_fails(wire_sync_request_parse(buf_str(&text), &a, &m), ERR_INVALID, "/events",
		     "1025 members are more than the limit of 1024");
	buf_clear(&text);
	buf_puts(&text, "{\"labels\":{");
	for (unsigned i = 0; i < 65; i++)
		buf_printf(&text, "%s\"l%u\":\"x\"", i ? "," : "", i);
	buf_puts(&text, "}}");
	assert_fails(wire_sync_request_parse(buf_str(&text), &a, &m), ERR_INVALID, "/labels",
		     "65 labels are more than the limit of 64");
	buf_clear(&text);
	buf_puts(&text, "{\"bootId\":\"");
	memset(buf_extend(&text, 65537), 'x', 65537);
	buf_puts(&text, "\"}");
	assert_fails(wire_sync_request_parse(buf_str(&text), &a, &m), ERR_INVALID, "/bootId",
		     "longer than 65536 bytes");
}

static void states_have_names_both_ways(void **state)
{
	(void)state;
	enum wire_state read = WIRE_PENDING;
	for (enum wire_state s = WIRE_PENDING; s <= WIRE_SKIPPED; s++) {
		assert_true(wire_state_parse(str_of(wire_state_text(s)), &read));
		assert_int_equal(read, s);
	}
	assert_false(wire_state_parse(STR("active"), &read));
	assert_false(wire_state_parse(STR(""), &read));
}

static void fails_cleanly_at_every_allocation(void **state)
{
	(void)state;
	struct str text = STR("{\"labels\":{\"a\":\"b\"},\"links\":[{\"policy\":\"p\",\"state\":"
			      "\"ACTIVE\"}],\"events\":[{\"policy\":\"p\",\"map\":\"m\"}]}");
	for (uint64_t nth = 1;; nth++) {
		OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
		struct wire_sync_request m;
		mem_fail_at(nth);
		OWNED(err) struct err *e = wire_sync_request_parse(text, &a, &m);
		bool failed = mem_failed();
		mem_fail_at(0);
		if (!failed) {
			assert_null(e);
			return;
		}
		if (!e) /* it only cost a path that no error needed */
			assert_int_equal(m.links_count, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_printed_request_parses_to_the_same),
		cmocka_unit_test(a_printed_response_parses_to_the_same),
		cmocka_unit_test(an_empty_request_has_no_members),
		cmocka_unit_test(an_empty_status_is_not_the_same_as_none),
		cmocka_unit_test(refuses_each_fault_of_a_request_at_its_place),
		cmocka_unit_test(refuses_each_fault_of_a_response_at_its_place),
		cmocka_unit_test(refuses_more_than_the_limits),
		cmocka_unit_test(states_have_names_both_ways),
		cmocka_unit_test(fails_cleanly_at_every_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
