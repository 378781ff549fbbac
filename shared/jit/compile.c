/*
 * From a program to an image: translate what the entries reach, optimise, emit, and place code, imports,
 * private page and maps one after the other.
 */
#include "shared/jit/link.h"
#include "shared/jit/translate_fuel.h"
#include "shared/runtime/map.h"

#include <stdio.h>

static uint64_t page_up(uint64_t size)
{
	return (size + IMAGE_PAGE - 1) / IMAGE_PAGE * IMAGE_PAGE;
}

/* ---- code ---- */

/* An extension's result is the host's function's, so it is of that type. */
static LLVMValueRef convert_result(struct module *m, const struct role_entry *host,
				   LLVMValueRef value)
{
	if (!host)
		return value;
	if (str_is(host->return_type, "bool") || str_is(host->return_type, "_Bool"))
		return LLVMBuildZExt(m->builder, LLVMBuildIsNotNull(m->builder, value, ""), m->i64,
				     "");
	return translate_convert(m, value,
				 (struct verifier_value){host->result_bytes,
							 host->is_result_signed});
}

static LLVMValueRef call_runtime(struct module *m, LLVMValueRef fn, LLVMValueRef a, LLVMValueRef b)
{
	return LLVMBuildCall2(m->builder, LLVMGlobalGetValueType(fn), fn, (LLVMValueRef[]){a, b}, 2,
			      "");
}

/*
 *	run = rt_run_begin(private, ctx)
 *	if (!run) { ctx.no_result = 1; return 0; }
 *	result = body(ctx)
 *	rt_run_end(run, ctx)
 *	return result
 */
static struct err *fill_guarded(struct module *m, uint32_t n, LLVMValueRef entry, LLVMValueRef body)
{
	LLVMValueRef begin = module_runtime(m, "rt_run_begin"),
		     end = module_runtime(m, "rt_run_end");
	LLVMValueRef ctx = LLVMGetParam(entry, 0), at = module_number(m, IMAGE_CTX_NO_RESULT);
	if (!begin || !end)
		return err_new(ERR_INTERNAL, "the runtime does not guard runs");
	LLVMBasicBlockRef runs = LLVMAppendBasicBlockInContext(m->context, entry, "");
	LLVMBasicBlockRef skips = LLVMAppendBasicBlockInContext(m->context, entry, "");
	LLVMValueRef run = call_runtime(m, begin, m->private_page, ctx);
	LLVMBuildCondBr(m->builder, LLVMBuildIsNotNull(m->builder, run, ""), runs, skips);
	LLVMPositionBuilderAtEnd(m->builder, runs);
	LLVMValueRef result = NULL;
	TRY(translate_fuel_entry(m, n, body, ctx, &result));
	result = convert_result(m, m->program->entries[n].host, result);
	(void)call_runtime(m, end, run, ctx);
	LLVMBuildRet(m->builder, result);
	LLVMPositionBuilderAtEnd(m->builder, skips);
	LLVMBuildStore(m->builder, module_number(m, 1),
		       LLVMBuildGEP2(m->builder, m->i8, ctx, &at, 1, ""));
	LLVMBuildRet(m->builder, module_number(m, 0));
	m->needs |= IMAGE_NEEDS_PID | IMAGE_NEEDS_SYSCALLS; /* threads without a number in fs:0 */
	return NULL;
}

/* u64 eim_entry_N(void *ctx): keeps all registers but the result's, and calls (in the end: is) the eBPF
 * function. */
static struct err *make_entry(struct module *m, uint32_t n, bool is_guarded)
{
	const struct verifier_entry *row = &m->program->entries[n];
	char name[32];
	LLVMValueRef body = module_function(m, (uint32_t)(row->function - m->program->functions));
	TRY_MEMORY(body);
	snprintf(name, sizeof(name), MODULE_ENTRY_SYMBOL, n);
	LLVMValueRef entry =
		LLVMAddFunction(m->module, name, LLVMFunctionType(m->i64, &m->ptr, 1, false));
	LLVMSetFunctionCallConv(entry, LLVMPreserveMostCallConv);
	LLVMSetVisibility(entry, LLVMHiddenVisibility);
	LLVMPositionBuilderAtEnd(m->builder, LLVMAppendBasicBlockInContext(m->context, entry, ""));
	if (is_guarded && row->host)
		return fill_guarded(m, n, entry, body);
	LLVMValueRef result = NULL;
	TRY(translate_fuel_entry(m, n, body, LLVMGetParam(entry, 0), &result));
	LLVMBuildRet(m->builder, convert_result(m, row->host, result));
	return NULL;
}

static struct err *translate_all(struct module *m)
{
	bool is_guarded = translate_calls_host(m->program);
	for (uint32_t i = 0; i < m->program->entries_count; i++)
		TRY(make_entry(m, i, is_guarded));
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

/* One word for each extern that the code reaches. */
static struct err *place_imports(const struct module *m, uint64_t code_bytes, struct image *image)
{
	image->private_offset = page_up(code_bytes);
	if (m->imported_count == 0)
		return NULL;
	image->imports_offset = image->private_offset;
	image->private_offset += page_up(8ull * m->imported_count);
	image->imports =
		arena_alloc_array(&image->arena, m->imported_count, sizeof(image->imports[0]));
	TRY_MEMORY(image->imports);
	for (uint32_t i = 0; i < m->imported_count; i++) {
		const struct verifier_extern *e = &m->program->externs[m->imported[i]];
		struct str symbol = arena_str(&image->arena, e->symbol);
		TRY_MEMORY(symbol.data);
		image->imports[image->imports_count++] =
			(struct image_import){symbol, e->is_function};
	}
	return NULL;
}

/* Maps behind the private page, in the object's order; `offsets` by the object's index. */
static struct err *place_maps(const struct module *m, struct image *image, uint64_t *offsets)
{
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
	uint64_t imports_offset, private_offset, maps[OBJECT_MAX_MAPS];
};

static struct err *find_place(void *context, struct str name, uint64_t *offset)
{
	const struct places *places = context;
	uint64_t index;
	if (str_is(name, MODULE_PRIVATE_SYMBOL)) {
		*offset = places->private_offset;
		return NULL;
	}
	if (str_is(name, MODULE_IMPORTS_SYMBOL) && places->imports_offset) {
		*offset = places->imports_offset;
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
		if (p->entries[i].host) {
			entry->symbol = arena_str(&image->arena, p->entries[i].host->symbol);
			TRY_MEMORY(entry->symbol.data);
		}
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
	TRY(place_imports(m, l.code_bytes, image));
	TRY(place_maps(m, image, places.maps));
	places.imports_offset = image->imports_offset;
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
