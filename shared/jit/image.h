/*
 * image - a program compiled for one effective role: position-independent machine code and the layout
 * of everything it reaches, at fixed distances.
 *
 *   offset 0                code        r-x  sealed memfd, shared by all processes of the host
 *          imports_offset   imports     r--  one u64 per import: its address in this process. Private, written by
 *                                            the agent through /proc/PID/mem, kept across fork; absent where
 *                                            nothing is imported
 *          private_offset   private     rw-  one anonymous page of each process (struct rt_private)
 *          maps[0].offset   map 0       rw-  a map file; a ring buffer's data is mapped twice in a row
 *          maps[1].offset   map 1       rw-  …
 *          total_bytes      the end; all offsets are multiples of IMAGE_PAGE
 *
 * Code reaches its maps and the private page RIP-relative; nothing is relocated in a process.
 * An image is also a flat message (image_encode), for the compile child and the code cache.
 */
#pragma once

#include "shared/base/arena.h"
#include "shared/base/buf.h"
#include "shared/bpf/object.h"

#define IMAGE_PAGE	  4096u
#define IMAGE_LAYOUT	  2u /* changes when an encoded image would be read wrongly */
#define IMAGE_MAX_BYTES	  ((size_t)16 << 20)
#define IMAGE_MAX_ENTRIES 64u
#define IMAGE_MAX_IMPORTS 256u
#define IMAGE_MAX_SPAN \
	(((uint64_t)2 << 30) - ((uint64_t)32 << 20)) /* what rip-relative code reaches */

struct image_map {
	struct str name;
	enum object_map_role role; /* RODATA maps are in the code and not here */
	uint32_t kind, key_size, value_size, max_entries, flags;
	uint32_t key_type, value_type; /* ids in the object's BTF */
	uint32_t lock_end;	       /* of the spin lock in each value; 0: none */
	uint64_t offset;	       /* from the image's start */
	uint64_t file_bytes;	       /* size of the map's file (rt_map_layout) */
	uint64_t span_bytes;  /* address space it takes: file_bytes, or more for a ring buffer */
	struct bytes initial; /* DATA: the first content */
};

/*
 * The context of an extension entry: the host function's arguments as they are in their registers, and
 * behind them one word that says whether there is a result.
 */
#define IMAGE_CTX_ARGS 6u
#define IMAGE_CTX_NO_RESULT \
	(8u * IMAGE_CTX_ARGS) /* offset of a u64: 0 before the call; not 0: the \
						   * host's function runs itself */

/* A function or variable of the host that the code reaches through its imports. */
struct image_import {
	struct str symbol;
	bool is_function;
};

struct image_entry {
	struct str name;    /* the C function's */
	struct str section; /* its SEC() */
	struct str
		symbol; /* extension entries: the host's function whose place it takes; else empty */
	uint64_t offset;    /* of its machine code in the image; preserve_most, u64 f(void *ctx) */
	uint64_t ctx_reads; /* as struct verifier_entry */
};

/* Which system calls the code can make inside the host: for hosts whose own seccomp filter has an
 * opinion. IMAGE_NEEDS_SYSCALLS is set where any other is. */
#define IMAGE_NEEDS_PROBE_READ 1u  /* process_vm_readv on itself (and getpid after a fork) */
#define IMAGE_NEEDS_PID	       2u  /* gettid (and getpid after a fork) */
#define IMAGE_NEEDS_OWNER      4u  /* getpid, only after a fork: owners of locks and records */
#define IMAGE_NEEDS_CLOCK      8u  /* clock_gettime */
#define IMAGE_NEEDS_CPU	       16u /* getcpu: this processor lacks rdtscp */
#define IMAGE_NEEDS_SYSCALLS   32u
#define IMAGE_NEEDS_ALL	       63u

struct image {
	struct arena arena; /* owns all below */
	struct bytes code;
	struct image_entry *entries;
	struct image_map *maps;
	struct image_import *imports;
	uint32_t entries_count, maps_count, imports_count;
	uint64_t imports_offset; /* 0 where there are none */
	uint64_t private_offset, total_bytes;
	uint32_t needs; /* IMAGE_NEEDS_* */
	struct str object_digest, role_digest;
	struct bytes btf; /* the object's .BTF, for typed maps and events; may be empty */
};

void image_destroy(struct image *i);
OWN_DEFINE(image, struct image *, image_destroy)

/* An empty image (owned by the caller) whose arena takes what belongs to it; NULL when memory is out. */
MUST_CHECK struct image *image_create(void);

/*
 * Checks that sizes and offsets fit together, as listed above.
 *   fails  INVALID with the path /entries/N, /maps/N or /FIELD; TOO_LARGE past IMAGE_MAX_SPAN
 */
MUST_CHECK struct err *image_check(const struct image *i);

/* Appends the image as bytes. */
void image_encode(const struct image *i, struct buf *out);

/*
 * Reads what image_encode() wrote; hostile bytes are fine.
 *   fails  INVALID: not an image, another layout number, cut short, or as image_check()
 */
MUST_CHECK struct err *image_decode(struct bytes data, struct image **out);
