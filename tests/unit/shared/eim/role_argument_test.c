/* What a role says of an entry's arguments, by the types of tests/cases/hosts/server.c. */
#include "tests/unit/test.h"

#include "shared/base/file.h"
#include "shared/eim/role.h"

static struct btf *host;

static int read_host(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(BTF_MAX_BYTES);
	assert_ok(file_read("build/tests/cases/hosts/server.btf", &image));
	assert_ok(btf_parse(buf_bytes(&image), &host));
	return 0;
}

static int drop_host(void **state UNUSED)
{
	btf_destroy(host);
	return 0;
}

/* The role of `document` says `part` to people. */
static void expect(const char *document, const struct btf *types, const char *part)
{
	OWNED(spec) struct spec *spec = NULL;
	OWNED(role) struct role *role = NULL;
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	assert_ok(spec_parse(str_of(document), &spec));
	assert_ok(role_resolve(spec, STR("r"), types, &role));
	role_print(role, &text);
	if (!strstr(buf_text(&text), part))
		fail_msg("\"%s\" is not in:\n%s", part, buf_text(&text));
}

static void says_what_memory_there_is(void **state UNUSED)
{
	expect("roles: [{name: r}]\n"
	       "extension_exports: [{name: on_data, symbol: on_data, function_constraints:\n"
	       "  [data.readable(length), 'length >= 0', 'return >= 0']}]",
	       host,
	       "      data: a pointer to length bytes that may be read, may be null\n"
	       "      length: a number of 4 bytes, the size of data\n"
	       "      vouched for: data.readable(length)\n"
	       "      vouched for: length ≥ 0\n"
	       "      to be proved: return ≥ 0\n");
	expect("roles: [{name: r}]\n"
	       "extension_exports: [{name: on_buffer, symbol: on_buffer, function_constraints:\n"
	       "  [buffer.writable(size), name.null_terminated, name.non_null]}]",
	       host,
	       "      buffer: a pointer to size bytes that may be read and written, may be null "
	       "(but allow_memory_write: false)\n"
	       "      size: a number of 8 bytes, the size of buffer\n"
	       "      name: a pointer to 1 bytes that may be read, text that ends with a NUL, "
	       "never null\n");
}

static void believes_nothing_of_a_choice_or_without_types(void **state UNUSED)
{
	static const char choice[] =
		"roles: [{name: r}]\n"
		"extension_exports: [{name: on_data, symbol: on_data, function_constraints:\n"
		"  ['data.readable(length) or length <= 0']}]";
	static const char plain[] =
		"roles: [{name: r}]\n"
		"extension_exports: [{name: on_data, symbol: on_data,\n"
		"  signature: {params: [{name: data, type: const_char_ptr}, {name: length, type: "
		"int}],\n"
		"  return_type: long}, function_constraints: [data.readable(length)]}]";
	expect(choice, host, "      length: a number of 4 bytes\n");
	expect(plain, NULL, "      length: a number; what it is, the host's types would say\n");
	expect(plain, host, "      length: a number of 4 bytes, the size of data\n");
}

static void says_which_fields(void **state UNUSED)
{
	expect("roles: [{name: r, attributes: {allow_memory_write: true, always_const: false},\n"
	       "  access: {read: [r.method, r.connection.fd], write: [r.headers_out.status]}}]\n"
	       "extension_exports: [{name: on_request, symbol: on_request,\n"
	       "  function_constraints: [r.non_null]}]",
	       host,
	       "      r: a pointer to struct request, never null; may read r.method, "
	       "r.connection.fd, r.headers_out.status; may write r.headers_out.status\n");
}

/* The document of two roles that share some fields of a request. */
static const char shared_fields[] =
	"host_functions:\n"
	"- {name: strict, signature: {return_type: int, params: []}, requires: {level: 2}}\n"
	"capabilities: [{name: C, apis: [strict]}]\n"
	"extension_exports: [{name: on_request, symbol: on_request,\n"
	"  function_constraints: [r.non_null]}]\n"
	"roles:\n"
	"- name: A\n"
	"  capabilities: [C]\n"
	"  attributes: {allow_memory_write: true, always_const: false, level: 2}\n"
	"  access: {read: [r.method, r.headers_in, r.connection.fd], write: [r.headers_out]}\n"
	"- name: B\n"
	"  capabilities: [C]\n"
	"  attributes: {allow_memory_write: true, always_const: false}\n"
	"  access: {read: [r.method, r.headers_in.status, r.headers_out.content_length, r.uri],\n"
	"    write: [r.headers_out.status]}\n"
	"- {name: None, attributes: {level: 2}, capabilities: [C]}\n";

