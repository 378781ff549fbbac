/*
 * From a program to an image: translate what the entries reach, optimise, emit, and place code, private
 * page and maps one after the other.
 */
#include "shared/jit/link.h"
#include "shared/jit/translate.h"
#include "shared/runtime/map.h"

#include <stdio.h>

static uint64_t page_up(uint64_t size)
{
	return (size + IMAGE_PAGE - 1) / IMAGE_PAGE * IMAGE_PAGE;
}

/* ---- code ---- */

/* u64 eim_entry_N(void *ctx): keeps all registers but the result's, and calls (in the end: is) the eBPF
 * function. */
static struct err *make_entry(struct module *m, uint32_t n)
{
	const struct object_function *function = m->program->entries[n].function;
	char name[32];
	LLVMValueRef body = module_function(m, (uint32_t)(function - m->program->functions));
	TRY_MEMORY(body);
	snprintf(name, sizeof(name), MODULE_ENTRY_SYMBOL, n);
	LLVMValueRef entry =
		LLVMAddFunction(m->module, name, LLVMFunctionType(m->i64, &m->ptr, 1, false));
	LLVMSetFunctionCallConv(entry, LLVMPreserveMostCallConv);
	LLVMSetVisibility(entry, LLVMHiddenVisibility);
	LLVMPositionBuilderAtEnd(m->builder, LLVMAppendBasicBlockInContext(m->context, entry, ""));
	LLVMValueRef zero = module_number(m, 0);
	LLVMValueRef ctx = LLVMGetParam(entry, 0), run = translate_end_start(m);
	LLVMValueRef args[6] = {
		LLVMBuildPtrToInt(m->builder, ctx, m->i64, ""), zero, zero, zero, zero, run};
	LLVMValueRef call = LLVMBuildCall2(m->builder, m->function_type, body, args, 6, "");
	LLVMSetInstructionCallConv(call, LLVMFastCallConv);
	translate_end_count(m, run, ctx, m->program->entries[n].host != NULL);
	LLVMBuildRet(m->builder, call);
	return NULL;
}

static struct err *translate_all(struct module *m)
{
	for (uint32_t i = 0; i < m->program->entries_count; i++)
		TRY(make_entry(m, i));
	for (uint32_t i = 0; i < m->queue_count; i++) /* grows while it is worked on */
		TRY(translate_function(m, m->queue[i]));
	return module_optimise(m);
}

/* ---- entries that nothing is attached to ---- */
static bool goes_on_with(const struct jit_program *p, const struct verifier_entry *from,
			 const struct object_function *to)
{
	for (uint32_t i = 0; i < p->maps_count && i < OBJECT_MAX_MAPS; i++) {
		const struct object_map *m = &p->maps[i];
		for (uint32_t k = 0; (from->tail_maps >> i & 1) && k < m->slots_count; k++)
			if (&p->functions[m->slots[k].index] == to)
				return true;
	}
	return false;
}

/* Whether entry `n` only runs after another one: its section names no place, or the same extension entry
 * as the other's. */
static bool only_follows(const struct jit_program *p, uint32_t n)
{
	const struct object_function *f = p->entries[n].function;
	bool has_place = f->section.size && memchr(f->section.data, '/', f->section.size);
	if (has_place && !(f->kind && f->kind->kind == SECTION_EXTENSION))
		return false;
	for (uint32_t i = 0; i < p->entries_count; i++)
		if (i != n && goes_on_with(p, &p->entries[i], f))
			return true;
	return false;
}

/* ---- layout ---- */
static struct err *place_map(struct image *image, const struct object_map *from,
			     struct image_map *to)
{
	struct rt_map m = {.kind = from->kind,
			   .key_size = from->key_size,
			   .value_size = from->value_size,
			   .max_entries = from->max_entries,
			   .flags = from->flags,
			   .lock_end = from->lock_end};
	struct map_layout layout;
	struct str name = arena_str(&image->arena, from->name);
	struct str initial = {NULL, 0};
	TRY_AT(map_layout(&m, &layout), "/maps/%.*s", STR_FMT(from->name));
	if (from->role == OBJECT_MAP_DATA) {
		initial = arena_str(&image->arena, (struct str){(const char *)from->initial.data,
								from->initial.size});
		TRY_MEMORY(initial.data);
	}
	TRY_MEMORY(name.data);
	*to = (struct image_map){.name = name,
				 .role = from->role,
				 .kind = from->kind,
				 .key_size = from->key_size,
				 .value_size = from->value_size,
				 .max_entries = from->max_entries,
				 .flags = from->flags,
				 .key_type = from->key_type,
				 .value_type = from->value_type,
				 .lock_end = from->lock_end,
				 .offset = image->total_bytes,
				 .file_bytes = layout.file_bytes,
				 .span_bytes = layout.span_bytes,
				 .initial = bytes_of(initial.data, initial.size)};
	image->total_bytes += layout.span_bytes;
	return NULL;
}

