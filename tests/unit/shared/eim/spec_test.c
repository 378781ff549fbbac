#include "tests/unit/test.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"
#include "shared/codec/json.h"
#include "shared/codec/yaml.h"
#include "shared/eim/spec.h"

#define EXAMPLE "tests/cases/specs/uprobe-role.yaml"

static void check_example(const struct spec *s)
{
	assert_int_equal(s->types_count, 2);
	assert_int_equal(s->functions_count, 8);
	assert_int_equal(s->capabilities_count, 4);
	assert_int_equal(s->roles_count, 1);
	assert_int_equal(s->exports_count, 0);
	const struct spec_function *update = spec_find_function(s, STR("bpf_map_update_elem"));
	assert_int_equal(update->params_count, 4);
	assert_true(str_is(update->params[3].name, "flags"));
	assert_true(str_is(update->params[3].type, "int"));
	assert_true(str_is(update->return_type, "int"));
	assert_int_equal(update->constraints.count, 3);
	assert_false(update->constraints.items[2].is_prose);
	assert_true(spec_find_capability(s, STR("MapHelpersCap"))->constraints.items[0].is_prose);
	const struct spec_role *role = spec_find_role(s, STR("UprobeRole"));
	assert_int_equal(role->capabilities.count, 4);
	assert_int_equal(role->attributes_count, 6);
	assert_true(str_is(role->attributes[0].name, "max_memory"));
	assert_int_equal(role->attributes[0].value->integer, 512);
	assert_null(role->access);
	assert_true(spec_find_type(s, STR("int_positive"))->constraints.items[0].count == 1);
	assert_null(spec_find_function(s, STR("bpf_get_info")));
	assert_null(spec_find_role(s, STR("")));
}

static void loads_the_formats_example(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	OWNED(spec) struct spec *s = NULL;
	assert_ok(file_read(EXAMPLE, &text));
	assert_ok(spec_parse(buf_str(&text), &s));
	check_example(s);
	const struct spec_place at = spec_find_role(s, STR("UprobeRole"))->attributes[0].at;
	assert_string_equal(at.path, "/roles/0/attributes/max_memory");
	assert_int_equal(at.line, 99);
	assert_int_equal(at.column, 7);
}

static void loads_the_same_as_json(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 20), json = BUF_INIT(1 << 20);
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	OWNED(spec) struct spec *s = NULL, *again = NULL;
	const struct node *root;
	assert_ok(file_read(EXAMPLE, &text));
	assert_ok(yaml_parse(buf_str(&text), &a, &root));
	json_print_pretty(root, &json);
	assert_ok(spec_parse(buf_str(&json), &s));
	check_example(s);
	assert_int_equal(s->digest.size, 64);
	assert_ok(spec_parse(buf_str(&text), &again));
	assert_false(str_equal(s->digest, again->digest)); /* of the text, not of the meaning */
}

static void reads_json_that_is_no_yaml(void **state UNUSED)
{
	OWNED(spec) struct spec *s = NULL;
	assert_ok(spec_parse(STR("{\"roles\":[{\"name\":\"\\ud83d\\ude00\"}]}"), &s));
	assert_non_null(spec_find_role(s, STR("😀")));
	assert_int_equal(s->roles[0].at.column, 11);
}

static void takes_absent_and_null_lists_for_empty(void **state UNUSED)
{
	OWNED(spec) struct spec *s = NULL;
	assert_ok(spec_parse(STR("types:\nroles: null\nextension_exports: ~\n"), &s));
	assert_int_equal(s->types_count + s->roles_count + s->exports_count, 0);
	assert_null(spec_find_role(s, STR("x")));
}

