/*
 * section - what an ELF section's name says about the program in it, from one table (section.tbl.h)
 * that knows libbpf's names whole.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/base/str.h"

enum section_provider { SECTION_USERSPACE = 1, SECTION_KERNEL = 2, SECTION_BOTH = 3 };

enum section_kind {
	SECTION_UPROBE,	   /* uprobe/PATH:SYMBOL[+off], uprobe */
	SECTION_URETPROBE, /* uretprobe/… */
	SECTION_USDT,
	SECTION_SYSCALL_ENTER, /* tracepoint/syscalls/sys_enter_NAME */
	SECTION_EXTENSION,     /* eim/ENTRY: an extension entry */
	SECTION_KERNEL_ONLY,
};

enum section_match {
	SECTION_EXACT, /* the prefix and nothing else */
	SECTION_EXTRA, /* the prefix, or the prefix, '/' and more */
	SECTION_NEEDS, /* the prefix, '/' and more */
	SECTION_OPEN,  /* the prefix and more, whatever it begins with */
};

struct section {
	const char *prefix; /* "uprobe" */
	enum section_match match;
	enum section_kind kind;
	enum section_provider provider;
	uint32_t prog_type; /* enum bpf_prog_type, for the kernel provider */
};

extern const struct section sections[];
extern const size_t sections_count;

/* The row for section name `name`, or NULL where no row matches. Borrowed from the table. As in
 * libbpf, a '?' in front (do not load by default) does not count. */
const struct section *section_find(struct str name);

/* A place in a binary, from PATH:SYMBOL[+off] or PATH:0xOFFSET. Views borrow from the name. */
struct section_target {
	struct str path;   /* empty where the name gives none */
	struct str symbol; /* empty where an offset in the file is given */
	uint64_t offset;   /* from the symbol, or in the file */
};

/*
 * The target in a uprobe or uretprobe section's name; all of it empty for the bare "uprobe", whose
 * attach place comes from elsewhere.
 *   fails  INVALID: no ':' after the path, an empty symbol, a bad offset
 */
MUST_CHECK struct err *section_target_parse(struct str name, struct section_target *out);
