#include "tests/unit/test.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"
#include "shared/eim/role.h"
#include "tests/unit/shared/eim/host_btf.h"

#define EXAMPLE "tests/cases/specs/uprobe-role.yaml"

static struct err *resolve(const char *text, const char *name, const struct btf *host,
			   struct role **out)
{
	OWNED(spec) struct spec *s = NULL; /* gone before the role is used */
	TRY(spec_parse(str_of(text), &s));
	return role_resolve(s, str_of(name), host, out);
}

static void assert_refuses(const char *text, const char *name, enum err_code code, const char *path,
			   const char *message)
{
	struct role *r = NULL;
	assert_fails(resolve(text, name, NULL, &r), code, path, message);
	assert_null(r);
}

/* ---- the example ---- */

static void resolves_the_formats_example(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	OWNED(role) struct role *r = NULL;
	assert_ok(file_read(EXAMPLE, &text));
	assert_ok(resolve(buf_text(&text), "UprobeRole", NULL, &r));
	assert_int_equal(r->attributes.max_memory, 512);
	assert_true(r->attributes.max_instructions == 100000);
	assert_false(r->attributes.allow_memory_write || r->attributes.skip_verification);
	assert_true(r->attributes.always_const);
	assert_int_equal(r->functions_count, 8);
	const struct role_function *update = role_find_function(r, STR("bpf_map_update_elem"));
	assert_int_equal(update->kind, ROLE_FUNCTION_HELPER);
	assert_ptr_equal(update->helper, helper_find_name(STR("bpf_map_update_elem")));
	assert_ptr_equal(role_find_helper(r, update->helper), update);
	assert_true(str_is(update->capability, "MapHelpersCap"));
	assert_true(str_is(update->granted_by, "UprobeRole"));
	assert_int_equal(update->pre_count, 3);
	assert_true(str_is(update->pre[2].text, "value.non_null"));
	assert_int_equal(update->pre[2].terms[0].left.atoms[0].kind, CONSTRAINT_NAME);
	assert_int_equal(role_find_function(r, STR("bpf_get_info"))->kind,
			 ROLE_FUNCTION_UNRESOLVED);
	assert_null(role_find_function(r, STR("bpf_get_current_pid_tgid"))); /* not granted */
	assert_null(role_find_helper(r, helper_find_name(STR("bpf_get_current_pid_tgid"))));
	assert_null(role_find_helper(r, NULL));
}

static void puts_types_constraints_on_parameters_and_results(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	assert_ok(resolve(
		"types: [{name: pos, base: count, constraints: [value > 0]},\n"
		" {name: count, base: int, constraints: [value < 10]}]\n"
		"host_functions:\n"
		"- name: f\n"
		"  signature: {params: [{type: pos, name: n}, {type: \"void*\", name: p}], "
		"return_type: pos}\n"
		"  function_constraints: [\"p.readable(n) and return ≤ n\", be nice, n > 0]\n"
		"capabilities:\n"
		"- {name: c, apis: [f, g], constraints: [p.non_null, q.non_null]}\n"
		"- {name: d, apis: [f], constraints: [n ≠ 3]}\n"
		"roles: [{name: r, capabilities: [c, d]}]",
		"r", NULL, &r));
	static const char *const pre[] = {"n > 0", "n < 10", "p.readable(n)", "p.non_null",
					  "n ≠ 3"};
	static const char *const post[] = {"return > 0", "return < 10", "return ≤ n"};
	const struct role_function *f = role_find_function(r, STR("f"));
	assert_int_equal(f->pre_count, ARRAY_SIZE(pre));
	for (size_t i = 0; i < ARRAY_SIZE(pre); i++) {
		assert_true(str_is(f->pre[i].text, pre[i]));
		assert_false(constraint_is_post(&f->pre[i]));
	}
	assert_int_equal(f->post_count, ARRAY_SIZE(post));
	for (size_t i = 0; i < ARRAY_SIZE(post); i++)
		assert_true(str_is(f->post[i].text, post[i]));
	assert_int_equal(role_find_function(r, STR("g"))->pre_count, 0);
}

