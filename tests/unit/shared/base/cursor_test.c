#include "tests/unit/test.h"

#include "shared/base/cursor.h"

static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void reads_little_endian_front_to_back(void **state UNUSED)
{
	struct cursor c = cursor_of(bytes_of(data, sizeof(data)));
	uint8_t a;
	uint16_t b;
	uint32_t d;
	uint64_t e;
	assert_ok(cursor_u8(&c, &a));
	assert_ok(cursor_u16(&c, &b));
	assert_ok(cursor_u32(&c, &d));
	assert_ok(cursor_u64(&c, &e));
	assert_int_equal(a, 1);
	assert_int_equal(b, 0x0302);
	assert_int_equal(d, 0x07060504);
	assert_true(e == 0x0f0e0d0c0b0a0908);
	assert_int_equal(cursor_left(&c), 0);
}

static void stays_where_it_was_when_bytes_are_missing(void **state UNUSED)
{
	struct cursor c = cursor_of(bytes_of(data, 3));
	uint32_t value = 42;
	assert_fails(cursor_u32(&c, &value), ERR_INVALID, "",
		     "4 bytes wanted at offset 0, 3 are left");
	assert_int_equal(value, 42);
	assert_int_equal(cursor_left(&c), 3);
	struct bytes rest;
	assert_ok(cursor_take(&c, 3, &rest));
	assert_ptr_equal(rest.data, data);
	assert_ok(cursor_take(&c, 0, &rest));
	assert_fails(cursor_take(&c, SIZE_MAX, &rest), ERR_INVALID, "", "at offset 3, 0 are left");
}

static void seeks_to_the_end_and_not_behind_it(void **state UNUSED)
{
	struct cursor c = cursor_of(bytes_of(data, 3));
	assert_ok(cursor_seek(&c, 3));
	assert_fails(cursor_seek(&c, 4), ERR_INVALID, "", "offset 4 is outside of 3 bytes");
	assert_int_equal(cursor_left(&c), 0);
}

static void refuses_slices_that_wrap_around(void **state UNUSED)
{
	struct bytes part = {0};
	assert_ok(bytes_slice(bytes_of(data, 8), 2, 6, &part));
	assert_ptr_equal(part.data, data + 2);
	assert_int_equal(part.size, 6);
	assert_ok(bytes_slice(bytes_of(data, 8), 8, 0, &part));
	assert_fails(bytes_slice(bytes_of(data, 8), UINT64_MAX, 2, &part), ERR_INVALID, "",
		     "outside of 8 bytes");
	assert_fails(bytes_slice(bytes_of(data, 8), 3, 6, &part), ERR_INVALID, "",
		     "6 bytes at offset 3 are outside");
}

static void wants_an_end_to_every_string(void **state UNUSED)
{
	struct bytes table = bytes_of("ab\0cd", 5);
	struct str s;
	assert_ok(bytes_string(table, 0, &s));
	assert_true(str_is(s, "ab"));
	assert_ok(bytes_string(table, 2, &s));
	assert_int_equal(s.size, 0);
	assert_fails(bytes_string(table, 3, &s), ERR_INVALID, "", "string at offset 3 has no end");
	assert_fails(bytes_string(table, 6, &s), ERR_INVALID, "", "outside");
	assert_fails(bytes_string(table, 5, &s), ERR_INVALID, "", "no end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_little_endian_front_to_back),
		cmocka_unit_test(stays_where_it_was_when_bytes_are_missing),
		cmocka_unit_test(seeks_to_the_end_and_not_behind_it),
		cmocka_unit_test(refuses_slices_that_wrap_around),
		cmocka_unit_test(wants_an_end_to_every_string),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