static void reads_all_that_a_function_can_say(void **state UNUSED)
{
	OWNED(spec) struct spec *s = NULL;
	assert_ok(spec_parse(
		STR("host_functions:\n"
		    "  - name: open\n"
		    "    signature: {params: [{type: char*, name: path}], return_type: int}\n"
		    "    acquires: file\n"
		    "    side_effect: true\n"
		    "    requires: {trusted: true, gone: null}\n"
		    "  - name: close\n"
		    "    releases: file\n"
		    "extension_exports:\n"
		    "  - name: on_open\n"
		    "    signature: {return_type: int}\n"
		    "    symbol: host_on_open\n"
		    "    roles: [r, q]\n"
		    "roles:\n"
		    "  - name: r\n"
		    "    access: {read: [r], write: [r.headers_out]}\n"
		    "    attributes: {gone: null, trusted: true}\n"),
		&s));
	const struct spec_function *open = spec_find_function(s, STR("open"));
	const struct spec_function *close = spec_find_function(s, STR("close"));
	assert_true(str_is(open->acquires, "file") && str_is(close->releases, "file"));
	assert_true(open->side_effect && !close->side_effect);
	assert_true(open->has_signature && !close->has_signature);
	assert_int_equal(open->requires_->count, 2);
	assert_int_equal(s->exports_count, 1);
	assert_true(s->exports[0].has_signature);
	assert_true(str_is(s->exports[0].symbol, "host_on_open"));
	assert_int_equal(s->exports[0].roles.count, 2);
	assert_string_equal(s->exports[0].roles.at[1].path, "/extension_exports/0/roles/1");
	assert_true(str_is(s->roles[0].write.items[0], "r.headers_out"));
	assert_int_equal(s->roles[0].attributes_count, 1);
}

static void assert_refuses(const char *text, const char *path, const char *message)
{
	struct spec *s = NULL;
	assert_fails(spec_parse(str_of(text), &s), ERR_INVALID, path, message);
	assert_null(s);
}

static void says_what_is_wrong_and_where(void **state UNUSED)
{
	assert_refuses("roels:\n  - name: x\n", "/roels",
		       "line 1:1: unknown key \"roels\"; did you mean \"roles\"?");
	assert_refuses("roles:\n  - nmae: x\n", "/roles/0/nmae", "did you mean \"name\"?");
	assert_refuses("roles:\n  - inherits: []\n", "/roles/0",
		       "line 2:5: the key \"name\" is missing");
	assert_refuses("roles: {}", "/roles", "must be a list, is a map");
	assert_refuses("roles: [x]", "/roles/0", "must be a map, is text");
	assert_refuses("roles:\n- name: x\n  capabilities: [a, 5]\n", "/roles/0/capabilities/1",
		       "line 3:21: must be text, is an integer");
	assert_refuses("roles: [{name: x, attributes: []}]", "/roles/0/attributes",
		       "must be a map, is a list");
	assert_refuses("roles: [{name: x, access: {reed: []}}]", "/roles/0/access/reed",
		       "did you mean \"read\"?");
	assert_refuses("host_functions: [{name: f, signature: {params: [], return: int}}]",
		       "/host_functions/0/signature/return", "unknown key \"return\"");
	assert_refuses("host_functions: [{name: f, signature: {params: [{type: int}], "
		       "return_type: int}}]",
		       "/host_functions/0/signature/params/0", "the key \"name\" is missing");
	assert_refuses("host_functions: [{name: f, side_effect: 1}]",
		       "/host_functions/0/side_effect", "must be true or false");
	assert_refuses("host_functions: [{name: f, symbol: g}]", "/host_functions/0/symbol",
		       "unknown key \"symbol\"");
	assert_refuses("extension_exports: [{name: f, roles: [5]}]", "/extension_exports/0/roles/0",
		       "must be text, is an integer");
	assert_refuses("types: [{name: t}]", "/types/0", "the key \"base\" is missing");
	assert_refuses("entries: []", "/entries", "unknown key");
	assert_refuses("[]", "", "must be a map, is a list");
	assert_refuses("", "", "must be a map, is null");
	assert_refuses("a: &a [x]", "1:4", "anchors are not allowed");
	assert_refuses("roles: [", "2:1", "not YAML");
	assert_refuses("{\"roles\": [}", "1:12", "not YAML");
}

static void refuses_names_that_stand_twice(void **state UNUSED)
{
	assert_refuses("roles:\n- name: b\n- name: a\n- name: b\n", "/roles/2",
		       "line 4:3: the name \"b\" stands twice");
	assert_refuses("types: [{name: t, base: int}, {name: t, base: int}]", "/types/1",
		       "stands twice");
	assert_refuses("host_functions: [{name: f, signature: {return_type: int, params: "
		       "[{type: int, name: a}, {type: int, name: a}]}}]",
		       "/host_functions/0/signature/params/1",
		       "two parameters have the name \"a\"");
}

