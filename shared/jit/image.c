/*
 * Images as bytes. Little-endian fields one after the other; text and bytes are a 32-bit length and that
 * many bytes. What is read is checked as a whole by image_check(), which the compiler's result passes too.
 *
 *   magic layout │ needs private_offset total_bytes │ digests │ code │ btf │ entries │ maps
 *
 * This file is linked where no LLVM is.
 */
#include "shared/base/cursor.h"
#include "shared/base/mem.h"
#include "shared/jit/image.h"
#include "shared/runtime/map.h"

#define MAGIC		0x474d494d4945ull /* "EIMIMG" */
#define MAX_TEXT	4096u
#define MAX_ARENA_BYTES (2 * IMAGE_MAX_BYTES)

struct image *image_create(void)
{
	struct image *i = mem_zalloc(sizeof(*i));
	if (i)
		i->arena = ARENA_INIT(MAX_ARENA_BYTES);
	return i;
}

void image_destroy(struct image *i)
{
	if (!i)
		return;
	arena_fini(&i->arena);
	mem_free(i);
}

/* ---- checking ---- */
static struct err *check_entry(const struct image *i, const struct image_entry *entry)
{
	if (entry->name.size == 0)
		return err_at(ERR_INVALID, "/name", "an entry needs a name");
	if (entry->offset >= i->code.size)
		return err_at(ERR_INVALID, "/offset", "an entry begins behind the code");
	return NULL;
}

/* A map's file and span are what the runtime says about its sizes, and it lies behind what came
 * before. */
static struct err *check_map(const struct image_map *map, uint64_t *end)
{
	struct rt_map m = {.kind = map->kind,
			   .key_size = map->key_size,
			   .value_size = map->value_size,
			   .max_entries = map->max_entries,
			   .flags = map->flags,
			   .lock_end = map->lock_end};
	struct map_layout layout;
	if (map->role > OBJECT_MAP_BSS || map->role == OBJECT_MAP_RODATA)
		return err_at(ERR_INVALID, "/role", "no map of an image has the role %u",
			      map->role);
	TRY(map_layout(&m, &layout));
	if (map->file_bytes != layout.file_bytes || map->span_bytes != layout.span_bytes)
		return err_at(ERR_INVALID, "/file_bytes", "a map of these sizes has others");
	if (map->initial.size && map->initial.size != map->value_size)
		return err_at(ERR_INVALID, "/initial", "the first content has another size");
	if (map->offset % IMAGE_PAGE || map->offset < *end || map->offset > IMAGE_MAX_SPAN)
		return err_at(ERR_INVALID, "/offset",
			      "a map lies across another, or not on a page");
	*end = map->offset + map->span_bytes;
	return NULL;
}

static struct err *check_private(const struct image *i)
{
	if (i->code.size == 0)
		return err_at(ERR_INVALID, "/code", "an image has code");
	if (i->private_offset % IMAGE_PAGE || i->private_offset < i->code.size ||
	    i->private_offset > IMAGE_MAX_BYTES)
		return err_at(ERR_INVALID, "/private_offset",
			      "the private page lies across the code, or not on a page");
	if (i->needs & ~IMAGE_NEEDS_ALL)
		return err_at(ERR_INVALID, "/needs", "unknown needs 0x%x",
			      i->needs & ~IMAGE_NEEDS_ALL);
	return NULL;
}

struct err *image_check(const struct image *i)
{
	uint64_t end = i->private_offset + IMAGE_PAGE;
	TRY(check_private(i));
	for (uint32_t n = 0; n < i->entries_count; n++)
		TRY_AT(check_entry(i, &i->entries[n]), "/entries/%u", n);
	for (uint32_t n = 0; n < i->maps_count; n++)
		TRY_AT(check_map(&i->maps[n], &end), "/maps/%u", n);
	if (i->total_bytes != end)
		return err_at(ERR_INVALID, "/total_bytes", "the image does not end where it says");
	if (end > IMAGE_MAX_SPAN)
		return err_new(ERR_TOO_LARGE,
			       "code and maps take %llu bytes; the code reaches %llu",
			       (unsigned long long)end, (unsigned long long)IMAGE_MAX_SPAN);
	return NULL;
}

/* ---- writing ---- */
static void put32(struct buf *out, uint32_t value)
{
	buf_append(out, &value, sizeof(value));
}

static void put64(struct buf *out, uint64_t value)
{
	buf_append(out, &value, sizeof(value));
}

static void put_bytes(struct buf *out, const void *data, size_t size)
{
	put32(out, (uint32_t)size);
	buf_append(out, data, size);
}

static void put_text(struct buf *out, struct str s)
{
	put_bytes(out, s.data, s.size);
}

static void put_entry(struct buf *out, const struct image_entry *entry)
{
	put_text(out, entry->name);
	put_text(out, entry->section);
	put64(out, entry->offset);
	put64(out, entry->ctx_reads);
}

static void put_map(struct buf *out, const struct image_map *map)
{
	const uint32_t fields[] = {map->role,	    map->kind,	      map->key_size,
				   map->value_size, map->max_entries, map->flags,
				   map->key_type,   map->value_type,  map->lock_end};
	put_text(out, map->name);
	for (size_t n = 0; n < ARRAY_SIZE(fields); n++)
		put32(out, fields[n]);
	put64(out, map->offset);
	put64(out, map->file_bytes);
	put64(out, map->span_bytes);
	put_bytes(out, map->initial.data, map->initial.size);
}

