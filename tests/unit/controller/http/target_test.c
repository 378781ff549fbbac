#include "tests/unit/test.h"

#include "controller/http/target.h"
#include "shared/base/buf.h"
#include "shared/base/mem.h"

static struct err *parse(const char *text, struct arena *a, struct target *t)
{
	return target_parse(str_of(text), a, t);
}

static void cuts_segments_and_parameters(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(65536);
	struct target t;
	assert_ok(parse("/v1/hosts/web-1:sync?pageSize=5&name=a+b%21&flag", &a, &t));
	assert_int_equal(t.segments_count, 3);
	assert_string_equal(t.segments[2].data, "web-1:sync");
	assert_string_equal(target_parameter(&t, "pageSize"), "5");
	assert_string_equal(target_parameter(&t, "name"), "a b!");
	assert_string_equal(target_parameter(&t, "flag"), "");
	assert_null(target_parameter(&t, "page"));
}

static void an_encoded_slash_or_colon_separates_nothing(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(65536);
	struct target t;
	assert_ok(parse("/v1/a%2Fb%3Async", &a, &t));
	assert_int_equal(t.segments_count, 2);
	assert_string_equal(t.segments[1].data, "a/b:sync");
	assert_string_equal(t.raw_segments[1].data, "a%2Fb%3Async");
}

static void a_plus_in_the_path_is_a_plus(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(65536);
	struct target t;
	assert_ok(parse("/a+b", &a, &t));
	assert_string_equal(t.segments[0].data, "a+b");
}

static void refuses_what_is_no_target(void **state)
{
	(void)state;
	static const struct {
		const char *text, *part;
		enum err_code code;
	} cases[] = {
		{"", "does not begin with", ERR_INVALID},
		{"*", "does not begin with", ERR_INVALID},
		{"http://h/v1", "does not begin with", ERR_INVALID},
		{"/a%", "bad % sequence", ERR_INVALID},
		{"/a%4", "bad % sequence", ERR_INVALID},
		{"/a%zz", "bad % sequence", ERR_INVALID},
		{"/a%00b", "NUL", ERR_INVALID},
		{"/a?x=%", "bad % sequence", ERR_INVALID},
		{"/a?x=1&x=2", "\"x\" is given twice", ERR_INVALID},
		{"/1/2/3/4/5/6/7/8/9/10/11/12/13", "more than 12 segments", ERR_TOO_LARGE},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OWNED_ARENA struct arena a = ARENA_INIT(65536);
		struct target t;
		assert_fails(parse(cases[i].text, &a, &t), cases[i].code, "", cases[i].part);
	}
}

static void refuses_more_parameters_than_the_limit(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(65536);
	OWNED_BUF struct buf text = BUF_INIT(4096);
	struct target t;
	buf_puts(&text, "/a?");
	for (int i = 0; i <= TARGET_MAX_PARAMETERS; i++)
		buf_printf(&text, "p%d=1&", i);
	assert_fails(parse(buf_text(&text), &a, &t), ERR_TOO_LARGE, "", "more than 32 parameters");
}

static void fails_cleanly_at_every_allocation(void **state)
{
	(void)state;
	for (uint64_t nth = 1;; nth++) {
		OWNED_ARENA struct arena a = ARENA_INIT(65536);
		struct target t;
		mem_fail_at(nth);
		OWNED(err) struct err *e = parse("/v1/hosts?a=1&b=2", &a, &t);
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
		cmocka_unit_test(cuts_segments_and_parameters),
		cmocka_unit_test(an_encoded_slash_or_colon_separates_nothing),
		cmocka_unit_test(a_plus_in_the_path_is_a_plus),
		cmocka_unit_test(refuses_what_is_no_target),
		cmocka_unit_test(refuses_more_parameters_than_the_limit),
		cmocka_unit_test(fails_cleanly_at_every_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
