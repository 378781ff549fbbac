#include "tests/unit/test.h"

#include "controller/model/policy.h"
#include "shared/base/mem.h"
#include "shared/codec/yaml.h"

#define HEAD	 "apiVersion: eim/v1\nkind: Policy\n"
#define METADATA "metadata: { name: front }\n"
#define PROGRAM	 "  program: { name: count, file: x.bpf.o }\n"
#define EIM	 "  eim: { name: web, role: counter, file: spec.yaml }\n"
#define EXE	 "  processes: { exe: /usr/bin/true }\n"

static struct err *parse(const char *text, const char *name, struct arena *a, struct policy *p)
{
	const struct node *n;
	TRY(yaml_parse(str_of(text), a, &n));
	return policy_parse(n, str_of(name), a, p);
}

static void reads_every_part(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct policy p;
	assert_ok(parse(HEAD METADATA "spec:\n"
				      "  program: { name: count, revision: 3 }\n"
				      "  eim: { name: web, revision: 2, role: counter }\n"
				      "  hosts: { matchLabels: { env: prod, zone: \"1\" } }\n" EXE,
			"front", &a, &p));
	assert_true(str_is(p.name, "front"));
	assert_true(str_is(p.program, "count"));
	assert_int_equal(p.program_revision, 3);
	assert_true(str_is(p.spec, "web"));
	assert_int_equal(p.spec_revision, 2);
	assert_true(str_is(p.role, "counter"));
	assert_true(str_is(p.exe, "/usr/bin/true"));
	assert_int_equal(p.match_count, 2);
	assert_true(str_is(p.match[1].value, "1"));
}

static void the_name_may_come_from_the_path_alone(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct policy p;
	assert_ok(parse(HEAD "spec:\n" PROGRAM EIM EXE, "front", &a, &p));
	assert_true(str_is(p.name, "front"));
}

static void the_canonical_form_has_no_files_and_reads_as_the_same(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	OWNED_BUF struct buf first = BUF_INIT(65536), second = BUF_INIT(65536);
	struct policy p, again;
	assert_ok(parse(HEAD METADATA "spec:\n" PROGRAM EIM
				      "  hosts: { matchLabels: { \"a/b\": c } }\n" EXE,
			"front", &a, &p));
	struct json w = json_start(&first);
	json_object(&w, NULL);
	policy_print(&p, &w);
	json_end(&w);
	assert_null(strstr(buf_text(&first), "file"));
	assert_ok(parse(buf_text(&first), "front", &a, &again));
	w = json_start(&second);
	json_object(&w, NULL);
	policy_print(&again, &w);
	json_end(&w);
	assert_string_equal(buf_text(&first), buf_text(&second));
}

static void refuses_each_fault_at_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *path, *part;
		enum err_code code;
	} cases[] = {
		{"[]", "", "must be a map", ERR_INVALID},
		{"apiVersion: eim/v2\nkind: Policy\nspec:\n" PROGRAM EIM EXE, "/apiVersion",
		 "must be eim/v1, is \"eim/v2\"", ERR_INVALID},
		{"apiVersion: eim/v1\nkind: Pod\nspec:\n" PROGRAM EIM EXE, "/kind",
		 "must be Policy, is \"Pod\"", ERR_INVALID},
		{HEAD "metadata: { name: other }\nspec:\n" PROGRAM EIM EXE, "/metadata/name",
		 "the document is of \"other\"", ERR_INVALID},
		{HEAD "metadata: { name: Front }\nspec:\n" PROGRAM EIM EXE, "/metadata/name",
		 "is no policy name", ERR_INVALID},
		{HEAD "spec:\n" EIM EXE, "/spec", "\"program\" is missing", ERR_INVALID},
		{HEAD "spec:\n" PROGRAM EIM, "/spec", "\"processes\" is missing", ERR_INVALID},
		{HEAD "spec:\n  program: { name: a/b }\n" EIM EXE, "/spec/program/name",
		 "is no program name", ERR_INVALID},
		{HEAD "spec:\n  program: { name: a, revison: 1 }\n" EIM EXE,
		 "/spec/program/revison", "did you mean \"revision\"", ERR_INVALID},
		{HEAD "spec:\n  program: { name: a, revision: -1 }\n" EIM EXE,
		 "/spec/program/revision", "must be 1 or more", ERR_INVALID},
		{HEAD "spec:\n" PROGRAM "  eim: { name: web, role: \"\" }\n" EXE, "/spec/eim/role",
		 "1 to 255 bytes", ERR_INVALID},
		{HEAD "spec:\n" PROGRAM "  eim: { name: web, role: a, roles: [b] }\n" EXE,
		 "/spec/eim/roles", "role or roles, not both", ERR_INVALID},
		{HEAD "spec:\n" PROGRAM "  eim: { name: web }\n" EXE, "/spec/eim",
		 "\"role\" is missing", ERR_INVALID},
		{HEAD "spec:\n" PROGRAM "  eim: { name: web, role: a & b }\n" EXE, "/spec/eim/role",
		 "the name of no role", ERR_INVALID},
		{HEAD "spec:\n" PROGRAM "  eim: { name: web, roles: [] }\n" EXE, "/spec/eim/roles",
		 "1 to 8 roles, not 0", ERR_INVALID},
		{HEAD "spec:\n" PROGRAM "  eim: { name: web, roles: [a, 1] }\n" EXE,
		 "/spec/eim/roles/1", "text", ERR_INVALID},
		{HEAD "spec:\n" PROGRAM "  eim: { name: web, roles: [a, b, a] }\n" EXE,
		 "/spec/eim/roles", "\"a\" stands twice", ERR_INVALID},
		{HEAD "spec:\n" PROGRAM EIM "  processes: { exe: true }\n", "/spec/processes/exe",
		 "must be text", ERR_INVALID},
		{HEAD "spec:\n" PROGRAM EIM "  processes: { exe: bin/x }\n", "/spec/processes/exe",
		 "\"bin/x\" is no absolute path", ERR_INVALID},
		{HEAD "spec:\n" PROGRAM EIM EXE "  hosts: { matchLabels: { a/b: 1 } }\n",
		 "/spec/hosts/matchLabels/a~1b", "put it in quotes", ERR_INVALID},
		{HEAD "spec:\n" PROGRAM EIM EXE "  rollout: { steps: [] }\n", "/spec/rollout",
		 "not available in this version", ERR_UNSUPPORTED},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
		struct policy p;
		assert_fails(parse(cases[i].text, "front", &a, &p), cases[i].code, cases[i].path,
			     cases[i].part);
	}
}

