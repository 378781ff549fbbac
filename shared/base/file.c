#include "shared/base/file.h"
#include "shared/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct err *file_open(const char *path, int flags, mode_t mode, int *out)
{
	int fd = open(path, flags | O_CLOEXEC, mode);
	if (fd < 0)
		return err_sys(errno, "%s", path);
	*out = fd;
	return NULL;
}

struct err *file_read_fd(int fd, struct buf *out)
{
	char chunk[16384];
	for (;;) {
		ssize_t got = read(fd, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(errno, "read");
		if (got == 0)
			return buf_check(out);
		buf_append(out, chunk, (size_t)got);
		TRY(buf_check(out));
	}
}

struct err *file_read(const char *path, struct buf *out)
{
	OWNED(fd) int fd = -1;
	TRY(file_open(path, O_RDONLY, 0, &fd));
	TRY_DOING(file_read_fd(fd, out), "%s", path);
	return NULL;
}

struct err *file_write_fd(int fd, struct bytes data)
{
	while (data.size) {
		ssize_t put = write(fd, data.data, data.size);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_sys(errno, "write");
		data = bytes_of(data.data + put, data.size - (size_t)put);
	}
	return NULL;
}

static struct err *write_and_sync(const char *path, struct bytes data)
{
	OWNED(fd) int fd = -1;
	TRY(file_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600, &fd));
	TRY_DOING(file_write_fd(fd, data), "%s", path);
	return fsync(fd) == 0 ? NULL : err_sys(errno, "fsync %s", path);
}

struct err *file_replace(const char *path, struct bytes data)
{
	OWNED_BUF struct buf temporary = BUF_INIT(4096);
	buf_printf(&temporary, "%s.%d.new", path, (int)getpid());
	TRY(buf_check(&temporary));
	struct err *e = write_and_sync(buf_text(&temporary), data);
	if (!e && rename(buf_text(&temporary), path) != 0)
		e = err_sys(errno, "rename to %s", path);
	if (e)
		unlink(buf_text(&temporary));
	return e;
}

struct err *file_make_dirs(const char *path)
{
	OWNED(text) char *each = mem_strdup(path);
	TRY_MEMORY(each);
	for (char *slash = each + 1; *each; slash++) {
		char here = *slash;
		if (here != '/' && here != 0)
			continue;
		*slash = 0;
		struct stat st;
		if (mkdir(each, 0700) != 0 && errno != EEXIST)
			return err_sys(errno, "mkdir %s", each);
		if (stat(each, &st) != 0 || !S_ISDIR(st.st_mode))
			return err_sys(ENOTDIR, "%s", each);
		*slash = here;
		if (here == 0)
			break;
	}
	return NULL;
}
