/*
 * Names in BTF, and the documents that they come to. The first BTF is the format's published example,
 * type by type.
 */
#include "tests/unit/test.h"

#include "shared/base/mem.h"
#include "shared/eim/derive.h"
#include "shared/eim/role.h"
#include "tests/unit/shared/eim/example_btf.h"

#include <stdio.h>

#define DOCUMENT_MAX ((size_t)4 << 20)

static struct err *derive_built(struct btf_build *b, struct buf *out)
{
	OWNED(btf) struct btf *btf = NULL;
	TRY(btf_build_parse(b, &btf));
	return derive_document(btf, out);
}

/* The document of an int, the function "int fn(int)", and `names`: typedefs, or functions where they
 * say so. */
static struct err *derive_names(const char *const *names, struct buf *out)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	static const struct example_param n = {"n", 1};
	btf_build_int(&b, "int", 4, 1);
	example_function(&b, "fn", 1, 1, &n);
	for (; *names; names++)
		if (strncmp(*names, "__bpftime_extension", strlen("__bpftime_extension")) == 0)
			example_function(&b, *names, 1, 1, &n);
		else if (strncmp(*names, "__bpftime", strlen("__bpftime")) == 0)
			example_typedef(&b, *names);
		else
			example_function(&b, *names, 1, 1, &n);
	return derive_built(&b, out);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect_finding(const char *const *names, const char *path, const char *part)
{
	OWNED_BUF struct buf out = BUF_INIT(DOCUMENT_MAX);
	assert_fails(derive_names(names, &out), ERR_INVALID, path, part);
	assert_int_equal(out.size, 0);
}

static void expect_document(const char *const *names, const char *part)
{
	OWNED_BUF struct buf out = BUF_INIT(DOCUMENT_MAX);
	OWNED(spec) struct spec *spec = NULL;
	assert_ok(derive_names(names, &out));
	assert_ok(spec_parse(buf_str(&out), &spec));
	if (!strstr(buf_text(&out), part))
		fail_msg("%s lacks %s", buf_text(&out), part);
}

/* ---- the example ---- */

static void derives_the_published_example(void **state UNUSED)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	OWNED_BUF struct buf out = BUF_INIT(DOCUMENT_MAX);
	example_build(&b);
	assert_int_equal(b.count, 41);
	assert_ok(derive_built(&b, &out));
	assert_string_equal(buf_text(&out), EXAMPLE_DOCUMENT);
}

static struct err *resolve_example(const char *name, struct role **out)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	OWNED_BUF struct buf text = BUF_INIT(DOCUMENT_MAX);
	OWNED(btf) struct btf *btf = NULL;
	OWNED(spec) struct spec *spec = NULL;
	example_build(&b);
	TRY(btf_build_parse(&b, &btf));
	TRY(derive_document(btf, &text));
	TRY(spec_parse(buf_str(&text), &spec));
	return role_resolve(spec, str_of(name), btf, out);
}

static void derived_roles_contain_each_other(void **state UNUSED)
{
	static const struct {
		const char *role;
		size_t functions;
	} roles[] = {{"BasicFileRole", 2}, {"ExtendedFileRole", 3}, {"AdminRole", 3}};
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		OWNED(role) struct role *role = NULL;
		assert_ok(resolve_example(roles[i].role, &role));
		assert_int_equal(role->functions_count, roles[i].functions);
		const struct role_function *open = role_find_function(role, STR("host_open_file"));
		assert_non_null(open);
		assert_int_equal(open->kind, ROLE_FUNCTION_HOST);
		assert_true(str_is(open->granted_by, "BasicFileRole"));
		assert_true(!role_find_function(role, STR("host_write_file")) == (i == 0));
	}
}

/* ---- names ---- */

#define FN    "__bpftime_ext_ufunction_g_fn"
#define CAP   "__bpftime_capability_C_includes_g_fn"
#define ROLE  "__bpftime_role_"
#define ENTRY "__bpftime_extension_entry_"
#define BASE  FN, CAP, ROLE "R_has_cap_C"

