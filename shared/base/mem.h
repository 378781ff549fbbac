/*
 * mem - the only door to malloc.
 *
 * Every allocation of the project goes through here, so that a test can make the n-th one fail, for
 * every n, and see that it comes back as an error and that nothing leaks.
 *
 * Threads: any; mem_fail_at() is for single-threaded tests.
 */
#pragma once

#include "shared/base/own.h"

#include <stdint.h>

/* `size` bytes, or NULL. A size of 0 gives a pointer that may be freed. */
MUST_CHECK void *mem_alloc(size_t size);

/* The same, all bytes 0. */
MUST_CHECK void *mem_zalloc(size_t size);

/* `count` × `size` bytes, all 0; NULL also where the product overflows. */
MUST_CHECK void *mem_zalloc_array(size_t count, size_t size);

/* Resizes `old` (owned; NULL is an empty one) to `count` × `size` bytes. On NULL `old` is as before. */
MUST_CHECK void *mem_resize_array(void *old, size_t count, size_t size);

/* A copy of `text`, or NULL. NULL gives NULL. */
MUST_CHECK char *mem_strdup(const char *text);

/* A NUL-terminated copy of `size` bytes at `data`, or NULL. */
MUST_CHECK char *mem_copy_text(const char *data, size_t size);

void mem_free(void *owned);

OWN_DEFINE(mem, void *, mem_free)

/* An owning `char *` local: OWNED(text) char *s = NULL; */
OWN_DEFINE(text, char *, mem_free)

/*
 * Makes the `nth` allocation from now on fail (1 is the next one), and every later one succeed;
 * 0 switches that off. mem_failed() tells whether it has happened. For tests.
 */
void mem_fail_at(uint64_t nth);
int mem_failed(void);