static void never_loses_a_constraint_to_an_odd_name(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	assert_ok(resolve("types: [{name: t, base: int, constraints: [value > 0]}]\n"
			  "host_functions: [{name: f, signature: {params: [{type: t, name: a b}, "
			  "{type: t, name: return}, {type: t, name: value}], return_type: int}}]\n"
			  "capabilities: [{name: c, apis: [f]}]\n"
			  "roles: [{name: r, capabilities: [c]}]",
			  "r", NULL, &r));
	const struct role_function *f = role_find_function(r, STR("f"));
	assert_int_equal(f->pre_count, 3);
	assert_int_equal(f->post_count, 0);
	for (size_t i = 0; i < 3; i++) {
		assert_false(f->pre[i].is_prose);
		assert_true(str_equal(f->pre[i].terms[0].left.atoms[0].name, f->params[i].name));
	}
}

/* ---- attributes and inheritance ---- */

static void has_defaults_for_what_nobody_sets(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	assert_ok(resolve("roles: [{name: r}]", "r", NULL, &r));
	assert_int_equal(r->attributes.max_memory, 512);
	assert_true(r->attributes.max_map_memory == 64u << 20);
	assert_true(r->attributes.max_instructions == 1000000);
	assert_true(r->attributes.always_const);
	assert_false(r->attributes.metered || r->attributes.allow_memory_write ||
		     r->attributes.may_have_side_effect || r->attributes.skip_verification);
	assert_int_equal(r->functions_count, 0);
	assert_null(role_find_function(r, STR("f")));
}

#define FAMILY                                                                                 \
	"capabilities: [{name: x, apis: [bpf_ktime_get_ns]}, {name: y, apis: [g]}]\n"          \
	"roles:\n"                                                                             \
	"- {name: base, capabilities: [x], attributes: {max_memory: 256, team: {a: [1]}}}\n"   \
	"- {name: left, inherits: [base], attributes: {metered: true}}\n"                      \
	"- {name: right, inherits: [base], capabilities: [y], attributes: {max_instructions: " \
	"5}}\n"

static void joins_what_parents_have(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	assert_ok(resolve(FAMILY
			  "- {name: r, inherits: [left, right], attributes: {metered: false}}",
			  "r", NULL, &r));
	assert_int_equal(r->attributes.max_memory, 256); /* over two ways: one value */
	assert_true(r->attributes.max_instructions == 5);
	assert_false(r->attributes.metered); /* the child's own */
	assert_int_equal(r->functions_count, 2);
	assert_true(str_is(role_find_function(r, STR("bpf_ktime_get_ns"))->granted_by, "base"));
	assert_true(str_is(role_find_function(r, STR("g"))->granted_by, "right"));
	assert_int_equal(r->custom_count, 1);
	assert_true(str_is(r->custom[0].name, "team") && str_is(r->custom[0].set_by, "base"));
	assert_int_equal(node_at(r->custom[0].value, "/a/0")->integer, 1);
}

static void wants_the_child_to_decide_a_conflict(void **state UNUSED)
{
	static const char two[] = "roles:\n"
				  "- {name: a, attributes: {max_memory: 1}}\n"
				  "- {name: b, attributes: {max_memory: 2}}\n";
	OWNED_BUF struct buf text = BUF_INIT(4096);
	OWNED(role) struct role *r = NULL;
	buf_printf(&text, "%s- {name: r, inherits: [a, b]}", two);
	assert_refuses(buf_text(&text), "r", ERR_INVALID, "/roles/2",
		       "line 4:3: role \"r\" inherits max_memory: 1 from \"a\" and 2 from \"b\"; "
		       "set max_memory in \"r\"");
	buf_clear(&text);
	buf_printf(&text,
		   "%s- {name: r, inherits: [a, b], attributes: {max_memory: 3}}\n"
		   "- {name: s, inherits: [r, a]}",
		   two);
	assert_ok(resolve(buf_text(&text), "r", NULL, &r));
	assert_int_equal(r->attributes.max_memory, 3);
	assert_refuses(buf_text(&text), "s", ERR_INVALID, "/roles/3",
		       "3 from \"r\" and 1 from \"a\"");
}