static void splits_where_all_parts_are_known(void **state UNUSED)
{
	expect_document(NAMES(FN, "__bpftime_capability_A_includes_B_includes_g_fn"),
			"{\"name\":\"A_includes_B\",\"apis\":[\"fn\"]}");
	expect_document(NAMES(FN, CAP, ROLE "A_has_cap_B_has_cap_C"),
			"{\"name\":\"A_has_cap_B\",\"capabilities\":[\"C\"],\"inherits\":[]}");
	expect_document(NAMES(BASE, ROLE "A_inherits_B_inherits_R"),
			"{\"name\":\"A_inherits_B\",\"capabilities\":[],\"inherits\":[\"R\"]}");
	expect_document(NAMES(BASE, ROLE "Q_inherits_R", ENTRY "Q_on_R_start"),
			"\"name\":\"on_R_start\"");
}

static void order_of_names_does_not_matter(void **state UNUSED)
{
	const char *want = "{\"name\":\"Z\",\"capabilities\":[],\"inherits\":[\"Y\"]},"
			   "{\"name\":\"Y\",\"capabilities\":[],\"inherits\":[\"R\"]},"
			   "{\"name\":\"R\",\"capabilities\":[\"C\"],\"inherits\":[]}";
	expect_document(NAMES(ENTRY "Z_e", ROLE "Z_inherits_Y", ROLE "Y_inherits_R",
			      ROLE "R_has_cap_C", CAP, FN),
			want);
	expect_finding(NAMES(BASE, ROLE "A_inherits_B_inherits_R", ROLE "B_inherits_R_has_cap_C"),
		       ROLE "A_inherits_B_inherits_R", "two readings");
	expect_finding(NAMES(ROLE "B_inherits_R_has_cap_C", ROLE "A_inherits_B_inherits_R", BASE),
		       ROLE "A_inherits_B_inherits_R", "two readings");
}

static void names_that_stand_twice_count_once(void **state UNUSED)
{
	expect_document(NAMES(BASE, BASE), "\"host_functions\":[{\"name\":\"fn\",\"signature\":{"
					   "\"params\":[{\"type\":\"int\",\"name\":\"n\"}],"
					   "\"return_type\":\"int\"}}],\"capabilities\":[{\"name\":"
					   "\"C\",\"apis\":[\"fn\"]}]");
	expect_document(NAMES(BASE, "__bpftime_ext_ufunction_other_fn"),
			"\"return_type\":\"int\"}}],\"capabilities\"");
}

static void refuses_two_readings(void **state UNUSED)
{
	expect_finding(NAMES("x_fn", "__bpftime_ext_ufunction_g_x_fn"),
		       "__bpftime_ext_ufunction_g_x_fn",
		       "two readings: \"g\" _ \"x_fn\", or \"g_x\" _ \"fn\"; rename one part");
	expect_finding(NAMES(FN, "__bpftime_ext_ufunction_X_includes_g_fn",
			     "__bpftime_capability_A_includes_X_includes_g_fn"),
		       "__bpftime_capability_A_includes_X_includes_g_fn",
		       "two readings: \"A\" _includes_ \"X_includes_g_fn\", or \"A_includes_X\" "
		       "_includes_ \"g_fn\"");
	expect_finding(NAMES(BASE, ROLE "B_has_cap_C_inherits_R", ROLE "A_inherits_B_has_cap_C"),
		       ROLE "A_inherits_B_has_cap_C",
		       "two readings: \"A_inherits_B\" _has_cap_ \"C\", or \"A\" _inherits_ "
		       "\"B_has_cap_C\"");
}

static void refuses_an_entry_of_two_roles(void **state UNUSED)
{
	expect_finding(NAMES(BASE, ROLE "R_x", ENTRY "R_x_y"), ENTRY "R_x_y",
		       "two readings: \"R\" _ \"x_y\", or \"R_x\" _ \"y\"");
	expect_finding(NAMES(BASE, ROLE "Q", ENTRY "R_e", ENTRY "Q_e"), ENTRY "Q_e",
		       "roles \"R\" and \"Q\" both have an entry \"e\"");
}

