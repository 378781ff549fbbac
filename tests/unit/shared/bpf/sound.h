/*
 * sound - whether a parsed object keeps what object.h promises to those who index by it, and whether
 * all of it can be read and printed. For tests and fuzzers: whatever parses must be sound.
 */
#pragma once

#include "shared/bpf/object.h"

/* Each of these tells what is wrong, or NULL. */
static const char *sound_insns(const struct object *o)
{
	uint32_t count, maps_count, functions_count, externs_count;
	const struct bpf_insn *insns = object_insns(o, &count);
	const struct object_map *maps = object_maps(o, &maps_count);
	const struct object_extern *externs = object_externs(o, &externs_count);
	object_functions(o, &functions_count);
	for (uint32_t i = 0; i < count; i += insn_slots(&insns[i])) {
		const struct bpf_insn *insn = &insns[i];
		const struct object_function *f = object_function_at(o, i), *to;
		enum insn_kind kind = insn_kind(insn);
		if (!f)
			return "an instruction outside of all functions";
		if (insn_slots(insn) == 2 && (i + 1 >= f->first + f->count || insn[1].code))
			return "an ld_imm64 without its second half";
		if (kind == INSN_CALL_LOCAL) {
			to = object_function_at(o, i + 1 + (uint32_t)insn->imm);
			if (!to || to->first != i + 1 + (uint32_t)insn->imm)
				return "a call to no function";
		}
		if (kind == INSN_CALL_KFUNC && ((uint32_t)insn->imm >= externs_count ||
						!externs[insn->imm].is_function || insn->off))
			return "a call of no extern function";
		if (kind != INSN_LD_IMM64 || insn->src_reg == 0)
			continue;
		if (insn->src_reg == BPF_PSEUDO_BTF_ID) {
			if ((uint32_t)insn->imm >= externs_count || insn[1].imm ||
			    externs[insn->imm].is_function)
				return "no extern variable";
			continue;
		}
		if (insn->src_reg == BPF_PSEUDO_FUNC) {
			to = object_function_at(o, (uint32_t)insn->imm);
			if (!to || to->first != (uint32_t)insn->imm)
				return "the address of no function";
			continue;
		}
		if (insn->src_reg != BPF_PSEUDO_MAP_FD && insn->src_reg != BPF_PSEUDO_MAP_VALUE)
			return "an ld_imm64 of another kind";
		if ((uint32_t)insn->imm >= maps_count)
			return "a map that is not there";
		bool is_data = maps[insn->imm].role != OBJECT_MAP_DECLARED;
		if (is_data != (insn->src_reg == BPF_PSEUDO_MAP_VALUE))
			return "a map taken for data, or data for a map";
		if (is_data && (uint32_t)insn[1].imm >= maps[insn->imm].value_size)
			return "an offset outside of the data";
	}
	return NULL;
}

static const char *sound_functions(const struct object *o)
{
	uint32_t count, insns, next = 0, entries = 0;
	const struct object_function *f = object_functions(o, &count);
	object_insns(o, &insns);
	for (uint32_t i = 0; i < count; i++) {
		if (f[i].first != next || f[i].count == 0)
			return "functions that do not lie one after the other";
		if (f[i].is_entry != (f[i].kind != NULL) || f[i].name.size == 0)
			return "a function that is half an entry";
		entries += f[i].is_entry;
		next += f[i].count;
	}
	return next == insns && entries ? NULL : "instructions behind the last function";
}

static const char *sound_maps(const struct object *o)
{
	uint32_t count;
	const struct object_map *m = object_maps(o, &count);
	for (uint32_t i = 0; i < count; i++) {
		bool has_initial = m[i].role == OBJECT_MAP_RODATA || m[i].role == OBJECT_MAP_DATA;
		if (m[i].initial.size != (has_initial ? m[i].value_size : 0))
			return "initial data of another size";
		if (m[i].max_entries == 0 || m[i].name.size == 0)
			return "a map without entries or name";
	}
	return NULL;
}

static const char *sound_externs(const struct object *o)
{
	uint32_t count;
	const struct object_extern *e = object_externs(o, &count);
	if (count > OBJECT_MAX_EXTERNS || (count && !object_btf(o)))
		return "too many externs, or externs without types";
	for (uint32_t i = 0; i < count; i++) {
		const struct btf_type *t = btf_type(object_btf(o), e[i].btf_id);
		if (!t || t->kind != (e[i].is_function ? BTF_FUNC : BTF_VAR) ||
		    !str_equal(t->name, e[i].name))
			return "an extern of another type";
		for (uint32_t j = 0; j < i; j++)
			if (str_equal(e[i].name, e[j].name))
				return "two externs of one name";
	}
	return NULL;
}

/* Prints all that can be printed; for the sanitizers to watch. */
static void sound_print(const struct object *o, struct buf *out)
{
	uint32_t count;
	const struct bpf_insn *insns = object_insns(o, &count);
	const struct btf *btf = object_btf(o);
	for (uint32_t i = 0; i < count; i += insn_slots(&insns[i])) {
		const struct btf_line *line = object_line_at(o, i);
		insn_print(&insns[i], out);
		if (line)
			buf_add(out, line->text);
		buf_clear(out);
	}
	const struct object_map *m = object_maps(o, &count);
	for (uint32_t i = 0; i < count; i++) {
		btf_print_value(btf, m[i].value_type, m[i].initial, out);
		buf_clear(out);
	}
	for (uint32_t id = 0; btf && id < btf_count(btf); id++) {
		btf_print_type(btf, id, out);
		buf_clear(out);
	}
}

static inline const char *sound_object(const struct object *o)
{
	OWNED_BUF struct buf out = BUF_INIT((size_t)1 << 20);
	const char *wrong = sound_insns(o);
	wrong = wrong ? wrong : sound_functions(o);
	wrong = wrong ? wrong : sound_maps(o);
	wrong = wrong ? wrong : sound_externs(o);
	if (!wrong)
		sound_print(o, &out);
	return wrong;
}