static void refuses_circles_and_strangers(void **state UNUSED)
{
	assert_refuses("roles: [{name: UprobeRole}]", "UprobeRle", ERR_NOT_FOUND, "/roles",
		       "no role \"UprobeRle\"; did you mean \"UprobeRole\"?");
	assert_refuses("roles:", "x", ERR_NOT_FOUND, "/roles", "no role \"x\"");
	assert_refuses("roles: [{name: a, inherits: [b]}, {name: b, inherits: [c]},\n"
		       "{name: c, inherits: [a]}]",
		       "a", ERR_INVALID, "/roles/2/inherits/0",
		       "line 2:22: role \"c\" inherits \"a\", which inherits it");
	assert_refuses("roles: [{name: a, inherits: [a]}]", "a", ERR_INVALID, "/roles/0/inherits/0",
		       "inherits it");
	assert_refuses("roles: [{name: base}, {name: a, inherits: [bsae]}]", "a", ERR_INVALID,
		       "/roles/1/inherits/0", "did you mean \"base\"?");
	assert_refuses("capabilities: [{name: MapCap}]\nroles: [{name: a, capabilities: [MapCpa]}]",
		       "a", ERR_INVALID, "/roles/0/capabilities/0",
		       "line 2:34: no capability \"MapCpa\"; did you mean \"MapCap\"?");
}

static void refuses_values_that_attributes_cannot_have(void **state UNUSED)
{
	assert_refuses("roles: [{name: a, attributes: {max_memory: -1}}]", "a", ERR_INVALID,
		       "/roles/0/attributes/max_memory", "max_memory is negative");
	assert_refuses("roles: [{name: a, attributes: {max_memory: 4294967296}}]", "a", ERR_INVALID,
		       "/roles/0/attributes/max_memory", "larger than 4294967295");
	assert_refuses("roles: [{name: a, attributes: {max_instructions: many}}]", "a", ERR_INVALID,
		       "/roles/0/attributes/max_instructions", "must be an integer");
	assert_refuses("roles: [{name: a, attributes: {always_const: 1}}]", "a", ERR_INVALID,
		       "/roles/0/attributes/always_const", "must be true or false");
	assert_refuses("roles: [{name: a, attributes: {skip_verification: true}}]", "a",
		       ERR_INVALID, "/roles/0/attributes/skip_verification",
		       "every program is verified");
	assert_refuses("roles: [{name: a, attributes: {skip_verification: true}},\n"
		       "{name: b, inherits: [a], attributes: {skip_verification: false}}]",
		       "b", ERR_INVALID, "/roles/0/attributes/skip_verification",
		       "every program is verified");
}

static void refuses_families_past_the_limit(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	OWNED(role) struct role *r = NULL;
	buf_puts(&text, "roles:\n- name: r0\n");
	for (unsigned i = 1; i < 100; i++)
		buf_printf(&text, "- {name: r%u, inherits: [r%u]}\n", i, i - 1);
	assert_ok(resolve(buf_text(&text), "r63", NULL, &r));
	assert_refuses(buf_text(&text), "r64", ERR_INVALID, "/roles/1/inherits/0",
		       "more than 64 roles");
}

static void refuses_constraints_past_the_limit(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	buf_puts(&text, "host_functions: [{name: f, function_constraints: [");
	for (int i = 0; i < 2 * ROLE_MAX_CONSTRAINTS; i++)
		buf_printf(&text, "return > %d,", i);
	buf_puts(&text, "]}]\ncapabilities: [{name: c, apis: [f]}]\n"
			"roles: [{name: r, capabilities: [c]}]");
	assert_refuses(buf_text(&text), "r", ERR_INVALID, "/host_functions",
		       "more than 256 constraints on one function");
}

