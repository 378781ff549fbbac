#include "controller/ctl/table.h"

#include "shared/base/mem.h"
#include "tests/unit/test.h"

static void aligns_columns_and_leaves_no_space_at_the_end(void **state)
{
	(void)state;
	OWNED_TABLE struct table t = TABLE_INIT(3);
	OWNED_BUF struct buf out = BUF_INIT(1000);
	table_header(&t, (const char *const[]){"NAME", "STATE", "WHERE"});
	table_header(&t, (const char *const[]){"a", "ACTIVE", "here"});
	table_header(&t, (const char *const[]){"a-long-name", "X", ""});
	assert_ok(table_check(&t));
	assert_int_equal(table_rows(&t), 2);
	table_print(&t, &out);
	assert_string_equal(buf_text(&out), "NAME         STATE   WHERE\n"
					    "a            ACTIVE  here\n"
					    "a-long-name  X       -\n");
}

static void puts_numbers_to_the_right(void **state)
{
	(void)state;
	OWNED_TABLE struct table t = TABLE_INIT(3);
	OWNED_BUF struct buf out = BUF_INIT(1000);
	table_header(&t, (const char *const[]){"PID", "RUNS", "X"});
	table_header(&t, (const char *const[]){"7", "-1.5", "1.2.3"});
	table_header(&t, (const char *const[]){"12345", "-", "2"});
	table_print(&t, &out);
	assert_string_equal(buf_text(&out), "  PID  RUNS  X\n"
					    "    7  -1.5  1.2.3\n"
					    "12345     -  2\n");
}

static void counts_letters_not_bytes(void **state)
{
	(void)state;
	OWNED_TABLE struct table t = TABLE_INIT(2);
	OWNED_BUF struct buf out = BUF_INIT(1000);
	table_header(&t, (const char *const[]){"A", "B"});
	table_header(&t, (const char *const[]){"≥≥≥", "x"});
	table_print(&t, &out);
	assert_string_equal(buf_text(&out), "A    B\n≥≥≥  x\n");
}

static void shows_control_characters_as_spaces(void **state)
{
	(void)state;
	OWNED_TABLE struct table t = TABLE_INIT(1);
	OWNED_BUF struct buf out = BUF_INIT(1000);
	table_cell(&t, STR("A"));
	table_cellf(&t, "x%cy\n%s", 27, "z");
	table_print(&t, &out);
	assert_string_equal(buf_text(&out), "A\nx y z\n");
}

static void prints_a_header_without_rows(void **state)
{
	(void)state;
	OWNED_TABLE struct table t = TABLE_INIT(2);
	OWNED_BUF struct buf out = BUF_INIT(1000);
	table_header(&t, (const char *const[]){"KEY", "VALUE"});
	table_print(&t, &out);
	assert_string_equal(buf_text(&out), "KEY  VALUE\n");
}

static void tells_when_memory_was_out(void **state)
{
	(void)state;
	for (uint64_t nth = 1;; nth++) {
		OWNED_TABLE struct table t = TABLE_INIT(1);
		mem_fail_at(nth);
		for (int i = 0; i < 100; i++)
			table_cellf(&t, "%d", i);
		bool failed = mem_failed();
		mem_fail_at(0);
		if (!failed) {
			assert_ok(table_check(&t));
			assert_true(nth > 100);
			return;
		}
		assert_fails(table_check(&t), ERR_NO_MEMORY, "", "out of memory");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligns_columns_and_leaves_no_space_at_the_end),
		cmocka_unit_test(puts_numbers_to_the_right),
		cmocka_unit_test(counts_letters_not_bytes),
		cmocka_unit_test(shows_control_characters_as_spaces),
		cmocka_unit_test(prints_a_header_without_rows),
		cmocka_unit_test(tells_when_memory_was_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
