/*
 * What all kinds have in common: the file, its header, mapping it.
 */
#include "shared/base/file.h"
#include "shared/base/mem.h"
#include "shared/runtime/map_ops.h"
#include "shared/runtime/rt_base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static const struct map_ops *const kinds[] = {&map_array_ops, &map_hash_ops, &map_ringbuf_ops};

static const struct map_ops *find_ops(uint32_t kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i]->kind == kind)
			return kinds[i];
	return NULL;
}

static struct err *check_lock(const struct rt_map *m)
{
	bool has_elements = m->kind == RT_KIND_ARRAY || m->kind == RT_KIND_HASH;
	if (m->lock_end && (!has_elements || m->lock_end % 4 || m->lock_end > m->value_size))
		return err_at(ERR_INVALID, "/lock_end", "no spin lock of a value ends at byte %u",
			      m->lock_end);
	return NULL;
}

struct err *map_layout(const struct rt_map *m, struct map_layout *out)
{
	const struct map_ops *ops = find_ops(m->kind);
	uint64_t content = 0, twice_offset = 0;
	if (!ops)
		return err_at(ERR_INVALID, "/kind", "no map kind has the number %u", m->kind);
	if (m->flags & ~ops->flags)
		return err_at(ERR_INVALID, "/flags", "flags 0x%x are not supported",
			      m->flags & ~ops->flags);
	TRY(check_lock(m));
	TRY(ops->layout(m, &content, &twice_offset));
	uint64_t bytes = RT_ROUND_UP(RT_PAGE + content, RT_PAGE);
	if (content > MAP_MAX_BYTES || bytes > MAP_MAX_BYTES)
		return err_new(ERR_TOO_LARGE, "a map takes %llu bytes; the limit is %llu",
			       (unsigned long long)bytes, (unsigned long long)MAP_MAX_BYTES);
	struct map_layout layout = {.file_bytes = bytes, .span_bytes = bytes};
	if (twice_offset) {
		layout.twice_offset = twice_offset;
		layout.twice_bytes = bytes - twice_offset;
		layout.span_bytes += layout.twice_bytes;
	}
	*out = layout;
	return NULL;
}

/* ---- mapping ---- */
static struct err *map_part(uint8_t *at, uint64_t size, int fd, uint64_t offset)
{
	void *got =
		mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)offset);
	return got == MAP_FAILED ? err_sys(errno, "mmap of a map file") : NULL;
}

/* Room first, then the parts in it. */
static struct err *map_file(int fd, const struct map_layout *layout, uint8_t **out)
{
	uint8_t *base =
		mmap(NULL, layout->span_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return err_sys(errno, "%llu bytes of address space for a map",
			       (unsigned long long)layout->span_bytes);
	struct err *e = map_part(base, layout->file_bytes, fd, 0);
	if (!e && layout->twice_bytes)
		e = map_part(base + layout->file_bytes, layout->twice_bytes, fd,
			     layout->twice_offset);
	if (e) {
		munmap(base, layout->span_bytes);
		return e;
	}
	*out = base;
	return NULL;
}

void map_close(struct rt_map *m)
{
	struct map_layout layout;
	if (!m->base)
		return;
	OWNED(err) struct err *never = map_layout(m, &layout); /* it was open */
	if (!never)
		munmap(m->base, layout.span_bytes);
	m->base = NULL;
}

/* A file that could still shrink would let its other users fault this process. */
static struct err *check_file(int fd, const struct map_layout *layout)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	if (fstat(fd, &st) != 0)
		return err_sys(errno, "fstat of a map file");
	if (st.st_size < 0 || (uint64_t)st.st_size != layout->file_bytes)
		return err_new(ERR_INVALID, "the map file has %lld bytes instead of %llu",
			       (long long)st.st_size, (unsigned long long)layout->file_bytes);
	if (seals < 0 || (seals & SEALS) != SEALS)
		return err_new(ERR_INVALID, "the map file's size is not sealed");
	return NULL;
}

static struct rt_map_header header_of(const struct rt_map *m)
{
	return (struct rt_map_header){
		.magic = RT_MAP_MAGIC,
		.layout = RT_MAP_LAYOUT,
		.kind = m->kind,
		.key_size = m->key_size,
		.value_size = m->value_size,
		.max_entries = m->max_entries,
		.flags = m->flags,
	};
}

