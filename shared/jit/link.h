/*
 * link - lays out one relocatable x86-64 ELF object as an image's code. Inside shared/jit; no LLVM.
 */
#pragma once

#include "shared/base/arena.h"
#include "shared/base/err.h"

#define LINK_MAX_SECTIONS 64u

struct link {
	struct bytes object;
	struct bytes headers, symbols, names; /* section headers, symbol table, its names */
	uint64_t offsets[LINK_MAX_SECTIONS]; /* of each section in the code; UINT64_MAX: left out */
	uint32_t sections_count;
	uint64_t code_bytes;
};

/* Where a symbol of another name is, from the code's start; fails INTERNAL for names unknown. */
typedef struct err *link_symbol_fn(void *context, struct str name, uint64_t *offset);

/*
 * Reads sections and symbols, and decides where sections go (link.code_bytes in all).
 *   object  borrowed as long as `out` is used
 *   fails   INTERNAL: not such an object; a section that can be written to or that must be initialised
 */
MUST_CHECK struct err *link_read(struct bytes object, struct link *out);

/* The offset of the object's own symbol `name` in the code. fails INTERNAL where there is none. */
MUST_CHECK struct err *link_find(const struct link *l, const char *name, uint64_t *offset);

/*
 * Writes the code (link.code_bytes, zeroed) with its relocations applied.
 *   fails  INTERNAL: a relocation that is not relative to the code (names it), or out of reach
 */
MUST_CHECK struct err *link_write(const struct link *l, link_symbol_fn *find, void *context,
				  uint8_t *code);
