/*
 * An image in the test's own process: mapped as the agent would map it into a host, and called.
 */
#pragma once

#include "tests/unit/test.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"
#include "shared/jit/image.h"
#include "shared/runtime/map.h"

#include <sys/mman.h>

struct load {
	struct image *image;
	uint8_t *base;
	struct rt_map maps[OBJECT_MAX_MAPS]; /* base is inside the image */
};

/* u64 entry(void *ctx), preserve_most: it keeps more than C's convention asks for. */
uint64_t load_call_entry(const void *entry, void *ctx);
__asm__(".pushsection .text\n"
	"load_call_entry:\n"
	"	sub $8, %rsp\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	call *%rax\n"
	"	add $8, %rsp\n"
	"	ret\n"
	".popsection\n");

/* The same with a number in every register that must be kept; gives 0 where all were. */
uint64_t load_call_checked(const void *entry, void *ctx);
__asm__(".pushsection .text\n"
	"load_call_checked:\n"
	"	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n	"
	"push %r15\n"
	"	sub $8, %rsp\n"
	"	mov %rdi, %rax\n	mov %rsi, %rdi\n	push %rdi\n	sub $8, %rsp\n"
	"	mov $0x11, %rbx\n	mov $0x12, %rcx\n	mov $0x13, %rdx\n	mov $0x14, "
	"%rsi\n"
	"	mov $0x15, %rbp\n	mov $0x16, %r8\n	mov $0x17, %r9\n	mov $0x18, "
	"%r10\n"
	"	mov $0x19, %r12\n	mov $0x1a, %r13\n	mov $0x1b, %r14\n	mov $0x1c, "
	"%r15\n"
	"	call *%rax\n"
	"	add $8, %rsp\n	pop %r11\n	xor %rdi, %r11\n"
	"	xor $0x11, %rbx\n	or %rbx, %r11\n	xor $0x12, %rcx\n	or %rcx, %r11\n"
	"	xor $0x13, %rdx\n	or %rdx, %r11\n	xor $0x14, %rsi\n	or %rsi, %r11\n"
	"	xor $0x15, %rbp\n	or %rbp, %r11\n	xor $0x16, %r8\n	or %r8, %r11\n"
	"	xor $0x17, %r9\n	or %r9, %r11\n	xor $0x18, %r10\n	or %r10, %r11\n"
	"	xor $0x19, %r12\n	or %r12, %r11\n	xor $0x1a, %r13\n	or %r13, %r11\n"
	"	xor $0x1b, %r14\n	or %r14, %r11\n	xor $0x1c, %r15\n	or %r15, %r11\n"
	"	mov %r11, %rax\n"
	"	add $8, %rsp\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n	"
	"pop %rbx\n"
	"	ret\n"
	".popsection\n");

static inline void load_part(uint8_t *at, uint64_t size, int protection, int fd, uint64_t offset)
{
	void *got = mmap(at, size, protection, MAP_SHARED | MAP_FIXED, fd, (off_t)offset);
	assert_ptr_equal(got, at);
}

static inline void load_code(struct load *l)
{
	OWNED(fd) int fd = memfd_create("code", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_ok(file_write_fd(fd, l->image->code));
	load_part(l->base, l->image->private_offset, PROT_READ | PROT_EXEC, fd, 0);
}

static inline void load_map(struct load *l, const struct image_map *from, struct rt_map *to)
{
	OWNED(fd) int fd = -1;
	struct map_layout layout;
	*to = (struct rt_map){.kind = from->kind,
			      .key_size = from->key_size,
			      .value_size = from->value_size,
			      .max_entries = from->max_entries,
			      .flags = from->flags,
			      .lock_end = from->lock_end};
	assert_ok(map_create(to, "test", from->initial, &fd));
	assert_ok(map_layout(to, &layout));
	to->base = l->base + from->offset;
	load_part(to->base, layout.file_bytes, PROT_READ | PROT_WRITE, fd, 0);
	if (layout.twice_bytes)
		load_part(to->base + layout.file_bytes, layout.twice_bytes, PROT_READ | PROT_WRITE,
			  fd, layout.twice_offset);
}

/* `image` moves in. */
static inline struct load load_image(struct image *image)
{
	struct load l = {.image = image};
	l.base = mmap(NULL, image->total_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(l.base, MAP_FAILED);
	load_code(&l);
	assert_int_equal(mprotect(l.base + image->private_offset, IMAGE_PAGE,
				  PROT_READ | PROT_WRITE),
			 0);
	for (uint32_t i = 0; i < image->maps_count; i++)
		load_map(&l, &image->maps[i], &l.maps[i]);
	return l;
}

static inline void load_fini(struct load *l)
{
	munmap(l->base, l->image->total_bytes);
	image_destroy(l->image);
}

static inline const void *load_entry(const struct load *l, uint32_t entry)
{
	return l->base + l->image->entries[entry].offset;
}

static inline uint64_t load_run(const struct load *l, uint32_t entry, void *ctx)
{
	return load_call_entry(load_entry(l, entry), ctx);
}
