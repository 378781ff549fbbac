#include "tests/unit/test.h"

#include "agent/compile/message.h"
#include "shared/base/mem.h"

static void a_request_comes_back_as_it_was(void **state)
{
	(void)state;
	OWNED_BUF struct buf text = BUF_INIT(4096);
	const struct compile_request sent = {bytes_of("\x7f"
						      "ELF",
						      4),
					     STR("roles: []"), STR("r"), bytes_of("btf", 3)};
	struct compile_request got;
	compile_request_encode(&sent, &text);
	assert_ok(compile_request_decode(buf_bytes(&text), &got));
	assert_int_equal(4, got.object.size);
	assert_memory_equal("\x7f"
			    "ELF",
			    got.object.data, 4);
	assert_true(str_is(got.spec_text, "roles: []"));
	assert_true(str_is(got.role, "r"));
	assert_int_equal(3, got.host_btf.size);
}

static void a_cut_request_names_the_part_that_is_missing(void **state)
{
	(void)state;
	OWNED_BUF struct buf text = BUF_INIT(4096);
	const struct compile_request sent = {bytes_of("obj", 3), STR("spec"), STR("role"),
					     bytes_of("btf", 3)};
	static const char *const parts[] = {"/object", "/spec", "/role", "/hostBtf"};
	struct compile_request got;
	compile_request_encode(&sent, &text);
	size_t at = 0;
	for (size_t size = 0; size < text.size; size++) {
		static const size_t ends[] = {7, 15, 23, 30};
		while (size >= ends[at])
			at++;
		assert_fails(compile_request_decode(bytes_of(text.data, size), &got), ERR_INVALID,
			     parts[at], "wanted");
	}
}

static void an_error_comes_back_with_code_path_and_detail(void **state)
{
	(void)state;
	OWNED_BUF struct buf text = BUF_INIT(4096);
	OWNED_BUF struct buf verdict = BUF_INIT(4096);
	struct image *image = NULL;
	OWNED(err)
	struct err *e = err_with_detail(err_at(ERR_REJECTED, "prog.c:12", "not granted"),
					"the whole story");
	e = err_with_data(e, "{\"rule\":\"possible-null\"}");
	compile_answer_encode_err(e, &text);
	OWNED(err) struct err *back = compile_answer_decode(buf_bytes(&text), &image, &verdict);
	assert_non_null(back);
	assert_int_equal(ERR_REJECTED, err_code(back));
	assert_string_equal("prog.c:12", err_path(back));
	assert_string_equal("not granted", err_message(back));
	assert_string_equal("the whole story", err_detail(back));
	assert_string_equal("{\"rule\":\"possible-null\"}", err_data(back));
	assert_null(image);
}

static void an_answer_that_is_none_is_an_error(void **state)
{
	(void)state;
	OWNED_BUF struct buf verdict = BUF_INIT(4096);
	struct image *image = NULL;
	assert_fails(compile_answer_decode(bytes_of("\0\0", 2), &image, &verdict), ERR_INVALID, "",
		     "wanted");
	assert_fails(compile_answer_decode(bytes_of("\0\0\0\0\xff\xff\xff\xff", 8), &image,
					   &verdict),
		     ERR_INVALID, "", "wanted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_comes_back_as_it_was),
		cmocka_unit_test(a_cut_request_names_the_part_that_is_missing),
		cmocka_unit_test(an_error_comes_back_with_code_path_and_detail),
		cmocka_unit_test(an_answer_that_is_none_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
