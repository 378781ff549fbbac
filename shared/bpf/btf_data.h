/*
 * btf_data - what btf*.c share: the parsed form behind `struct btf`, and the one change that an object
 * file makes to it after parsing. Only shared/bpf includes this.
 */
#pragma once

#include "shared/base/arena.h"
#include "shared/bpf/btf.h"

#define BTF_MAX_NAME 4096u /* bytes of a type's or member's name with its NUL */

/*
 * The section's bytes stay as they are; `btf_type.first` is an offset into `raw`, and members are
 * decoded when asked for.
 */
struct btf {
	struct arena arena;
	struct bytes raw;     /* the type records */
	struct bytes strings; /* ends with a NUL */
	struct btf_type *types;
	uint64_t *sizes; /* bytes of each type, from btf_check() */
	uint32_t count;
};

/* How a kind's record is laid out after the 12 bytes that all have. */
struct btf_layout {
	uint8_t extra;	/* bytes that follow once */
	uint8_t each;	/* bytes of each member */
	bool has_type;	/* the third word is a type's id, else a size */
	bool may_count; /* vlen may be other than 0 */
	bool is_named;	/* must have a name */
};
extern const struct btf_layout btf_layouts[];

static inline uint32_t btf_word(const struct btf *b, uint64_t offset)
{
	uint32_t word;
	memcpy(&word, b->raw.data + offset, sizeof(word));
	return word;
}

/* The string at `offset` of the string table, at most `max` bytes with its NUL. False where it is not
 * there. */
bool btf_string(const struct btf *b, uint32_t offset, uint32_t max, struct str *out);

/*
 * Checks what needs all types to be known: ids, kinds that may follow each other, cycles, sizes and
 * the members' places. Fills b->sizes.
 *   fails  INVALID with the path /types/N
 */
MUST_CHECK struct err *btf_check(struct btf *b);

/*
 * Compilers leave a DATASEC's size 0, and the linker, which knows the ELF section, fills it in.
 *   fails  INVALID: the DATASEC has another size, or a variable lies outside of it
 */
MUST_CHECK struct err *btf_set_section_size(struct btf *b, uint32_t id, uint32_t size_bytes);