static void refuses_constraints_past_the_limit(void **state UNUSED)
{
	assert_refuses("types:\n- name: t\n  base: int\n  constraints:\n"
		       "  - a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1,a>1\n",
		       "/types/0/constraints/0", "line 5:5: a constraint of more than");
}

static size_t count_findings(const struct err *e)
{
	size_t n = 0;
	for (; e; e = err_next(e))
		n++;
	return n;
}

static void reports_all_findings_in_one_run(void **state UNUSED)
{
	struct spec *s = NULL;
	OWNED(err)
	struct err *e = spec_parse(STR("x: 1\n"
				       "types: [{name: 1}]\n"
				       "roles: [{name: r}, {name: r}]\n"
				       "capabilities: [{name: c, apis: [1, 2]}]\n"),
				   &s);
	static const char *const paths[] = {"/x",
					    "/types/0/name",
					    "/types/0",
					    "/capabilities/0/apis/0",
					    "/capabilities/0/apis/1",
					    "/roles/1"};
	const struct err *each = e;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++, each = err_next(each)) {
		assert_non_null(each);
		assert_string_equal(err_path(each), paths[i]);
	}
	assert_null(each);
}

static void stops_looking_after_enough_findings(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(SPEC_MAX_BYTES);
	struct spec *s = NULL;
	buf_puts(&text, "capabilities: [{name: c, apis: [");
	while (text.size < SPEC_MAX_BYTES - 10)
		buf_puts(&text, "1234567,");
	buf_puts(&text, "1]}]");
	OWNED(err) struct err *e = spec_parse(buf_str(&text), &s);
	assert_int_equal(count_findings(e), SPEC_MAX_FINDINGS);
}

static void refuses_a_document_that_is_too_large(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(SPEC_MAX_BYTES + 1);
	struct spec *s = NULL;
	assert_non_null(buf_extend(&text, SPEC_MAX_BYTES + 1));
	assert_fails(spec_parse(buf_str(&text), &s), ERR_TOO_LARGE, "", "1048576 are allowed");
}

/* A megabyte of names that are looked up and checked for repetition. */
static void copes_with_the_largest_document(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(SPEC_MAX_BYTES);
	OWNED(spec) struct spec *s = NULL;
	buf_puts(&text, "capabilities:\n");
	for (unsigned i = 0; text.size < SPEC_MAX_BYTES - 32; i++)
		buf_printf(&text, "- name: c%u\n", i);
	assert_ok(spec_parse(buf_str(&text), &s));
	assert_true(s->capabilities_count > 60000);
	assert_ptr_equal(spec_find_capability(s, STR("c4711")), &s->capabilities[4711]);
}

static void survives_every_failed_allocation(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	assert_ok(file_read(EXAMPLE, &text));
	bool failed = true;
	for (uint64_t n = 1; failed; n++) {
		OWNED(spec) struct spec *s = NULL;
		const struct spec_finding *findings;
		size_t count;
		mem_fail_at(n);
		struct err *e = spec_parse(buf_str(&text), &s);
		if (!e)
			e = spec_lint(s, true, &findings, &count);
		failed = mem_failed();
		mem_fail_at(0);
		assert_true(!e == !failed);
		if (e)
			assert_int_equal(err_code(e), ERR_NO_MEMORY);
		err_destroy(e);
		assert_true(n < 100000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_the_formats_example),
		cmocka_unit_test(loads_the_same_as_json),
		cmocka_unit_test(reads_json_that_is_no_yaml),
		cmocka_unit_test(takes_absent_and_null_lists_for_empty),
		cmocka_unit_test(reads_all_that_a_function_can_say),
		cmocka_unit_test(says_what_is_wrong_and_where),
		cmocka_unit_test(refuses_names_that_stand_twice),
		cmocka_unit_test(refuses_constraints_past_the_limit),
		cmocka_unit_test(reports_all_findings_in_one_run),
		cmocka_unit_test(stops_looking_after_enough_findings),
		cmocka_unit_test(refuses_a_document_that_is_too_large),
		cmocka_unit_test(copes_with_the_largest_document),
		cmocka_unit_test(survives_every_failed_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
