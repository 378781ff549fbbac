/*
 * Relocations say what an instruction refers to; the instruction holds the addend:
 *
 *	R_BPF_64_64	ld_imm64	symbol + imm bytes: a map, global data, or a function
 *	R_BPF_64_32	call		symbol + (imm + 1) instructions: a function
 *
 * or to a symbol that the object does not define: an extern (object_extern.c).
 *
 * Afterwards no instruction may be left that names something by number without a relocation having put
 * the number there, but calls inside of a section, whose distance the compiler knew. [O3]
 */
#include "shared/bpf/object_load.h"

#define INSN_BYTES ((int64_t)sizeof(struct bpf_insn))

bool object_relocation(const struct object_section *s, uint64_t index, Elf64_Rel *out)
{
	if (index >= s->data.size / sizeof(*out))
		return false;
	memcpy(out, s->data.data + index * sizeof(*out), sizeof(*out));
	return true;
}

/* The function that begins `bytes` behind the start of section `s`. */
static const struct object_function *function_at(const struct object_loader *l,
						 const struct object_section *s, int64_t bytes)
{
	if (bytes < 0 || bytes % INSN_BYTES || bytes / INSN_BYTES >= s->count)
		return NULL;
	uint32_t insn = s->first + (uint32_t)(bytes / INSN_BYTES);
	const struct object_function *f = object_function_at(l->object, insn);
	return f && f->first == insn ? f : NULL;
}

static struct err *missing_symbol(const struct object_loader *l, const struct object_symbol *s)
{
	struct str name = object_symbol_name(l, s);
	if (s->section >= l->sections_count)
		return err_new(ERR_INVALID, "\"%.*s\" is in section %u of %u", STR_FMT(name),
			       s->section, l->sections_count);
	struct str section = l->sections[s->section].name;
	return err_new(ERR_UNSUPPORTED, "\"%.*s\" is in section \"%.*s\", which is not loaded",
		       STR_FMT(name), STR_FMT(section));
}

static struct err *relocate_map(struct object_loader *l, int64_t offset, struct bpf_insn *insn)
{
	for (uint32_t i = 0; i < l->object->maps_count; i++) {
		if (l->object->maps[i].role != OBJECT_MAP_DECLARED ||
		    (int64_t)l->map_offsets[i] != offset)
			continue;
		insn[0].src_reg = BPF_PSEUDO_MAP_FD;
		insn[0].imm = (int32_t)i;
		return NULL;
	}
	return err_new(ERR_INVALID, "no map begins at byte %lld of section .maps",
		       (long long)offset);
}

static struct err *relocate_data(const struct object_section *s, int64_t offset,
				 struct bpf_insn *insn)
{
	if (offset < 0 || (uint64_t)offset >= s->size_bytes)
		return err_new(ERR_INVALID, "byte %lld of the %llu of section %.*s",
			       (long long)offset, (unsigned long long)s->size_bytes,
			       STR_FMT(s->name));
	insn[0].src_reg = BPF_PSEUDO_MAP_VALUE;
	insn[0].imm = (int32_t)s->map;
	insn[1].imm = (int32_t)offset;
	return NULL;
}

static struct err *relocate_address(struct object_loader *l, const struct object_section *s,
				    int64_t offset, struct bpf_insn *insn)
{
	const struct object_function *f = function_at(l, s, offset);
	if (!f)
		return err_new(ERR_INVALID, "no function begins at byte %lld of section %.*s",
			       (long long)offset, STR_FMT(s->name));
	insn[0].src_reg = BPF_PSEUDO_FUNC;
	insn[0].imm = (int32_t)f->first;
	return NULL;
}

static struct err *relocate_imm64(struct object_loader *l, const struct object_symbol *symbol,
				  struct bpf_insn *insn)
{
	if (insn->src_reg != 0 || insn[1].imm != 0)
		return err_new(ERR_INVALID, "the ld_imm64 holds %s",
			       insn->src_reg ? "something else already" : "a constant of 64 bits");
	int64_t offset;
	const struct object_section *s = &l->sections[symbol->section];
	if (__builtin_add_overflow((int64_t)symbol->value, insn->imm, &offset))
		return err_new(ERR_INVALID, "the address overflows");
	insn->imm = 0;
	switch (s->use) {
	case OBJECT_USE_MAPS:
		return relocate_map(l, offset, insn);
	case OBJECT_USE_DATA:
		return relocate_data(s, offset, insn);
	case OBJECT_USE_CODE:
		return relocate_address(l, s, offset, insn);
	case OBJECT_USE_NONE:
		break;
	}
	return missing_symbol(l, symbol);
}

static struct err *relocate_call(struct object_loader *l, const struct object_symbol *symbol,
				 uint32_t index, struct bpf_insn *insn)
{
	const struct object_section *s = &l->sections[symbol->section];
	int64_t distance = ((int64_t)insn->imm + 1) * INSN_BYTES, bytes;
	if (s->use != OBJECT_USE_CODE)
		return missing_symbol(l, symbol);
	if (__builtin_add_overflow((int64_t)symbol->value, distance, &bytes))
		return err_new(ERR_INVALID, "the call's target overflows");
	const struct object_function *f = function_at(l, s, bytes);
	if (!f)
		return err_new(ERR_INVALID,
			       "the call's target, byte %lld of section %.*s, is no "
			       "function's beginning",
			       (long long)bytes, STR_FMT(s->name));
	insn->imm = (int32_t)f->first - (int32_t)(index + 1);
	return NULL;
}

