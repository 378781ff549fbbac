/*
 * file - descriptors that close themselves, and whole files in and out.
 */
#pragma once

#include "shared/base/buf.h"

#include <sys/types.h>
#include <unistd.h>

static inline void file_close(int fd)
{
	if (fd >= 0)
		close(fd);
}
/* OWNED(fd) int fd = -1; hand it over with FD_MOVE(fd). */
OWN_DEFINE(fd, int, file_close)
#define FD_MOVE(fd)                   \
	__extension__({               \
		int moved_fd_ = (fd); \
		(fd) = -1;            \
		moved_fd_;            \
	})

/* Opens `path` (O_CLOEXEC added). fails: by errno, message names the path. */
MUST_CHECK struct err *file_open(const char *path, int flags, mode_t mode, int *out);

/* Appends all that can be read from `path` or `fd` to `out`. fails: by errno; TOO_LARGE past
 * out->max. */
MUST_CHECK struct err *file_read(const char *path, struct buf *out);
MUST_CHECK struct err *file_read_fd(int fd, struct buf *out);

/* Writes all of `data` to `fd`, through short writes and EINTR. */
MUST_CHECK struct err *file_write_fd(int fd, struct bytes data);

/* Replaces `path` by `data` as one step: a crash leaves the old or the new file (temporary file in the
 * same folder, fsync, rename). */
MUST_CHECK struct err *file_replace(const char *path, struct bytes data);

/* Creates folder `path` (0700) and its missing parents; an existing one is fine. */
MUST_CHECK struct err *file_make_dirs(const char *path);
