#include "tests/unit/test.h"

#include "shared/base/mem.h"
#include "shared/codec/json.h"
#include "shared/codec/yaml.h"

#define ARENA_BYTES ((size_t)64 << 20)

/* The document, as JSON on one line. */
static void assert_reads(const char *text, const char *wanted)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	OWNED_BUF struct buf out = BUF_INIT(1 << 20);
	const struct node *n;
	assert_ok(yaml_parse(str_of(text), &a, &n));
	json_print(n, &out);
	assert_string_equal(buf_text(&out), wanted);
}

static void assert_refuses(const char *text, const char *path, const char *message)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	const struct node *n = NULL;
	assert_fails(yaml_parse(str_of(text), &a, &n), ERR_INVALID, path, message);
	assert_null(n);
}

static void reads_the_core_schema(void **state UNUSED)
{
	assert_reads("[null, ~, true, False, 12, -3, +4, 0x1F, 007]",
		     "[null,null,true,false,12,-3,4,31,7]");
	assert_reads("[1.5, 1e3, .5, 5., -1.5e-3, 1e, e1, ., -]",
		     "[1.5,1000.0,0.5,5.0,-0.0015,\"1e\",\"e1\",\".\",\"-\"]");
	assert_reads("[yes, no, on, 'true', \"1\", 0xg, 1_000, 0o17, 1:30]",
		     "[\"yes\",\"no\",\"on\",\"true\",\"1\",\"0xg\",\"1_000\",\"0o17\",\"1:30\"]");
	assert_reads(
		"[9223372036854775807, 9223372036854775808, -9223372036854775808, 1e999, .inf]",
		"[9223372036854775807,\"9223372036854775808\",-9223372036854775808,\"1e999\","
		"\".inf\"]");
}

static void reads_blocks_and_flows(void **state UNUSED)
{
	assert_reads("a:\n  - x\n  - {b: 1, c: [2]}\nd: |\n  two\n  lines\n",
		     "{\"a\":[\"x\",{\"b\":1,\"c\":[2]}],\"d\":\"two\\nlines\\n\"}");
	assert_reads("a:\nb: 1\n", "{\"a\":null,\"b\":1}");
	assert_reads("", "null");
	assert_reads("# nothing\n", "null");
	assert_reads("--- x\n...\n", "\"x\"");
}

static void reads_json(void **state UNUSED)
{
	assert_reads("{\"a\": [1, true, null, \"x\\n\\u00e9\\/\"],\n\t\"b\": {}}",
		     "{\"a\":[1,true,null,\"x\\né/\"],\"b\":{}}");
}

static void honours_core_tags_and_refuses_others(void **state UNUSED)
{
	assert_reads("[!!str 1, ! 2, !!int \"3\", !!float 4, !!bool true, !!null ~, !!seq [], "
		     "!!map {}]",
		     "[\"1\",\"2\",3,4,true,null,[],{}]");
	assert_refuses("a: !!int x", "1:4", "not what its tag says: x");
	assert_refuses("a: !!python/object:os.system x", "1:4", "a tag that documents do not have");
	assert_refuses("- !!map []", "1:3", "a collection with the tag of something else");
	assert_refuses("!local a: 1", "1:1", "tag");
}

static void knows_where_everything_stands(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	const struct node *n;
	assert_ok(yaml_parse(STR("roles:\n  - name: x\n    caps: [a, b]\n"), &a, &n));
	const struct node *roles = node_at(n, "/roles"), *b = node_at(n, "/roles/0/caps/1");
	const struct node *caps = node_at(n, "/roles/0/caps"), *role = node_at(n, "/roles/0");
	assert_int_equal(roles->line * 100 + roles->column, 101);
	assert_int_equal(role->line * 100 + role->column, 205);
	assert_int_equal(caps->line * 100 + caps->column, 305);
	assert_int_equal(b->line * 100 + b->column, 315);
}

static void refuses_anchors_and_aliases(void **state UNUSED)
{
	assert_refuses("a: &x 1", "1:4", "anchors are not allowed: x");
	assert_refuses("&k a: 1", "1:1", "anchors are not allowed");
	assert_refuses("- &l [1]", "1:3", "anchors are not allowed: l");
	assert_refuses("- &m {a: 1}", "1:3", "anchors are not allowed: m");
	assert_refuses("a: *x", "1:4", "aliases are not allowed: x");
	/* a billion laughs ends at its first line */
	assert_refuses("a: &a [lol,lol]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", "1:4", "anchors");
}

static void refuses_duplicate_keys(void **state UNUSED)
{
	assert_refuses("a: 1\nb: 2\na: 3\n", "3:1", "duplicate key: a");
	assert_refuses("x: {a: 1, b: 2, \"a\": 3}", "1:17", "duplicate key: a");
	assert_refuses("? ''\n: 1\n? ''\n: 2\n", "3:3", "duplicate key");
}

static void refuses_what_is_no_document(void **state UNUSED)
{
	assert_refuses("a: [1", "2:1", "not YAML");
	assert_refuses("a: b: c", "1:5", "not YAML");
	assert_refuses("\tx: 1", "1:1", "not YAML");
	assert_refuses("a\n---\nb\n", "3:1", "one document is wanted, here begins a second");
	assert_refuses("? [a]\n: 1\n", "1:3", "a key must be text");
	assert_refuses("? {a: b}\n: 1\n", "1:3", "a key must be text");
	assert_refuses("\"a\\0b\"", "1:1", "NUL");
	assert_refuses("{\"a\\0\": 1}", "1:2", "NUL");
	assert_refuses("\xff\xfe\x41", "1:1", "not YAML");
	assert_refuses("a: \xc3\x28", "1:1", "not YAML");
}