static void resolve_together(const char *names, struct role **out)
{
	OWNED(spec) struct spec *spec = NULL;
	assert_ok(spec_parse(str_of(shared_fields), &spec));
	assert_ok(role_resolve(spec, str_of(names), host, out));
}

static void several_roles_share_the_fields_that_all_grant(void **state UNUSED)
{
	OWNED(role) struct role *role = NULL, *none = NULL;
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	resolve_together("A & B", &role);
	role_print(role, &text);
	assert_non_null(strstr(buf_text(&text),
			       "may read r.method, r.headers_in.status, r.headers_out."
			       "content_length, r.headers_out.status; may write r.headers_out."
			       "status\n"));
	for (size_t i = 0; i < role->places_count; i++)
		assert_int_equal(role->places[i].parent, UINT32_MAX); /* no connection */
	assert_non_null(role->host);
	resolve_together("A & None", &none);
	assert_int_equal(none->fields_count, 0);
	assert_int_equal(none->entries[0].args[0].kind, ROLE_ARGUMENT_NUMBER);
}

static void several_roles_lack_what_any_of_them_lacks(void **state UNUSED)
{
	OWNED(role) struct role *alone = NULL, *role = NULL;
	resolve_together("A", &alone);
	assert_int_equal(role_find_function(alone, STR("strict"))->lacks.size, 0);
	resolve_together("A & B", &role);
	assert_true(str_is(role_find_function(role, STR("strict"))->lacks, "level: 2"));
}

static void an_entry_is_for_its_role_and_the_roles_in_it(void **state UNUSED)
{
	static const char document[] =
		"roles: [{name: top, inherits: [middle]}, {name: middle, inherits: [bottom]},\n"
		"  {name: bottom}, {name: above, inherits: [top]}, {name: other}]\n"
		"extension_exports: [{name: on_event, symbol: on_event, roles: [top]}]";
	static const struct {
		const char *role;
		size_t entries;
	} rows[] = {{"top", 1}, {"middle", 1}, {"bottom", 1}, {"above", 0}, {"other", 0}};
	OWNED(spec) struct spec *spec = NULL;
	assert_ok(spec_parse(str_of(document), &spec));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(role) struct role *role = NULL;
		assert_ok(role_resolve(spec, str_of(rows[i].role), host, &role));
		assert_int_equal(role->entries_count, rows[i].entries);
	}
}

static void says_why_no_program_can_take_its_place(void **state UNUSED)
{
	expect("roles: [{name: r}]\nextension_exports: [{name: on_float, symbol: on_float}]", host,
	       "      no program can take its place: its parameter \"x\" is neither a number of at "
	       "most 8 bytes nor a pointer\n");
}

static void keeps_the_hosts_types_in_its_digest(void **state UNUSED)
{
	static const char document[] =
		"roles: [{name: r}]\nextension_exports: [{name: on_event, symbol: on_event,\n"
		"  signature: {params: [{name: kind, type: int}], return_type: void}}]";
	OWNED(spec) struct spec *spec = NULL;
	OWNED(role) struct role *with = NULL, *without = NULL;
	assert_ok(spec_parse(str_of(document), &spec));
	assert_ok(role_resolve(spec, STR("r"), host, &with));
	assert_ok(role_resolve(spec, STR("r"), NULL, &without));
	assert_non_null(with->host);
	assert_null(without->host);
	assert_int_equal(btf_find(with->host, BTF_FUNC, STR("on_event")), with->entries[0].btf_id);
	assert_false(str_equal(with->digest, without->digest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_memory_there_is),
		cmocka_unit_test(believes_nothing_of_a_choice_or_without_types),
		cmocka_unit_test(says_which_fields),
		cmocka_unit_test(several_roles_share_the_fields_that_all_grant),
		cmocka_unit_test(several_roles_lack_what_any_of_them_lacks),
		cmocka_unit_test(an_entry_is_for_its_role_and_the_roles_in_it),
		cmocka_unit_test(says_why_no_program_can_take_its_place),
		cmocka_unit_test(keeps_the_hosts_types_in_its_digest),
	};
	return cmocka_run_group_tests(tests, read_host, drop_host);
}
