#include "tests/unit/test.h"
#include "tests/unit/shared/bpf/btf_build.h"

#include "shared/base/mem.h"

/* BTF whose strings are at fixed places, and a .BTF.ext with lines of one section. */
struct lines {
	struct btf *btf;
	uint32_t section, file, text;
	struct buf ext;
};

static void setup(struct lines *l)
{
	OWNED_BUILD struct btf_build build = BTF_BUILD_INIT;
	l->section = btf_build_text(&build, "uprobe/a:b");
	l->file = btf_build_text(&build, "src/a.c");
	l->text = btf_build_text(&build, "\treturn x;");
	l->ext = BUF_INIT(65536);
	l->btf = NULL;
	assert_ok(btf_build_parse(&build, &l->btf));
}

static void lines_fini(struct lines *l)
{
	btf_destroy(l->btf);
	buf_fini(&l->ext);
}

static void put(struct lines *l, const uint32_t *words, size_t count)
{
	buf_append(&l->ext, words, count * sizeof(*words));
}

/* Header and table head; `bytes` is the table's size. */
static void put_head(struct lines *l, uint32_t bytes, uint32_t record_bytes, uint32_t count)
{
	const uint32_t head[] = {0x0001eb9f, 24, 0, 0, 0, bytes, record_bytes, l->section, count};
	put(l, head, ARRAY_SIZE(head));
}

static void put_line(struct lines *l, uint32_t insn, uint32_t line)
{
	const uint32_t record[] = {insn * 8, l->file, l->text, line << 10 | 5};
	put(l, record, ARRAY_SIZE(record));
}

static struct err *parse(struct lines *l, struct btf_lines **out)
{
	return btf_lines_parse(l->btf, buf_bytes(&l->ext), out);
}

static void finds_the_line_that_covers_an_instruction(void **state UNUSED)
{
	__attribute__((cleanup(lines_fini))) struct lines l;
	OWNED(btf_lines) struct btf_lines *lines = NULL;
	setup(&l);
	put_head(&l, 12 + 3 * 16, 16, 3);
	put_line(&l, 2, 10);
	put_line(&l, 5, 11);
	put_line(&l, 5, 12);
	assert_ok(parse(&l, &lines));
	struct str section = STR("uprobe/a:b");
	assert_null(btf_lines_find(lines, section, 1));
	assert_int_equal(btf_lines_find(lines, section, 2)->line, 10);
	assert_int_equal(btf_lines_find(lines, section, 4)->line, 10);
	const struct btf_line *last = btf_lines_find(lines, section, UINT32_MAX);
	assert_int_equal(last->line, 12);
	assert_int_equal(last->column, 5);
	assert_true(str_is(last->file, "src/a.c"));
	assert_true(str_is(last->text, "return x;"));
	assert_null(btf_lines_find(lines, STR(".text"), 2));
	assert_null(btf_lines_find(NULL, section, 2));
}

static void rejects_tables_that_do_not_fit(void **state UNUSED)
{
	static const struct {
		uint32_t bytes, record_bytes, count;
		const char *part;
	} cases[] = {
		{28, 8, 1, "records of 8 bytes"},
		{28, 17, 1, "records of 17 bytes"},
		{28, UINT32_MAX, 1, "line records of"},
		{28, 16, 0, "0 lines for section"},
		{28, 16, UINT32_MAX, "4294967295 lines"},
		{28, 16, 2, "2 lines for section"},
		{29, 16, 1, ".BTF.ext"},
		{UINT32_MAX, 16, 1, ".BTF.ext"},
		{2, 16, 1, "bytes wanted"},
		{27, 16, 1, "bytes wanted"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		__attribute__((cleanup(lines_fini))) struct lines l;
		OWNED(btf_lines) struct btf_lines *lines = NULL;
		setup(&l);
		put_head(&l, cases[i].bytes, cases[i].record_bytes, cases[i].count);
		put_line(&l, 0, 1);
		assert_fails(parse(&l, &lines), ERR_INVALID, "", cases[i].part);
	}
}

static void rejects_lines_out_of_order_or_place(void **state UNUSED)
{
	__attribute__((cleanup(lines_fini))) struct lines l;
	OWNED(btf_lines) struct btf_lines *lines = NULL;
	setup(&l);
	put_head(&l, 12 + 2 * 16, 16, 2);
	put_line(&l, 5, 1);
	put_line(&l, 4, 2);
	assert_fails(parse(&l, &lines), ERR_INVALID, "", "not in order");
	uint32_t *words = (uint32_t *)l.ext.data;
	words[9] = 41;
	assert_fails(parse(&l, &lines), ERR_INVALID, "", "byte 41 is no instruction's");
	words[9] = 0;
	words[10] = 5000;
	assert_fails(parse(&l, &lines), ERR_INVALID, "", "no string at offset 5000");
}

static void accepts_extensions_without_lines(void **state UNUSED)
{
	__attribute__((cleanup(lines_fini))) struct lines l;
	OWNED(btf_lines) struct btf_lines *lines = NULL;
	setup(&l);
	const uint32_t head[] = {0x0001eb9f, 24, 0, 0, 0, 0};
	put(&l, head, ARRAY_SIZE(head));
	assert_ok(parse(&l, &lines));
	assert_null(btf_lines_find(lines, STR(""), 0));
}

static void survives_failure_of_every_allocation(void **state UNUSED)
{
	__attribute__((cleanup(lines_fini))) struct lines l;
	setup(&l);
	put_head(&l, 28, 16, 1);
	put_line(&l, 0, 1);
	for (uint64_t nth = 1;; nth++) {
		OWNED(btf_lines) struct btf_lines *lines = NULL;
		mem_fail_at(nth);
		OWNED(err) struct err *e = parse(&l, &lines);
		int failed = mem_failed();
		mem_fail_at(0);
		if (!failed) {
			assert_null(e);
			assert_true(nth > 2);
			return;
		}
		assert_non_null(e);
		assert_int_equal(err_code(e), ERR_NO_MEMORY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_line_that_covers_an_instruction),
		cmocka_unit_test(rejects_tables_that_do_not_fit),
		cmocka_unit_test(rejects_lines_out_of_order_or_place),
		cmocka_unit_test(accepts_extensions_without_lines),
		cmocka_unit_test(survives_failure_of_every_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