void image_encode(const struct image *i, struct buf *out)
{
	put64(out, MAGIC);
	put32(out, IMAGE_LAYOUT);
	put32(out, i->needs);
	put64(out, i->private_offset);
	put64(out, i->total_bytes);
	put_text(out, i->object_digest);
	put_text(out, i->role_digest);
	put_bytes(out, i->code.data, i->code.size);
	put_bytes(out, i->btf.data, i->btf.size);
	put32(out, i->entries_count);
	for (uint32_t n = 0; n < i->entries_count; n++)
		put_entry(out, &i->entries[n]);
	put32(out, i->maps_count);
	for (uint32_t n = 0; n < i->maps_count; n++)
		put_map(out, &i->maps[n]);
}

/* ---- reading ---- */
static struct err *get_bytes(struct cursor *c, struct arena *arena, size_t max, struct bytes *out)
{
	uint32_t size;
	struct bytes data;
	TRY(cursor_u32(c, &size));
	if (size > max)
		return err_new(ERR_INVALID, "%u bytes where at most %zu can be", size, max);
	TRY(cursor_take(c, size, &data));
	struct str copy = arena_str(arena, (struct str){(const char *)data.data, data.size});
	TRY_MEMORY(copy.data);
	*out = bytes_of(copy.data, copy.size);
	return NULL;
}

static struct err *get_text(struct cursor *c, struct arena *arena, struct str *out)
{
	struct bytes data;
	TRY(get_bytes(c, arena, MAX_TEXT, &data));
	if (data.size && memchr(data.data, 0, data.size))
		return err_new(ERR_INVALID, "a name contains a NUL");
	*out = (struct str){(const char *)data.data, data.size};
	return NULL;
}

static struct err *get_count(struct cursor *c, uint32_t max, uint32_t *out)
{
	uint32_t count;
	TRY(cursor_u32(c, &count));
	if (count > max)
		return err_new(ERR_INVALID, "%u where at most %u can be", count, max);
	*out = count;
	return NULL;
}

static struct err *get_entry(struct cursor *c, struct arena *arena, struct image_entry *out)
{
	TRY(get_text(c, arena, &out->name));
	TRY(get_text(c, arena, &out->section));
	TRY(cursor_u64(c, &out->offset));
	return cursor_u64(c, &out->ctx_reads);
}

static struct err *get_map(struct cursor *c, struct arena *arena, struct image_map *out)
{
	uint32_t role;
	uint32_t *fields[] = {
		&role,	     &out->kind,     &out->key_size,   &out->value_size, &out->max_entries,
		&out->flags, &out->key_type, &out->value_type, &out->lock_end};
	TRY(get_text(c, arena, &out->name));
	for (size_t n = 0; n < ARRAY_SIZE(fields); n++)
		TRY(cursor_u32(c, fields[n]));
	out->role = (enum object_map_role)role;
	TRY(cursor_u64(c, &out->offset));
	TRY(cursor_u64(c, &out->file_bytes));
	TRY(cursor_u64(c, &out->span_bytes));
	return get_bytes(c, arena, IMAGE_MAX_BYTES, &out->initial);
}

static struct err *get_head(struct cursor *c, struct image *i)
{
	uint64_t magic;
	uint32_t layout;
	TRY(cursor_u64(c, &magic));
	TRY(cursor_u32(c, &layout));
	if (magic != MAGIC)
		return err_new(ERR_INVALID, "this is not an image");
	if (layout != IMAGE_LAYOUT)
		return err_new(ERR_INVALID, "the image has layout %u, this program reads %u",
			       layout, IMAGE_LAYOUT);
	TRY(cursor_u32(c, &i->needs));
	TRY(cursor_u64(c, &i->private_offset));
	TRY(cursor_u64(c, &i->total_bytes));
	TRY(get_text(c, &i->arena, &i->object_digest));
	TRY(get_text(c, &i->arena, &i->role_digest));
	TRY(get_bytes(c, &i->arena, IMAGE_MAX_BYTES, &i->code));
	return get_bytes(c, &i->arena, BTF_MAX_BYTES, &i->btf);
}

static struct err *get_rows(struct cursor *c, struct image *i)
{
	TRY_AT(get_count(c, IMAGE_MAX_ENTRIES, &i->entries_count), "/entries");
	TRY_MEMORY(i->entries =
			   arena_alloc_array(&i->arena, i->entries_count, sizeof(*i->entries)));
	for (uint32_t n = 0; n < i->entries_count; n++)
		TRY_AT(get_entry(c, &i->arena, &i->entries[n]), "/entries/%u", n);
	TRY_AT(get_count(c, OBJECT_MAX_MAPS, &i->maps_count), "/maps");
	TRY_MEMORY(i->maps = arena_alloc_array(&i->arena, i->maps_count, sizeof(*i->maps)));
	for (uint32_t n = 0; n < i->maps_count; n++)
		TRY_AT(get_map(c, &i->arena, &i->maps[n]), "/maps/%u", n);
	return NULL;
}

struct err *image_decode(struct bytes data, struct image **out)
{
	struct cursor c = cursor_of(data);
	OWNED(image) struct image *i = image_create();
	TRY_MEMORY(i);
	TRY(get_head(&c, i));
	TRY(get_rows(&c, i));
	if (cursor_left(&c))
		return err_new(ERR_INVALID, "%zu bytes follow the image", cursor_left(&c));
	TRY(image_check(i));
	*out = MOVE(i);
	return NULL;
}
