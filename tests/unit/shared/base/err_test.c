#include "tests/unit/test.h"

#include "shared/base/err.h"
#include "shared/base/mem.h"

#include <errno.h>

static struct err *fails(void)
{
	return err_at(ERR_INVALID, "/name", "is %s", "empty");
}

static struct err *fails_in_type(void)
{
	TRY_AT(fails(), "/types/%d", 3);
	return NULL;
}

static struct err *fails_in_spec(void)
{
	TRY_DOING(fails_in_type(), "spec %s", "nginx");
	return NULL;
}

static void gains_path_and_message_on_the_way_up(void **state UNUSED)
{
	OWNED(err) struct err *e = fails_in_spec();
	assert_string_equal(err_path(e), "/types/3/name");
	assert_string_equal(err_message(e), "spec nginx: is empty");
	assert_int_equal(err_code(e), ERR_INVALID);
	assert_null(err_next(e));
	assert_null(err_detail(e));
}

static void puts_the_path_before_every_finding(void **state UNUSED)
{
	struct err *list = NULL;
	err_add(&list, NULL);
	assert_null(list);
	err_add(&list, err_at(ERR_INVALID, "/a", "first"));
	err_add(&list, err_at(ERR_NOT_FOUND, "/b", "second"));
	list = err_in(list, "/roles/%u", 2u);
	assert_string_equal(err_path(list), "/roles/2/a");
	assert_string_equal(err_path(err_next(list)), "/roles/2/b");
	assert_int_equal(err_code(err_next(list)), ERR_NOT_FOUND);
	err_destroy(list);
}

static void keeps_null_as_success(void **state UNUSED)
{
	assert_null(err_in(NULL, "/x"));
	assert_null(err_doing(NULL, "x"));
	assert_null(err_with_detail(NULL, "x"));
	err_destroy(NULL);
}

static void replaces_the_long_text(void **state UNUSED)
{
	struct err *e = err_with_detail(err_new(ERR_REJECTED, "no"), "log");
	e = err_with_detail(e, "longer log");
	assert_string_equal(err_detail(e), "longer log");
	err_destroy(e);
}

static void knows_errno(void **state UNUSED)
{
	static const struct {
		int errnum;
		enum err_code code;
	} known[] = {{EPERM, ERR_PERMISSION_DENIED},
		     {ENOENT, ERR_NOT_FOUND},
		     {ESRCH, ERR_NOT_FOUND},
		     {ENOMEM, ERR_NO_MEMORY},
		     {EIO, ERR_SYSTEM},
		     {EADDRINUSE, ERR_UNAVAILABLE}};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		OWNED(err) struct err *e = err_sys(known[i].errnum, "open %s", "f");
		assert_int_equal(err_code(e), known[i].code);
		assert_non_null(strstr(err_message(e), "open f: "));
	}
}

static void finds_a_code_by_status_and_http(void **state UNUSED)
{
	assert_int_equal(err_code_of("FAILED_PRECONDITION", 422), ERR_REJECTED);
	assert_int_equal(err_code_of("FAILED_PRECONDITION", 412), ERR_STALE);
	assert_int_equal(err_code_of("INVALID_ARGUMENT", 400), ERR_INVALID);
	assert_int_equal(err_code_of("NO_SUCH_STATUS", 400), ERR_INTERNAL);
	assert_string_equal(err_status(ERR_REJECTED), "FAILED_PRECONDITION");
	assert_int_equal(err_http(ERR_REJECTED), 422);
	assert_int_equal(err_exit(ERR_REJECTED), 1);
	assert_int_equal(err_exit(ERR_INVALID), 2);
}

static void becomes_out_of_memory_when_memory_is_out(void **state UNUSED)
{
	for (uint64_t n = 1; n <= 3; n++) {
		mem_fail_at(n);
		struct err *e = err_at(ERR_INVALID, "/p", "m");
		assert_int_equal(err_code(e), ERR_NO_MEMORY);
		err_destroy(e);
	}
	mem_fail_at(0);
}

static void loses_only_context_when_memory_is_out_on_the_way_up(void **state UNUSED)
{
	struct err *e = err_at(ERR_INVALID, "/p", "m");
	mem_fail_at(1);
	e = err_in(e, "/q");
	mem_fail_at(2);
	e = err_doing(e, "doing");
	mem_fail_at(1);
	e = err_with_detail(e, "detail");
	mem_fail_at(0);
	assert_string_equal(err_path(e), "/p");
	assert_string_equal(err_message(e), "m");
	assert_null(err_detail(e));
	err_destroy(e);
}

static void never_links_the_static_error(void **state UNUSED)
{
	struct err *list = err_new(ERR_INVALID, "first");
	err_add(&list, err_no_memory());
	assert_null(err_next(list));
	err_destroy(list);
	list = err_no_memory();
	err_add(&list, err_new(ERR_INVALID, "second"));
	assert_null(err_next(list));
	assert_string_equal(err_message(err_in(list, "/x")), "out of memory");
	assert_string_equal(err_path(list), "");
	err_destroy(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gains_path_and_message_on_the_way_up),
		cmocka_unit_test(puts_the_path_before_every_finding),
		cmocka_unit_test(keeps_null_as_success),
		cmocka_unit_test(replaces_the_long_text),
		cmocka_unit_test(knows_errno),
		cmocka_unit_test(finds_a_code_by_status_and_http),
		cmocka_unit_test(becomes_out_of_memory_when_memory_is_out),
		cmocka_unit_test(loses_only_context_when_memory_is_out_on_the_way_up),
		cmocka_unit_test(never_links_the_static_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
