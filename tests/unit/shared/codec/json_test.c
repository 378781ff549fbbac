#include "tests/unit/test.h"

#include "shared/base/mem.h"
#include "shared/codec/json.h"

#include <math.h>

#define ARENA_BYTES ((size_t)64 << 20)

/* Parses and prints again on one line. */
static void assert_prints(const char *text, const char *wanted)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	OWNED_BUF struct buf out = BUF_INIT(1 << 20);
	const struct node *n;
	assert_ok(json_parse(str_of(text), &a, &n));
	json_print(n, &out);
	assert_string_equal(buf_text(&out), wanted);
}

static void assert_refuses(const char *text, const char *path, const char *message)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	const struct node *n = NULL;
	assert_fails(json_parse(str_of(text), &a, &n), ERR_INVALID, path, message);
	assert_null(n);
}

static void reads_and_prints_every_kind(void **state UNUSED)
{
	assert_prints("{\"a\":[1,-2,true,false,null,\"x\"],\"b\":{}, \"c\" : [ ] }",
		      "{\"a\":[1,-2,true,false,null,\"x\"],\"b\":{},\"c\":[]}");
	assert_prints(" 7 ", "7");
	assert_prints("\"\\u00e9\\ud83d\\ude00\\/\"", "\"é😀/\"");
	assert_prints("[1.5, 1e3, 0.1, -0.0, 1e-7]", "[1.5,1000.0,0.1,-0.0,1e-07]");
}

static void keeps_integers_that_do_not_fit_as_text(void **state UNUSED)
{
	assert_prints("[9223372036854775807, -9223372036854775808]",
		      "[9223372036854775807,-9223372036854775808]");
	assert_prints("[9223372036854775808,-9223372036854775809]",
		      "[\"9223372036854775808\",\"-9223372036854775809\"]");
	assert_prints("{\"18446744073709551615\":18446744073709551615}",
		      "{\"18446744073709551615\":\"18446744073709551615\"}");
	assert_prints("\"99999999999999999999\"", "\"99999999999999999999\"");
}

static void knows_where_everything_stands(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	const struct node *n;
	assert_ok(json_parse(
		STR("{\n  \"a\": [1,\n   {\"b\\\"{\": 99999999999999999999, \"c\": 2}]}"), &a, &n));
	const struct node *list = node_at(n, "/a"), *map = node_at(n, "/a/1");
	assert_int_equal(n->line * 100 + n->column, 101);
	assert_int_equal(list->line * 100 + list->column, 203);
	assert_int_equal(list->first->line * 100 + list->first->column, 209);
	assert_int_equal(map->line * 100 + map->column, 304);
	assert_int_equal(map->first->line * 100 + map->first->column, 305);
	assert_true(str_is(map->first->key, "b\"{"));
	assert_int_equal(map->last->line * 100 + map->last->column, 335);
	assert_true(str_is(map->last->text, "2"));
}

static void refuses_what_is_not_json(void **state UNUSED)
{
	assert_refuses("", "1:1", "not JSON");
	assert_refuses("{\"a\":1,}", "1:8", "not JSON");
	assert_refuses("[1 2]", "1:4", "not JSON");
	assert_refuses("{\"a\":1}\n{}", "2:1", "end of file expected");
	assert_refuses("[18446744073709551615, x]", "1:24", "invalid token near 'x'");
	assert_refuses("[00999999999999999999999]", "1:2", "not JSON");
	assert_refuses("\"\xff\"", "1:1", "unable to decode byte 0xff");
	assert_refuses("\"a\nb\"", "1:2", "not JSON");
	assert_refuses("\"\\u0000\"", "1:8", "u0000");
	assert_refuses("[1e999]", "1:6", "real number overflow");
	assert_refuses("]", "1:1", "not JSON");
	assert_refuses("}}}}", "1:1", "not JSON");
	assert_refuses("[\"", "1:2", "not JSON");
	assert_refuses("\"\\", "1:2", "not JSON");
}

static void refuses_a_nul_byte(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	const struct node *n;
	assert_fails(json_parse((struct str){"[1,\0 2]", 7}, &a, &n), ERR_INVALID, "1:4",
		     "not JSON");
}

static void refuses_duplicate_keys(void **state UNUSED)
{
	assert_refuses("{\"a\":1,\n\"b\":2,\"a\":3}", "2:9", "duplicate object key");
	assert_refuses("{\"x\":{\"a\":1,\"\\u0061\":3}}", "1:20", "duplicate object key");
}

