/*
 * Contexts. What is loaded from one is a number: pointers of the host are followed with
 * bpf_probe_read* only.
 */
#include "shared/verifier/ctx.h"

#include "shared/base/own.h"

#include <stddef.h>

#define PT_REGS_FIELDS 21

/* Registers of 8 bytes each; of one, the whole or the low half. */
static const char *check_pt_regs(uint32_t offset, unsigned size)
{
	if (offset % 8 != 0)
		return "a register begins at a multiple of 8 bytes";
	if (size != 8 && size != 4)
		return "a register is read with 8 bytes, or its low half with 4";
	return NULL;
}

static const struct ctx_layout layouts[] = {
	{SECTION_UPROBE, "struct pt_regs", PT_REGS_FIELDS * 8, check_pt_regs},
	{SECTION_URETPROBE, "struct pt_regs", PT_REGS_FIELDS * 8, check_pt_regs},
	{SECTION_EXTENSION, "the entry's arguments", 6 * 8, check_pt_regs},
};

const struct ctx_layout *ctx_find(enum section_kind section)
{
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
		if (layouts[i].section == section)
			return &layouts[i];
	return NULL;
}
