/*
 * object - one eBPF ELF object, parsed and checked for shape only (libelf reads the container, every
 * offset and count is checked again here).
 *
 * All program code of the object is one array of instructions: each entry's section and .text, one
 * after the other, with relocations applied in the form that the verifier and the JIT want:
 *   ld_imm64 of a map           src_reg = BPF_PSEUDO_MAP_FD,    imm = index into maps
 *   ld_imm64 of global data     src_reg = BPF_PSEUDO_MAP_VALUE, imm = index into maps, next imm = offset
 *   ld_imm64 of a function      src_reg = BPF_PSEUDO_FUNC,      imm = index of its first instruction
 *   call of a local function    src_reg = BPF_PSEUDO_CALL,      imm = target - (this + 1)
 *   call of an extern function  src_reg = BPF_PSEUDO_KFUNC_CALL, imm = index into externs
 *   ld_imm64 of an extern variable  src_reg = BPF_PSEUDO_BTF_ID, imm = index into externs
 * so that no ELF knowledge is needed behind this header. Nothing else stands in an ld_imm64's src_reg,
 * all calls with BPF_PSEUDO_KFUNC_CALL are of extern functions, each of these indexes is inside, each offset is inside its map's value, each function named begins
 * there, and each ld_imm64 has its second slot (zero but for imm) in the same function. Functions lie
 * one after the other over all instructions. Jumps, helper calls and the like are not looked at.
 *
 * Memory:  one arena; everything handed out lives until object_destroy(). The image is copied.
 * Threads: immutable after parse; readable from any.
 * Limits:  OBJECT_MAX_BYTES of input, OBJECT_MAX_MAPS, OBJECT_MAX_FUNCTIONS, OBJECT_MAX_EXTERNS, INSN_MAX instructions.
 */
#pragma once

#include "shared/bpf/btf.h"
#include "shared/bpf/insn.h"
#include "shared/bpf/section.h"

#define OBJECT_MAX_BYTES     ((size_t)8 << 20)
#define OBJECT_MAX_MAPS	     64u
#define OBJECT_MAX_FUNCTIONS 1024u
#define OBJECT_MAX_EXTERNS   256u
#define OBJECT_MAX_MAP_BYTES ((uint64_t)1 << 30)

enum object_map_role {
	OBJECT_MAP_DECLARED, /* in SEC(".maps") */
	OBJECT_MAP_RODATA,   /* .rodata…: one element, constant */
	OBJECT_MAP_DATA,     /* .data…: one element, starts with `initial` */
	OBJECT_MAP_BSS,	     /* .bss…: one element, starts as zeros */
};

struct object_map {
	struct str name; /* "hits", ".rodata" */
	enum object_map_role role;
	uint32_t kind; /* enum bpf_map_type; a global section is an array of one element */
	uint32_t key_size, value_size, max_entries, flags;
	uint32_t key_type, value_type; /* BTF ids, 0 where unknown; globals: the DATASEC's id */
	struct bytes initial;	       /* RODATA, DATA: value_size bytes */
};

struct object_function {
	struct str name;
	struct str section;    /* the ELF section that it came from */
	uint32_t section_insn; /* its first instruction's index in that section, for .BTF.ext */
	uint32_t first, count; /* its instructions in object_insns() */
	uint32_t btf_id;       /* its FUNC, 0 where unknown */
	bool is_entry; /* in a section with a SEC() name that section_find() knows (.text is none) */
	bool is_global;		    /* ELF binding: global or weak */
	const struct section *kind; /* entries: the row of the section table */
};

/* What the program uses by name and does not define: `extern … __ksym;`, a function or a variable of the
 * host, or a function of the runtime. */
struct object_extern {
	struct str name;
	bool is_function;
	uint32_t btf_id; /* its FUNC or VAR in the object's BTF */
};

struct object;

/*
 * Parse `image` (borrowed for the call).
 *   out     owned by the caller
 *   fails   INVALID      not ELF64/eBPF/little-endian, or a section, string, symbol, relocation or
 *                        map definition outside its bounds (path /sections/NAME…, /maps/NAME, /externs)
 *                        (/sections/NAME/N is instruction N of the section); no code or no entry
 *           UNSUPPORTED  a relocation kind, a map kind or a section name that nothing here knows;
 *                        externs that are not in .ksyms with BTF, or weak; CO-RE relocations,
 *                        addresses in data
 *           TOO_LARGE    past a limit
 *           NO_MEMORY
 */
MUST_CHECK struct err *object_parse(struct bytes image, struct object **out);
void object_destroy(struct object *o);
OWN_DEFINE(object, struct object *, object_destroy)

/* SHA-256 of the image, lower-case hex. */
const char *object_digest(const struct object *o);

const struct bpf_insn *object_insns(const struct object *o, uint32_t *count);
const struct object_map *object_maps(const struct object *o, uint32_t *count);
const struct object_function *object_functions(const struct object *o, uint32_t *count);
const struct object_extern *object_externs(const struct object *o, uint32_t *count);
const struct btf *object_btf(const struct object *o); /* NULL where there is none */
struct str object_license(const struct object *o);    /* empty where there is none */

/* The function that holds instruction `insn`, or NULL. */
const struct object_function *object_function_at(const struct object *o, uint32_t insn);

/* The source line of instruction `insn`, or NULL. */
const struct btf_line *object_line_at(const struct object *o, uint32_t insn);