static void says_what_a_function_requires_that_the_role_lacks(void **state UNUSED)
{
	static const char head[] =
		"host_functions: [{name: f, requires: {level: 2, metered: false}}]\n"
		"capabilities: [{name: c, apis: [f]}]\n";
	OWNED_BUF struct buf text = BUF_INIT(4096);
	static const char *const lacks[] = {"level: 2", "metered: false", ""};
	buf_printf(&text,
		   "%sroles: [{name: a, capabilities: [c], attributes: {level: 1}},\n"
		   "{name: b, capabilities: [c], attributes: {level: 2, metered: true}},\n"
		   "{name: c, capabilities: [c], attributes: {level: 2}}]",
		   head);
	for (size_t i = 0; i < ARRAY_SIZE(lacks); i++) {
		OWNED(role) struct role *r = NULL;
		OWNED_BUF struct buf out = BUF_INIT(65536);
		const char name[] = {(char)('a' + i), 0};
		assert_ok(resolve(buf_text(&text), name, NULL, &r));
		assert_true(str_is(r->functions[0].lacks, lacks[i]));
		role_print(r, &out);
		assert_true(!strstr(buf_text(&out), "no program may call it: it requires") ==
			    !*lacks[i]);
	}
}

/* ---- against a host ---- */

/* int host_read_file(int fd, char *buffer, int length); void host_log(const char *text);
 * and a host function with a helper's name */
static struct btf *make_host(void)
{
	struct host_btf h = host_btf_start();
	struct btf *b = NULL;
	uint32_t i = host_btf_int(&h, "int", 4, HOST_BTF_SIGNED);
	uint32_t c = host_btf_int(&h, "char", 1, HOST_BTF_SIGNED);
	uint32_t p = host_btf_type(&h, 2, "", c, 0);
	uint32_t cc = host_btf_type(&h, 10, "", c, 0);
	uint32_t cp = host_btf_type(&h, 2, "", cc, 0);
	host_btf_func(&h, "host_read_file", i,
		      (struct host_btf_param[]){{"fd", i}, {"buffer", p}, {"length", i}}, 3);
	host_btf_func(&h, "host_log", 0, (struct host_btf_param[]){{"text", cp}}, 1);
	host_btf_func(&h, "bpf_ktime_get_ns", i, NULL, 0);
	host_btf_func(&h, "host_add", i, (struct host_btf_param[]){{"a", i}, {"b", i}}, 2);
	assert_ok(host_btf_end(&h, &b));
	return b;
}

#define READ_FILE(params, result)                                              \
	"host_functions: [{name: host_read_file, signature: {params: [" params \
	"], return_type: " result "}}]\n"                                      \
	"capabilities: [{name: c, apis: [host_read_file]}]\n"                  \
	"roles: [{name: r, capabilities: [c]}]"

static void finds_functions_in_the_host_first(void **state UNUSED)
{
	OWNED(btf) struct btf *host = make_host();
	OWNED(role) struct role *r = NULL;
	assert_ok(resolve("capabilities: [{name: c, apis: [host_log, bpf_ktime_get_ns, "
			  "bpf_map_lookup_elem, strncmp, nowhere, host_log]}]\n"
			  "roles: [{name: r, capabilities: [c]}]",
			  "r", host, &r));
	const struct role_function *log = role_find_function(r, STR("host_log"));
	assert_int_equal(r->functions_count, 5);
	assert_int_equal(log->kind, ROLE_FUNCTION_HOST);
	assert_int_equal(log->params_count, 1); /* from BTF, where the spec says nothing */
	assert_true(str_is(log->params[0].name, "text"));
	assert_true(str_is(log->params[0].type, "const char *"));
	assert_true(str_is(log->return_type, "void"));
	assert_int_equal(role_find_function(r, STR("bpf_ktime_get_ns"))->kind, ROLE_FUNCTION_HOST);
	assert_int_equal(role_find_function(r, STR("bpf_map_lookup_elem"))->kind,
			 ROLE_FUNCTION_HELPER);
	/* libc's, not the helper "bpf_strncmp" */
	assert_int_equal(role_find_function(r, STR("strncmp"))->kind, ROLE_FUNCTION_UNRESOLVED);
	assert_int_equal(role_find_function(r, STR("nowhere"))->kind, ROLE_FUNCTION_UNRESOLVED);
}

