#include "tests/unit/test.h"
#include "tests/unit/shared/bpf/btf_build.h"

#define INFO BTF_BUILD_INFO

static void assert_value(const struct btf *b, uint32_t id, const void *data, size_t size,
			 const char *want)
{
	OWNED_BUF struct buf out = BUF_INIT(65536);
	btf_print_value(b, id, bytes_of(data, size), &out);
	assert_string_equal(buf_text(&out), want);
}

static void prints_numbers_with_their_signs(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	uint32_t i8 = btf_build_int(&build, "s8", 1, 1), u8 = btf_build_int(&build, "u8", 1, 0);
	uint32_t i64 = btf_build_int(&build, "s64", 8, 1), u64 = btf_build_int(&build, "u64", 8, 0);
	uint32_t u128 = btf_build_int(&build, "u128", 16, 0);
	uint32_t boolean = btf_build_int(&build, "bool", 1, 4);
	uint32_t pointer = btf_build_plain(&build, BTF_PTR, "", 0);
	uint32_t single = btf_build_plain(&build, BTF_FLOAT, "float", 4);
	uint32_t choice = btf_build_type(&build, "e", INFO(BTF_ENUM, 0) | BTF_BUILD_FLAG, 4);
	uint32_t alias = btf_build_plain(&build, BTF_TYPEDEF, "alias", i8);
	static const uint8_t ones[16] = {255, 255, 255, 255, 255, 255, 255, 255,
					 255, 255, 255, 255, 255, 255, 255, 127};
	const float half = 0.5f;
	OWNED(btf) struct btf *b = NULL;
	assert_ok(btf_build_parse(&build, &b));
	assert_value(b, i8, ones, 1, "-1");
	assert_value(b, u8, ones, 1, "255");
	assert_value(b, alias, ones, 1, "-1");
	assert_value(b, i64, ones, 8, "-1");
	assert_value(b, u64, ones, 8, "\"18446744073709551615\"");
	assert_value(b, u128, ones, 16, "\"0x7fffffffffffffffffffffffffffffff\"");
	assert_value(b, boolean, "\1", 1, "true");
	assert_value(b, boolean, "\0", 1, "false");
	assert_value(b, pointer, "\0\20\0\0\0\0\0\0", 8, "4096");
	assert_value(b, choice, ones, 4, "-1");
	assert_value(b, single, &half, 4, "0.5");
}

static void prints_structs_arrays_and_texts(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	uint32_t i16 = btf_build_int(&build, "short", 2, 1),
		 chr = btf_build_int(&build, "char", 1, 1);
	uint32_t pair = btf_build_array(&build, i16, i16, 2),
		 text = btf_build_array(&build, chr, i16, 4);
	uint32_t inner = btf_build_type(&build, "", INFO(BTF_UNION, 1), 2);
	btf_build_member(&build, "only", i16, 0);
	uint32_t outer = btf_build_type(&build, "outer", INFO(BTF_STRUCT, 4), 12);
	btf_build_member(&build, "pair", pair, 0);
	btf_build_member(&build, "text", text, 32);
	btf_build_member(&build, "", inner, 64);
	btf_build_member(&build, "named", inner, 80);
	OWNED(btf) struct btf *b = NULL;
	assert_ok(btf_build_parse(&build, &b));
	assert_value(b, outer, "\1\0\376\377ab\0c\7\0\10\0", 12,
		     "{\"pair\":[1,-2],\"text\":\"ab\",\"only\":7,\"named\":{\"only\":8}}");
	assert_value(b, text, "\"\\\nx", 4, "\"\\\"\\\\\\nx\"");
}

static void prints_bit_fields(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	uint32_t i32 = btf_build_int(&build, "int", 4, 1), u32 = btf_build_int(&build, "u", 4, 0);
	uint32_t bits = btf_build_type(&build, "bits", INFO(BTF_STRUCT, 4) | BTF_BUILD_FLAG, 4);
	btf_build_member(&build, "low", u32, 3u << 24);
	btf_build_member(&build, "signed", i32, 2u << 24 | 3);
	btf_build_member(&build, "", u32, 1u << 24 | 5);
	btf_build_member(&build, "cross", u32, 12u << 24 | 6);
	OWNED(btf) struct btf *b = NULL;
	assert_ok(btf_build_parse(&build, &b));
	assert_value(b, bits, "\xdd\x03\0\0", 4, "{\"low\":5,\"signed\":-1,\"cross\":15}");
}