/* Private page and maps behind the code, in the object's order; `offsets` by the object's index. */
static struct err *place_maps(const struct module *m, uint64_t code_bytes, struct image *image,
			      uint64_t *offsets)
{
	image->private_offset = page_up(code_bytes);
	image->total_bytes = image->private_offset + IMAGE_PAGE;
	image->maps =
		arena_alloc_array(&image->arena, m->program->maps_count, sizeof(image->maps[0]));
	TRY_MEMORY(image->maps);
	for (uint32_t i = 0; i < m->program->maps_count && i < OBJECT_MAX_MAPS; i++) {
		if (!m->map_is_used[i])
			continue;
		offsets[i] = image->total_bytes;
		TRY(place_map(image, &m->program->maps[i], &image->maps[image->maps_count++]));
	}
	return NULL;
}

struct places {
	uint64_t private_offset, maps[OBJECT_MAX_MAPS];
};

static struct err *find_place(void *context, struct str name, uint64_t *offset)
{
	const struct places *places = context;
	uint64_t index;
	if (str_is(name, MODULE_PRIVATE_SYMBOL)) {
		*offset = places->private_offset;
		return NULL;
	}
	if (str_starts(name, "eim_map_") &&
	    str_to_u64(str_from(name, strlen("eim_map_")), &index) && index < OBJECT_MAX_MAPS &&
	    places->maps[index]) {
		*offset = places->maps[index];
		return NULL;
	}
	return err_new(ERR_INTERNAL, "the code asks for %.*s, which no image has", STR_FMT(name));
}

/* ---- the image ---- */
static struct err *list_entries(const struct jit_program *p, const struct link *l,
				struct image *image)
{
	image->entries =
		arena_alloc_array(&image->arena, p->entries_count, sizeof(image->entries[0]));
	TRY_MEMORY(image->entries);
	for (uint32_t i = 0; i < p->entries_count; i++) {
		const struct object_function *f = p->entries[i].function;
		if (only_follows(p, i))
			continue;
		struct image_entry *entry = &image->entries[image->entries_count++];
		char symbol[32];
		snprintf(symbol, sizeof(symbol), MODULE_ENTRY_SYMBOL, i);
		TRY(link_find(l, symbol, &entry->offset));
		entry->name = arena_str(&image->arena, f->name);
		entry->section = arena_str(&image->arena, f->section);
		entry->ctx_reads = p->entries[i].ctx_reads;
		TRY_MEMORY(entry->name.data);
		TRY_MEMORY(entry->section.data);
	}
	return NULL;
}

static struct err *list_texts(const struct jit_program *p, struct image *image)
{
	struct str btf =
		arena_str(&image->arena, (struct str){(const char *)p->btf.data, p->btf.size});
	image->object_digest = arena_str(&image->arena, p->object_digest);
	image->role_digest = arena_str(&image->arena, p->role_digest);
	TRY_MEMORY(btf.data);
	TRY_MEMORY(image->object_digest.data);
	TRY_MEMORY(image->role_digest.data);
	image->btf = bytes_of(btf.data, btf.size);
	return NULL;
}

static struct err *link_image(const struct module *m, struct bytes object, struct image *image)
{
	struct link l;
	struct places places = {0};
	TRY(link_read(object, &l));
	if (l.code_bytes > IMAGE_MAX_BYTES / 2)
		return err_new(ERR_TOO_LARGE, "the code has %llu bytes",
			       (unsigned long long)l.code_bytes);
	TRY(place_maps(m, l.code_bytes, image, places.maps));
	places.private_offset = image->private_offset;
	uint8_t *code = arena_alloc(&image->arena, l.code_bytes);
	TRY_MEMORY(code);
	TRY(link_write(&l, find_place, &places, code));
	image->code = bytes_of(code, l.code_bytes);
	image->needs = m->needs;
	TRY(list_entries(m->program, &l, image));
	return image->entries_count
		       ? NULL
		       : err_new(ERR_INVALID, "each of the entries follows another one: "
					      "which one begins is not known");
}

static struct err *build_image(struct module *m, struct image **out)
{
	LLVMMemoryBufferRef object;
	OWNED(image) struct image *image = image_create();
	TRY_MEMORY(image);
	TRY(list_texts(m->program, image));
	TRY(module_emit(m, &object));
	struct err *e =
		link_image(m, bytes_of(LLVMGetBufferStart(object), LLVMGetBufferSize(object)),
			   image);
	LLVMDisposeMemoryBuffer(object);
	TRY(e);
	TRY(image_check(image));
	*out = MOVE(image);
	return NULL;
}

struct err *jit_compile_program(const struct jit_program *program, struct image **out)
{
	OWNED_MODULE struct module m = {0};
	if (program->entries_count == 0)
		return err_new(ERR_INVALID, "the program has no entry");
	if (program->entries_count > IMAGE_MAX_ENTRIES)
		return err_at(ERR_TOO_LARGE, "/entries", "%u entries; the limit is %u",
			      program->entries_count, IMAGE_MAX_ENTRIES);
	TRY(module_init(&m, program));
	TRY(translate_all(&m));
	return build_image(&m, out);
}