static void refuses_nesting_past_the_limit(void **state UNUSED)
{
	char text[2 * NODE_MAX_DEPTH + 3];
	memset(text, '[', NODE_MAX_DEPTH);
	memset(text + NODE_MAX_DEPTH, ']', NODE_MAX_DEPTH);
	text[sizeof(text) - 3] = 0;
	assert_prints(text, text);
	memset(text, '[', NODE_MAX_DEPTH + 1);
	memset(text + NODE_MAX_DEPTH + 1, ']', NODE_MAX_DEPTH + 1);
	text[sizeof(text) - 1] = 0;
	assert_refuses(text, "1:65", "nested too deeply");
}

static void refuses_too_many_values(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	buf_puts(&text, "[0");
	for (size_t i = 0; i < NODE_MAX_NODES; i++)
		buf_puts(&text, ",0");
	buf_puts(&text, "]");
	assert_refuses(buf_text(&text), "1:400000", "too many values");
}

static void reports_an_arena_that_is_full(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(300);
	const struct node *n;
	assert_fails(json_parse(STR("[1,2,3,4,5]"), &a, &n), ERR_NO_MEMORY, "", "out of memory");
}

static void survives_every_failed_allocation(void **state UNUSED)
{
	static const char text[] =
		"{\"a\":[1,99999999999999999999,\"x\"],\"b\":{\"c\":null,\"d\":1.5}}";
	bool failed = true;
	for (uint64_t n = 1; failed; n++) {
		OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
		const struct node *root = NULL;
		mem_fail_at(n);
		struct err *e = json_parse(str_of(text), &a, &root);
		failed = mem_failed();
		mem_fail_at(0);
		assert_true(!e == !failed);
		if (e)
			assert_int_equal(err_code(e), ERR_NO_MEMORY);
		err_destroy(e);
		assert_true(n < 1000);
	}
}

static void writes_with_commas_and_keys_in_place(void **state UNUSED)
{
	OWNED_BUF struct buf out = BUF_INIT(1000);
	OWNED_ARENA struct arena a = ARENA_INIT(1000);
	struct json w = json_start(&out);
	json_object(&w, NULL);
	json_int(&w, "i", INT64_MIN);
	json_uint(&w, "u", UINT64_MAX);
	json_uint(&w, "v", INT64_MAX);
	json_bool(&w, "b", true);
	json_list(&w, "l");
	json_list(&w, NULL);
	json_end(&w);
	json_null(&w, NULL);
	json_textf(&w, NULL, "%d\"%s", 1, "x");
	json_object(&w, NULL);
	json_end(&w);
	json_end(&w);
	json_raw(&w, "r", STR("[1, 2]"));
	json_node(&w, "n", node_new_text(&a, STR("t")));
	json_text(&w, "t\n", STR("\x01\x7f"));
	json_end(&w);
	assert_ok(buf_check(&out));
	assert_string_equal(buf_text(&out),
			    "{\"i\":-9223372036854775808,\"u\":\"18446744073709551615\","
			    "\"v\":9223372036854775807,\"b\":true,"
			    "\"l\":[[],null,\"1\\\"x\",{}],\"r\":[1, 2],\"n\":\"t\","
			    "\"t\\n\":\"\\u0001\\u007f\"}");
}

static void fails_the_buffer_past_its_levels(void **state UNUSED)
{
	OWNED_BUF struct buf out = BUF_INIT(1000);
	struct json w = json_start(&out);
	for (size_t i = 0; i < 64; i++)
		json_list(&w, NULL);
	assert_ok(buf_check(&out));
	json_list(&w, NULL);
	assert_fails(buf_check(&out), ERR_TOO_LARGE, "", "limit");
	for (size_t i = 0; i < 70; i++)
		json_end(&w);
	assert_int_equal(w.depth, 0);
}