static void grants_functions_of_the_runtime_by_name(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	OWNED(role) struct role *r = NULL;
	assert_ok(resolve("capabilities: [{name: c, apis: [bpf_iter_num_next, iter_num_new]}]\n"
			  "roles: [{name: r, capabilities: [c]}]",
			  "r", NULL, &r));
	const struct role_function *next = role_find_function(r, STR("bpf_iter_num_next"));
	assert_int_equal(next->kind, ROLE_FUNCTION_RUNTIME);
	assert_null(next->helper);
	assert_int_equal(role_find_function(r, STR("iter_num_new"))->kind,
			 ROLE_FUNCTION_UNRESOLVED);
	role_print(r, &text);
	assert_non_null(strstr(buf_text(&text), "a function of the runtime"));
}

static void takes_a_signature_that_is_the_hosts(void **state UNUSED)
{
	OWNED(btf) struct btf *host = make_host();
	OWNED(role) struct role *r = NULL;
	assert_ok(resolve("types: [{name: fd_t, base: int, constraints: [value ≥ 0]}]\n" READ_FILE(
				  "{type: fd_t, name: fd}, {type: char_ptr, name: out}, "
				  "{type: int32_t, name: length}",
				  "int"),
			  "r", host, &r));
	assert_int_equal(r->functions[0].kind, ROLE_FUNCTION_HOST);
	assert_true(str_is(r->functions[0].params[0].type, "fd_t"));
	assert_true(str_is(r->functions[0].pre[0].text, "fd ≥ 0"));
}

static void refuses_a_signature_that_is_not_the_hosts(void **state UNUSED)
{
	OWNED(btf) struct btf *host = make_host();
	struct role *r = NULL;
	assert_fails(resolve(READ_FILE("{type: int, name: fd}", "int"), "r", host, &r),
		     ERR_REJECTED, "/host_functions/0",
		     "\"host_read_file\" has 1 parameters in the spec and 3 in the host's BTF");
	OWNED(err)
	struct err *e = resolve(READ_FILE("{type: long, name: fd}, {type: \"void*\", "
					  "name: buffer}, {type: int, name: length}",
					  "size_t"),
				"r", host, &r);
	static const struct {
		const char *path, *message;
	} wanted[] = {
		{"/host_functions/0/signature/params/0",
		 "line 1:62: function \"host_read_file\": parameter 1 (fd) is \"long\" in the spec "
		 "and \"int\" in the host's BTF"},
		{"/host_functions/0/signature/params/1",
		 "line 1:86: function \"host_read_file\": parameter 2 (buffer) is \"void*\" in the "
		 "spec and \"char *\" in the host's BTF"},
		{"/host_functions/0/signature/return_type",
		 "line 1:145: function \"host_read_file\": the result is \"size_t\" in the spec "
		 "and "
		 "\"int\" in the host's BTF"},
	};
	const struct err *each = e;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++, each = err_next(each)) {
		assert_non_null(each);
		assert_int_equal(err_code(each), ERR_REJECTED);
		assert_string_equal(err_path(each), wanted[i].path);
		assert_string_equal(err_message(each), wanted[i].message);
	}
	assert_null(each);
	assert_null(r);
}

/* ---- text, digest, memory ---- */

