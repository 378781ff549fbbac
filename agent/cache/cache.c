#include "agent/cache/cache.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

struct cache {
	char *folder;
};

static const char *const subfolders[] = {
	[CACHE_BLOB] = "blobs", [CACHE_IMAGE] = "images",   [CACHE_BTF] = "btf",
	[CACHE_DESIRED] = ".",	[CACHE_TARGET] = "targets",
};

static struct err *path_of(const struct cache *c, enum cache_kind kind, const char *name,
			   struct buf *out)
{
	if (strchr(name, '/') || name[0] == '.')
		return err_new(ERR_INVALID, "no cache entry can be named \"%s\"", name);
	buf_printf(out, "%s/%s/%s", c->folder, subfolders[kind], name);
	return buf_check(out);
}

struct err *cache_open(const char *folder, struct cache **out)
{
	OWNED(cache) struct cache *c = mem_zalloc(sizeof(*c));
	TRY_MEMORY(c);
	c->folder = mem_strdup(folder);
	TRY_MEMORY(c->folder);
	for (size_t i = 0; i < ARRAY_SIZE(subfolders); i++) {
		OWNED_BUF struct buf path = BUF_INIT(4096);
		buf_printf(&path, "%s/%s", folder, subfolders[i]);
		TRY(buf_check(&path));
		TRY_DOING(file_make_dirs(buf_text(&path)), "state folder");
	}
	*out = MOVE(c);
	return NULL;
}

void cache_close(struct cache *c)
{
	if (!c)
		return;
	mem_free(c->folder);
	mem_free(c);
}

struct err *cache_get(const struct cache *c, enum cache_kind kind, const char *name,
		      struct buf *out)
{
	OWNED_BUF struct buf path = BUF_INIT(4096);
	TRY(path_of(c, kind, name, &path));
	return file_read(buf_text(&path), out);
}

struct err *cache_put(const struct cache *c, enum cache_kind kind, const char *name,
		      struct bytes data)
{
	OWNED_BUF struct buf path = BUF_INIT(4096);
	TRY(path_of(c, kind, name, &path));
	return file_replace(buf_text(&path), data);
}

struct err *cache_remove(const struct cache *c, enum cache_kind kind, const char *name)
{
	OWNED_BUF struct buf path = BUF_INIT(4096);
	TRY(path_of(c, kind, name, &path));
	if (unlink(buf_text(&path)) != 0 && errno != ENOENT)
		return err_sys(errno, "remove %s", buf_text(&path));
	return NULL;
}

struct err *cache_each(const struct cache *c, enum cache_kind kind,
		       struct err *(*visit)(void *context, const char *name), void *context)
{
	OWNED_BUF struct buf path = BUF_INIT(4096);
	buf_printf(&path, "%s/%s", c->folder, subfolders[kind]);
	TRY(buf_check(&path));
	DIR *folder = opendir(buf_text(&path));
	if (!folder)
		return err_sys(errno, "%s", buf_text(&path));
	struct err *e = NULL;
	for (struct dirent *each; !e && (each = readdir(folder));)
		if (each->d_name[0] != '.' && !strstr(each->d_name, ".new"))
			e = visit(context, each->d_name);
	closedir(folder);
	return e;
}
