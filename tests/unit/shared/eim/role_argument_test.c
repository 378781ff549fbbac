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
		cmocka_unit_test(says_why_no_program_can_take_its_place),
		cmocka_unit_test(keeps_the_hosts_types_in_its_digest),
	};
	return cmocka_run_group_tests(tests, read_host, drop_host);
}
