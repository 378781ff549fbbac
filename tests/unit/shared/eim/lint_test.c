#include "tests/unit/test.h"

#include "shared/base/file.h"
#include "shared/eim/lint.h"

#define EXAMPLE "tests/cases/specs/uprobe-role.yaml"

struct want {
	const char *code, *path, *message;
	uint32_t line, column;
};

static void assert_finding(const struct spec_finding *f, const struct want *want)
{
	assert_string_equal(f->code, want->code);
	assert_string_equal(f->at.path, want->path);
	if (!strstr(f->message, want->message))
		fail_msg("message \"%s\" lacks \"%s\"", f->message, want->message);
	assert_int_equal(f->at.line, want->line);
	assert_int_equal(f->at.column, want->column);
}

static void reports_on_the_formats_example(void **state UNUSED)
{
	static const struct want wanted[] = {
		{"no-such-helper", "/host_functions/3", "\"bpf_strncpy\"", 38, 5},
		{"no-such-helper", "/host_functions/4", "\"bpf_strnlen\"", 48, 5},
		{"narrow-return", "/host_functions/6/signature/return_type",
		 "\"bpf_get_current_pid_tgid\" is declared as \"int\", but the helper's has 64 "
		 "bits",
		 71, 7},
		{"unsaid-pointer", "/host_functions/7/signature/params/0", "\"ctx.readable(n)\"",
		 78, 11},
		{"prose-constraint", "/capabilities/0/constraints/0", "All map operations", 85, 19},
		{"prose-constraint", "/capabilities/1/constraints/0", "String pointers", 88, 19},
		{"undefined-function", "/capabilities/2/apis/1", "\"bpf_get_info\"", 90, 30},
		{"prose-constraint", "/capabilities/2/constraints/0", "Memory read", 91, 19},
		{"prose-constraint", "/capabilities/2/constraints/1", "Info retrieval", 91, 60},
		{"prose-constraint", "/capabilities/3/constraints/0", "ctx must be", 94, 19},
	};
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	OWNED(spec) struct spec *s = NULL;
	const struct spec_finding *findings;
	size_t count;
	assert_ok(file_read(EXAMPLE, &text));
	assert_ok(spec_parse(buf_str(&text), &s));
	assert_ok(spec_lint(s, false, &findings, &count));
	assert_int_equal(count, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < count; i++) {
		assert_finding(&findings[i], &wanted[i]);
		assert_int_equal(findings[i].severity, SPEC_WARNING);
	}
	assert_ok(spec_lint(s, true, &findings, &count));
	for (size_t i = 0; i < count; i++)
		assert_int_equal(findings[i].severity,
				 strcmp(findings[i].code, "prose-constraint") == 0 ? SPEC_ERROR
										   : SPEC_WARNING);
}

/* `text` has exactly that one finding. */
static void assert_one(const char *text, const char *code, const char *path, const char *message)
{
	OWNED(spec) struct spec *s = NULL;
	const struct spec_finding *findings;
	size_t count;
	assert_ok(spec_parse(str_of(text), &s));
	assert_ok(spec_lint(s, false, &findings, &count));
	for (size_t i = 1; i < count; i++)
		print_error("also %s: %s\n", findings[i].code, findings[i].message);
	assert_int_equal(count, 1);
	assert_string_equal(findings[0].code, code);
	assert_string_equal(findings[0].at.path, path);
	if (!strstr(findings[0].message, message))
		fail_msg("message \"%s\" lacks \"%s\"", findings[0].message, message);
}

#define F(params, constraints)                                    \
	"host_functions: [{name: f, signature: {params: [" params \
	"], return_type: int}, function_constraints: [" constraints "]}]\n"

static void finds_names_that_nothing_has(void **state UNUSED)
{
	assert_one(F("{type: int, name: len}", "lenn > 0"), "unknown-name",
		   "/host_functions/0/function_constraints/0", "no parameter of \"f\"");
	assert_one(F("{type: int, name: len}", "value > 0"), "unknown-name",
		   "/host_functions/0/function_constraints/0", "\"value > 0\"");
	assert_one(F("", "\"sizeof(p) > 0\""), "unknown-name",
		   "/host_functions/0/function_constraints/0", "sizeof(p)");
	assert_one("types: [{name: t, base: int, constraints: [len > 0]}]", "unknown-name",
		   "/types/0/constraints/0", "\"value\" alone");
	assert_one("types: [{name: t, base: int, constraints: [return > 0]}]", "unknown-name",
		   "/types/0/constraints/0", "\"value\" alone");
	assert_one(F("{type: int, name: len}",
		     "") "capabilities: [{name: c, apis: [f], constraints: [size > 0]}]\n"
			 "roles: [{name: r, capabilities: [c]}]",
		   "unknown-name", "/capabilities/0/constraints/0", "no function of \"c\" has");
}

