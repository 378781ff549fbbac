#include "controller/ctl/pack.h"

#include "shared/base/mem.h"
#include "shared/codec/yaml.h"
#include "tests/unit/test.h"

#define HEAD	"apiVersion: eim/v1\nkind: Policy\nmetadata: { name: p }\n"
#define PROGRAM "  program: { name: a, file: a.o }\n"
#define EIM	"  eim: { name: s, file: ../s.yaml, role: r }\n"
#define EXE	"  processes: { exe: /bin/x }\n"
#define GOOD	HEAD "spec:\n" PROGRAM EIM EXE

static struct err *decode(const char *text, struct arena *a, struct pack *out)
{
	const struct node *n;
	TRY(yaml_parse(str_of(text), a, &n));
	return pack_decode(n, "dir/policy.yaml", a, out);
}

static void reads_all_that_apply_needs(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct pack p;
	assert_ok(decode(GOOD "  hosts: { matchLabels: { env: prod } }\n", &a, &p));
	assert_true(str_is(p.name, "p"));
	assert_true(str_is(p.program_name, "a"));
	assert_true(str_is(p.program_file, "a.o"));
	assert_true(str_is(p.eim_name, "s"));
	assert_true(str_is(p.role, "r"));
	assert_true(str_is(p.exe, "/bin/x"));
	assert_non_null(node_at(p.hosts, "/matchLabels/env"));
}

static void finds_files_beside_the_policy(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct pack p;
	assert_ok(decode(GOOD, &a, &p));
	assert_string_equal(pack_path(&p, p.program_file, &a), "dir/a.o");
	assert_string_equal(pack_path(&p, p.eim_file, &a), "dir/../s.yaml");
	assert_string_equal(pack_path(&p, STR("/abs/x.o"), &a), "/abs/x.o");
}

static void reads_several_roles(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct pack p;
	assert_ok(decode(HEAD "spec:\n" PROGRAM "  eim: { name: s, file: f, roles: [z, y] }\n" EXE,
			 &a, &p));
	assert_true(str_is(p.role, "y & z"));
}

static void refuses_a_policy_at_the_culprit(void **state)
{
	(void)state;
	static const struct {
		const char *text, *path, *part;
	} bad[] = {
		{"kind: Policy\n", "", "apiVersion"},
		{"apiVersion: eim/v1\nkind: Polcy\nmetadata: {name: p}\nspec: {}\n", "/kind",
		 "Policy is wanted"},
		{"apiVersion: eim/v2\nkind: Policy\nmetadata: {name: p}\nspec: {}\n", "/apiVersion",
		 "this eimctl knows eim/v1"},
		{"apiVersion: eim/v1\nkind: Policy\nmetadata: {}\nspec: {}\n", "/metadata/name",
		 "the policy's name is missing"},
		{HEAD "spec:\n" EIM EXE, "/spec", "program"},
		{HEAD "spec:\n  program: { name: a }\n" EIM EXE, "/spec/program", "file"},
		{HEAD "spec:\n" PROGRAM "  eim: { name: s, file: f }\n" EXE, "/spec/eim", "role"},
		{HEAD "spec:\n" PROGRAM "  eim: { name: s, file: f, role: a, roles: [b] }\n" EXE,
		 "/spec/eim/roles", "not both"},
		{HEAD "spec:\n" PROGRAM EIM "  processes: { exe: nginx }\n", "/spec/processes/exe",
		 "\"nginx\" is no absolute path"},
		{GOOD "  rolout: {}\n", "/spec/rolout", "rollout"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
		struct pack p;
		assert_fails(decode(bad[i].text, &a, &p), ERR_INVALID, bad[i].path, bad[i].part);
	}
}

static void tells_a_policy_from_a_spec(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	const struct node *n;
	assert_ok(yaml_parse(STR("roles: []\n"), &a, &n));
	assert_false(pack_is_one(n));
	assert_ok(yaml_parse(STR("kind: Policy\n"), &a, &n));
	assert_true(pack_is_one(n));
}

static void loads_a_folder_by_its_policy_yaml(void **state)
{
	(void)state;
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct pack p;
	assert_ok(pack_load("policies/nginx-requests", &a, &p));
	assert_true(str_is(p.name, "nginx-requests"));
	assert_string_equal(pack_path(&p, p.eim_file, &a), "policies/nginx-requests/spec.yaml");
	assert_ok(pack_load("policies/nginx-requests/", &a, &p));
	assert_ok(pack_load("policies/nginx-requests/policy.yaml", &a, &p));
	assert_fails(pack_load("policies/nothing", &a, &p), ERR_NOT_FOUND, "", "policies/nothing");
	assert_fails(pack_load("shared", &a, &p), ERR_NOT_FOUND, "", "shared/policy.yaml");
}

static void says_so_when_memory_is_out(void **state)
{
	(void)state;
	for (uint64_t nth = 1;; nth++) {
		OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
		struct pack p;
		mem_fail_at(nth);
		struct err *e = decode(GOOD, &a, &p);
		bool failed = mem_failed();
		mem_fail_at(0);
		if (!failed) {
			assert_null(e);
			return;
		}
		assert_non_null(e);
		assert_int_equal(err_code(e), ERR_NO_MEMORY);
		err_destroy(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_that_apply_needs),
		cmocka_unit_test(finds_files_beside_the_policy),
		cmocka_unit_test(reads_several_roles),
		cmocka_unit_test(refuses_a_policy_at_the_culprit),
		cmocka_unit_test(tells_a_policy_from_a_spec),
		cmocka_unit_test(loads_a_folder_by_its_policy_yaml),
		cmocka_unit_test(says_so_when_memory_is_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
