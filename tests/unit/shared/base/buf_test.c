#include "tests/unit/test.h"

#include "shared/base/buf.h"
#include "shared/base/mem.h"

static void is_a_c_string_at_every_moment(void **state UNUSED)
{
	OWNED_BUF struct buf b = BUF_INIT(1000);
	assert_string_equal(buf_text(&b), "");
	buf_puts(&b, "one");
	assert_string_equal(buf_text(&b), "one");
	buf_putc(&b, ' ');
	buf_printf(&b, "%d %s", 2, "three");
	assert_string_equal(buf_text(&b), "one 2 three");
	buf_add(&b, STR("!"));
	assert_string_equal(buf_text(&b), "one 2 three!");
	assert_int_equal(b.size, 12);
	assert_ok(buf_check(&b));
}

static void holds_its_maximum_and_not_one_byte_more(void **state UNUSED)
{
	OWNED_BUF struct buf b = BUF_INIT(4);
	buf_puts(&b, "1234");
	assert_ok(buf_check(&b));
	buf_putc(&b, '5');
	assert_fails(buf_check(&b), ERR_TOO_LARGE, "", "limit of 4 bytes");
	assert_string_equal(buf_text(&b), "1234");
}

static void stays_failed_until_cleared(void **state UNUSED)
{
	OWNED_BUF struct buf b = BUF_INIT(4);
	buf_puts(&b, "12345");
	buf_puts(&b, "1");
	assert_int_equal(b.size, 0);
	assert_fails(buf_check(&b), ERR_TOO_LARGE, "", "limit");
	assert_null(buf_take(&b));
	buf_clear(&b);
	buf_puts(&b, "1");
	assert_ok(buf_check(&b));
	assert_string_equal(buf_text(&b), "1");
}

static void reports_memory_that_is_out(void **state UNUSED)
{
	OWNED_BUF struct buf b = BUF_INIT(1000);
	mem_fail_at(1);
	buf_puts(&b, "x");
	mem_fail_at(0);
	assert_fails(buf_check(&b), ERR_NO_MEMORY, "", "out of memory");
	assert_null(buf_extend(&b, 1));
}

static void extends_by_zero_bytes(void **state UNUSED)
{
	OWNED_BUF struct buf b = BUF_INIT(1000);
	buf_puts(&b, "ab");
	uint8_t *at = buf_extend(&b, 3);
	assert_non_null(at);
	assert_memory_equal(at, "\0\0\0", 3);
	assert_int_equal(b.size, 5);
	buf_putc(&b, 'c');
	assert_memory_equal(buf_text(&b), "ab\0\0\0c", 7);
}

static void hands_its_content_over(void **state UNUSED)
{
	struct buf b = BUF_INIT(1000);
	OWNED(text) char *empty = buf_take(&b);
	assert_string_equal(empty, "");
	buf_puts(&b, "mine");
	OWNED(text) char *text = buf_take(&b);
	assert_string_equal(text, "mine");
	assert_string_equal(buf_text(&b), "");
	assert_int_equal(b.max, 1000);
	buf_fini(&b);
}

static void keeps_all_bytes_while_it_grows(void **state UNUSED)
{
	OWNED_BUF struct buf b = BUF_INIT(100000);
	for (unsigned i = 0; i < 50000; i++)
		buf_putc(&b, (char)('a' + i % 26));
	assert_ok(buf_check(&b));
	assert_int_equal(b.size, 50000);
	for (unsigned i = 0; i < 50000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_a_c_string_at_every_moment),
		cmocka_unit_test(holds_its_maximum_and_not_one_byte_more),
		cmocka_unit_test(stays_failed_until_cleared),
		cmocka_unit_test(reports_memory_that_is_out),
		cmocka_unit_test(extends_by_zero_bytes),
		cmocka_unit_test(hands_its_content_over),
		cmocka_unit_test(keeps_all_bytes_while_it_grows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
