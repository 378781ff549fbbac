/*
 * ctx - the contexts that entries get, by the kind of their section: how large they are and what may be
 * read there. To add one: a row in ctx.c, a .case, and its offsets in the compiler.
 */
#pragma once

#include "shared/bpf/section.h"

struct ctx_layout {
	enum section_kind section;
	const char *name; /* "struct pt_regs" */
	uint32_t size_bytes;
	/* NULL where `size` bytes at `offset` may be read; else what is wrong (static). */
	const char *(*check_read)(uint32_t offset, unsigned size);
};

/* NULL where entries of that kind are not verified yet. */
const struct ctx_layout *ctx_find(enum section_kind section);
