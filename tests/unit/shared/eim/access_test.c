/* Entries of roles and access to their arguments, against a host's types. */
#include "tests/unit/test.h"

#include "shared/base/mem.h"
#include "shared/eim/role.h"
#include "tests/unit/shared/bpf/btf_build.h"

#include <stdio.h>

/*
 *	struct head { int status; union { int length; char *text; }; };
 *	struct request { char *uri; int method; struct head *head; struct { struct head inner; }; };
 *	int __bpftime_extension_entry_Filter_on(struct request *r, int n);
 *	int host_hook(struct head h);
 */
static void build_host(struct btf_build *b)
{
	btf_build_int(b, "int", 4, 1);				/* 1 */
	btf_build_int(b, "char", 1, 1);				/* 2 */
	btf_build_plain(b, BTF_PTR, "", 2);			/* 3: char * */
	btf_build_type(b, "", BTF_BUILD_INFO(BTF_UNION, 2), 8); /* 4 */
	btf_build_member(b, "length", 1, 0);
	btf_build_member(b, "text", 3, 0);
	btf_build_type(b, "head", BTF_BUILD_INFO(BTF_STRUCT, 2), 16); /* 5 */
	btf_build_member(b, "status", 1, 0);
	btf_build_member(b, "", 4, 64);
	btf_build_plain(b, BTF_PTR, "", 5);			  /* 6 */
	btf_build_type(b, "", BTF_BUILD_INFO(BTF_STRUCT, 1), 16); /* 7 */
	btf_build_member(b, "inner", 5, 0);
	btf_build_type(b, "request", BTF_BUILD_INFO(BTF_STRUCT, 4), 40); /* 8 */
	btf_build_member(b, "uri", 3, 0);
	btf_build_member(b, "method", 1, 64);
	btf_build_member(b, "head", 6, 128);
	btf_build_member(b, "", 7, 192);
	btf_build_plain(b, BTF_TYPEDEF, "request_t", 8);	     /* 9 */
	btf_build_plain(b, BTF_PTR, "", 9);			     /* 10 */
	btf_build_type(b, "", BTF_BUILD_INFO(BTF_FUNC_PROTO, 2), 1); /* 11 */
	btf_build_pair(b, "r", 10);
	btf_build_pair(b, "n", 1);
	btf_build_plain(b, BTF_FUNC, "__bpftime_extension_entry_Filter_on", 11); /* 12 */
	btf_build_type(b, "", BTF_BUILD_INFO(BTF_FUNC_PROTO, 1), 1);		 /* 13 */
	btf_build_pair(b, "h", 5);
	btf_build_plain(b, BTF_FUNC, "host_hook", 13); /* 14 */
}

static struct err *resolve_on(struct btf_build *b, const char *text, const char *name,
			      struct role **out)
{
	OWNED(btf) struct btf *host = NULL;
	OWNED(spec) struct spec *s = NULL;
	TRY(btf_build_parse(b, &host));
	TRY(spec_parse(str_of(text), &s));
	return role_resolve(s, str_of(name), host, out);
}

static struct err *resolve(const char *text, const char *name, struct role **out)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	build_host(&b);
	return resolve_on(&b, text, name, out);
}

static void refuse(const char *access, const char *path, const char *part)
{
	OWNED(role) struct role *r = NULL;
	char text[512];
	snprintf(text, sizeof(text),
		 "roles: [{name: Filter, access: {read: [%s]}}]\n"
		 "extension_exports: [{name: on}, {name: hook, symbol: host_hook}]\n",
		 access);
	assert_fails(resolve(text, "Filter", &r), ERR_INVALID, path, part);
	assert_null(r);
}

static void entries_are_found_by_the_names_of_eim_h(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	assert_ok(resolve("roles: [{name: Filter}, {name: Other}]\n"
			  "extension_exports:\n"
			  "- {name: on, roles: [Filter]}\n"
			  "- {name: hook, symbol: host_hook}\n"
			  "- {name: gone, symbol: no_such_function}\n"
			  "- {name: theirs, roles: [Other]}\n"
			  "- {name: main, signature: {params: [{type: int, name: x}], "
			  "return_type: int}}\n",
			  "Filter", &r));
	assert_int_equal(r->entries_count, 4);
	const struct role_entry *on = &r->entries[0];
	assert_true(str_is(on->symbol, "__bpftime_extension_entry_Filter_on"));
	assert_int_equal(on->btf_id, 12);
	assert_int_equal(on->params_count, 2);
	assert_true(str_is(on->params[0].type, "request_t *"));
	assert_true(str_is(r->entries[1].params[0].name, "h"));
	assert_int_equal(r->entries[2].btf_id, 0);
	assert_true(str_is(r->entries[2].symbol, "no_such_function"));
	assert_int_equal(r->entries[3].symbol.size, 0);
	assert_int_equal(r->entries[3].params_count, 1);
}

