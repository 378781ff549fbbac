/*
 * Code sections, one behind the other, become one array:
 *
 *	section	  .text			uprobe//bin/x:f		uretprobe
 *	function  [helper][callback]	[on_entry]		[on_return]
 *	index	  0 ………………………… 27	28 ………………… 61		62 …………………
 *
 * so that a jump or call inside of a section keeps its distance. Functions are the symbols' word, and
 * are checked to lie one after the other. [O1] [O2]
 */
#include "shared/bpf/object_load.h"
#include "shared/base/near.h"

#define INSN_BYTES sizeof(struct bpf_insn)

static struct err *unknown_section(struct str name)
{
	struct near near = near_start(name);
	struct str kind = name, rest;
	str_split(name, '/', &kind, &rest);
	struct near near_kind = near_start(kind);
	for (size_t i = 0; i < sections_count; i++) {
		near_offer(&near, str_of(sections[i].prefix));
		near_offer(&near_kind, str_of(sections[i].prefix));
	}
	struct str best = near_found(&near).size ? near_found(&near) : near_found(&near_kind);
	if (best.size)
		return err_new(ERR_UNSUPPORTED,
			       "no kind of program has the section \"%.*s\"; is it \"%.*s\"?",
			       STR_FMT(name), STR_FMT(best));
	return err_new(ERR_UNSUPPORTED,
		       "no kind of program has the section \"%.*s\"; write SEC(\"uprobe/…\"), "
		       "SEC(\"uretprobe/…\") or SEC(\"eim/…\")",
		       STR_FMT(name));
}

static struct err *add_section(struct object_loader *l, struct object_section *s)
{
	struct object *o = l->object;
	if (s->type != SHT_PROGBITS || s->size_bytes % INSN_BYTES)
		return err_new(ERR_INVALID, "%llu bytes of type %u are not instructions",
			       (unsigned long long)s->size_bytes, s->type);
	s->kind = section_find(s->name);
	if (!s->kind && !str_is(s->name, ".text"))
		return unknown_section(s->name);
	if (s->size_bytes / INSN_BYTES > INSN_MAX - o->insns_count)
		return err_new(ERR_TOO_LARGE, "more than %d instructions", INSN_MAX);
	s->use = OBJECT_USE_CODE;
	s->first = o->insns_count;
	s->count = (uint32_t)(s->size_bytes / INSN_BYTES);
	o->insns_count += s->count;
	return NULL;
}

static struct err *add_sections(struct object_loader *l)
{
	struct object *o = l->object;
	for (uint32_t i = 0; i < l->sections_count; i++) {
		struct object_section *s = &l->sections[i];
		if ((s->flags & SHF_EXECINSTR) && s->size_bytes)
			TRY_AT(add_section(l, s), "/sections/%.*s", STR_FMT(s->name));
	}
	if (o->insns_count == 0)
		return err_new(ERR_INVALID, "the object has no code");
	o->insns = arena_alloc_array(&o->arena, o->insns_count, INSN_BYTES);
	l->marks = arena_alloc(&l->scratch, o->insns_count);
	TRY_MEMORY(o->insns);
	TRY_MEMORY(l->marks);
	for (uint32_t i = 0; i < l->sections_count; i++) {
		const struct object_section *s = &l->sections[i];
		if (s->use == OBJECT_USE_CODE)
			memcpy(&o->insns[s->first], s->data.data, s->data.size);
	}
	return NULL;
}

static bool is_function(const struct object_symbol *s)
{
	return s->type == STT_FUNC && s->section != SHN_UNDEF;
}

static struct err *count_functions(struct object_loader *l)
{
	struct object *o = l->object;
	uint32_t count = 0;
	for (uint32_t i = 0; i < l->symbols_count; i++) {
		struct object_symbol symbol;
		TRY(object_symbol(l, i, &symbol));
		count += is_function(&symbol);
	}
	if (count > OBJECT_MAX_FUNCTIONS)
		return err_new(ERR_TOO_LARGE, "%u functions; %u are the limit", count,
			       OBJECT_MAX_FUNCTIONS);
	o->functions = arena_alloc_array(&o->arena, count, sizeof(*o->functions));
	TRY_MEMORY(o->functions);
	return NULL;
}

