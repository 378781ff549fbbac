/*
 * err - the one error type, from the ELF reader to the REST caller.
 *
 * A function that can fail returns `struct err *`: NULL is success, anything else is owned by the
 * receiver, who returns it, answers with it, or logs it: exactly one of the three.
 *
 * An error says: a code (one table gives its HTTP status and exit code), a message for a person that
 * says what to change, a path to the culprit (a JSON Pointer, or file:line), a long text (the
 * verifier's log, NULL where there is none), and further findings of the same run.
 *
 * Memory:  malloc; when that fails a static "out of memory" error takes the place of the wanted one.
 * Threads: an error belongs to one thread at a time.
 */
#pragma once

#include "shared/base/own.h"

#include <stdarg.h>
#include <stdbool.h>

enum err_code {
#define ERR(name, status, http, exit) ERR_##name,
#include "shared/base/err.tbl.h"
#undef ERR
};

struct err;

/* ---- making ---- */

/* A new error without a path. Never NULL. */
MUST_CHECK NEVER_NULL struct err *err_new(enum err_code code, const char *format, ...) PRINTF(2, 3);

/* A new error whose culprit is `path` (copied; "" means the whole input). Never NULL. */
MUST_CHECK NEVER_NULL struct err *err_at(enum err_code code, const char *path, const char *format,
					 ...) PRINTF(3, 4);

/* A new SYSTEM error: the message and the text of `errnum`. EPERM and EACCES become
 * PERMISSION_DENIED, ENOENT and ESRCH become NOT_FOUND, ENOMEM becomes NO_MEMORY. */
MUST_CHECK NEVER_NULL struct err *err_sys(int errnum, const char *format, ...) PRINTF(2, 3);

/* The error for a failed allocation. Never NULL, costs no memory. */
MUST_CHECK NEVER_NULL struct err *err_no_memory(void);

/* ---- on the way up: each takes `e` (owned) and returns it; NULL stays NULL ---- */

/* Puts `format` in front of the path: "/types" + "/0/name" = "/types/0/name". */
MUST_CHECK struct err *err_in(struct err *e, const char *format, ...) PRINTF(2, 3);

/* Puts `format` and ": " in front of the message. */
MUST_CHECK struct err *err_doing(struct err *e, const char *format, ...) PRINTF(2, 3);

/* Sets the long text (copied). */
MUST_CHECK struct err *err_with_detail(struct err *e, const char *detail);

/* Sets what the detail says for programs: a JSON object as text (copied, not looked at). */
MUST_CHECK struct err *err_with_data(struct err *e, const char *json);

/* Appends finding `e` (moved in, may be NULL) to `*list`; an empty list becomes `e`. */
void err_add(struct err **list, struct err *e);

/* ---- reading: views are borrowed until the error is destroyed ---- */
enum err_code err_code(const struct err *e);
const char *err_message(const struct err *e);
const char *err_path(const struct err *e);	 /* "" where there is none */
const char *err_detail(const struct err *e);	 /* NULL where there is none */
const char *err_data(const struct err *e);	 /* NULL where there is none */
const struct err *err_next(const struct err *e); /* the next finding, or NULL */

const char *err_status(enum err_code code); /* "INVALID_ARGUMENT" */
int err_http(enum err_code code);	    /* 400 */
int err_exit(enum err_code code);	    /* 2 */

/* The code whose status is `status` and, where several share it, whose HTTP status is `http`;
 * INTERNAL for what is unknown. */
enum err_code err_code_of(const char *status, int http);

/* "path: message" and each further finding on its own line, then the long text, to stderr. */
void err_print(const char *program, const struct err *e);

void err_destroy(struct err *e);
OWN_DEFINE(err, struct err *, err_destroy)

/* ---- guards ---- */

/* Returns the error of `call` to the caller's caller. */
#define TRY(call)                                        \
	do {                                             \
		struct err *try_e_ = (call);             \
		if (__builtin_expect(try_e_ != NULL, 0)) \
			return try_e_;                   \
	} while (0)

/* … with a path in front: TRY_AT(role_parse(n, &r), "/roles/%zu", i); */
#define TRY_AT(call, ...)                                   \
	do {                                                \
		struct err *try_e_ = (call);                \
		if (__builtin_expect(try_e_ != NULL, 0))    \
			return err_in(try_e_, __VA_ARGS__); \
	} while (0)

/* … with what was being done in front of the message: TRY_DOING(f(), "spec %s", name); */
#define TRY_DOING(call, ...)                                   \
	do {                                                   \
		struct err *try_e_ = (call);                   \
		if (__builtin_expect(try_e_ != NULL, 0))       \
			return err_doing(try_e_, __VA_ARGS__); \
	} while (0)

/* Returns NO_MEMORY where `pointer` is NULL. */
#define TRY_MEMORY(pointer)                                 \
	do {                                                \
		if (__builtin_expect((pointer) == NULL, 0)) \
			return err_no_memory();             \
	} while (0)
