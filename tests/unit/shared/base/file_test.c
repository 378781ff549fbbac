#include "tests/unit/test.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char folder[] = "/tmp/file_test.XXXXXX";

static int make_folder(void **state UNUSED)
{
	return mkdtemp(folder) ? 0 : -1;
}

static const char *path_in(struct buf *path, const char *name)
{
	buf_clear(path);
	buf_printf(path, "%s/%s", folder, name);
	return buf_text(path);
}

static int remove_folder(void **state UNUSED)
{
	static const char *const left[] = {"f", "fifo", "a/b/c", "a/b", "a", ""};
	OWNED_BUF struct buf path = BUF_INIT(4096);
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		(void)remove(path_in(&path, left[i]));
	return access(folder, F_OK) == 0 ? -1 : 0;
}

static size_t count_entries(void)
{
	DIR *d = opendir(folder);
	size_t n = 0;
	for (const struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void replaces_a_file_and_leaves_nothing_beside_it(void **state UNUSED)
{
	OWNED_BUF struct buf path = BUF_INIT(4096), read = BUF_INIT(100);
	const char *f = path_in(&path, "f");
	assert_ok(file_replace(f, bytes_of("one", 3)));
	assert_ok(file_replace(f, bytes_of("two!", 4)));
	assert_ok(file_read(f, &read));
	assert_string_equal(buf_text(&read), "two!");
	assert_int_equal(count_entries(), 1);
}

static void names_the_path_that_is_missing(void **state UNUSED)
{
	OWNED_BUF struct buf path = BUF_INIT(4096), read = BUF_INIT(100);
	const char *f = path_in(&path, "missing");
	assert_fails(file_read(f, &read), ERR_NOT_FOUND, "", "/missing: ");
	int fd = 42;
	assert_fails(file_open(f, O_RDONLY, 0, &fd), ERR_NOT_FOUND, "", "/missing: ");
	assert_int_equal(fd, 42);
	assert_fails(file_replace(path_in(&path, "none/f"), bytes_of("x", 1)), ERR_NOT_FOUND, "",
		     "none/f");
}

static void refuses_a_file_larger_than_the_buffer(void **state UNUSED)
{
	OWNED_BUF struct buf path = BUF_INIT(4096), read = BUF_INIT(3);
	const char *f = path_in(&path, "f");
	assert_ok(file_replace(f, bytes_of("four", 4)));
	assert_fails(file_read(f, &read), ERR_TOO_LARGE, "", "limit of 3 bytes");
}

static void reads_a_pipe_to_its_end(void **state UNUSED)
{
	OWNED_BUF struct buf read = BUF_INIT(100000);
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	assert_ok(file_write_fd(ends[1], bytes_of("through a pipe", 14)));
	close(ends[1]);
	assert_ok(file_read_fd(ends[0], &read));
	close(ends[0]);
	assert_string_equal(buf_text(&read), "through a pipe");
}

static void makes_missing_parents_and_takes_existing_ones(void **state UNUSED)
{
	OWNED_BUF struct buf path = BUF_INIT(4096);
	struct stat st;
	assert_ok(file_make_dirs(path_in(&path, "a/b/c")));
	assert_ok(file_make_dirs(path_in(&path, "a/b/c")));
	assert_int_equal(stat(buf_text(&path), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_ok(file_replace(path_in(&path, "f"), bytes_of("", 0)));
	struct err *e = file_make_dirs(path_in(&path, "f/g"));
	assert_non_null(e);
	err_destroy(e);
}

static void closes_what_goes_out_of_scope(void **state UNUSED)
{
	int seen;
	{
		OWNED(fd) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		seen = fd;
	}
	assert_int_equal(fcntl(seen, F_GETFD), -1);
	OWNED(fd) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int moved = FD_MOVE(fd);
	assert_int_equal(fd, -1);
	file_close(moved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_a_file_and_leaves_nothing_beside_it),
		cmocka_unit_test(names_the_path_that_is_missing),
		cmocka_unit_test(refuses_a_file_larger_than_the_buffer),
		cmocka_unit_test(reads_a_pipe_to_its_end),
		cmocka_unit_test(makes_missing_parents_and_takes_existing_ones),
		cmocka_unit_test(closes_what_goes_out_of_scope),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
