/* Several roles on one program. */
#include "tests/unit/test.h"

#include "shared/base/mem.h"
#include "shared/eim/role.h"

static struct err *resolve(const char *text, const char *name, struct role **out)
{
	OWNED(spec) struct spec *s = NULL; /* gone before the role is used */
	TRY(spec_parse(str_of(text), &s));
	return role_resolve(s, str_of(name), NULL, out);
}

static const char *const document =
	"host_functions:\n"
	"- {name: f, signature: {return_type: int, params: [{name: n, type: int}]},\n"
	"   function_constraints: [n < 100]}\n"
	"capabilities:\n"
	"- {name: Small, apis: [f, bpf_ktime_get_ns], constraints: [n <= 10, return >= 0]}\n"
	"- {name: Large, apis: [f, bpf_map_lookup_elem], constraints: [n >= 5, return >= 0,\n"
	"   return < 9]}\n"
	"- {name: Huge, apis: [f], constraints: [n >= 20]}\n"
	"extension_exports:\n"
	"- {name: on, roles: [A, B]}\n"
	"- {name: off, roles: [A]}\n"
	"variables: [{name: v, type: int, access: write}]\n"
	"roles:\n"
	"- name: A\n"
	"  capabilities: [Small]\n"
	"  attributes: {max_memory: 100, max_instructions: 2000, metered: true,\n"
	"   allow_memory_write: true, always_const: false, tier: gold, zone: a, "
	"may_have_side_effect: true}\n"
	"  access: {read: [r, s.t], write: [r.x, w]}\n"
	"- name: B\n"
	"  capabilities: [Large]\n"
	"  attributes: {max_memory: 200, max_instructions: 1000, metered: true,\n"
	"   allow_memory_write: true, always_const: true, tier: gold, zone: b}\n"
	"  access: {read: [r.uri, s], write: [r]}\n"
	"- {name: C, capabilities: [Huge]}\n";

static bool has(const struct role *r, const char *path, bool is_write)
{
	for (size_t i = 0; i < r->access_count; i++)
		if (str_is(r->access[i].path, path) && r->access[i].is_write == is_write)
			return true;
	return false;
}

static bool is_omitted(const struct role *r, const char *what, const char *why)
{
	for (size_t i = 0; i < r->omissions_count; i++)
		if (str_is(r->omissions[i].what, what) && strstr(r->omissions[i].why.data, why))
			return true;
	return false;
}

static void grants_what_all_roles_grant_under_the_conditions_of_all(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	assert_ok(resolve(document, "B & A", &r));
	assert_true(str_is(r->name, "A & B"));
	assert_int_equal(r->functions_count, 1);
	const struct role_function *f = role_find_function(r, STR("f"));
	assert_true(str_is(f->granted_by, "A & B"));
	assert_int_equal(f->pre_count, 3);
	assert_true(str_is(f->pre[0].text, "n < 100"));
	assert_true(str_is(f->pre[1].text, "n ≤ 10"));
	assert_true(str_is(f->pre[2].text, "n ≥ 5"));
	assert_true(is_omitted(r, "function bpf_ktime_get_ns", "role B does not have it"));
	assert_true(is_omitted(r, "function bpf_map_lookup_elem", "role A does not have it"));
}

static void assumes_after_a_call_only_what_all_roles_say(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	assert_ok(resolve(document, "A & B", &r));
	const struct role_function *f = role_find_function(r, STR("f"));
	assert_int_equal(f->post_count, 1);
	assert_true(str_is(f->post[0].text, "return ≥ 0"));
}

static void has_the_tightest_attributes(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL, *with_defaults = NULL;
	assert_ok(resolve(document, "A & B", &r));
	assert_int_equal(r->attributes.max_memory, 100);
	assert_int_equal(r->attributes.max_instructions, 1000);
	assert_true(r->attributes.metered && r->attributes.allow_memory_write);
	assert_true(r->attributes.always_const);
	assert_false(r->attributes.may_have_side_effect);
	assert_int_equal(r->custom_count, 1);
	assert_true(str_is(r->custom[0].name, "tier"));
	assert_true(is_omitted(r, "attribute zone", "role A has \"a\", role B has \"b\""));
	assert_ok(resolve(document, "A & C", &with_defaults));
	assert_false(with_defaults->attributes.metered ||
		     with_defaults->attributes.allow_memory_write);
	assert_true(is_omitted(with_defaults, "attribute tier", "role C has none"));
}

static void accesses_what_every_role_lists_or_lists_above(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL, *without = NULL;
	assert_ok(resolve(document, "A & B", &r));
	assert_true(r->has_access);
	assert_int_equal(r->access_count, 4);
	assert_true(has(r, "r.uri", false) && has(r, "s.t", false) && has(r, "r.x", true));
	assert_true(has(r, "r", false)); /* B may write it, and so read it */
	assert_true(is_omitted(r, "write w", "role B"));
	assert_ok(resolve(document, "A & C", &without));
	assert_true(without->has_access);
	assert_int_equal(without->access_count, 0);
}