/* Everything but `lost`. */
static struct err *check_header(const struct rt_map *m)
{
	struct rt_map_header want = header_of(m), have;
	memcpy(&have, m->base, sizeof(have));
	if (memcmp(&want, &have, offsetof(struct rt_map_header, lost)) != 0)
		return err_new(ERR_INVALID, "the map file is of another map or layout");
	return NULL;
}

struct err *map_open(int fd, struct rt_map *m)
{
	struct map_layout layout;
	struct rt_map opened = *m;
	TRY(map_layout(m, &layout));
	TRY(check_file(fd, &layout));
	TRY(map_file(fd, &layout, &opened.base));
	struct err *e = check_header(&opened);
	if (e) {
		map_close(&opened);
		return e;
	}
	m->base = opened.base;
	return NULL;
}

/* ---- creating ---- */
static struct err *fill(int fd, const struct rt_map *m, const struct map_layout *layout,
			struct bytes initial)
{
	struct rt_map_header header = header_of(m);
	struct rt_map mapped = *m;
	TRY(map_file(fd, layout, &mapped.base));
	memcpy(mapped.base, &header, sizeof(header));
	if (find_ops(m->kind)->init)
		find_ops(m->kind)->init(&mapped);
	if (initial.size)
		memcpy(mapped.base + RT_PAGE, initial.data, initial.size);
	map_close(&mapped);
	return NULL;
}

static struct err *check_initial(const struct rt_map *m, struct bytes initial)
{
	if (initial.size == 0 ||
	    (m->kind == RT_KIND_ARRAY && m->max_entries == 1 && initial.size == m->value_size))
		return NULL;
	return err_at(ERR_INVALID, "/initial",
		      "only an array of one element can begin with a value, of its size");
}

struct err *map_create(const struct rt_map *m, const char *name, struct bytes initial, int *out_fd)
{
	struct map_layout layout;
	TRY(map_layout(m, &layout));
	TRY(check_initial(m, initial));
	OWNED(fd) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_sys(errno, "memfd_create for map %s", name);
	if (ftruncate(fd, (off_t)layout.file_bytes) != 0)
		return err_sys(errno, "%llu bytes for map %s",
			       (unsigned long long)layout.file_bytes, name);
	TRY(fill(fd, m, &layout, initial));
	if (fcntl(fd, F_ADD_SEALS, SEALS) != 0)
		return err_sys(errno, "sealing map %s", name);
	*out_fd = FD_MOVE(fd);
	return NULL;
}

/* ---- spin locks ---- */
void map_hide_lock(const struct rt_map *m, void *value)
{
	if (m->lock_end)
		memset((uint8_t *)value + m->lock_end - 4, 0, 4);
}

void map_free_lock(const struct rt_map *m, void *value, map_alive_fn *is_alive, void *context)
{
	uint32_t *word = (uint32_t *)((uint8_t *)value + m->lock_end - 4);
	uint32_t owner = __atomic_load_n(word, __ATOMIC_ACQUIRE);
	if (owner && !is_alive(context, owner)) /* another one may have it by now: compare */
		__atomic_compare_exchange_n(word, &owner, 0, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED);
}

/* ---- by kind ---- */
struct err *map_each(const struct rt_map *m,
		     struct err *(*visit)(void *context, struct bytes key, struct bytes value),
		     void *context)
{
	const struct map_ops *ops = find_ops(m->kind);
	return ops && ops->each ? ops->each(m, visit, context) : NULL;
}

struct err *map_consume(const struct rt_map *m, uint32_t max,
			struct err *(*visit)(void *context, struct bytes record), void *context,
			uint32_t *consumed)
{
	const struct map_ops *ops = find_ops(m->kind);
	if (!ops || !ops->consume)
		return err_at(ERR_INVALID, "/kind", "only ring buffers are consumed");
	return ops->consume(m, max, visit, context, consumed);
}

uint64_t map_lost(const struct rt_map *m)
{
	return __atomic_load_n(&((struct rt_map_header *)m->base)->lost, __ATOMIC_RELAXED);
}

bool map_sweep(const struct rt_map *m, bool (*is_alive)(void *context, uint32_t tgid),
	       void *context)
{
	const struct map_ops *ops = find_ops(m->kind);
	return !ops || !ops->sweep || ops->sweep(m, is_alive, context);
}
