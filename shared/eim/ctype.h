/*
 * ctype - what a type's spelling in a document means: C spellings ("const char *", "unsigned long",
 * "struct request *"), names that are built in (ctype.tbl.h, and their "const_…", "…_ptr" forms), and
 * names that only the host's BTF can know.
 *
 * Memory:  `name` is borrowed from the text.
 */
#pragma once

#include "shared/bpf/btf.h"
#include "shared/eim/spec.h"

enum ctype_kind {
	CTYPE_VOID,
	CTYPE_INT,
	CTYPE_CHAR, /* an integer of one byte, of either sign */
	CTYPE_BOOL,
	CTYPE_FLOAT,
	CTYPE_STRUCT,
	CTYPE_UNION,
	CTYPE_ENUM,
	CTYPE_NAMED, /* a typedef or a struct, union or enum named without its keyword */
};

struct ctype {
	enum ctype_kind kind;
	struct str name; /* STRUCT, UNION, ENUM, NAMED */
	uint32_t size_bytes;
	bool is_signed;
	unsigned pointers; /* how many "*" */
	bool is_const;	   /* what the outermost of them points to */
};

/* False where `text` is no spelling of a type; *out is then untouched. volatile and restrict are read and
 * forgotten, and so is const where it does not speak of what the outermost pointer points to. */
bool ctype_parse(struct str text, struct ctype *out);

/* The same for a type that may be declared in the document: follows bases to the end. False where a spelling is none, or bases go in a circle. */
bool ctype_resolve(const struct spec *spec, struct str text, struct ctype *out);

/* The declared type behind `type`: the one that its base names, or NULL where it ends there. */
const struct spec_type *ctype_base_of(const struct spec *spec, const struct spec_type *type);

/* Whether BTF type `id` is this type: const, volatile and restrict do not count, typedefs are followed
 * until one has the wanted name. */
bool ctype_matches(const struct ctype *type, const struct btf *btf, uint32_t id);
