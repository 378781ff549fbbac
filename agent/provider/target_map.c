/*
 * Mappings in the stopped process. A region is mapped in one piece at first, from the code's file and
 * without any right, so that nobody else can take a part of it and that it can be told by its file from
 * the first moment on; then its parts are mapped over it.
 */
#include "agent/provider/target_impl.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"
#include "shared/runtime/map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/* ---- the code's file ---- */

struct err *target_code_create(const struct image *image, int *out_fd)
{
	OWNED(fd) int fd = memfd_create("eim-code", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_sys(errno, "memfd_create");
	TRY(file_write_fd(fd, image->code));
	if (ftruncate(fd, (off_t)image->private_offset) != 0)
		return err_sys(errno, "size of the code's file");
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
		return err_sys(errno, "sealing the code's file");
	*out_fd = FD_MOVE(fd);
	return NULL;
}

/* ---- in the process ---- */

/* Somebody took the room since it was planned: plan again. */
static struct err *taken_is_aborted(struct err *e)
{
	if (!e || err_code(e) != ERR_FAILED_PRECONDITION)
		return e;
	struct err *aborted = err_new(ERR_ABORTED, "%s", err_message(e));
	err_destroy(e);
	return aborted;
}

static struct err *wipe_on_fork(struct remote *r, uint64_t address, uint64_t size)
{
	int64_t result;
	TRY(remote_syscall(r, SYS_madvise, (uint64_t[6]){address, size, MADV_WIPEONFORK}, &result));
	if (result < 0)
		return err_sys((int)-result, "madvise(MADV_WIPEONFORK) in process %d",
			       remote_pid(r));
	return NULL;
}

static struct err *map_island(struct remote *r, struct target_island *i)
{
	struct target_mark mark = {TARGET_MAGIC, i->base};
	TRY(taken_is_aborted(remote_mmap(r, i->base, TARGET_ISLAND_BYTES, PROT_READ | PROT_EXEC,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
	i->is_mapped = true;
	TRY(remote_mmap(r, i->base + TARGET_PAGE, TARGET_PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	TRY(wipe_on_fork(r, i->base + TARGET_PAGE, TARGET_PAGE));
	return remote_write(r, i->base, &mark, sizeof(mark));
}

struct err *target_map_islands(struct target *t, struct remote *r)
{
	for (uint32_t i = 0; i < t->islands_count; i++)
		if (!t->islands[i].is_mapped)
			TRY(map_island(r, &t->islands[i]));
	return NULL;
}

struct err *target_unmap_islands(struct target *t, struct remote *r)
{
	for (uint32_t i = 0; i < t->islands_count;) {
		struct target_island *island = &t->islands[i];
		if (!island->is_mapped || !target_island_is_empty(island)) {
			i++;
			continue;
		}
		TRY(remote_munmap(r, island->base, TARGET_ISLAND_BYTES));
		target_island_remove(t, i);
	}
	return NULL;
}

/* ---- the region ---- */

static struct err *map_file(struct remote *r, uint64_t base, const struct image_map *map, int fd)
{
	struct map_layout layout;
	const struct rt_map shape = {.kind = map->kind,
				     .key_size = map->key_size,
				     .value_size = map->value_size,
				     .max_entries = map->max_entries,
				     .flags = map->flags,
				     .lock_end = map->lock_end};
	TRY(map_layout(&shape, &layout));
	if (layout.span_bytes != map->span_bytes || layout.file_bytes != map->file_bytes)
		return err_new(ERR_INVALID, "map %.*s has another layout than its image says",
			       STR_FMT(map->name));
	TRY(remote_mmap(r, base + map->offset, layout.file_bytes, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_FIXED, fd, 0));
	if (layout.twice_bytes == 0)
		return NULL;
	return remote_mmap(r, base + map->offset + layout.file_bytes, layout.twice_bytes,
			   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, layout.twice_offset);
}

static struct err *map_private(struct target *t, struct remote *r, uint64_t address)
{
	struct rt_private self = {.tgid = (uint32_t)t->id.pid,
				  .pid_inside = (uint32_t)process_pid_inside(t->id.pid)};
	TRY(remote_mmap(r, address, RT_PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	TRY(wipe_on_fork(r, address, RT_PAGE));
	return remote_write(r, address, &self, sizeof(self));
}

static struct err *map_parts(struct target *t, struct remote *r, struct instance *i,
			     const struct image *image, const int *there)
{
	TRY(taken_is_aborted(remote_mmap(r, i->base, i->bytes, PROT_NONE,
					 MAP_PRIVATE | MAP_NORESERVE, there[0], 0)));
	i->is_mapped = true;
	TRY(remote_mmap(r, i->base, i->code_bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED,
			there[0], 0));
	TRY(map_private(t, r, i->base + image->private_offset));
	for (uint32_t m = 0; m < image->maps_count; m++)
		TRY_DOING(map_file(r, i->base, &image->maps[m], there[m + 1]), "map %.*s",
			  STR_FMT(image->maps[m].name));
	return NULL;
}

static struct err *close_all(struct remote *r, const int *there, uint32_t count)
{
	int64_t result;
	for (uint32_t i = 0; i < count; i++)
		TRY(remote_syscall(r, SYS_close, (uint64_t[6]){(uint64_t)there[i]}, &result));
	return NULL;
}

struct err *target_map_region(struct target *t, struct remote *r, struct instance *i,
			      const struct image *image, int code_fd, const int *map_fds)
{
	uint32_t count = image->maps_count + 1;
	int *fds = mem_zalloc_array((size_t)count * 2, sizeof(*fds));
	OWNED(mem) void *owned = fds;
	TRY_MEMORY(fds);
	fds[0] = code_fd;
	if (image->maps_count)
		memcpy(fds + 1, map_fds, image->maps_count * sizeof(*fds));
	TRY(remote_send_fds(r, fds, count, fds + count));
	struct err *e = map_parts(t, r, i, image, fds + count);
	err_add(&e, close_all(r, fds + count, count));
	return e;
}

bool target_region_is_ours(const struct process_maps *maps, const struct instance *i)
{
	const struct process_mapping *m = process_maps_at(maps, i->base);
	return m && m->start == i->base && m->offset == 0 && m->device == i->device &&
	       m->inode == i->inode;
}
