#include "tests/unit/test.h"

#include "shared/base/buf.h"
#include "shared/codec/fields.h"
#include "shared/codec/yaml.h"

struct thing {
	struct str name;
	int64_t size;
	bool fast;
	const struct node *list, *map, *any;
};

static const struct field fields[] = {
	FIELD_TEXT("name", struct thing, name, FIELD_REQUIRED),
	FIELD_INT("size", struct thing, size, 0),
	FIELD_BOOL("fast", struct thing, fast, 0),
	FIELD_LIST("list", struct thing, list, 0),
	FIELD_MAP("map", struct thing, map, 0),
	FIELD_ANY("any", struct thing, any, 0),
};

static struct err *decode(const char *text, struct thing *out)
{
	/* Messages outlive the tree. */
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	const struct node *n;
	TRY(yaml_parse(str_of(text), &a, &n));
	return fields_decode(n, fields, ARRAY_SIZE(fields), out);
}

static void decodes_every_kind(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	const struct node *n;
	struct thing t = {0};
	assert_ok(yaml_parse(STR("{name: x, size: -7, fast: true, list: [1], map: {a: 1}, any: 5}"),
			     &a, &n));
	assert_ok(fields_decode(n, fields, ARRAY_SIZE(fields), &t));
	assert_true(str_is(t.name, "x"));
	assert_int_equal(t.size, -7);
	assert_true(t.fast);
	assert_int_equal(t.list->count, 1);
	assert_int_equal(t.map->count, 1);
	assert_int_equal(t.any->integer, 5);
}

static void leaves_absent_and_null_members_as_they_are(void **state UNUSED)
{
	struct thing t = {.size = 42, .fast = true};
	assert_ok(decode("{name: x, size: null, list: ~}", &t));
	assert_int_equal(t.size, 42);
	assert_true(t.fast);
	assert_null(t.list);
}

static void names_the_nearest_key(void **state UNUSED)
{
	struct thing t = {0};
	assert_fails(decode("name: x\nsiez: 1\n", &t), ERR_INVALID, "/siez",
		     "line 2:1: unknown key \"siez\"; did you mean \"size\"?");
	assert_fails(decode("{name: x, qqqqqqq: 1}", &t), ERR_INVALID, "/qqqqqqq",
		     "unknown key \"qqqqqqq\"");
	assert_fails(decode("{name: x, a/b: 1}", &t), ERR_INVALID, "/a~1b", "unknown key \"a/b\"");
}

static void says_which_kind_is_wanted(void **state UNUSED)
{
	static const struct {
		const char *text, *path, *message;
	} cases[] = {
		{"{name: 5}", "/name", "must be text, is an integer"},
		{"{name: x, size: big}", "/size", "must be an integer, is text"},
		{"{name: x, size: 99999999999999999999}", "/size", "must be an integer, is text"},
		{"{name: x, size: 1.5}", "/size", "must be an integer, is a real"},
		{"{name: x, fast: 1}", "/fast", "must be true or false, is an integer"},
		{"{name: x, list: {}}", "/list", "must be a list, is a map"},
		{"{name: x, map: []}", "/map", "must be a map, is a list"},
		{"[]", "", "must be a map, is a list"},
		{"~", "", "must be a map, is null"},
		{"{size: 1}", "", "line 1:1: the key \"name\" is missing"},
		{"{name: ~}", "", "the key \"name\" is missing"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct thing t = {0};
		assert_fails(decode(cases[i].text, &t), ERR_INVALID, cases[i].path,
			     cases[i].message);
	}
}

static void reports_all_findings(void **state UNUSED)
{
	struct thing t = {0};
	OWNED(err) struct err *e = decode("{sizes: 1, fast: x, list: 1}", &t);
	static const char *const paths[] = {"/sizes", "", "/fast", "/list"};
	const struct err *each = e;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++, each = err_next(each)) {
		assert_non_null(each);
		assert_string_equal(err_path(each), paths[i]);
	}
	assert_null(each);
}

static void stops_listing_unknown_keys(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	struct thing t = {0};
	size_t n = 0;
	buf_puts(&text, "name: x\n");
	for (unsigned i = 0; i < 2 * FIELDS_MAX_UNKNOWN; i++)
		buf_printf(&text, "key%u: 1\n", i);
	OWNED(err) struct err *e = decode(buf_text(&text), &t);
	for (const struct err *each = e; each; each = err_next(each))
		n++;
	assert_int_equal(n, FIELDS_MAX_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_every_kind),
		cmocka_unit_test(leaves_absent_and_null_members_as_they_are),
		cmocka_unit_test(names_the_nearest_key),
		cmocka_unit_test(says_which_kind_is_wanted),
		cmocka_unit_test(reports_all_findings),
		cmocka_unit_test(stops_listing_unknown_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
