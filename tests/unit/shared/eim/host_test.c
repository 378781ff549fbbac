/*
 * A host that is built with eim.h declares what the published example declares. Its types are pahole's, out
 * of the compiler's debug information, beside the binary and in it.
 */
#include "tests/unit/agent/host.h"
#include "tests/unit/test.h"

#include "shared/base/file.h"
#include "shared/codec/json.h"
#include "shared/eim/derive.h"
#include "shared/eim/role.h"
#include "tests/unit/shared/eim/example_btf.h"

#define TEXT_MAX ((size_t)1 << 20)

static void load(struct btf **out)
{
	OWNED_BUF struct buf image = BUF_INIT(TEXT_MAX);
	char path[PATH_MAX];
	host_path("file_host.btf", path);
	assert_ok(file_read(path, &image));
	assert_ok(btf_parse(buf_bytes(&image), out));
}

static void derive(const struct btf *btf, struct spec **out)
{
	OWNED_BUF struct buf text = BUF_INIT(TEXT_MAX);
	assert_ok(derive_document(btf, &text));
	assert_ok(spec_parse(buf_str(&text), out));
}

static bool same_names(const struct spec_names *a, const struct spec_names *b)
{
	for (size_t i = 0; i < a->count && a->count == b->count; i++) {
		size_t j = 0;
		while (j < b->count && !str_equal(a->items[i], b->items[j]))
			j++;
		if (j == b->count)
			return false;
	}
	return a->count == b->count;
}

static bool same_function(const struct spec_function *a, const struct spec_function *b)
{
	bool same = a->has_signature && b->has_signature && a->params_count == b->params_count &&
		    str_equal(a->return_type, b->return_type) && str_equal(a->symbol, b->symbol) &&
		    same_names(&a->roles, &b->roles);
	for (size_t i = 0; i < a->params_count && same; i++)
		same = str_equal(a->params[i].type, b->params[i].type) &&
		       str_equal(a->params[i].name, b->params[i].name);
	return same;
}

/* The order of a document's lists says nothing: pahole sorts functions as it likes. */
static void declares_what_the_published_example_declares(void **state UNUSED)
{
	OWNED(btf) struct btf *btf = NULL;
	OWNED(spec) struct spec *have = NULL;
	OWNED(spec) struct spec *want = NULL;
	load(&btf);
	derive(btf, &have);
	assert_ok(spec_parse(str_of(EXAMPLE_DOCUMENT), &want));
	assert_int_equal(have->functions_count, want->functions_count);
	for (size_t i = 0; i < want->functions_count; i++)
		assert_true(same_function(spec_find_function(have, want->functions[i].name),
					  &want->functions[i]));
	assert_int_equal(have->capabilities_count, want->capabilities_count);
	for (size_t i = 0; i < want->capabilities_count; i++)
		assert_true(
			same_names(&spec_find_capability(have, want->capabilities[i].name)->apis,
				   &want->capabilities[i].apis));
	assert_int_equal(have->roles_count, want->roles_count);
	for (size_t i = 0; i < want->roles_count; i++) {
		const struct spec_role *role = spec_find_role(have, want->roles[i].name);
		assert_true(same_names(&role->capabilities, &want->roles[i].capabilities));
		assert_true(same_names(&role->inherits, &want->roles[i].inherits));
	}
}

static void entries_have_typed_arguments(void **state UNUSED)
{
	OWNED(btf) struct btf *btf = NULL;
	OWNED(spec) struct spec *have = NULL;
	OWNED(spec) struct spec *want = NULL;
	load(&btf);
	derive(btf, &have);
	assert_ok(spec_parse(str_of(EXAMPLE_DOCUMENT), &want));
	assert_int_equal(have->exports_count, 2);
	for (size_t i = 0; i < 2; i++) {
		size_t j = str_equal(have->exports[i].name, want->exports[0].name) ? 0 : 1;
		assert_true(str_equal(have->exports[i].name, want->exports[j].name));
		assert_true(same_function(&have->exports[i], &want->exports[j]));
	}
}

static void basic_role_cannot_write(void **state UNUSED)
{
	OWNED(btf) struct btf *btf = NULL;
	OWNED(spec) struct spec *spec = NULL;
	OWNED(role) struct role *basic = NULL;
	OWNED(role) struct role *admin = NULL;
	load(&btf);
	derive(btf, &spec);
	assert_ok(role_resolve(spec, STR("BasicFileRole"), btf, &basic));
	assert_ok(role_resolve(spec, STR("AdminRole"), btf, &admin));
	assert_non_null(role_find_function(basic, STR("host_open_file")));
	assert_non_null(role_find_function(basic, STR("host_read_file")));
	assert_null(role_find_function(basic, STR("host_write_file")));
	const struct role_function *write = role_find_function(admin, STR("host_write_file"));
	assert_non_null(write);
	assert_int_equal(write->kind, ROLE_FUNCTION_HOST);
	assert_true(str_is(write->granted_by, "ExtendedFileRole"));
	assert_true(str_is(write->params[1].type, "const char *"));
}

/* What no extension has changed works as the host wrote it. */
static void runs_without_extensions(void **state UNUSED)
{
	struct host h = host_start("file_host", NULL, NULL);
	assert_string_equal(host_say(&h, "analyze ab"), "result 195");
	assert_string_equal(host_say(&h, "process 97 banana"), "result 3");
	assert_int_equal(host_end(&h), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(declares_what_the_published_example_declares),
		cmocka_unit_test(entries_have_typed_arguments),
		cmocka_unit_test(basic_role_cannot_write),
		cmocka_unit_test(runs_without_extensions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