static void indents_by_two_spaces(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	OWNED_BUF struct buf out = BUF_INIT(1000);
	const struct node *n;
	assert_ok(json_parse(STR("{\"a\":[1,{}],\"b\":[]}"), &a, &n));
	json_print_pretty(n, &out);
	assert_string_equal(buf_text(&out), "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
}

static void assert_text(struct str text, const char *wanted)
{
	OWNED_BUF struct buf out = BUF_INIT(1000);
	json_print_text(text, &out);
	assert_string_equal(buf_text(&out), wanted);
}

static void replaces_bytes_that_are_no_utf8(void **state UNUSED)
{
	assert_text(STR("a\xff"), "\"a\xef\xbf\xbd\"");
	assert_text(STR("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\""); /* overlong */
	assert_text(STR("\xed\xa0\x80"),
		    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");      /* surrogate */
	assert_text(STR("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\""); /* cut off */
	assert_text(STR("\xf4\x90\x80\x80"),
		    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); /* past U+10FFFF */
	assert_text(STR("\xe2\x82\xac\xf0\x9f\x98\x80"), "\"€😀\"");
	assert_text(STR("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
	assert_text((struct str){"\0", 1}, "\"\\u0000\"");
}

static void prints_reals_that_read_back_the_same(void **state UNUSED)
{
	static const double reals[] = {0.1,  1.0 / 3, 1e300, 5e-324, 123456789.125,
				       1e15, 1e16,    1e17,  -2.5,   1.7976931348623157e308};
	for (size_t i = 0; i < ARRAY_SIZE(reals); i++) {
		OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
		OWNED_BUF struct buf out = BUF_INIT(1000);
		const struct node real = {.kind = NODE_REAL, .real = reals[i]}, *back;
		json_print(&real, &out);
		assert_ok(json_parse(buf_str(&out), &a, &back));
		assert_int_equal(back->kind, NODE_REAL);
		assert_true(back->real == reals[i]);
	}
	OWNED_BUF struct buf out = BUF_INIT(100);
	const struct node infinite = {.kind = NODE_REAL, .real = HUGE_VAL};
	json_print(&infinite, &out);
	assert_string_equal(buf_text(&out), "null");
}

static void carries_errors_there_and_back(void **state UNUSED)
{
	OWNED(err) struct err *e = err_with_detail(err_at(ERR_REJECTED, "/a", "no \"x\""), "log\n");
	e = err_with_data(e, "{\"rule\":\"r\",\"path\":[]}");
	err_add(&e, err_at(ERR_REJECTED, "/b", "nor y"));
	OWNED_BUF struct buf body = BUF_INIT(10000);
	json_print_err(e, &body);
	assert_string_equal(buf_text(&body),
			    "{\"error\":{\"code\":422,\"status\":\"FAILED_PRECONDITION\","
			    "\"message\":\"no \\\"x\\\"\",\"details\":["
			    "{\"path\":\"/a\",\"message\":\"no \\\"x\\\"\",\"detail\":\"log\\n\","
			    "\"verdict\":{\"rule\":\"r\",\"path\":[]}},"
			    "{\"path\":\"/b\",\"message\":\"nor y\"}]}}");
	OWNED(err) struct err *back = json_parse_err(buf_str(&body), 422);
	assert_int_equal(err_code(back), ERR_REJECTED);
	assert_string_equal(err_path(back), "/a");
	assert_string_equal(err_message(back), "no \"x\"");
	assert_string_equal(err_detail(back), "log\n");
	assert_string_equal(err_data(back), "{\"rule\":\"r\",\"path\":[]}");
	assert_null(err_data(err_next(back)));
	assert_string_equal(err_path(err_next(back)), "/b");
	assert_null(err_next(err_next(back)));
}

static void makes_an_error_of_any_body(void **state UNUSED)
{
	assert_fails(json_parse_err(STR("<html>bad gateway"), 503), ERR_UNAVAILABLE, "",
		     "HTTP status 503: <html>bad gateway");
	assert_fails(json_parse_err(STR(""), 404), ERR_NOT_FOUND, "", "HTTP status 404");
	assert_fails(json_parse_err(STR("{\"error\":\"x\"}"), 418), ERR_INVALID, "", "418");
	assert_fails(json_parse_err(STR("{\"error\":{\"status\":\"NOT_FOUND\",\"message\":\"m\"}}"),
				    404),
		     ERR_NOT_FOUND, "", "m");
	assert_fails(json_parse_err(STR("{\"error\":{\"status\":7,\"details\":[1]}}"), 400),
		     ERR_INTERNAL, "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_prints_every_kind),
		cmocka_unit_test(keeps_integers_that_do_not_fit_as_text),
		cmocka_unit_test(knows_where_everything_stands),
		cmocka_unit_test(refuses_what_is_not_json),
		cmocka_unit_test(refuses_a_nul_byte),
		cmocka_unit_test(refuses_duplicate_keys),
		cmocka_unit_test(refuses_nesting_past_the_limit),
		cmocka_unit_test(refuses_too_many_values),
		cmocka_unit_test(reports_an_arena_that_is_full),
		cmocka_unit_test(survives_every_failed_allocation),
		cmocka_unit_test(writes_with_commas_and_keys_in_place),
		cmocka_unit_test(fails_the_buffer_past_its_levels),
		cmocka_unit_test(indents_by_two_spaces),
		cmocka_unit_test(replaces_bytes_that_are_no_utf8),
		cmocka_unit_test(prints_reals_that_read_back_the_same),
		cmocka_unit_test(carries_errors_there_and_back),
		cmocka_unit_test(makes_an_error_of_any_body),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
