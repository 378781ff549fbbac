/*
 * From an ELF file that anybody may have written to an array of instructions, maps and functions that
 * verifier and JIT can index without a check of bounds.
 *
 * [O1] Functions lie one after the other over all of the instructions, without gap or overlap.
 * [O2] Every ld_imm64 has its second slot in the same function, zero but for imm.
 * [O3] An ld_imm64 with a src_reg names an existing map, an offset inside of it, a function's first
 *	instruction, or an extern variable; every local call's target is a function's first instruction,
 *	and every call of an extern names an extern function.
 */
#include "shared/bpf/object_load.h"
#include "shared/base/mem.h"
#include "shared/crypto/digest.h"

#define ARENA_MAX_BYTES (OBJECT_MAX_BYTES * 4)

_Static_assert(sizeof(((struct object *)0)->digest) == DIGEST_HEX_SIZE, "room for a digest");

static struct err *load_image(struct object_loader *l, struct bytes image)
{
	if (image.size > OBJECT_MAX_BYTES)
		return err_new(ERR_TOO_LARGE, "an object of %zu bytes; %zu are the limit",
			       image.size, OBJECT_MAX_BYTES);
	TRY(digest_hex(image, l->object->digest));
	l->image = arena_alloc(&l->object->arena, image.size);
	TRY_MEMORY(l->image);
	if (image.size)
		memcpy(l->image, image.data, image.size);
	l->image_bytes = image.size;
	return NULL;
}

static void load_license(struct object_loader *l)
{
	const struct object_section *s = object_section_named(l, "license");
	const char *text = s ? (const char *)s->data.data : NULL;
	if (text)
		l->object->license = (struct str){text, strnlen(text, s->data.size)};
}

static struct err *load_all(struct object_loader *l, struct bytes image)
{
	TRY(load_image(l, image));
	TRY(object_load_sections(l));
	TRY(object_load_code(l));
	TRY(object_load_types(l));
	TRY(object_load_maps(l));
	TRY(object_load_externs(l));
	TRY(object_load_relocations(l));
	load_license(l);
	return NULL;
}

struct err *object_parse(struct bytes image, struct object **out)
{
	OWNED(object) struct object *o = mem_zalloc(sizeof(*o));
	TRY_MEMORY(o);
	o->arena = ARENA_INIT(ARENA_MAX_BYTES);
	struct object_loader l = {.object = o, .scratch = ARENA_INIT(ARENA_MAX_BYTES)};
	struct err *e = load_all(&l, image);
	arena_fini(&l.scratch);
	if (!e)
		*out = MOVE(o);
	return e;
}

void object_destroy(struct object *o)
{
	if (!o)
		return;
	btf_lines_destroy(o->lines);
	btf_destroy(o->btf);
	arena_fini(&o->arena);
	mem_free(o);
}

const char *object_digest(const struct object *o)
{
	return o->digest;
}

const struct bpf_insn *object_insns(const struct object *o, uint32_t *count)
{
	*count = o->insns_count;
	return o->insns;
}

const struct object_map *object_maps(const struct object *o, uint32_t *count)
{
	*count = o->maps_count;
	return o->maps;
}

const struct object_extern *object_externs(const struct object *o, uint32_t *count)
{
	*count = o->externs_count;
	return o->externs;
}

const struct object_function *object_functions(const struct object *o, uint32_t *count)
{
	*count = o->functions_count;
	return o->functions;
}

const struct btf *object_btf(const struct object *o)
{
	return o->btf;
}

struct str object_license(const struct object *o)
{
	return o->license;
}

const struct object_function *object_function_at(const struct object *o, uint32_t insn)
{
	uint32_t low = 0, high = o->functions_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct object_function *f = &o->functions[middle];
		if (insn < f->first)
			high = middle;
		else if (insn - f->first < f->count)
			return f;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct btf_line *object_line_at(const struct object *o, uint32_t insn)
{
	const struct object_function *f = object_function_at(o, insn);
	if (!f)
		return NULL;
	return btf_lines_find(o->lines, f->section, f->section_insn + (insn - f->first));
}
