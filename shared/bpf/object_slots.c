/*
 * What is in a map of maps from the beginning:
 *
 *	struct { … __array(values, struct inner); } outer SEC(".maps") = { .values = { &a, [2] = &b } };
 *
 * The initialiser is an array of pointers in section .maps, each with a relocation: its place says which
 * map and slot, its symbol which map goes there.
 *
 *	outer	│ type key … │ values[0] ─▶ a │ 0 │ values[2] ─▶ b │
 *	        └ map_offsets └ values.first                       └ values.end
 *
 * Likewise for an array of programs, where the symbols are functions.
 *
 * [O4] Each slot is below max_entries and filled once, with a map that is as the outer one's `inner`, or with an
 *      entry.
 */
#include "shared/bpf/object_load.h"
#include "shared/bpf/map_kind.h"

#include <stdlib.h>

#define POINTER_BYTES 8u

#ifndef R_BPF_64_ABS64
#define R_BPF_64_ABS64 2 /* newer than some elf.h */
#endif

static struct err *add_slot(struct object_loader *l, uint32_t map, struct object_slot slot)
{
	if (l->filled_count == OBJECT_MAX_SLOTS)
		return err_new(ERR_TOO_LARGE, "more than %u pointers in maps", OBJECT_MAX_SLOTS);
	if (!l->filled)
		l->filled = arena_alloc_array(&l->scratch, OBJECT_MAX_SLOTS, sizeof(*l->filled));
	TRY_MEMORY(l->filled);
	l->filled[l->filled_count++] = (struct object_filled){map, slot};
	return NULL;
}

/* ---- where it is ---- */
static bool map_around(const struct object_loader *l, uint64_t offset, uint32_t *out)
{
	for (uint32_t i = 0; i < l->object->maps_count; i++) {
		const struct object_values *v = &l->values[i];
		if (offset < v->first || v->end < POINTER_BYTES || offset > v->end - POINTER_BYTES)
			continue;
		*out = i;
		return true;
	}
	return false;
}

/* ---- what goes there ---- */
static struct err *no_map(uint64_t offset)
{
	return err_new(ERR_INVALID, "no map begins at byte %llu of section .maps",
		       (unsigned long long)offset);
}

static struct err *find_target(const struct object_loader *l, const struct object_section *maps,
			       const Elf64_Rel *rel, uint32_t *out)
{
	struct object_symbol symbol;
	uint64_t addend, offset;
	TRY(object_symbol(l, ELF64_R_SYM(rel->r_info), &symbol));
	if (symbol.section >= l->sections_count || &l->sections[symbol.section] != maps)
		return err_new(ERR_INVALID, "\"%.*s\" is no map of this object",
			       STR_FMT(object_symbol_name(l, &symbol)));
	memcpy(&addend, maps->data.data + rel->r_offset, sizeof(addend));
	if (__builtin_add_overflow(symbol.value, addend, &offset))
		return no_map(UINT64_MAX);
	for (uint32_t i = 0; i < l->object->maps_count; i++)
		if (l->object->maps[i].role == OBJECT_MAP_DECLARED && l->map_offsets[i] == offset) {
			*out = i;
			return NULL;
		}
	return no_map(offset);
}

static struct err *find_program(const struct object_loader *l, const struct object_section *maps,
				const Elf64_Rel *rel, uint32_t *out)
{
	struct object_symbol symbol;
	int64_t addend, bytes;
	TRY(object_symbol(l, ELF64_R_SYM(rel->r_info), &symbol));
	struct str name = object_symbol_name(l, &symbol);
	memcpy(&addend, maps->data.data + rel->r_offset, sizeof(addend));
	if (symbol.section >= l->sections_count ||
	    l->sections[symbol.section].use != OBJECT_USE_CODE ||
	    __builtin_add_overflow((int64_t)symbol.value, addend, &bytes))
		return err_new(ERR_INVALID, "\"%.*s\" is no function of this object",
			       STR_FMT(name));
	const struct object_function *f =
		object_function_in(l, &l->sections[symbol.section], bytes);
	if (!f)
		return err_new(ERR_INVALID, "no function begins at byte %lld of section %.*s",
			       (long long)bytes, STR_FMT(l->sections[symbol.section].name));
	if (!f->is_entry)
		return err_new(ERR_INVALID,
			       "%.*s() is no program: put it in the same SEC() as its callers",
			       STR_FMT(f->name));
	*out = (uint32_t)(f - l->object->functions);
	return NULL;
}

