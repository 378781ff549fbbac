/*
 * Blocks of at least BLOCK_BYTES; an allocation larger than what is left of the newest block opens a
 * new one. Under AddressSanitizer every allocation is a block of its own, so that overruns show.
 */
#include "shared/base/arena.h"
#include "shared/base/mem.h"

#define ALIGN 16

#ifdef __SANITIZE_ADDRESS__
#define BLOCK_BYTES 0
#else
#define BLOCK_BYTES 4096
#endif

struct arena_block {
	struct arena_block *older;
	size_t used, size;
	_Alignas(ALIGN) uint8_t data[];
};

void arena_fini(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *older = a->blocks->older;
		mem_free(a->blocks);
		a->blocks = older;
	}
	a->used_bytes = 0;
}

static struct arena_block *add_block(struct arena *a, size_t least)
{
	size_t size = MAX(least, (size_t)BLOCK_BYTES);
	struct arena_block *block = mem_zalloc(sizeof(*block) + size);
	if (!block)
		return NULL;
	block->size = size;
	block->older = a->blocks;
	a->blocks = block;
	return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
	if (size > a->max_bytes - a->used_bytes || size > SIZE_MAX / 2)
		return NULL;
	size_t rounded = (MAX(size, (size_t)1) + ALIGN - 1) / ALIGN * ALIGN;
	struct arena_block *block = a->blocks;
	if (!block || rounded > block->size - block->used)
		block = add_block(a, rounded);
	if (!block)
		return NULL;
	void *at = block->data + block->used;
	block->used += rounded;
	a->used_bytes += size;
	return at;
}

void *arena_alloc_array(struct arena *a, size_t count, size_t size)
{
	size_t bytes;
	return __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_alloc(a, bytes);
}

const char *arena_text(struct arena *a, struct str s)
{
	char *copy = s.size == SIZE_MAX ? NULL : arena_alloc(a, s.size + 1);
	if (copy && s.size)
		memcpy(copy, s.data, s.size);
	return copy;
}

struct str arena_str(struct arena *a, struct str s)
{
	const char *copy = arena_text(a, s);
	return (struct str){copy, copy ? s.size : 0};
}
