/*
 * A compiler leaves two things in BTF for a linker: where variables lie in their sections (relocations
 * of .BTF against their symbols) and how large the sections are. The former is done here, on a
 * copy of the section, the latter when a section becomes a map (object_maps.c).
 *
 * .BTF.ext may also carry CO-RE relocations. Without applying them a program would read fields at the
 * places of the machine that it was compiled on, so it is refused.
 */
#include "shared/bpf/object_load.h"
#include "shared/base/cursor.h"

#define R_BPF_64_ABS32	  3
#define R_BPF_64_NODYLD32 4
#define CORE_OFFSET	  28 /* of core_relo_len in the header of .BTF.ext */

/* Adds the symbol's value to the word in place. */
static struct err *apply(const struct object_loader *l, uint8_t *btf, size_t size,
			 const Elf64_Rel *rel)
{
	struct object_symbol symbol;
	uint32_t kind = ELF64_R_TYPE(rel->r_info), word;
	struct bytes at;
	TRY(object_symbol(l, ELF64_R_SYM(rel->r_info), &symbol));
	TRY(bytes_slice(bytes_of(btf, size), rel->r_offset, sizeof(word), &at));
	if (kind != R_BPF_64_ABS32 && kind != R_BPF_64_NODYLD32)
		return err_new(ERR_UNSUPPORTED, "relocation kind %u in .BTF", kind);
	memcpy(&word, at.data, sizeof(word));
	word += (uint32_t)symbol.value;
	memcpy(btf + rel->r_offset, &word, sizeof(word));
	return NULL;
}

static struct err *apply_all(const struct object_loader *l, uint32_t index, uint8_t *btf)
{
	Elf64_Rel rel;
	for (uint32_t i = 0; i < l->sections_count; i++) {
		const struct object_section *s = &l->sections[i];
		if (s->type != SHT_REL || s->info != index)
			continue;
		for (uint64_t each = 0; object_relocation(s, each, &rel); each++)
			TRY_DOING(apply(l, btf, l->sections[index].data.size, &rel),
				  "relocation %llu", (unsigned long long)each);
	}
	return NULL;
}

static struct err *load_btf(struct object_loader *l, const struct object_section *s)
{
	uint8_t *copy = arena_alloc(&l->scratch, s->data.size);
	TRY_MEMORY(copy);
	if (s->data.size)
		memcpy(copy, s->data.data, s->data.size);
	TRY_AT(apply_all(l, (uint32_t)(s - l->sections), copy), "/sections/.rel.BTF");
	TRY_AT(btf_parse(bytes_of(copy, s->data.size), &l->object->btf), "/sections/.BTF");
	return NULL;
}

static struct err *load_lines(struct object_loader *l, struct bytes ext)
{
	uint32_t header = 0, core_bytes = 0;
	struct cursor c = cursor_of(ext);
	TRY(btf_lines_parse(l->object->btf, ext, &l->object->lines));
	TRY(cursor_seek(&c, 4));
	TRY(cursor_u32(&c, &header));
	if (header < CORE_OFFSET + sizeof(core_bytes))
		return NULL;
	TRY(cursor_seek(&c, CORE_OFFSET));
	TRY(cursor_u32(&c, &core_bytes));
	if (core_bytes)
		return err_new(ERR_UNSUPPORTED,
			       "the program uses CO-RE relocations (preserve_access_index), which "
			       "are not applied here; read with fixed types instead");
	return NULL;
}

static int compare(struct str a, struct str b)
{
	size_t size = MIN(a.size, b.size);
	int order = size ? memcmp(a.data, b.data, size) : 0;
	return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* Where the first function whose name is not below `name` stands in `sorted`. */
static uint32_t lower_bound(struct object_function *const *sorted, uint32_t count, struct str name)
{
	uint32_t low = 0, high = count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (compare(sorted[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Sorts the functions by name first: BTF may have half a million FUNCs. */
static struct err *set_function_ids(struct object_loader *l)
{
	struct object *o = l->object;
	struct object_function **sorted =
		arena_alloc_array(&l->scratch, o->functions_count, sizeof(*sorted));
	TRY_MEMORY(sorted);
	for (uint32_t i = 0; i < o->functions_count; i++) {
		uint32_t at = lower_bound(sorted, i, o->functions[i].name);
		memmove(&sorted[at + 1], &sorted[at], (i - at) * sizeof(*sorted));
		sorted[at] = &o->functions[i];
	}
	for (uint32_t id = btf_count(o->btf) - 1; id > 0; id--) {
		const struct btf_type *t = btf_type(o->btf, id);
		if (t->kind != BTF_FUNC)
			continue;
		uint32_t at = lower_bound(sorted, o->functions_count, t->name);
		for (; at < o->functions_count && str_equal(sorted[at]->name, t->name); at++)
			sorted[at]->btf_id = id;
	}
	return NULL;
}

struct err *object_load_types(struct object_loader *l)
{
	const struct object_section *btf = object_section_named(l, ".BTF");
	const struct object_section *ext = object_section_named(l, ".BTF.ext");
	if (!btf)
		return NULL;
	TRY(load_btf(l, btf));
	if (ext)
		TRY_AT(load_lines(l, ext->data), "/sections/.BTF.ext");
	return set_function_ids(l);
}
