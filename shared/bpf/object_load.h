/*
 * object_load - what object*.c share while an object is being parsed. Only they include this.
 *
 * Steps, each in a file of its own, each relying on what the former have checked:
 *	object_elf.c	the container: sections and symbols as checked views
 *	object_code.c	code sections become one array, cut into functions
 *	object_types.c	BTF, with the linker's work done, and source lines
 *	object_maps.c	declared maps and sections of global data
 *	object_extern.c	what the object uses and does not define
 *	object_reloc.c	relocations, and what may stand in code without one
 */
#pragma once

#include "shared/base/arena.h"
#include "shared/bpf/object.h"

#include <elf.h>

struct object {
	struct arena arena;
	struct bpf_insn *insns;
	struct object_map *maps;
	struct object_function *functions; /* by first instruction, without gaps */
	struct object_extern *externs;
	struct btf *btf;
	struct btf_lines *lines;
	struct str license;
	uint32_t insns_count, maps_count, functions_count, externs_count;
	char digest[65];
};

enum object_use {
	OBJECT_USE_NONE, /* not loaded */
	OBJECT_USE_CODE,
	OBJECT_USE_MAPS,
	OBJECT_USE_DATA, /* .rodata, .data and .bss: a map each */
};

struct object_section {
	struct str name;
	enum object_use use;
	enum object_map_role role; /* DATA */
	uint32_t type, link, info;
	uint64_t flags, size_bytes, entry_bytes;
	struct bytes data;	    /* inside the image; empty for NOBITS */
	uint32_t first, count;	    /* CODE: its instructions in the array */
	uint32_t map;		    /* DATA: the map's index */
	const struct section *kind; /* CODE: NULL for .text */
};

struct object_symbol {
	uint32_t name; /* in the string table */
	uint8_t type, binding;
	uint16_t section;
	uint64_t value, size_bytes;
};

#define OBJECT_MARK_SECOND    1u /* second slot of an ld_imm64 */
#define OBJECT_MARK_RELOCATED 2u

struct object_loader {
	struct object *object;
	struct arena scratch; /* what only parsing needs */
	uint8_t *image;	      /* in the object's arena */
	size_t image_bytes;
	struct object_section *sections;
	uint32_t sections_count;
	struct bytes symbols, strings;
	uint32_t symbols_count;
	uint8_t *marks;			       /* OBJECT_MARK_* for each instruction */
	uint64_t map_offsets[OBJECT_MAX_MAPS]; /* of declared maps in their section */
};

/* ---- object_elf.c ---- */
MUST_CHECK struct err *object_load_sections(struct object_loader *l);

/* NULL where there is none of that name. */
struct object_section *object_section_named(const struct object_loader *l, const char *name);

/* fails INVALID: no such symbol */
MUST_CHECK struct err *object_symbol(const struct object_loader *l, uint32_t index,
				     struct object_symbol *out);

/* The symbol's name, that of its section for section symbols; "" where it is not readable. */
struct str object_symbol_name(const struct object_loader *l, const struct object_symbol *s);

/* ---- object_code.c ---- */
MUST_CHECK struct err *object_load_code(struct object_loader *l);

/* ---- object_types.c ---- */
MUST_CHECK struct err *object_load_types(struct object_loader *l);

/* ---- object_maps.c ---- */
MUST_CHECK struct err *object_load_maps(struct object_loader *l);

/* ---- object_extern.c ---- */
MUST_CHECK struct err *object_load_externs(struct object_loader *l);

/* `insn`, a local call or an ld_imm64, refers to an undefined symbol. */
MUST_CHECK struct err *object_relocate_extern(struct object_loader *l,
					      const struct object_symbol *symbol,
					      struct bpf_insn *insn);

/* ---- object_reloc.c ---- */
MUST_CHECK struct err *object_load_relocations(struct object_loader *l);

/* The relocation at `index` of section `s` of type SHT_REL, or false past the last. */
bool object_relocation(const struct object_section *s, uint64_t index, Elf64_Rel *out);
