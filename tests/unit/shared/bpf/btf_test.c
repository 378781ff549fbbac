#include "tests/unit/test.h"
#include "tests/unit/shared/bpf/btf_build.h"

#include "shared/base/mem.h"

#define INFO BTF_BUILD_INFO

/* Parses what was built, which must fail. */
#define assert_build_fails(build, code, path, part)                               \
	do {                                                                      \
		OWNED(btf) struct btf *parsed_ = NULL;                            \
		assert_fails(btf_build_parse(build, &parsed_), code, path, part); \
	} while (0)

static void assert_prints(const struct btf *b, uint32_t id, const char *want)
{
	OWNED_BUF struct buf out = BUF_INIT(65536);
	btf_print_type(b, id, &out);
	assert_string_equal(buf_text(&out), want);
}

/* ---- good ---- */

static void reads_structs_with_members_and_bit_fields(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	uint32_t i32 = btf_build_int(&build, "int", 4, 1);
	uint32_t pair = btf_build_type(&build, "pair", INFO(BTF_STRUCT, 2), 8);
	btf_build_member(&build, "a", i32, 0);
	btf_build_member(&build, "b", i32, 32);
	uint32_t bits = btf_build_type(&build, "bits", INFO(BTF_STRUCT, 2) | BTF_BUILD_FLAG, 4);
	btf_build_member(&build, "low", i32, 3u << 24 | 0);
	btf_build_member(&build, "high", i32, 5u << 24 | 3);
	OWNED(btf) struct btf *b = NULL;
	assert_ok(btf_build_parse(&build, &b));
	assert_int_equal(btf_count(b), 4);
	assert_int_equal(btf_find(b, BTF_STRUCT, STR("pair")), pair);
	assert_int_equal(btf_find(b, BTF_UNION, STR("pair")), 0);
	assert_int_equal(btf_size(b, pair), 8);
	struct btf_member m = btf_member(b, btf_type(b, pair), 1);
	assert_true(str_is(m.name, "b") && m.type == i32 && m.offset_bits == 32 && !m.size_bits);
	m = btf_member(b, btf_type(b, bits), 1);
	assert_true(str_is(m.name, "high") && m.offset_bits == 3 && m.size_bits == 5);
	assert_int_equal(btf_member(b, btf_type(b, pair), 2).type, 0);
	assert_null(btf_type(b, 4));
	assert_int_equal(btf_size(b, 4), 0);
}

static void reads_enums_of_both_widths(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	uint32_t small = btf_build_type(&build, "e", INFO(BTF_ENUM, 1) | BTF_BUILD_FLAG, 4);
	btf_build_pair(&build, "MINUS", UINT32_MAX);
	uint32_t plain = btf_build_type(&build, "u", INFO(BTF_ENUM, 1), 4);
	btf_build_pair(&build, "MOST", UINT32_MAX);
	uint32_t wide = btf_build_type(&build, "w", INFO(BTF_ENUM64, 1), 8);
	btf_build_pair(&build, "BIG", 1);
	btf_build_word(&build, 2);
	OWNED(btf) struct btf *b = NULL;
	assert_ok(btf_build_parse(&build, &b));
	assert_int_equal(btf_enum_value(b, btf_type(b, small), 0).value, -1);
	assert_int_equal(btf_enum_value(b, btf_type(b, plain), 0).value, UINT32_MAX);
	assert_int_equal(btf_enum_value(b, btf_type(b, wide), 0).value, 0x200000001);
	assert_true(str_is(btf_enum_value(b, btf_type(b, wide), 0).name, "BIG"));
	assert_int_equal(btf_enum_value(b, btf_type(b, wide), 1).name.size, 0);
}