static void knows_the_runtimes_functions_by_name(void **state UNUSED)
{
	assert_one("capabilities: [{name: c, apis: [bpf_iter_num_next, bpf_iter_num_nextt]}]\n"
		   "roles: [{name: r, capabilities: [c]}]",
		   "undefined-function", "/capabilities/0/apis/1",
		   "did you mean \"bpf_iter_num_next\"?");
	assert_one("host_functions: [{name: bpf_iter_num_next, signature: {params: [{type: int, "
		   "name: a}, {type: int, name: b}], return_type: int}}]",
		   "helper-parameters", "/host_functions/0", "2 parameters, but the helper has 1");
}

static void finds_types_that_nothing_declares(void **state UNUSED)
{
	assert_one(F("{type: request_t, name: r}", ""), "unknown-type",
		   "/host_functions/0/signature/params/0", "\"request_t\"");
	assert_one("types: [{name: request_t, base: void*}]\n" F("{type: requets_t, name: r}", ""),
		   "unknown-type", "/host_functions/0/signature/params/0",
		   "did you mean \"request_t\"?");
	assert_one(F("{type: \"int int\", name: r}", ""), "unknown-type",
		   "/host_functions/0/signature/params/0", "\"int int\" is not a type");
	assert_one("types: [{name: t, base: t_base}]", "unknown-type", "/types/0", "\"t_base\"");
}

static void finds_types_that_end_in_no_type(void **state UNUSED)
{
	OWNED(spec) struct spec *s = NULL;
	const struct spec_finding *findings;
	size_t count;
	assert_ok(spec_parse(STR("types: [{name: a, base: b}, {name: b, base: a}]"), &s));
	assert_ok(spec_lint(s, false, &findings, &count));
	assert_int_equal(count, 2);
	assert_string_equal(findings[0].code, "type-cycle");
	assert_string_equal(findings[1].at.path, "/types/1");
}

static void finds_helpers_that_are_declared_otherwise(void **state UNUSED)
{
	assert_one("host_functions: [{name: bpf_ktime_get_ns, signature: {return_type: u32}}]",
		   "narrow-return", "/host_functions/0/signature/return_type", "64 bits");
	assert_one("host_functions: [{name: bpf_map_delete_elem, signature: {return_type: int}}]",
		   "helper-parameters", "/host_functions/0",
		   "declared with 0 parameters, but the helper has 2");
}

static void finds_what_roles_and_capabilities_lack(void **state UNUSED)
{
	assert_one("capabilities: [{name: c}]", "unused-capability", "/capabilities/0",
		   "no role holds capability \"c\"");
	assert_one("capabilities: [{name: MapCap}]\n"
		   "roles: [{name: q, capabilities: [MapCap]}, {name: r, capabilities: [MapCpa]}]",
		   "unknown-capability", "/roles/1/capabilities/0", "did you mean \"MapCap\"?");
	assert_one("roles: [{name: base}, {name: r, inherits: [bsae]}]", "unknown-role",
		   "/roles/1/inherits/0", "did you mean \"base\"?");
	assert_one("roles: [{name: base}]\nextension_exports: [{name: e, roles: [bsae]}]",
		   "unknown-role", "/extension_exports/0/roles/0", "did you mean \"base\"?");
	assert_one("roles: [{name: r, attributes: {max_memmory: 1}}]", "custom-attribute",
		   "/roles/0/attributes/max_memmory", "did you mean \"max_memory\"?");
	assert_one("roles: [{name: r, attributes: {max_memory: -1}}]", "attribute-value",
		   "/roles/0/attributes/max_memory", "max_memory is negative");
	assert_one("roles: [{name: r, attributes: {skip_verification: true}}]", "skip-verification",
		   "/roles/0/attributes/skip_verification", "not granted");
	assert_one("host_functions: [{name: f, requires: {trusted: true}}]\n"
		   "capabilities: [{name: c, apis: [f]}]\n"
		   "roles: [{name: r, capabilities: [c], attributes: {trusted: false}}]",
		   "requirement-not-held", "/roles/0", "\"trusted\"");
	assert_one("host_functions: [{name: f, requires: {trusted: true}}]\n"
		   "capabilities: [{name: c, apis: [f]}]\n"
		   "roles: [{name: r, capabilities: [c], attributes: {trusted: true}},\n"
		   "{name: s, inherits: [r]}, {name: t, inherits: [s], attributes: {trusted: no}}]",
		   "requirement-not-held", "/roles/2", "role \"t\" holds function \"f\"");
}

