/*
 * btf - BPF Type Format, parsed from untrusted bytes (kernel's Documentation/bpf/btf.rst), and
 * .BTF.ext's line and function records.
 *
 * Memory:  one arena per btf; names and types are borrowed until btf_destroy(). The bytes are copied.
 * Threads: immutable after parse.
 * Limits:  BTF_MAX_BYTES, BTF_MAX_TYPES. Cycles that have no size (typedef to itself, a struct that
 *          holds itself) are refused by btf_parse(), so no walk over types needs a guard.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/base/str.h"

#define BTF_MAX_BYTES ((size_t)16 << 20)
#define BTF_MAX_TYPES 500000u

enum btf_kind {
	BTF_VOID,
	BTF_INT,
	BTF_PTR,
	BTF_ARRAY,
	BTF_STRUCT,
	BTF_UNION,
	BTF_ENUM,
	BTF_FWD,
	BTF_TYPEDEF,
	BTF_VOLATILE,
	BTF_CONST,
	BTF_RESTRICT,
	BTF_FUNC,
	BTF_FUNC_PROTO,
	BTF_VAR,
	BTF_DATASEC,
	BTF_FLOAT,
	BTF_DECL_TAG,
	BTF_TYPE_TAG,
	BTF_ENUM64,
};

#define BTF_WHOLE UINT32_MAX

enum btf_linkage { BTF_STATIC, BTF_GLOBAL, BTF_EXTERN };

struct btf;

/* One type, decoded. `type` is the referenced type's id (PTR, TYPEDEF, FUNC, …; the element's for
 * ARRAY, the return type's for FUNC_PROTO). */
struct btf_type {
	enum btf_kind kind;
	struct str name; /* empty for anonymous */
	uint32_t type;
	uint32_t size_bytes; /* INT, ENUM, STRUCT, UNION, DATASEC, FLOAT */
	uint32_t count;	     /* members, values, parameters, variables; ARRAY: elements */
	uint32_t index_type; /* ARRAY */
	uint32_t
		component; /* DECL_TAG: the member or parameter that it is of; BTF_WHOLE: all of it */
	uint8_t linkage;   /* FUNC: BTF_STATIC, BTF_GLOBAL, BTF_EXTERN */
	bool is_signed;	   /* INT, ENUM */
	bool is_bool, is_char; /* INT */
	uint32_t first;	       /* internal: where the members begin */
};

struct btf_member { /* STRUCT and UNION members, FUNC_PROTO parameters, DATASEC variables */
	struct str name;
	uint32_t type;
	uint32_t offset_bits; /* DATASEC: bytes × 8; parameters: 0 */
	uint32_t size_bits;   /* of a bit field; 0 where it is none; DATASEC: bytes × 8 */
};

struct btf_enum_value {
	struct str name;
	int64_t value;
};

/*
 *   image  the .BTF section
 *   fails  INVALID with the path /types/N: sizes, offsets, ids or kinds that do not fit; cycles
 *          UNSUPPORTED: big-endian
 */
MUST_CHECK struct err *btf_parse(struct bytes image, struct btf **out);
void btf_destroy(struct btf *b);
OWN_DEFINE(btf, struct btf *, btf_destroy)

uint32_t btf_count(const struct btf *b); /* ids are 0 (void) … count-1 */

/* NULL where the id does not exist. */
const struct btf_type *btf_type(const struct btf *b, uint32_t id);
struct btf_member btf_member(const struct btf *b, const struct btf_type *t, uint32_t index);
struct btf_enum_value btf_enum_value(const struct btf *b, const struct btf_type *t, uint32_t index);

/* The first type of that kind and name; 0 where there is none. */
uint32_t btf_find(const struct btf *b, enum btf_kind kind, struct str name);

/* `id` without typedefs, const, volatile, restrict and tags. */
uint32_t btf_skip(const struct btf *b, uint32_t id);

/* Bytes that a value of the type takes; 0 for void, functions and incomplete types. */
uint64_t btf_size(const struct btf *b, uint32_t id);

/* Appends the type in C's words: "const char *", "struct point", "__u64". */
struct buf;
void btf_print_type(const struct btf *b, uint32_t id, struct buf *out);

/*
 * Appends the value at `data` as JSON, typed: integers and enums as numbers (above INT64_MAX as text),
 * bool, char arrays as text up to the first NUL, arrays as lists, structs as objects with their field
 * names, pointers as numbers. Where `b` is NULL or `id` 0 or the size differs: hex text "0x…".
 */
void btf_print_value(const struct btf *b, uint32_t id, struct bytes data, struct buf *out);

/* Appends the types as a .BTF section that btf_parse() reads: for who has no object. */
void btf_encode(const struct btf *b, struct buf *out);

/* ---- .BTF.ext ---- */
struct btf_line {
	struct str section;    /* "uprobe/…", ".text" */
	uint32_t insn;	       /* index of the instruction in that section */
	struct str file, text; /* source path and the line's text */
	uint32_t line, column;
};

struct btf_lines;
/* fails INVALID: as btf_parse. `b` must outlive the result. */
MUST_CHECK struct err *btf_lines_parse(const struct btf *b, struct bytes ext,
				       struct btf_lines **out);
void btf_lines_destroy(struct btf_lines *l);
OWN_DEFINE(btf_lines, struct btf_lines *, btf_lines_destroy)

/* The line that covers instruction `insn` of `section`, or NULL. `l` may be NULL. */
const struct btf_line *btf_lines_find(const struct btf_lines *l, struct str section, uint32_t insn);