static void an_entry_keeps_to_the_hosts_types(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	assert_fails(
		resolve("roles: [{name: Filter}]\n"
			"extension_exports: [{name: hook, symbol: host_hook, signature: "
			"{params: [{type: int, name: h}], return_type: int}}]\n",
			"Filter", &r),
		ERR_REJECTED, "/extension_exports/0/signature/params/0",
		"function \"hook\": parameter 1 (h) is \"int\" in the spec and \"struct head\" "
		"in the host's BTF");
}

static void accepts_fields_through_pointers_and_nameless_members(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	assert_ok(resolve("roles:\n"
			  "- {name: Base, access: {read: [n, r.uri]}}\n"
			  "- {name: Filter, inherits: [Base],\n"
			  "   access: {read: [r.head.status, r.inner.text, h.length], write: "
			  "[r.method]}}\n"
			  "extension_exports: [{name: on}, {name: hook, symbol: host_hook}]\n",
			  "Filter", &r));
	assert_int_equal(r->access_count, 6);
	assert_true(r->has_access);
	role_print(r, &text);
	assert_non_null(strstr(buf_text(&text), "access to entries' arguments\n"
						"  read   n (from role Base)\n"
						"  read   r.uri (from role Base)\n"
						"  read   r.head.status (from role Filter)\n"
						"  read   r.inner.text (from role Filter)\n"
						"  read   h.length (from role Filter)\n"
						"  write  r.method (from role Filter)\n"));
	assert_non_null(strstr(buf_text(&text), "  int on(request_t *r, int n)\n"));
}

static void names_the_nearest_field(void **state UNUSED)
{
	refuse("r.url", "/roles/0/access/read/0",
	       "\"r.url\": struct request has no field \"url\"; did you mean \"uri\"?");
	refuse("r.uri, r.head.statsu", "/roles/0/access/read/1",
	       "struct head has no field \"statsu\"; did you mean \"status\"?");
	refuse("n.x", "/roles/0/access/read/0", "there are no fields in \"int\"");
	refuse("r.uri.x", "/roles/0/access/read/0", "there are no fields in \"char *\"");
	refuse("q.uri", "/roles/0/access/read/0", "no entry has a parameter \"q\"");
	refuse("\"r.\"", "/roles/0/access/read/0", "is not PARAMETER or PARAMETER.FIELD");
	refuse("\"\"", "/roles/0/access/read/0", "is not PARAMETER");
	refuse("\"r->uri\"", "/roles/0/access/read/0", "is not PARAMETER");
	refuse("\"r..uri\"", "/roles/0/access/read/0", "is not PARAMETER");
}

static void believes_paths_where_no_types_are_known(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	assert_ok(resolve("roles: [{name: Other, access: {read: [q.anything]}}]\n"
			  "extension_exports: [{name: gone, symbol: no_such_function}]\n",
			  "Other", &r));
	assert_int_equal(r->access_count, 1);
}

static void an_empty_list_is_a_list(void **state UNUSED)
{
	OWNED(role) struct role *with = NULL;
	OWNED(role) struct role *without = NULL;
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	assert_ok(resolve("roles: [{name: R, access: {}}]", "R", &with));
	assert_ok(resolve("roles: [{name: R}]", "R", &without));
	assert_true(with->has_access && !without->has_access);
	assert_false(str_equal(with->digest, without->digest));
	role_print(with, &text);
	assert_true(str_ends(buf_str(&text), "access to entries' arguments\n  none\n"));
}

