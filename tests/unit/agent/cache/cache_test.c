#include "tests/unit/test.h"

#include "agent/cache/cache.h"
#include "shared/base/file.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static char folder[] = "/tmp/eim-cache-test-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int set_up(void **state)
{
	struct cache *c = NULL;
	if (!mkdtemp(folder) || cache_open(folder, &c))
		return -1;
	*state = c;
	return 0;
}

static int tear_down(void **state)
{
	cache_close(*state);
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void gives_back_what_was_put(void **state)
{
	OWNED_BUF struct buf got = BUF_INIT(64);
	assert_ok(cache_put(*state, CACHE_BLOB, "abc", bytes_of("one", 3)));
	assert_ok(cache_put(*state, CACHE_BLOB, "abc", bytes_of("two", 3)));
	assert_ok(cache_get(*state, CACHE_BLOB, "abc", &got));
	assert_string_equal("two", buf_text(&got));
}

static void keeps_kinds_apart_and_removes(void **state)
{
	OWNED_BUF struct buf got = BUF_INIT(64);
	assert_ok(cache_put(*state, CACHE_IMAGE, "x", bytes_of("i", 1)));
	assert_fails(cache_get(*state, CACHE_BLOB, "x", &got), ERR_NOT_FOUND, "", "No such file");
	assert_ok(cache_remove(*state, CACHE_IMAGE, "x"));
	assert_ok(cache_remove(*state, CACHE_IMAGE, "x"));
	assert_fails(cache_get(*state, CACHE_IMAGE, "x", &got), ERR_NOT_FOUND, "", "No such file");
}

static void refuses_names_that_leave_the_folder(void **state)
{
	OWNED_BUF struct buf got = BUF_INIT(64);
	static const char *const bad[] = {"../x", "a/b", ".", ".hidden"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_fails(cache_get(*state, CACHE_BLOB, bad[i], &got), ERR_INVALID, "",
			     "no cache entry");
}

static struct err *count(void *context, const char *name)
{
	(void)name;
	++*(int *)context;
	return NULL;
}

static void visits_each_entry_once(void **state)
{
	int visits = 0;
	assert_ok(cache_put(*state, CACHE_TARGET, "1", bytes_of("a", 1)));
	assert_ok(cache_put(*state, CACHE_TARGET, "22", bytes_of("b", 1)));
	assert_ok(cache_each(*state, CACHE_TARGET, count, &visits));
	assert_int_equal(2, visits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_what_was_put),
		cmocka_unit_test(keeps_kinds_apart_and_removes),
		cmocka_unit_test(refuses_names_that_leave_the_folder),
		cmocka_unit_test(visits_each_entry_once),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
