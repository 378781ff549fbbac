#include "tests/unit/test.h"

#include "controller/model/merge.h"
#include "shared/base/mem.h"

static struct err *add(struct merge *m, const char *host, const char *text)
{
	const struct node *n;
	TRY(json_parse(str_of(text), m->arena, &n));
	return merge_add(m, str_of(host), n);
}

static void assert_prints(const struct merge *m, const char *want)
{
	OWNED_BUF struct buf out = BUF_INIT(65536);
	struct json w = json_start(&out);
	json_object(&w, NULL);
	merge_print(m, &w);
	json_end(&w);
	assert_string_equal(buf_text(&out), want);
}

static void integers_of_equal_keys_add_up(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct merge m;
	assert_ok(merge_init(&m, &a));
	assert_ok(
		add(&m, "a",
		    "{\"elements\":[{\"key\":{\"ip\":1},\"value\":2},{\"key\":5,\"value\":-7}]}"));
	assert_ok(add(&m, "b",
		      "{\"elements\":[{\"key\":5,\"value\":1},{\"key\":{\"ip\":1},\"value\":40}],"
		      "\"lost\":3}"));
	assert_prints(&m,
		      "{\"elements\":[{\"key\":{\"ip\":1},\"value\":42},{\"key\":5,\"value\":-6}],"
		      "\"lost\":3}");
}

static void what_does_not_add_up_is_listed_per_host(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct merge m;
	assert_ok(merge_init(&m, &a));
	assert_ok(
		add(&m, "a", "{\"elements\":[{\"key\":1,\"value\":2},{\"key\":2,\"value\":[1]}]}"));
	assert_ok(add(&m, "b", "{\"elements\":[{\"key\":1,\"value\":\"x\"}]}"));
	assert_prints(&m,
		      "{\"elements\":[{\"key\":1,\"values\":[{\"host\":\"a\",\"value\":2},"
		      "{\"host\":\"b\",\"value\":\"x\"}]},{\"key\":2,\"value\":[1]}],\"lost\":0}");
}

static void sums_past_64_bits_become_text(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct merge m;
	assert_ok(merge_init(&m, &a));
	for (int i = 0; i < 3; i++)
		assert_ok(add(&m, "a",
			      "{\"elements\":[{\"key\":1,\"value\":9223372036854775807},"
			      "{\"key\":2,\"value\":-9223372036854775807}]}"));
	assert_prints(&m, "{\"elements\":[{\"key\":1,\"value\":\"27670116110564327421\"},"
			  "{\"key\":2,\"value\":\"-27670116110564327421\"}],\"lost\":0}");
}

static void nothing_at_all_is_an_empty_list(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct merge m;
	assert_ok(merge_init(&m, &a));
	assert_prints(&m, "{\"elements\":[],\"lost\":0}");
}

static void a_bad_answer_adds_nothing(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct merge m;
	assert_ok(merge_init(&m, &a));
	assert_fails(add(&m, "a", "{\"elements\":[{\"key\":1,\"value\":2},{\"key\":1}]}"),
		     ERR_INVALID, "/elements/1", "\"value\" is missing");
	assert_fails(add(&m, "a", "{\"lost\":1}"), ERR_INVALID, "", "\"elements\" is missing");
	assert_fails(add(&m, "a", "[]"), ERR_INVALID, "", "must be a map");
	assert_fails(merge_add(&m, STR("a"), NULL), ERR_INVALID, "", "must be a map");
	assert_prints(&m, "{\"elements\":[],\"lost\":0}");
}

static void reports_no_memory_at_every_allocation(void **state)
{
	(void)state;
	OWNED_ARENA struct arena nodes = ARENA_INIT(1 << 20);
	const struct node *n;
	assert_ok(json_parse(STR("{\"elements\":[{\"key\":1,\"value\":2}]}"), &nodes, &n));
	for (uint64_t nth = 1;; nth++) {
		OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
		struct merge m;
		mem_fail_at(nth);
		OWNED(err) struct err *e = merge_init(&m, &a);
		if (!e)
			e = merge_add(&m, STR("a"), n);
		bool failed = mem_failed();
		mem_fail_at(0);
		if (!failed) {
			assert_null(e);
			return;
		}
		assert_int_equal(err_code(e), ERR_NO_MEMORY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_of_equal_keys_add_up),
		cmocka_unit_test(what_does_not_add_up_is_listed_per_host),
		cmocka_unit_test(sums_past_64_bits_become_text),
		cmocka_unit_test(nothing_at_all_is_an_empty_list),
		cmocka_unit_test(a_bad_answer_adds_nothing),
		cmocka_unit_test(reports_no_memory_at_every_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