static void prints_types_as_c_writes_them(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	uint32_t i32 = btf_build_int(&build, "int", 4, 1);
	uint32_t chr = btf_build_int(&build, "char", 1, 1);
	uint32_t cchr = btf_build_plain(&build, BTF_CONST, "", chr);
	uint32_t text = btf_build_plain(&build, BTF_PTR, "", cchr);
	uint32_t ctext = btf_build_plain(&build, BTF_CONST, "", text);
	uint32_t array = btf_build_array(&build, i32, i32, 4);
	uint32_t parray = btf_build_plain(&build, BTF_PTR, "", array);
	uint32_t proto = btf_build_type(&build, "", INFO(BTF_FUNC_PROTO, 2), text);
	btf_build_pair(&build, "n", i32);
	btf_build_pair(&build, "", 0);
	uint32_t pproto = btf_build_plain(&build, BTF_PTR, "", proto);
	uint32_t nothing = btf_build_type(&build, "", INFO(BTF_FUNC_PROTO, 0), 0);
	uint32_t fn = btf_build_type(&build, "f", INFO(BTF_FUNC, 1), nothing);
	uint32_t fwd = btf_build_plain(&build, BTF_FWD, "later", 0);
	uint32_t pfwd = btf_build_plain(&build, BTF_PTR, "", fwd);
	uint32_t alias = btf_build_plain(&build, BTF_TYPEDEF, "handle", pfwd);
	uint32_t anonymous = btf_build_type(&build, "", INFO(BTF_UNION, 0), 0);
	uint32_t pvoid = btf_build_plain(&build, BTF_PTR, "", 0);
	OWNED(btf) struct btf *b = NULL;
	assert_ok(btf_build_parse(&build, &b));
	assert_prints(b, 0, "void");
	assert_prints(b, i32, "int");
	assert_prints(b, text, "const char *");
	assert_prints(b, ctext, "const char *const ");
	assert_prints(b, array, "int [4]");
	assert_prints(b, parray, "int (*)[4]");
	assert_prints(b, pproto, "const char *(*)(int, ...)");
	assert_prints(b, fn, "void f(void)");
	assert_prints(b, pfwd, "struct later *");
	assert_prints(b, alias, "handle");
	assert_prints(b, anonymous, "union {…}");
	assert_prints(b, pvoid, "void *");
	assert_int_equal(btf_skip(b, ctext), text);
	assert_int_equal(btf_skip(b, alias), pfwd);
	assert_int_equal(btf_size(b, alias), 8);
}

/* ---- bad ---- */

