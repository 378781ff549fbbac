/*
 * test - what every unit test includes: cmocka, and assertions about errors.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/err.h"

/* The call succeeds; a failure prints its error. */
#define assert_ok(call)                          \
	do {                                     \
		struct err *ok_e_ = (call);      \
		if (ok_e_) {                     \
			err_print(#call, ok_e_); \
			err_destroy(ok_e_);      \
			fail();                  \
		}                                \
	} while (0)

/* The call fails with that code, path, and a message that contains `part`. */
#define assert_fails(call, want_code, want_path, part)                                       \
	do {                                                                                 \
		struct err *fail_e_ = (call);                                                \
		assert_non_null(fail_e_);                                                    \
		assert_string_equal(err_status(err_code(fail_e_)), err_status(want_code));   \
		assert_string_equal(err_path(fail_e_), want_path);                           \
		if (!strstr(err_message(fail_e_), part))                                     \
			fail_msg("message \"%s\" lacks \"%s\"", err_message(fail_e_), part); \
		err_destroy(fail_e_);                                                        \
	} while (0)