static struct err *relocate_kind(struct object_loader *l, uint32_t kind,
				 const struct object_symbol *symbol, uint32_t index)
{
	struct bpf_insn *insn = &l->object->insns[index];
	enum insn_kind what = insn_kind(insn);
	if (kind != R_BPF_64_64 && kind != R_BPF_64_32)
		return err_new(ERR_UNSUPPORTED, "relocation kind %u", kind);
	if (l->marks[index] & OBJECT_MARK_SECOND)
		return err_new(ERR_INVALID, "the second half of an ld_imm64");
	if (l->marks[index] & OBJECT_MARK_RELOCATED)
		return err_new(ERR_INVALID, "the instruction has a relocation already");
	if (symbol->section != SHN_UNDEF && symbol->section >= l->sections_count)
		return missing_symbol(l, symbol);
	l->marks[index] |= OBJECT_MARK_RELOCATED;
	if (what != (kind == R_BPF_64_64 ? INSN_LD_IMM64 : INSN_CALL_LOCAL))
		return err_new(ERR_INVALID, "relocation kind %u does not fit instruction 0x%02x",
			       kind, insn->code);
	if (symbol->section == SHN_UNDEF)
		return object_relocate_extern(l, symbol, insn);
	if (what == INSN_LD_IMM64)
		return relocate_imm64(l, symbol, insn);
	return relocate_call(l, symbol, index, insn);
}

static struct err *relocate(struct object_loader *l, const struct object_section *code,
			    const Elf64_Rel *rel)
{
	struct object_symbol symbol;
	if (rel->r_offset % (uint64_t)INSN_BYTES || rel->r_offset >= code->size_bytes)
		return err_at(ERR_INVALID, "", "relocation at byte %llu of %llu",
			      (unsigned long long)rel->r_offset,
			      (unsigned long long)code->size_bytes);
	uint32_t at = (uint32_t)(rel->r_offset / (uint64_t)INSN_BYTES);
	TRY_AT(object_symbol(l, ELF64_R_SYM(rel->r_info), &symbol), "/%u", at);
	TRY_AT(relocate_kind(l, ELF64_R_TYPE(rel->r_info), &symbol, code->first + at), "/%u", at);
	return NULL;
}

/* One section of relocations, for the section that it names. */
static struct err *relocate_section(struct object_loader *l, const struct object_section *s,
				    const struct object_section *target)
{
	Elf64_Rel rel;
	if (target->use == OBJECT_USE_NONE || s->data.size == 0)
		return NULL;
	if (target->use != OBJECT_USE_CODE)
		return err_new(ERR_UNSUPPORTED, "data that holds addresses is not supported");
	if (s->type != SHT_REL || s->entry_bytes != sizeof(rel) || s->data.size % sizeof(rel) ||
	    s->link >= l->sections_count || l->sections[s->link].type != SHT_SYMTAB)
		return err_new(ERR_INVALID, "%.*s is no table of relocations", STR_FMT(s->name));
	for (uint64_t i = 0; object_relocation(s, i, &rel); i++)
		TRY(relocate(l, target, &rel));
	return NULL;
}

static struct err *check_insn(const struct object_loader *l, uint32_t index)
{
	const struct object *o = l->object;
	const struct bpf_insn *insn = &o->insns[index];
	enum insn_kind kind = insn_kind(insn);
	if (l->marks[index])
		return NULL;
	if (kind == INSN_LD_IMM64 && insn->src_reg != 0)
		return err_new(ERR_INVALID, "an ld_imm64 of kind %u without a relocation",
			       insn->src_reg);
	if (kind == INSN_CALL_KFUNC)
		return err_new(ERR_INVALID, "a call of kernel function %d without a relocation",
			       insn->imm);
	if (kind != INSN_CALL_LOCAL)
		return NULL;
	const struct object_function *from = object_function_at(o, index), *to = NULL;
	int64_t target = (int64_t)index + 1 + insn->imm;
	if (target >= 0 && target < o->insns_count)
		to = object_function_at(o, (uint32_t)target);
	if (!to || to->first != target || !str_equal(to->section, from->section))
		return err_new(ERR_INVALID, "the call's target is no function of its section");
	return NULL;
}

/* [O3] */
static struct err *check_code(const struct object_loader *l)
{
	const struct object *o = l->object;
	for (uint32_t i = 0; i < o->functions_count; i++) {
		const struct object_function *f = &o->functions[i];
		for (uint32_t j = 0; j < f->count; j++)
			TRY_AT(check_insn(l, f->first + j), "/sections/%.*s/%u",
			       STR_FMT(f->section), f->section_insn + j);
	}
	return NULL;
}

struct err *object_load_relocations(struct object_loader *l)
{
	for (uint32_t i = 0; i < l->sections_count; i++) {
		const struct object_section *s = &l->sections[i];
		if (s->type != SHT_REL && s->type != SHT_RELA)
			continue;
		if (s->info >= l->sections_count)
			return err_at(ERR_INVALID, "/sections", "relocations of section %u of %u",
				      s->info, l->sections_count);
		const struct object_section *target = &l->sections[s->info];
		TRY_AT(relocate_section(l, s, target), "/sections/%.*s", STR_FMT(target->name));
	}
	return check_code(l);
}