static void rejects_headers_that_do_not_fit(void **state UNUSED)
{
	static const struct {
		uint32_t header[6];
		enum err_code code;
		const char *part;
	} cases[] = {
		{{0x00019feb, 24, 0, 0, 0, 1}, ERR_UNSUPPORTED, "big-endian"},
		{{0x00011234, 24, 0, 0, 0, 1}, ERR_INVALID, "begins with 0x1234"},
		{{0x0002eb9f, 24, 0, 0, 0, 1}, ERR_UNSUPPORTED, "version 2"},
		{{0x0101eb9f, 24, 0, 0, 0, 1}, ERR_UNSUPPORTED, "flags 0x1"},
		{{0x0001eb9f, 20, 0, 0, 0, 1}, ERR_INVALID, "header is 20"},
		{{0x0001eb9f, 24, 2, 0, 0, 1}, ERR_INVALID, "types begin at 2"},
		{{0x0001eb9f, 24, 0, 4, 0, 1}, ERR_INVALID, "BTF types"},
		{{0x0001eb9f, UINT32_MAX, 0, 0, 0, 1}, ERR_INVALID, "BTF types"},
		{{0x0001eb9f, 24, 0, 0, UINT32_MAX, UINT32_MAX}, ERR_INVALID, "BTF strings"},
		{{0x0001eb9f, 24, 0, 0, 0, 0}, ERR_INVALID, "begin and end with a NUL"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OWNED(btf) struct btf *b = NULL;
		uint8_t image[25] = {0};
		memcpy(image, cases[i].header, 24);
		assert_fails(btf_parse(bytes_of(image, sizeof(image)), &b), cases[i].code, "",
			     cases[i].part);
		for (size_t cut = 0; cut < 24; cut++) {
			OWNED(err) struct err *e = btf_parse(bytes_of(image, cut), &b);
			assert_non_null(e);
		}
	}
}

static void rejects_records_that_are_cut_off(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	btf_build_type(&build, "s", INFO(BTF_STRUCT, 65535), 8);
	assert_build_fails(&build, ERR_INVALID, "/types/1", "bytes wanted");
	OWNED_BUILD struct btf_build tail = BTF_BUILD_INIT;
	btf_build_int(&tail, "int", 4, 1);
	btf_build_word(&tail, 0);
	assert_build_fails(&tail, ERR_INVALID, "/types", "4 bytes follow the last type");
}

static void rejects_heads_that_do_not_fit_their_kind(void **state UNUSED)
{
	static const struct {
		const char *name;
		uint32_t info, last;
		const char *part;
	} cases[] = {
		{"x", 0, 0, "no such kind"},
		{"x", INFO(20, 0), 0, "no such kind"},
		{"x", INFO(BTF_PTR, 0) | 1u << 29, 0, "no such kind"},
		{"", INFO(BTF_TYPEDEF, 0), 0, "of kind 8 with name \"\""},
		{"p", INFO(BTF_PTR, 3), 0, "3 members"},
		{"f", INFO(BTF_FUNC, 3), 0, "linkage 3"},
		{"f", INFO(BTF_FLOAT, 0), 3, "size of 3"},
		{"e", INFO(BTF_ENUM, 0), 16, "size of 16"},
		{"e", INFO(BTF_ENUM, 0), 0, "size of 0"},
		{"t", INFO(BTF_TYPEDEF, 0), 77, "refers to type 77 of 2"},
		{"f", INFO(BTF_FUNC, 0), 0, "may not refer to type 0"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
		btf_build_type(&build, cases[i].name, cases[i].info, cases[i].last);
		assert_build_fails(&build, ERR_INVALID, "/types/1", cases[i].part);
	}
}

static void rejects_integers_of_odd_sizes(void **state UNUSED)
{
	static const struct {
		uint32_t size, word;
	} cases[] = {{3, 24},		{0, 0}, {32, 255}, {4, 33}, {4, 0}, {4, 1u << 28 | 32},
		     {4, 1u << 16 | 31}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
		btf_build_plain(&build, BTF_INT, "int", cases[i].size);
		btf_build_word(&build, cases[i].word);
		assert_build_fails(&build, ERR_INVALID, "/types/1", "an integer of");
	}
}

static void rejects_names_outside_of_the_table(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	btf_build_word(&build, 1000);
	btf_build_word(&build, INFO(BTF_STRUCT, 0));
	btf_build_word(&build, 0);
	assert_build_fails(&build, ERR_INVALID, "/types/1", "no name at offset 1000");
	OWNED_BUILD struct btf_build member = BTF_BUILD_INIT;
	uint32_t i32 = btf_build_int(&member, "int", 4, 1);
	btf_build_type(&member, "s", INFO(BTF_STRUCT, 1), 4);
	btf_build_word(&member, UINT32_MAX);
	btf_build_word(&member, i32);
	btf_build_word(&member, 0);
	assert_build_fails(&member, ERR_INVALID, "/types/2", "no name at offset 4294967295");
}

static void rejects_names_that_are_too_long(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	char name[5000];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	btf_build_type(&build, name, INFO(BTF_STRUCT, 0), 0);
	assert_build_fails(&build, ERR_INVALID, "/types/1", "no name at offset 1");
}

static void rejects_members_outside_of_their_struct(void **state UNUSED)
{
	static const struct {
		uint32_t size, place, flag;
		const char *part;
	} cases[] = {
		{3, 0, 0, "ends after the 3 bytes"},
		{8, 40, 0, "ends after the 8 bytes"},
		{8, UINT32_MAX, 0, "ends after"},
		{8, 4, 0, "begins at bit 4"},
		{4, 33u << 24, BTF_BUILD_FLAG, "ends after"},
		{8, 33u << 24, BTF_BUILD_FLAG, "no bit field of 33 bits"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
		uint32_t i32 = btf_build_int(&build, "int", 4, 1);
		btf_build_type(&build, "s", INFO(BTF_STRUCT, 1) | cases[i].flag, cases[i].size);
		btf_build_member(&build, "m", i32, cases[i].place);
		assert_build_fails(&build, ERR_INVALID, "/types/2", cases[i].part);
	}
}

static void rejects_bit_fields_of_pointers(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	uint32_t pointer = btf_build_plain(&build, BTF_PTR, "", 0);
	btf_build_type(&build, "s", INFO(BTF_STRUCT, 1) | BTF_BUILD_FLAG, 8);
	btf_build_member(&build, "m", pointer, 3u << 24);
	assert_build_fails(&build, ERR_INVALID, "/types/2", "no bit field");
}

static void rejects_variables_outside_of_their_section(void **state UNUSED)
{
	static const uint32_t cases[][3] = {{4, 4, 4}, {4, 0, 8}, {8, 0, 2}, {0, UINT32_MAX, 4}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
		uint32_t i32 = btf_build_int(&build, "int", 4, 1);
		uint32_t variable = btf_build_plain(&build, BTF_VAR, "v", i32);
		btf_build_word(&build, 1);
		btf_build_type(&build, ".data", INFO(BTF_DATASEC, 1), cases[i][0]);
		btf_build_word(&build, variable);
		btf_build_word(&build, cases[i][1]);
		btf_build_word(&build, cases[i][2]);
		assert_build_fails(&build, ERR_INVALID, "/types/3", "variable 0");
	}
}

/* ---- cycles and depth ---- */

static void rejects_types_that_hold_themselves(void **state UNUSED)
{
	OWNED_BUILD struct btf_build self = BTF_BUILD_INIT;
	btf_build_plain(&self, BTF_TYPEDEF, "t", 1);
	assert_build_fails(&self, ERR_INVALID, "/types/1", "holds itself");

	OWNED_BUILD struct btf_build ring = BTF_BUILD_INIT;
	btf_build_plain(&ring, BTF_CONST, "", 2);
	btf_build_plain(&ring, BTF_VOLATILE, "", 3);
	btf_build_plain(&ring, BTF_RESTRICT, "", 1);
	assert_build_fails(&ring, ERR_INVALID, "/types/3", "holds itself");

	OWNED_BUILD struct btf_build inner = BTF_BUILD_INIT;
	btf_build_array(&inner, 2, 0, 1);
	btf_build_type(&inner, "s", INFO(BTF_STRUCT, 1), 8);
	btf_build_member(&inner, "m", 1, 0);
	assert_build_fails(&inner, ERR_INVALID, "/types/2", "holds itself");
}

static void rejects_pointers_and_functions_that_spell_themselves(void **state UNUSED)
{
	OWNED_BUILD struct btf_build pointer = BTF_BUILD_INIT;
	btf_build_plain(&pointer, BTF_PTR, "", 2);
	btf_build_plain(&pointer, BTF_CONST, "", 1);
	assert_build_fails(&pointer, ERR_INVALID, "/types/2", "holds itself");

	OWNED_BUILD struct btf_build proto = BTF_BUILD_INIT;
	btf_build_type(&proto, "", INFO(BTF_FUNC_PROTO, 1), 0);
	btf_build_pair(&proto, "self", 2);
	btf_build_plain(&proto, BTF_PTR, "", 1);
	assert_build_fails(&proto, ERR_INVALID, "/types/2", "holds itself");
}

static void accepts_lists_that_point_at_their_own_type(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	uint32_t list = btf_build_type(&build, "list", INFO(BTF_STRUCT, 2), 16);
	btf_build_member(&build, "next", 2, 0);
	btf_build_member(&build, "call", 4, 64);
	btf_build_plain(&build, BTF_PTR, "", list);
	btf_build_type(&build, "", INFO(BTF_FUNC_PROTO, 1), 0);
	btf_build_pair(&build, "l", 2);
	btf_build_plain(&build, BTF_PTR, "", 3);
	OWNED(btf) struct btf *b = NULL;
	assert_ok(btf_build_parse(&build, &b));
	assert_prints(b, 4, "void (*)(struct list *)");
}

static void walks_deep_types_without_recursion(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	uint32_t depth = BTF_MAX_TYPES - 2;
	for (uint32_t i = 1; i <= depth; i++)
		btf_build_plain(&build, BTF_CONST, "", i < depth ? i + 1 : 0);
	OWNED(btf) struct btf *b = NULL;
	assert_ok(btf_build_parse(&build, &b));
	assert_int_equal(btf_skip(b, 1), 0);
	OWNED_BUF struct buf text = BUF_INIT(65536);
	btf_print_type(b, 1, &text);
	assert_true(str_ends(buf_str(&text), "const …"));
	btf_build_plain(&build, BTF_CONST, "", 0);
	btf_build_plain(&build, BTF_CONST, "", 0);
	assert_build_fails(&build, ERR_TOO_LARGE, "", "more than 500000 types");
}

static void refuses_sizes_that_overflow(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	uint32_t id = btf_build_int(&build, "int", 4, 1);
	for (int i = 0; i < 4; i++)
		id = btf_build_array(&build, id, 1, UINT32_MAX);
	assert_build_fails(&build, ERR_INVALID, "/types/3", "are the most");
}

/* Each prototype takes the former one twice: the whole text would have 2^60 names. */
static void bounds_the_text_of_types_that_double(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	uint32_t pointer = btf_build_plain(&build, BTF_PTR, "", 0);
	for (int i = 0; i < 60; i++) {
		uint32_t proto = btf_build_type(&build, "", INFO(BTF_FUNC_PROTO, 2), 0);
		btf_build_pair(&build, "a", pointer);
		btf_build_pair(&build, "b", pointer);
		pointer = btf_build_plain(&build, BTF_PTR, "", proto);
	}
	OWNED(btf) struct btf *b = NULL;
	OWNED_BUF struct buf out = BUF_INIT((size_t)1 << 20);
	assert_ok(btf_build_parse(&build, &b));
	btf_print_type(b, pointer, &out);
	assert_ok(buf_check(&out));
	assert_in_range(out.size, 10, 10000);
	assert_non_null(strstr(buf_text(&out), "…"));
}

static void survives_failure_of_every_allocation(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	OWNED_BUF struct buf image = BUF_INIT(65536);
	uint32_t i32 = btf_build_int(&build, "int", 4, 1);
	btf_build_array(&build, i32, i32, 4);
	btf_build_image(&build, &image);
	for (uint64_t nth = 1;; nth++) {
		OWNED(btf) struct btf *b = NULL;
		mem_fail_at(nth);
		OWNED(err) struct err *e = btf_parse(buf_bytes(&image), &b);
		int failed = mem_failed();
		mem_fail_at(0);
		if (!failed) {
			assert_null(e);
			assert_true(nth > 4);
			return;
		}
		assert_non_null(e);
		assert_int_equal(err_code(e), ERR_NO_MEMORY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_structs_with_members_and_bit_fields),
		cmocka_unit_test(reads_enums_of_both_widths),
		cmocka_unit_test(prints_types_as_c_writes_them),
		cmocka_unit_test(rejects_headers_that_do_not_fit),
		cmocka_unit_test(rejects_records_that_are_cut_off),
		cmocka_unit_test(rejects_heads_that_do_not_fit_their_kind),
		cmocka_unit_test(rejects_integers_of_odd_sizes),
		cmocka_unit_test(rejects_names_outside_of_the_table),
		cmocka_unit_test(rejects_names_that_are_too_long),
		cmocka_unit_test(rejects_members_outside_of_their_struct),
		cmocka_unit_test(rejects_bit_fields_of_pointers),
		cmocka_unit_test(rejects_variables_outside_of_their_section),
		cmocka_unit_test(rejects_types_that_hold_themselves),
		cmocka_unit_test(rejects_pointers_and_functions_that_spell_themselves),
		cmocka_unit_test(accepts_lists_that_point_at_their_own_type),
		cmocka_unit_test(walks_deep_types_without_recursion),
		cmocka_unit_test(refuses_sizes_that_overflow),
		cmocka_unit_test(bounds_the_text_of_types_that_double),
		cmocka_unit_test(survives_failure_of_every_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