static void refuses_parts_that_nothing_declares(void **state UNUSED)
{
	expect_finding(NAMES("__bpftime_ext_ufunction_g_gone"), "__bpftime_ext_ufunction_g_gone",
		       "no function of the host");
	expect_finding(NAMES("__bpftime_ext_ufunction_fn"), "__bpftime_ext_ufunction_fn",
		       "no function of the host");
	expect_finding(NAMES(FN, "__bpftime_capability_C_includes_fn"),
		       "__bpftime_capability_C_includes_fn",
		       "__bpftime_ext_ufunction_GROUP_FUNCTION is not declared");
	expect_finding(NAMES(BASE, ROLE "R_has_cap_D"), ROLE "R_has_cap_D", "no such capability");
	expect_finding(NAMES(BASE, ROLE "R_inherits_Q"), ROLE "R_inherits_Q",
		       "no such capability or role");
	expect_finding(NAMES(BASE, ENTRY "Q_e"), ENTRY "Q_e", "no declared role stands in front");
	expect_finding(NAMES(BASE, ENTRY "R_"), ENTRY "R_", "no declared role stands in front");
	expect_finding(NAMES(BASE, ROLE), ROLE, "must follow the prefix");
}

/* "P_has_cap_D" declares role "P_has_cap_D" alone where D is no capability, so P is none. */
static void a_parent_must_be_a_role_in_the_end(void **state UNUSED)
{
	expect_finding(NAMES(BASE, ROLE "P_has_cap_Q_has_cap_C", ROLE "Z_inherits_P"),
		       ROLE "Z_inherits_P", "no such capability or role");
}

static void circles_are_left_to_the_model(void **state UNUSED)
{
	OWNED_BUF struct buf out = BUF_INIT(DOCUMENT_MAX);
	OWNED(spec) struct spec *spec = NULL;
	OWNED(role) struct role *role = NULL;
	assert_ok(derive_names(NAMES(ROLE "A_inherits_B", ROLE "B_inherits_A"), &out));
	assert_ok(spec_parse(buf_str(&out), &spec));
	assert_fails(role_resolve(spec, STR("A"), NULL, &role), ERR_INVALID, "/roles/1/inherits/0",
		     "inherit");
}

static void gives_all_findings_of_a_kind(void **state UNUSED)
{
	OWNED_BUF struct buf out = BUF_INIT(DOCUMENT_MAX);
	OWNED(err)
	struct err *e =
		derive_names(NAMES(BASE, ROLE "X_has_cap_Y", ROLE "Y_inherits_X_", ENTRY "N_n"),
			     &out);
	size_t count = 0;
	for (const struct err *each = e; each; each = err_next(each))
		count++;
	assert_int_equal(count, 2); /* the roles, not yet the entry */
}

static void says_when_there_is_nothing(void **state UNUSED)
{
	OWNED_BUF struct buf out = BUF_INIT(DOCUMENT_MAX);
	assert_fails(derive_names(NAMES("other"), &out), ERR_NOT_FOUND, "",
		     "the BTF declares no roles");
	/* A variable's or struct's name means nothing. */
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	btf_build_int(&b, "__bpftime_role_R", 4, 1);
	assert_fails(derive_built(&b, &out), ERR_NOT_FOUND, "", "the BTF declares no roles");
}

/* ---- signatures ---- */

static void refuses_functions_that_extensions_cannot_call(void **state UNUSED)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	OWNED_BUF struct buf out = BUF_INIT(DOCUMENT_MAX);
	btf_build_int(&b, "int", 4, 1);
	example_function(&b, "print", 1, 2, (struct example_param[]){{"format", 1}, {"", 0}});
	example_typedef(&b, "__bpftime_ext_ufunction_g_print");
	assert_fails(derive_built(&b, &out), ERR_INVALID, "__bpftime_ext_ufunction_g_print",
		     "variable number of arguments");
}

static void refuses_two_functions_of_one_name(void **state UNUSED)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	OWNED_BUF struct buf out = BUF_INIT(DOCUMENT_MAX);
	static const struct example_param n = {"n", 1};
	btf_build_int(&b, "int", 4, 1);
	example_function(&b, "fn", 1, 1, &n);
	example_function(&b, "fn", 1, 1, &n); /* the same once more */
	example_typedef(&b, FN);
	assert_ok(derive_built(&b, &out));
	example_function(&b, "fn", 0, 0, NULL);
	example_function(&b, ENTRY "R_e", 1, 1, &n);
	example_function(&b, ENTRY "R_e", 1, 0, NULL);
	example_typedef(&b, ROLE "R");
	buf_clear(&out);
	assert_fails(derive_built(&b, &out), ERR_INVALID, ENTRY "R_e",
		     "the host has two functions of this name that differ: \"int " ENTRY
		     "R_e(int)\" and \"int " ENTRY "R_e(void)\"");
}