static void refuses_nesting_past_the_limit(void **state UNUSED)
{
	char text[4096];
	memset(text, '[', sizeof(text));
	text[sizeof(text) - 1] = 0;
	assert_refuses(text, "1:65", "nested too deeply");
	OWNED_BUF struct buf block = BUF_INIT(1 << 20);
	for (unsigned i = 0; i <= NODE_MAX_DEPTH; i++)
		buf_printf(&block, "%*sa:\n", (int)i, "");
	buf_printf(&block, "%*sb: 1\n", NODE_MAX_DEPTH + 1, "");
	assert_refuses(buf_text(&block), "65:65", "nested too deeply");
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

static void checks_the_keys_of_a_large_map(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	for (unsigned i = 0; i < 50000; i++)
		buf_printf(&text, "k%u: 0\n", i);
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	const struct node *n;
	assert_ok(yaml_parse(buf_str(&text), &a, &n));
	assert_int_equal(n->count, 50000);
	buf_puts(&text, "k123: 0\n");
	assert_refuses(buf_text(&text), "50001:1", "duplicate key: k123");
}

static void reads_a_stream_of_documents(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	OWNED_BUF struct buf out = BUF_INIT(1000);
	const struct node *n;
	assert_ok(yaml_parse_all(STR("a: 1\n---\n- b\n---\n"), &a, &n));
	json_print(n, &out);
	assert_string_equal(buf_text(&out), "[{\"a\":1},[\"b\"],null]");
	assert_ok(yaml_parse_all(STR(""), &a, &n));
	assert_int_equal(n->count, 0);
}

static void prints_block_style(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	OWNED_BUF struct buf out = BUF_INIT(10000);
	const struct node *n;
	assert_ok(
		json_parse(STR("{\"a\":[1,[2,{\"b\":\"x y\",\"c\":[]}],{}],\"d e\":{\"f\":null}}"),
			   &a, &n));
	yaml_print(n, &out);
	assert_string_equal(buf_text(&out), "a:\n"
					    "  - 1\n"
					    "  - - 2\n"
					    "    - b: x y\n"
					    "      c: []\n"
					    "  - {}\n"
					    "d e:\n"
					    "  f: null\n");
}

static void quotes_text_that_would_read_as_something_else(void **state UNUSED)
{
	static const char *const texts[] = {"",	    " a",    "a ",	  "true",    "null",
					    "~",    "1",     "0x1f",	  "1.5",     "yes",
					    "off",  "a: b",  "a #b",	  "- a",     "[a",
					    "{a",   "*a",    "&a",	  "!a",	     "%a",
					    "a\nb", "\"",    "'",	  "|",	     "é",
					    "@a",   "`a",    "---",	  "...",     "2026-01-01",
					    "a:",   "plain", "two words", "a.b-c/d", "_x",
					    "?",    "=",     "<<",	  "\x01",    "n"};
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	OWNED_BUF struct buf out = BUF_INIT(10000);
	struct node *map = node_new(&a, NODE_MAP);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_non_null(
			node_set(&a, map, str_of(texts[i]), node_new_text(&a, str_of(texts[i]))));
	yaml_print(map, &out);
	const struct node *back;
	assert_ok(yaml_parse(buf_str(&out), &a, &back));
	assert_int_equal(back->count, ARRAY_SIZE(texts));
	size_t i = 0;
	NODE_EACH (member, back) {
		assert_int_equal(member->kind, NODE_TEXT);
		assert_true(str_is(member->key, texts[i]));
		assert_true(str_is(member->text, texts[i]));
		i++;
	}
	assert_non_null(strstr(buf_text(&out), "plain: plain\n"));
	assert_non_null(strstr(buf_text(&out), "\"off\": \"off\"\n"));
}

static void survives_every_failed_allocation(void **state UNUSED)
{
	static const char text[] = "a: [1, 99999999999999999999]\nb: {c: ~, d: 1.5}\n";
	bool failed = true;
	for (uint64_t n = 1; failed; n++) {
		OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
		const struct node *root = NULL;
		mem_fail_at(n);
		struct err *e = yaml_parse(str_of(text), &a, &root);
		failed = mem_failed();
		mem_fail_at(0);
		assert_true(!e == !failed);
		if (e)
			assert_int_equal(err_code(e), ERR_NO_MEMORY);
		err_destroy(e);
		assert_true(n < 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_core_schema),
		cmocka_unit_test(reads_blocks_and_flows),
		cmocka_unit_test(reads_json),
		cmocka_unit_test(honours_core_tags_and_refuses_others),
		cmocka_unit_test(knows_where_everything_stands),
		cmocka_unit_test(refuses_anchors_and_aliases),
		cmocka_unit_test(refuses_duplicate_keys),
		cmocka_unit_test(refuses_what_is_no_document),
		cmocka_unit_test(refuses_nesting_past_the_limit),
		cmocka_unit_test(refuses_too_many_values),
		cmocka_unit_test(checks_the_keys_of_a_large_map),
		cmocka_unit_test(reads_a_stream_of_documents),
		cmocka_unit_test(prints_block_style),
		cmocka_unit_test(quotes_text_that_would_read_as_something_else),
		cmocka_unit_test(survives_every_failed_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