static struct err *differs(const struct object_map *outer, const struct object_map *m,
			   const char *what, uint32_t is, uint32_t wanted)
{
	return err_new(ERR_INVALID, "map %.*s has %s %u, but maps in %.*s have %u",
		       STR_FMT(m->name), what, is, STR_FMT(outer->name), wanted);
}

/* [O4] Programs are verified, and compiled, for any of the maps inside. */
static struct err *check_alike(const struct object_map *outer, const struct object_map *m)
{
	const struct object_map *inner = outer->inner;
	const struct map_kind *is = map_kind_find(m->kind), *wanted = map_kind_find(inner->kind);
	if (m->kind != inner->kind)
		return err_new(ERR_INVALID,
			       "map %.*s is of kind %s, but maps in %.*s are of kind %s",
			       STR_FMT(m->name), is ? is->text : "?", STR_FMT(outer->name),
			       wanted ? wanted->text : "?");
	if (m->key_size != inner->key_size)
		return differs(outer, m, "key_size", m->key_size, inner->key_size);
	if (m->value_size != inner->value_size)
		return differs(outer, m, "value_size", m->value_size, inner->value_size);
	if (m->max_entries != inner->max_entries)
		return differs(outer, m, "max_entries", m->max_entries, inner->max_entries);
	if (m->lock_end != inner->lock_end)
		return differs(outer, m, "a spin lock that ends at byte", m->lock_end,
			       inner->lock_end);
	if (m->flags != inner->flags)
		return differs(outer, m, "map_flags", m->flags, inner->flags);
	return NULL;
}

static struct err *fill_slot(struct object_loader *l, const struct object_section *maps,
			     const Elf64_Rel *rel, uint32_t map, uint64_t slot)
{
	const struct object_map *outer = &l->object->maps[map];
	uint32_t target = 0;
	if (ELF64_R_TYPE(rel->r_info) != R_BPF_64_ABS64)
		return err_new(ERR_UNSUPPORTED, "relocation kind %u",
			       (unsigned)ELF64_R_TYPE(rel->r_info));
	if (slot >= outer->max_entries)
		return err_new(ERR_INVALID, "the map has max_entries %u", outer->max_entries);
	if (outer->kind == MAP_KIND_PROG_ARRAY) {
		TRY(find_program(l, maps, rel, &target));
		return add_slot(l, map, (struct object_slot){(uint32_t)slot, target});
	}
	TRY(find_target(l, maps, rel, &target));
	TRY(check_alike(outer, &l->object->maps[target]));
	return add_slot(l, map, (struct object_slot){(uint32_t)slot, target});
}

struct err *object_load_slot(struct object_loader *l, const struct object_section *maps,
			     const Elf64_Rel *rel)
{
	uint32_t map = 0;
	if (maps->data.size < POINTER_BYTES || rel->r_offset > maps->data.size - POINTER_BYTES)
		return err_new(ERR_INVALID, "relocation at byte %llu of %llu",
			       (unsigned long long)rel->r_offset,
			       (unsigned long long)maps->data.size);
	if (!map_around(l, rel->r_offset, &map) ||
	    (rel->r_offset - l->values[map].first) % POINTER_BYTES)
		return err_new(ERR_INVALID, "the address at byte %llu is in no map's values",
			       (unsigned long long)rel->r_offset);
	uint64_t slot = (rel->r_offset - l->values[map].first) / POINTER_BYTES;
	TRY_AT(fill_slot(l, maps, rel, map, slot), "/%.*s/values/%llu",
	       STR_FMT(l->object->maps[map].name), (unsigned long long)slot);
	return NULL;
}

/* ---- all of them ---- */
static int by_place(const void *a, const void *b)
{
	const struct object_filled *x = a, *y = b;
	uint32_t p = x->map == y->map ? x->slot.slot : x->map;
	uint32_t q = x->map == y->map ? y->slot.slot : y->map;
	return (p > q) - (p < q);
}

struct err *object_finish_slots(struct object_loader *l)
{
	struct object_slot *slots =
		arena_alloc_array(&l->object->arena, l->filled_count + 1, sizeof(*slots));
	TRY_MEMORY(slots);
	if (l->filled_count)
		qsort(l->filled, l->filled_count, sizeof(*l->filled), by_place);
	for (uint32_t i = 0; i < l->filled_count; i++) {
		const struct object_filled *f = &l->filled[i];
		struct object_map *m = &l->object->maps[f->map];
		if (i > 0 && by_place(&f[-1], f) == 0)
			return err_at(ERR_INVALID, "/sections/.maps",
				      "slot %u of %.*s is filled twice", f->slot.slot,
				      STR_FMT(m->name));
		slots[i] = f->slot;
		if (m->slots_count++ == 0)
			m->slots = &slots[i];
	}
	return NULL;
}
