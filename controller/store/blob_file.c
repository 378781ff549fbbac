#include "controller/store/blob_file.h"
#include "shared/base/file.h"
#include "shared/crypto/digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct err *make_path(const char *folder, struct str digest, struct buf *out)
{
	if (!digest_is_hex(digest))
		return err_new(ERR_INVALID, "\"%.*s\" is no SHA-256 in lower-case hex",
			       STR_FMT(digest));
	buf_printf(out, "%s/%.*s", folder, STR_FMT(digest));
	return buf_check(out);
}

struct err *blob_file_prepare(const char *folder)
{
	TRY(file_make_dirs(folder));
	DIR *dir = opendir(folder);
	if (!dir)
		return err_sys(errno, "%s", folder);
	for (struct dirent *each; (each = readdir(dir));)
		if (str_ends(str_of(each->d_name), ".new"))
			unlinkat(dirfd(dir), each->d_name, 0);
	closedir(dir);
	return NULL;
}

/* A rename is safe from a power cut once its folder is synced. */
static struct err *sync_folder(const char *folder)
{
	OWNED(fd) int fd = -1;
	TRY(file_open(folder, O_RDONLY | O_DIRECTORY, 0, &fd));
	return fsync(fd) == 0 ? NULL : err_sys(errno, "fsync %s", folder);
}

struct err *blob_file_put(const char *folder, struct str digest, struct bytes data)
{
	OWNED_BUF struct buf path = BUF_INIT(4096);
	TRY(make_path(folder, digest, &path));
	TRY(file_replace(buf_text(&path), data));
	return sync_folder(folder);
}

struct err *blob_file_get(const char *folder, struct str digest, struct buf *out)
{
	OWNED_BUF struct buf path = BUF_INIT(4096);
	char have[DIGEST_HEX_SIZE];
	int64_t size;
	TRY(blob_file_stat(folder, digest, &size));
	TRY(make_path(folder, digest, &path));
	size_t before = out->size;
	TRY(file_read(buf_text(&path), out));
	TRY(digest_hex(bytes_of(buf_text(out) + before, out->size - before), have));
	if (!str_is(digest, have))
		return err_new(ERR_INTERNAL, "blob %.*s is damaged on disk: upload it again",
			       STR_FMT(digest));
	return NULL;
}

struct err *blob_file_stat(const char *folder, struct str digest, int64_t *size)
{
	OWNED_BUF struct buf path = BUF_INIT(4096);
	struct stat st;
	TRY(make_path(folder, digest, &path));
	if (stat(buf_text(&path), &st) == 0) {
		*size = st.st_size;
		return NULL;
	}
	if (errno == ENOENT)
		return err_new(ERR_NOT_FOUND, "no blob sha256/%.*s", STR_FMT(digest));
	return err_sys(errno, "%s", buf_text(&path));
}