static void prints_rights_and_where_they_come_from(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	OWNED_BUF struct buf out = BUF_INIT(1 << 16);
	assert_ok(
		resolve("host_functions: [{name: bpf_ktime_get_ns, signature: {return_type: u64}, "
			"function_constraints: [return > 0], side_effect: true}]\n" FAMILY
			"- {name: r, inherits: [right]}",
			"r", NULL, &r));
	role_print(r, &out);
	static const char *const parts[] = {
		"role r\n",
		"  max_memory             256          bytes of stack over all frames (set by "
		"base)\n",
		"  metered                false        instructions are counted at run time "
		"instead "
		"of proved (default)\n",
		"  team                   {\"a\":[1]} (set by base)\n",
		"  u64 bpf_ktime_get_ns()\n"
		"      from: capability x of role base; a helper of the runtime\n"
		"      after: return > 0\n"
		"      has a side effect\n",
		"  g()\n      from: capability y of role right; neither the host nor the runtime "
		"has "
		"it: calls are rejected\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strstr(buf_text(&out), parts[i]))
			fail_msg("lacks \"%s\" in:\n%s", parts[i], buf_text(&out));
}

static void has_one_digest_for_equal_rights(void **state UNUSED)
{
	static const char text[] =
		"host_functions: [{name: f, function_constraints: [%s]}]\n"
		"capabilities: [{name: c, apis: [f]}]\n"
		"roles: [{name: r, capabilities: [c], attributes: {max_memory: %d}}]%s";
	static const struct {
		const char *constraint;
		int memory;
		const char *rest;
		bool same;
	} cases[] = {{"return > 0", 256, "\n# a comment", true},
		     {"return>0", 256, "", true},
		     {"return ≥ 0", 256, "", false},
		     {"return > 0", 257, "", false}};
	OWNED(role) struct role *first = NULL;
	OWNED_BUF struct buf out = BUF_INIT(4096);
	buf_printf(&out, text, "return > 0", 256, "");
	assert_ok(resolve(buf_text(&out), "r", NULL, &first));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OWNED(role) struct role *r = NULL;
		buf_clear(&out);
		buf_printf(&out, text, cases[i].constraint, cases[i].memory, cases[i].rest);
		assert_ok(resolve(buf_text(&out), "r", NULL, &r));
		assert_int_equal(r->digest.size, 64);
		assert_int_equal(str_equal(r->digest, first->digest), cases[i].same);
	}
}

static void survives_every_failed_allocation(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	OWNED(spec) struct spec *s = NULL;
	OWNED(btf) struct btf *host = make_host();
	bool failed = true;
	buf_puts(&text, "host_functions:\n"
			"- name: host_log\n"
			"  signature: {params: [{type: char_ptr, name: t}], return_type: void}\n"
			"  function_constraints: [t.non_null]\n"
			"capabilities: [{name: c, apis: [host_log, host_add, "
			"bpf_ktime_get_ns, x]}]\n"
			"roles: [{name: a, attributes: {team: {x: [1]}, metered: true}},\n"
			" {name: r, capabilities: [c], inherits: [a]}]\n");
	assert_ok(spec_parse(buf_str(&text), &s));
	for (uint64_t n = 1; failed; n++) {
		OWNED(role) struct role *r = NULL;
		mem_fail_at(n);
		struct err *e = role_resolve(s, STR("r"), host, &r);
		failed = mem_failed();
		mem_fail_at(0);
		assert_true(!e == !failed);
		if (e)
			assert_int_equal(err_code(e), ERR_NO_MEMORY);
		err_destroy(e);
		assert_true(n < 10000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolves_the_formats_example),
		cmocka_unit_test(puts_types_constraints_on_parameters_and_results),
		cmocka_unit_test(never_loses_a_constraint_to_an_odd_name),
		cmocka_unit_test(has_defaults_for_what_nobody_sets),
		cmocka_unit_test(joins_what_parents_have),
		cmocka_unit_test(wants_the_child_to_decide_a_conflict),
		cmocka_unit_test(refuses_circles_and_strangers),
		cmocka_unit_test(refuses_values_that_attributes_cannot_have),
		cmocka_unit_test(refuses_families_past_the_limit),
		cmocka_unit_test(refuses_constraints_past_the_limit),
		cmocka_unit_test(says_what_a_function_requires_that_the_role_lacks),
		cmocka_unit_test(finds_functions_in_the_host_first),
		cmocka_unit_test(grants_functions_of_the_runtime_by_name),
		cmocka_unit_test(takes_a_signature_that_is_the_hosts),
		cmocka_unit_test(refuses_a_signature_that_is_not_the_hosts),
		cmocka_unit_test(prints_rights_and_where_they_come_from),
		cmocka_unit_test(has_one_digest_for_equal_rights),
		cmocka_unit_test(survives_every_failed_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