static void variables_keep_to_the_hosts_types(void **state UNUSED)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	OWNED(role) struct role *r = NULL;
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	build_host(&b);
	btf_build_plain(&b, BTF_VAR, "requests_total", 1);
	btf_build_word(&b, 1); /* global */
	static const char good[] = "roles: [{name: R}]\nvariables:\n"
				   "- {name: requests_total, type: int, access: write}\n"
				   "- {name: gone, type: \"struct request *\", access: read}\n";
	assert_ok(resolve_on(&b, good, "R", &r));
	assert_int_equal(r->variables_count, 2);
	assert_true(r->variables[0].is_write && r->variables[0].btf_id == b.count);
	assert_true(!r->variables[1].is_write && r->variables[1].btf_id == 0);
	role_print(r, &text);
	assert_non_null(strstr(buf_text(&text),
			       "  write  requests_total: int\n"
			       "  read   gone: struct request * (not in the host's types)\n"));
	struct role *none = NULL;
	assert_fails(resolve_on(&b,
				"roles: [{name: R}]\nvariables: [{name: requests_total, type: "
				"long, access: read}]\n",
				"R", &none),
		     ERR_REJECTED, "/variables/0/type",
		     "variable \"requests_total\" is \"long\" in the spec and \"int\" in the "
		     "host's BTF");
	assert_fails(resolve("variables: [{name: v, type: int, access: all}]", "R", &none),
		     ERR_INVALID, "/variables/0/access", "access is read or write, not \"all\"");
	assert_fails(resolve("variables: [{name: v, type: int}]", "R", &none), ERR_INVALID,
		     "/variables/0", "the key \"access\" is missing");
}

/* Nameless structs in nameless structs: 60 members at each of 8 levels would be 60^8 looks. */
static void hostile_types_cost_little(void **state UNUSED)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	OWNED(role) struct role *r = NULL;
	uint32_t inner = btf_build_int(&b, "int", 4, 1);
	for (unsigned level = 0; level < 9; level++) {
		uint32_t id = btf_build_type(&b, level == 8 ? "top" : "",
					     BTF_BUILD_INFO(BTF_UNION, 60), 4);
		for (unsigned i = 0; i < 60; i++)
			btf_build_member(&b, "", inner, 0);
		inner = id;
	}
	uint32_t proto = btf_build_type(&b, "", BTF_BUILD_INFO(BTF_FUNC_PROTO, 1), 1);
	btf_build_pair(&b, "t", inner);
	btf_build_plain(&b, BTF_FUNC, "f", proto);
	assert_fails(resolve_on(&b,
				"roles: [{name: R, access: {read: [t.x]}}]\n"
				"extension_exports: [{name: e, symbol: f}]\n",
				"R", &r),
		     ERR_TOO_LARGE, "/roles/0/access/read/0", "more than 1000000 looks");
}

static void reports_memory_that_is_out(void **state UNUSED)
{
	OWNED_BUILD struct btf_build b = BTF_BUILD_INIT;
	OWNED(btf) struct btf *host = NULL;
	OWNED(spec) struct spec *s = NULL;
	bool failed = true;
	build_host(&b);
	assert_ok(btf_build_parse(&b, &host));
	assert_ok(spec_parse(STR("roles: [{name: Filter, access: {read: [r.uri, h.text]}}]\n"
				 "extension_exports: [{name: on}, {name: hook, symbol: "
				 "host_hook}]\n"
				 "variables: [{name: v, type: int, access: read}]\n"),
			     &s));
	for (uint64_t n = 1; failed; n++) {
		OWNED(role) struct role *r = NULL;
		mem_fail_at(n);
		OWNED(err) struct err *e = role_resolve(s, STR("Filter"), host, &r);
		failed = mem_failed();
		mem_fail_at(0);
		assert_true(!e == !failed);
		if (e)
			assert_int_equal(err_code(e), ERR_NO_MEMORY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_found_by_the_names_of_eim_h),
		cmocka_unit_test(an_entry_keeps_to_the_hosts_types),
		cmocka_unit_test(accepts_fields_through_pointers_and_nameless_members),
		cmocka_unit_test(names_the_nearest_field),
		cmocka_unit_test(believes_paths_where_no_types_are_known),
		cmocka_unit_test(an_empty_list_is_a_list),
		cmocka_unit_test(variables_keep_to_the_hosts_types),
		cmocka_unit_test(hostile_types_cost_little),
		cmocka_unit_test(reports_memory_that_is_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