static void prints_hex_where_there_is_no_type(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	uint32_t i32 = btf_build_int(&build, "int", 4, 1);
	OWNED(btf) struct btf *b = NULL;
	assert_ok(btf_build_parse(&build, &b));
	assert_value(NULL, 1, "\1\2\xff", 3, "\"0x0102ff\"");
	assert_value(b, 0, "\1\2", 2, "\"0x0102\"");
	assert_value(b, i32, "\1\2", 2, "\"0x0102\"");
	assert_value(b, 99, "", 0, "\"0x\"");
}

static void prints_null_for_variables_outside_of_the_data(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	uint32_t i32 = btf_build_int(&build, "int", 4, 1);
	uint32_t variable = btf_build_plain(&build, BTF_VAR, "v", i32);
	btf_build_word(&build, 1);
	uint32_t section = btf_build_type(&build, ".bss", INFO(BTF_DATASEC, 1), 0);
	btf_build_word(&build, variable);
	btf_build_word(&build, 1 << 20);
	btf_build_word(&build, 4);
	OWNED(btf) struct btf *b = NULL;
	assert_ok(btf_build_parse(&build, &b));
	assert_value(b, section, "", 0, "{\"v\":null}");
}

/* A union of two members of the former union, 60 times: 2^60 values in four bytes. */
static void bounds_values_that_double(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	OWNED_BUF struct buf out = BUF_INIT((size_t)256 << 20);
	uint32_t id = btf_build_int(&build, "int", 4, 1);
	for (int i = 0; i < 60; i++) {
		uint32_t next = btf_build_type(&build, "u", INFO(BTF_UNION, 2), 4);
		btf_build_member(&build, "a", id, 0);
		btf_build_member(&build, "", id, 0);
		id = next;
	}
	OWNED(btf) struct btf *b = NULL;
	assert_ok(btf_build_parse(&build, &b));
	btf_print_value(b, id, bytes_of("\1\0\0\0", 4), &out);
	assert_ok(buf_check(&out));
	assert_in_range(out.size, 100, (size_t)64 << 20);
}

static void bounds_arrays_of_nothing(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	OWNED_BUF struct buf out = BUF_INIT((size_t)64 << 20);
	uint32_t none = btf_build_type(&build, "none", INFO(BTF_STRUCT, 0), 0);
	uint32_t many = btf_build_array(&build, none, none, UINT32_MAX);
	OWNED(btf) struct btf *b = NULL;
	assert_ok(btf_build_parse(&build, &b));
	btf_print_value(b, many, bytes_of("", 0), &out);
	assert_ok(buf_check(&out));
	assert_in_range(out.size, 2, (size_t)16 << 20);
}

static void stops_where_the_buffer_is_full(void **state UNUSED)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	OWNED_BUF struct buf out = BUF_INIT(64);
	uint8_t data[256] = {0};
	uint32_t u8 = btf_build_int(&build, "u8", 1, 0);
	uint32_t many = btf_build_array(&build, u8, u8, sizeof(data));
	OWNED(btf) struct btf *b = NULL;
	assert_ok(btf_build_parse(&build, &b));
	btf_print_value(b, many, bytes_of(data, sizeof(data)), &out);
	assert_fails(buf_check(&out), ERR_TOO_LARGE, "", "limit of 64 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_numbers_with_their_signs),
		cmocka_unit_test(prints_structs_arrays_and_texts),
		cmocka_unit_test(prints_bit_fields),
		cmocka_unit_test(prints_hex_where_there_is_no_type),
		cmocka_unit_test(prints_null_for_variables_outside_of_the_data),
		cmocka_unit_test(bounds_values_that_double),
		cmocka_unit_test(bounds_arrays_of_nothing),
		cmocka_unit_test(stops_where_the_buffer_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