static void names_parameters_that_have_none(void **state UNUSED)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	OWNED_BUF struct buf out = BUF_INIT(DOCUMENT_MAX);
	OWNED(spec) struct spec *spec = NULL;
	btf_build_int(&b, "int", 4, 1);
	example_function(&b, "fn", 0, 4,
			 (struct example_param[]){{"", 1}, {"a", 1}, {"a", 1}, {"", 1}});
	example_typedef(&b, FN);
	assert_ok(derive_built(&b, &out));
	assert_ok(spec_parse(buf_str(&out), &spec));
	const struct spec_function *f = spec_find_function(spec, STR("fn"));
	static const char *const names[] = {"arg1", "a", "arg3", "arg4"};
	for (size_t i = 0; i < 4; i++)
		assert_true(str_is(f->params[i].name, names[i]));
}

/* "struct {…}" says nothing; function pointers and arrays say all, and must match themselves. */
static void resolves_on_the_host_that_it_was_derived_from(void **state UNUSED)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	OWNED_BUF struct buf out = BUF_INIT(DOCUMENT_MAX);
	OWNED(btf) struct btf *btf = NULL;
	OWNED(spec) struct spec *spec = NULL;
	OWNED(role) struct role *role = NULL;
	btf_build_int(&b, "int", 4, 1);
	uint32_t callback = btf_build_type(&b, "", BTF_BUILD_INFO(BTF_FUNC_PROTO, 1), 1);
	btf_build_pair(&b, "x", 1);
	uint32_t pointer = btf_build_plain(&b, BTF_PTR, "", callback);
	uint32_t nameless = btf_build_type(&b, "", BTF_BUILD_INFO(BTF_STRUCT, 1), 4);
	btf_build_member(&b, "x", 1, 0);
	uint32_t to_nameless = btf_build_plain(&b, BTF_PTR, "", nameless);
	example_function(&b, "fn", 1, 2, (struct example_param[]){{"call", pointer}, {"n", 1}});
	example_function(&b, "on", 1, 1, (struct example_param[]){{"s", to_nameless}});
	static const char *const names[] = {FN, "__bpftime_ext_ufunction_g_on", CAP,
					    "__bpftime_capability_C_includes_g_on",
					    ROLE "R_has_cap_C"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		example_typedef(&b, names[i]);
	assert_ok(btf_build_parse(&b, &btf));
	assert_ok(derive_document(btf, &out));
	assert_ok(spec_parse(buf_str(&out), &spec));
	assert_true(spec_find_function(spec, STR("fn"))->has_signature);
	assert_false(spec_find_function(spec, STR("on"))->has_signature);
	assert_ok(role_resolve(spec, STR("R"), btf, &role));
	assert_true(str_is(role_find_function(role, STR("fn"))->params[0].type, "int (*)(int)"));
	assert_int_equal(role_find_function(role, STR("on"))->params_count, 1);
	bool failed = true;
	for (uint64_t n = 1; failed; n++) {
		OWNED(role) struct role *none = NULL;
		mem_fail_at(n);
		OWNED(err) struct err *e = role_resolve(spec, STR("R"), btf, &none);
		failed = mem_failed();
		mem_fail_at(0);
		assert_true(!e == !failed);
		if (e)
			assert_int_equal(err_code(e), ERR_NO_MEMORY);
	}
}

/* ---- limits ---- */

static void refuses_too_many_names(void **state UNUSED)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	OWNED_BUF struct buf out = BUF_INIT(DOCUMENT_MAX);
	char name[64];
	btf_build_int(&b, "int", 4, 1);
	for (unsigned i = 0; i < DERIVE_MAX_NAMES; i++) {
		snprintf(name, sizeof(name), ROLE "R%u", i);
		example_typedef(&b, name);
	}
	assert_ok(derive_built(&b, &out));
	example_typedef(&b, ROLE "OneMore");
	assert_fails(derive_built(&b, &out), ERR_TOO_LARGE, "", "more than 1024 names that begin");
}

static void refuses_long_and_odd_names(void **state UNUSED)
{
	char name[DERIVE_MAX_NAME_BYTES + 2];
	memset(name, 'x', sizeof(name) - 1);
	memcpy(name, ROLE, strlen(ROLE));
	name[sizeof(name) - 1] = 0;
	expect_finding(NAMES(name), name, "longer than 512 bytes");
	name[sizeof(name) - 2] = 0;
	expect_document(NAMES(name), "\"roles\":[{\"name\":\"xxx");
	expect_finding(NAMES(ROLE "a\"b"), ROLE "a\"b", "a letter, digit or \"_\"");
}

