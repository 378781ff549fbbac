#include "tests/unit/test.h"

#include "shared/eim/ctype.h"
#include "tests/unit/shared/eim/host_btf.h"

static void reads_spellings_of_integers(void **state UNUSED)
{
	static const struct {
		const char *text;
		uint32_t size;
		bool is_signed;
	} cases[] = {
		{"int", 4, true},
		{"unsigned", 4, false},
		{"unsigned int", 4, false},
		{"signed", 4, true},
		{"long", 8, true},
		{"long int", 8, true},
		{"long unsigned int", 8, false},
		{"unsigned long long", 8, false},
		{"short int", 2, true},
		{"unsigned short", 2, false},
		{"unsigned char", 1, false},
		{"signed char", 1, true},
		{"size_t", 8, false},
		{"uint32_t", 4, false},
		{"__s64", 8, true},
		{"const int", 4, true},
		{"volatile u16", 2, false},
		{" int ", 4, true},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ctype type = {0};
		assert_true(ctype_parse(str_of(cases[i].text), &type));
		assert_int_equal(type.kind, CTYPE_INT);
		assert_int_equal(type.size_bytes, cases[i].size);
		assert_int_equal(type.is_signed, cases[i].is_signed);
		assert_int_equal(type.pointers, 0);
	}
}

static void reads_pointers_in_stars_and_in_words(void **state UNUSED)
{
	static const struct {
		const char *text;
		enum ctype_kind kind;
		unsigned pointers;
	} cases[] = {
		{"void*", CTYPE_VOID, 1},
		{"const void *", CTYPE_VOID, 1},
		{"void_ptr", CTYPE_VOID, 1},
		{"const_void_ptr", CTYPE_VOID, 1},
		{"char_ptr", CTYPE_CHAR, 1},
		{"const_char_ptr", CTYPE_CHAR, 1},
		{"char **", CTYPE_CHAR, 2},
		{"char *const *", CTYPE_CHAR, 2},
		{"const char_ptr *", CTYPE_CHAR, 2},
		{"u8_ptr_ptr", CTYPE_INT, 2},
		{"struct request *", CTYPE_STRUCT, 1},
		{"request_ptr", CTYPE_NAMED, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ctype type = {0};
		assert_true(ctype_parse(str_of(cases[i].text), &type));
		assert_int_equal(type.kind, cases[i].kind);
		assert_int_equal(type.pointers, cases[i].pointers);
	}
}

static void refuses_what_is_no_type(void **state UNUSED)
{
	static const char *const bad[] = {"",
					  "*",
					  "int int",
					  "long long long",
					  "short long",
					  "unsigned signed",
					  "char int",
					  "struct",
					  "struct a b",

					  "a b",
					  "int*x",
					  "int[4]",
					  "int(*)(int)",
					  "3",
					  "const",
					  "int *********",
					  "unsigned float",
					  "a-b",
					  "struct struct x"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ctype type;
		if (ctype_parse(str_of(bad[i]), &type))
			fail_msg("\"%s\" was taken for a type", bad[i]);
	}
}

static void follows_declared_bases(void **state UNUSED)
{
	OWNED(spec) struct spec *s = NULL;
	struct ctype type;
	assert_ok(spec_parse(STR("types: [{name: a, base: b}, {name: b, base: \"char*\"}, "
				 "{name: size_t, base: size_t}, {name: x, base: y}, "
				 "{name: y, base: x}]"),
			     &s));
	assert_true(ctype_resolve(s, STR("a"), &type));
	assert_int_equal(type.kind, CTYPE_CHAR);
	assert_int_equal(type.pointers, 1);
	assert_true(ctype_resolve(s, STR("size_t"), &type));
	assert_int_equal(type.size_bytes, 8);
	assert_false(ctype_resolve(s, STR("x"), &type));
}

static bool matches(const struct btf *b, const char *text, uint32_t id)
{
	struct ctype type;
	assert_true(ctype_parse(str_of(text), &type));
	return ctype_matches(&type, b, id);
}

static void compares_with_btf(void **state UNUSED)
{
	struct host_btf h = host_btf_start();
	uint32_t i32 = host_btf_int(&h, "int", 4, HOST_BTF_SIGNED);
	uint32_t u64 = host_btf_int(&h, "long unsigned int", 8, HOST_BTF_UNSIGNED);
	uint32_t chr = host_btf_int(&h, "char", 1, HOST_BTF_SIGNED);
	uint32_t flag = host_btf_int(&h, "_Bool", 1, HOST_BTF_BOOL);
	uint32_t size = host_btf_type(&h, 8, "size_t", u64, 0);
	uint32_t cchr = host_btf_type(&h, 10, "", chr, 0);
	uint32_t text = host_btf_type(&h, 2, "", cchr, 0);
	uint32_t any = host_btf_type(&h, 2, "", 0, 0);
	uint32_t point = host_btf_type(&h, 4, "point", 8, 0);
	uint32_t point_t = host_btf_type(&h, 8, "point_t", point, 0);
	uint32_t points = host_btf_type(&h, 2, "", point_t, 0);
	uint32_t handle = host_btf_type(&h, 8, "handle", points, 0);
	OWNED(btf) struct btf *b = NULL;
	assert_ok(host_btf_end(&h, &b));
	assert_true(matches(b, "int", i32) && matches(b, "int32_t", i32));
	assert_false(matches(b, "unsigned", i32) || matches(b, "long", i32) ||
		     matches(b, "int*", i32));
	assert_true(matches(b, "size_t", size) && matches(b, "unsigned long", size));
	assert_false(matches(b, "ssize_t", size) || matches(b, "uint32_t", size));
	assert_true(matches(b, "char", chr) && matches(b, "bool", flag));
	assert_false(matches(b, "bool", chr) || matches(b, "char", flag));
	assert_true(matches(b, "const_char_ptr", text) && matches(b, "char *", text));
	assert_false(matches(b, "void*", text) || matches(b, "char**", text) ||
		     matches(b, "char", text));
	assert_true(matches(b, "void_ptr", any) && matches(b, "void", 0));
	assert_false(matches(b, "char*", any) || matches(b, "int", 0));
	assert_true(matches(b, "struct point", point) && matches(b, "point", point_t) &&
		    matches(b, "point_t", point_t) && matches(b, "struct point *", points) &&
		    matches(b, "handle", handle) && matches(b, "point_t *", handle));
	assert_false(matches(b, "union point", point) || matches(b, "struct pt", point) ||
		     matches(b, "point_t", points) || matches(b, "handle", points));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_spellings_of_integers),
		cmocka_unit_test(reads_pointers_in_stars_and_in_words),
		cmocka_unit_test(refuses_what_is_no_type),
		cmocka_unit_test(follows_declared_bases),
		cmocka_unit_test(compares_with_btf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
