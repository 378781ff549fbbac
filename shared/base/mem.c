#include "shared/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Rule broken: mutable globals. They are the test's hand in the allocator and 0 in production. */
static uint64_t fail_countdown;
static int has_failed;

static int must_fail(void)
{
	if (__builtin_expect(fail_countdown == 0, 1))
		return 0;
	if (--fail_countdown > 0)
		return 0;
	has_failed = 1;
	return 1;
}

void mem_fail_at(uint64_t nth)
{
	fail_countdown = nth;
	has_failed = 0;
}

int mem_failed(void)
{
	return has_failed;
}

void *mem_alloc(size_t size)
{
	return must_fail() ? NULL : malloc(size ? size : 1);
}

void *mem_zalloc(size_t size)
{
	return mem_zalloc_array(1, size);
}

void *mem_zalloc_array(size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes) || must_fail())
		return NULL;
	return calloc(1, bytes ? bytes : 1);
}

void *mem_resize_array(void *old, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes) || must_fail())
		return NULL;
	return realloc(old, bytes ? bytes : 1);
}

char *mem_strdup(const char *text)
{
	return text ? mem_copy_text(text, strlen(text)) : NULL;
}

char *mem_copy_text(const char *data, size_t size)
{
	char *copy = mem_alloc(size + 1);
	if (!copy)
		return NULL;
	if (size)
		memcpy(copy, data, size);
	copy[size] = 0;
	return copy;
}

void mem_free(void *owned)
{
	free(owned);
}
