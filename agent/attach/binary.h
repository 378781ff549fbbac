/*
 * binary - a host's ELF file: where its functions are, as far as attaching needs to know. The file is
 * untrusted: every offset in it is checked before it is followed.
 *
 * Memory:  one arena; borrowed until binary_destroy(). The file is read once and may change after.
 * Limits:  BINARY_MAX_BYTES.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/base/str.h"

#define BINARY_MAX_BYTES ((size_t)1 << 30)

struct binary;

struct binary_function {
	struct str name;
	uint64_t address;     /* as linked */
	uint64_t file_offset; /* of its first byte */
	uint64_t size_bytes;  /* by its symbol, else by its unwind entry; 0 where neither tells */
};

/* A segment that is mapped executable. */
struct binary_segment {
	uint64_t address, file_offset, size_bytes;
};

/*
 *   fails  NOT_FOUND / by errno; INVALID: no ELF, or broken; UNSUPPORTED: not x86-64
 */
MUST_CHECK struct err *binary_open(const char *path, struct binary **out);
/* The same of a file's bytes, borrowed until binary_destroy(); device and inode are 0. */
MUST_CHECK struct err *binary_parse(struct bytes file, struct binary **out);
void binary_destroy(struct binary *b);
OWN_DEFINE(binary, struct binary *, binary_destroy)

struct str binary_build_id(const struct binary *b); /* hex; empty where there is none */
struct bytes binary_btf(const struct binary *b);    /* its .BTF; empty where there is none */

/* The file's bytes from `file_offset`, at most `size`, inside an executable segment; shorter at its end,
 * empty outside. */
struct bytes binary_code(const struct binary *b, uint64_t file_offset, size_t size);

/* device and inode, as /proc/PID/maps shows them: how a process's mapping is known to be this file. */
uint32_t binary_device(const struct binary *b);
uint64_t binary_inode(const struct binary *b);

/*
 * The function named `symbol` (.symtab first, then .dynsym; a version suffix @… is ignored).
 *   fails  NOT_FOUND            with up to three near names
 *          FAILED_PRECONDITION  several local functions have that name: lists their file offsets
 */
MUST_CHECK struct err *binary_find(const struct binary *b, struct str symbol,
				   struct binary_function *out);

/* The variable named `symbol`, as linked, in memory that is mapped from the file or zero at first. fails
 * likewise. */
MUST_CHECK struct err *binary_find_data(const struct binary *b, struct str symbol,
					uint64_t *address);

/* The function that contains that file offset, by symbol or unwind entry (then without a name), or
 * INVALID. */
MUST_CHECK struct err *binary_find_at(const struct binary *b, uint64_t file_offset,
				      struct binary_function *out);