static void refuses_more_text_than_asked_for(void **state UNUSED)
{
	OWNED_BUF struct buf out = BUF_INIT(40);
	assert_fails(derive_names(NAMES(BASE), &out), ERR_TOO_LARGE, "", "40");
}

/* Each name in a set of names that separators fill: bounded by names × bytes × log. */
static void reads_hostile_separators_in_little_time(void **state UNUSED)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	OWNED_BUF struct buf out = BUF_INIT(DOCUMENT_MAX);
	char name[DERIVE_MAX_NAME_BYTES];
	btf_build_int(&b, "int", 4, 1);
	for (unsigned i = 0; i < DERIVE_MAX_NAMES; i++) {
		size_t at = (size_t)snprintf(name, sizeof(name), ROLE "R%u", i);
		while (at + 11 < sizeof(name))
			at += (size_t)snprintf(name + at, sizeof(name) - at, "_inherits_");
		example_typedef(&b, name);
	}
	OWNED(err) struct err *e = derive_built(&b, &out);
	size_t count = 0;
	for (const struct err *each = e; each; each = err_next(each))
		count++;
	assert_int_equal(count, DERIVE_MAX_FINDINGS);
}

static void reports_memory_that_is_out(void **state UNUSED)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	OWNED(btf) struct btf *btf = NULL;
	example_build(&b);
	assert_ok(btf_build_parse(&b, &btf));
	bool failed = true;
	for (uint64_t n = 1; failed; n++) {
		OWNED_BUF struct buf out = BUF_INIT(DOCUMENT_MAX);
		mem_fail_at(n);
		OWNED(err) struct err *e = derive_document(btf, &out);
		failed = mem_failed();
		mem_fail_at(0);
		assert_true(!e == !failed);
		if (e)
			assert_int_equal(err_code(e), ERR_NO_MEMORY);
	}
}

static void reports_memory_that_is_out_while_comparing(void **state UNUSED)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	OWNED(btf) struct btf *btf = NULL;
	btf_build_int(&b, "int", 4, 1);
	example_function(&b, "fn", 1, 0, NULL);
	example_function(&b, "fn", 0, 0, NULL);
	example_typedef(&b, FN);
	assert_ok(btf_build_parse(&b, &btf));
	bool failed = true;
	for (uint64_t n = 1; failed; n++) {
		OWNED_BUF struct buf out = BUF_INIT(DOCUMENT_MAX);
		mem_fail_at(n);
		OWNED(err) struct err *e = derive_document(btf, &out);
		failed = mem_failed();
		mem_fail_at(0);
		assert_non_null(e); /* never taken for one function */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(derives_the_published_example),
		cmocka_unit_test(derived_roles_contain_each_other),
		cmocka_unit_test(splits_where_all_parts_are_known),
		cmocka_unit_test(order_of_names_does_not_matter),
		cmocka_unit_test(names_that_stand_twice_count_once),
		cmocka_unit_test(refuses_two_readings),
		cmocka_unit_test(refuses_an_entry_of_two_roles),
		cmocka_unit_test(refuses_parts_that_nothing_declares),
		cmocka_unit_test(a_parent_must_be_a_role_in_the_end),
		cmocka_unit_test(circles_are_left_to_the_model),
		cmocka_unit_test(gives_all_findings_of_a_kind),
		cmocka_unit_test(says_when_there_is_nothing),
		cmocka_unit_test(refuses_functions_that_extensions_cannot_call),
		cmocka_unit_test(refuses_two_functions_of_one_name),
		cmocka_unit_test(names_parameters_that_have_none),
		cmocka_unit_test(resolves_on_the_host_that_it_was_derived_from),
		cmocka_unit_test(refuses_too_many_names),
		cmocka_unit_test(refuses_long_and_odd_names),
		cmocka_unit_test(refuses_more_text_than_asked_for),
		cmocka_unit_test(reads_hostile_separators_in_little_time),
		cmocka_unit_test(reports_memory_that_is_out),
		cmocka_unit_test(reports_memory_that_is_out_while_comparing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