/* Puts `f` in its place among those before it. */
static void insert_function(struct object *o, const struct object_function *f)
{
	uint32_t at = o->functions_count++;
	for (; at > 0 && o->functions[at - 1].first > f->first; at--)
		o->functions[at] = o->functions[at - 1];
	o->functions[at] = *f;
}

static struct err *add_function(struct object_loader *l, const struct object_symbol *symbol)
{
	struct str name = object_symbol_name(l, symbol);
	const struct object_section *s =
		symbol->section < l->sections_count ? &l->sections[symbol->section] : NULL;
	uint64_t end;
	if (!s || s->use != OBJECT_USE_CODE || name.size == 0)
		return err_new(ERR_INVALID, "function \"%.*s\" is in no section of code",
			       STR_FMT(name));
	if (symbol->value % INSN_BYTES || symbol->size_bytes % INSN_BYTES || !symbol->size_bytes ||
	    __builtin_add_overflow(symbol->value, symbol->size_bytes, &end) || end > s->size_bytes)
		return err_at(ERR_INVALID, "", "function %.*s: bytes %llu+%llu of section %.*s",
			      STR_FMT(name), (unsigned long long)symbol->value,
			      (unsigned long long)symbol->size_bytes, STR_FMT(s->name));
	uint32_t at = (uint32_t)(symbol->value / INSN_BYTES);
	struct object_function f = {
		.name = name,
		.section = s->name,
		.section_insn = at,
		.first = s->first + at,
		.count = (uint32_t)(symbol->size_bytes / INSN_BYTES),
		.is_entry = s->kind != NULL,
		.is_global = symbol->binding != STB_LOCAL && symbol->visibility != STV_HIDDEN &&
			     symbol->visibility != STV_INTERNAL,
		.kind = s->kind,
	};
	insert_function(l->object, &f);
	return NULL;
}

static struct err *add_functions(struct object_loader *l)
{
	TRY(count_functions(l));
	for (uint32_t i = 0; i < l->symbols_count; i++) {
		struct object_symbol symbol;
		TRY(object_symbol(l, i, &symbol));
		if (is_function(&symbol))
			TRY(add_function(l, &symbol));
	}
	return NULL;
}

/* [O1] `next` is the first instruction that no function has held so far. */
static struct err *check_layout(const struct object *o)
{
	uint32_t next = 0;
	for (uint32_t i = 0; i < o->functions_count; i++) {
		const struct object_function *f = &o->functions[i];
		if (f->first < next)
			return err_at(ERR_INVALID, "", "functions %.*s and %.*s overlap",
				      STR_FMT(f[-1].name), STR_FMT(f->name));
		if (f->first > next)
			break;
		next = f->first + f->count;
	}
	if (next != o->insns_count)
		return err_at(ERR_INVALID, "", "instruction %u belongs to no function", next);
	return NULL;
}

/* [O2] */
static struct err *mark_slots(struct object_loader *l, const struct object_function *f)
{
	struct bpf_insn *insns = &l->object->insns[f->first];
	for (uint32_t i = 0; i < f->count; i++) {
		if (insn_slots(&insns[i]) == 1)
			continue;
		if (++i == f->count)
			return err_at(ERR_INVALID, "", "function %.*s ends inside an ld_imm64",
				      STR_FMT(f->name));
		if (insns[i].code || insns[i].dst_reg || insns[i].src_reg || insns[i].off)
			return err_at(
				ERR_INVALID, "",
				"function %.*s, instruction %u: an ld_imm64 lacks its second half",
				STR_FMT(f->name), i - 1);
		l->marks[f->first + i] = OBJECT_MARK_SECOND;
	}
	return NULL;
}

struct err *object_load_code(struct object_loader *l)
{
	struct object *o = l->object;
	bool has_entry = false;
	TRY(add_sections(l));
	TRY_AT(add_functions(l), "/sections/.symtab");
	TRY_AT(check_layout(o), "/sections/.symtab");
	for (uint32_t i = 0; i < o->functions_count; i++) {
		TRY_AT(mark_slots(l, &o->functions[i]), "/sections/%.*s",
		       STR_FMT(o->functions[i].section));
		has_entry |= o->functions[i].is_entry;
	}
	if (!has_entry)
		return err_new(ERR_INVALID,
			       "the object has no entry; put a function in SEC(\"uprobe/…\"), "
			       "SEC(\"uretprobe/…\") or SEC(\"eim/…\")");
	return NULL;
}