static void several_roles_are_kept_as_a_list(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	struct json w = json_start(&text);
	struct policy p;
	assert_ok(parse(HEAD "spec:\n" PROGRAM "  eim: { name: web, roles: [b, a] }\n" EXE, "front",
			&a, &p));
	assert_true(str_is(p.role, "a & b"));
	json_object(&w, NULL);
	policy_print(&p, &w);
	json_end(&w);
	assert_non_null(strstr(buf_text(&text), "\"roles\":[\"a\",\"b\"]"));
	assert_null(strstr(buf_text(&text), "\"role\":"));
}

static void all_faults_are_told_at_once(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct policy p;
	OWNED(err)
	struct err *e = parse("apiVersion: x\nkind: y\nspec:\n  program: { name: A }\n"
			      "  eim: { name: B, role: r }\n  processes: { exe: c }\n",
			      "front", &a, &p);
	size_t count = 0;
	for (const struct err *each = e; each; each = err_next(each))
		count++;
	assert_int_equal(count, 5);
}

static void labels_match_when_the_host_has_them_all(void **state)
{
	(void)state;
	const struct wire_label wanted[] = {{STR("env"), STR("prod")}, {STR("zone"), STR("a")}};
	const struct wire_label have[] = {{STR("zone"), STR("a")},
					  {STR("x"), STR("y")},
					  {STR("env"), STR("prod")}};
	const struct wire_label other[] = {{STR("env"), STR("test")}, {STR("zone"), STR("a")}};
	assert_true(policy_matches(wanted, 2, have, 3));
	assert_true(policy_matches(wanted, 0, have, 3));
	assert_true(policy_matches(NULL, 0, NULL, 0));
	assert_false(policy_matches(wanted, 2, have, 2));
	assert_false(policy_matches(wanted, 2, other, 2));
	assert_false(policy_matches(wanted, 1, NULL, 0));
}

static void fails_cleanly_at_every_allocation(void **state)
{
	(void)state;
	for (uint64_t nth = 1;; nth++) {
		OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
		struct policy p;
		mem_fail_at(nth);
		OWNED(err)
		struct err *e = parse(HEAD METADATA "spec:\n" PROGRAM EIM
						    "  hosts: { matchLabels: { a: b } }\n" EXE,
				      "front", &a, &p);
		bool failed = mem_failed();
		mem_fail_at(0);
		if (!failed) {
			assert_null(e);
			return;
		}
		/* A failure while a path is being put together costs the path alone. */
		if (e)
			assert_int_equal(err_code(e), ERR_NO_MEMORY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_part),
		cmocka_unit_test(the_name_may_come_from_the_path_alone),
		cmocka_unit_test(the_canonical_form_has_no_files_and_reads_as_the_same),
		cmocka_unit_test(refuses_each_fault_at_its_place),
		cmocka_unit_test(several_roles_are_kept_as_a_list),
		cmocka_unit_test(all_faults_are_told_at_once),
		cmocka_unit_test(labels_match_when_the_host_has_them_all),
		cmocka_unit_test(fails_cleanly_at_every_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