static void reports_broken_inheritance_once(void **state UNUSED)
{
	assert_one("roles: [{name: a, attributes: {metered: true}},\n"
		   "{name: b, attributes: {metered: false}},\n"
		   "{name: c, inherits: [a, b]}, {name: d, inherits: [c]}]",
		   "attribute-conflict", "/roles/2",
		   "role \"c\" inherits metered: true from \"a\" and false from \"b\"");
	assert_one("roles: [{name: a, inherits: [a]}, {name: b, inherits: [a]}]", "inherit-cycle",
		   "/roles/0/inherits/0", "inherits it");
}

static void stops_at_a_thousand_findings(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(SPEC_MAX_BYTES);
	OWNED(spec) struct spec *s = NULL;
	const struct spec_finding *findings;
	size_t count;
	buf_puts(&text, "capabilities: [");
	for (unsigned i = 0; i < 5000; i++)
		buf_printf(&text, "{name: capability_with_a_long_name_for_comparison_%u},\n", i);
	buf_puts(&text, "]\nroles: [{name: r, capabilities: [");
	for (unsigned i = 0; i < 5000; i++)
		buf_printf(&text, "capability_with_another_name_for_comparison_%u,\n", i);
	buf_puts(&text, "]}]");
	assert_ok(spec_parse(buf_str(&text), &s));
	assert_ok(spec_lint(s, false, &findings, &count));
	assert_int_equal(count, 1000);
}

static void says_nothing_about_a_good_document(void **state UNUSED)
{
	OWNED(spec) struct spec *s = NULL;
	const struct spec_finding *findings;
	size_t count;
	assert_ok(spec_parse(
		STR("types: [{name: pos, base: int, constraints: [value > 0]}]\n"
		    "host_functions:\n"
		    "- name: f\n"
		    "  signature: {params: [{type: pos, name: n}, {type: const_char_ptr, "
		    "name: value}], return_type: int}\n"
		    "  function_constraints: [n < 5, value.null_terminated, return ≤ n]\n"
		    "  requires: {trusted: true, metered: false}\n"
		    "capabilities: [{name: c, apis: [f, bpf_ktime_get_ns], constraints: "
		    "[n > 1]}]\n"
		    "roles:\n"
		    "- {name: base, attributes: {trusted: true}}\n"
		    "- {name: r, capabilities: [c], inherits: [base]}\n"),
		&s));
	assert_ok(spec_lint(s, true, &findings, &count));
	for (size_t i = 0; i < count; i++)
		print_error("%s: %s\n", findings[i].code, findings[i].message);
	assert_int_equal(count, 0);
}

static void has_distinct_codes(void **state UNUSED)
{
	for (int i = 1; i < LINT_COUNT; i++)
		for (int j = 1; j < i; j++)
			assert_string_not_equal(lint_table[i].code, lint_table[j].code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_on_the_formats_example),
		cmocka_unit_test(finds_names_that_nothing_has),
		cmocka_unit_test(knows_the_runtimes_functions_by_name),
		cmocka_unit_test(finds_types_that_nothing_declares),
		cmocka_unit_test(finds_types_that_end_in_no_type),
		cmocka_unit_test(finds_helpers_that_are_declared_otherwise),
		cmocka_unit_test(finds_what_roles_and_capabilities_lack),
		cmocka_unit_test(reports_broken_inheritance_once),
		cmocka_unit_test(stops_at_a_thousand_findings),
		cmocka_unit_test(says_nothing_about_a_good_document),
		cmocka_unit_test(has_distinct_codes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