static void does_not_take_a_name_for_a_path_above_it(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	assert_ok(
		resolve("roles: [{name: A, access: {read: [r]}}, {name: B, access: {read: [rx]}}]",
			"A & B", &r));
	assert_int_equal(r->access_count, 0);
}

static void runs_in_the_entries_of_all(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	assert_ok(resolve(document, "A & B", &r));
	assert_int_equal(r->entries_count, 1);
	assert_true(str_is(r->entries[0].name, "on"));
	assert_int_equal(r->variables_count, 1);
	assert_true(is_omitted(r, "entry off", "role B"));
}

static void shows_conditions_that_contradict_each_other(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL, *fine = NULL;
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	assert_ok(resolve(document, "A & C", &r));
	assert_true(is_omitted(r, "calls of f", "n has to be at least 20 and at most 10"));
	role_print(r, &text);
	assert_non_null(strstr(buf_text(&text), "calls of f: the roles' conditions contradict"));
	assert_ok(resolve(document, "A & B", &fine));
	assert_false(is_omitted(fine, "calls of f", ""));
}

static void the_digest_is_of_what_they_allow_together(void **state UNUSED)
{
	OWNED(role) struct role *a = NULL, *ab = NULL, *ba = NULL, *bc = NULL;
	assert_ok(resolve(document, "A", &a));
	assert_ok(resolve(document, "A & B", &ab));
	assert_ok(resolve(document, "B&A", &ba));
	assert_ok(resolve(document, "B & C", &bc));
	assert_true(str_equal(ab->digest, ba->digest));
	assert_false(str_equal(ab->digest, a->digest));
	assert_false(str_equal(ab->digest, bc->digest));
}

static void refuses_names_that_do_not_make_a_list(void **state UNUSED)
{
	struct role *r = NULL;
	assert_fails(resolve(document, "A & A", &r), ERR_INVALID, "/roles", "\"A\" stands twice");
	assert_fails(resolve(document, "A & ", &r), ERR_INVALID, "/roles", "\"\" is the name");
	assert_fails(resolve(document, "A & D", &r), ERR_NOT_FOUND, "/roles",
		     "role D: no role \"D\"");
	assert_fails(resolve(document, "A&B&C&D&E&F&G&H&I", &r), ERR_INVALID, "", "more than 8");
	assert_fails(resolve("roles: [{name: A & B}]", "A & B", &r), ERR_INVALID, "/roles/0",
		     "leave them out of a name");
	assert_fails(resolve("roles: [{name: 'A,B'}]", "A", &r), ERR_INVALID, "/roles/0",
		     "leave them out of a name");
	assert_null(r);
}

static void reads_a_list_of_words_with_commas(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 10), none = BUF_INIT(1 << 10);
	const char *const words[] = {"b, c", "a"}, *const twice[] = {"a", "b,a"};
	assert_ok(role_join_texts(words, 2, &text));
	assert_string_equal(buf_text(&text), "a & b & c");
	assert_fails(role_join_texts(twice, 2, &none), ERR_INVALID, "", "\"a\" stands twice");
	assert_fails(role_join_texts(words, 0, &none), ERR_INVALID, "", "1 to 8 roles");
}

static void says_so_when_memory_is_out(void **state UNUSED)
{
	OWNED(spec) struct spec *s = NULL;
	assert_ok(spec_parse(str_of(document), &s));
	for (uint64_t nth = 1;; nth++) {
		OWNED(role) struct role *r = NULL;
		mem_fail_at(nth);
		struct err *e = role_resolve(s, STR("A & B"), NULL, &r);
		bool failed = mem_failed();
		mem_fail_at(0);
		if (!failed) {
			assert_null(e);
			return;
		}
		assert_non_null(e);
		if (err_code(e) != ERR_NO_MEMORY)
			fail_msg("%lu: %s: %s", nth, err_path(e), err_message(e));
		err_destroy(e);
		assert_null(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grants_what_all_roles_grant_under_the_conditions_of_all),
		cmocka_unit_test(assumes_after_a_call_only_what_all_roles_say),
		cmocka_unit_test(has_the_tightest_attributes),
		cmocka_unit_test(accesses_what_every_role_lists_or_lists_above),
		cmocka_unit_test(does_not_take_a_name_for_a_path_above_it),
		cmocka_unit_test(runs_in_the_entries_of_all),
		cmocka_unit_test(shows_conditions_that_contradict_each_other),
		cmocka_unit_test(the_digest_is_of_what_they_allow_together),
		cmocka_unit_test(refuses_names_that_do_not_make_a_list),
		cmocka_unit_test(reads_a_list_of_words_with_commas),
		cmocka_unit_test(says_so_when_memory_is_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
