/*
 * What a program uses of its host: functions that it calls, variables whose addresses it takes. Their
 * addresses differ from process to process, so they stand in words between the code and the private page,
 * which the agent fills:
 *
 *	call *eim_imports+8(%rip)
 *
 * A word for each extern that the code reaches, in the order in which it is reached.
 *
 * Registers of eBPF are 64 bits wide and a C type may be narrower. What lies above it is cut off and filled again
 * by sign or by zeros, to 64 bits: compilers differ in what a callee may expect of a narrow argument, and
 * nobody expects more than this. Results are treated likewise, since a callee leaves anything above them.
 */
#include "shared/jit/translate.h"

static struct err *find_extern(const struct translate *t, bool is_function,
			       const struct verifier_extern **out)
{
	const struct jit_program *p = t->m->program;
	uint32_t index = (uint32_t)t->insn->imm;
	if (!p->externs || index >= p->externs_count || index >= OBJECT_MAX_EXTERNS)
		return translate_refuse(t, ERR_INTERNAL, "no such extern");
	const struct verifier_extern *e = &p->externs[index];
	if (!e->is_used || e->is_function != is_function)
		return translate_refuse(t, ERR_INTERNAL, "an extern that was not checked");
	if (e->symbol.size == 0 && !is_function)
		return translate_refuse(t, ERR_INTERNAL, "a variable without a symbol");
	*out = e;
	return NULL;
}

/* The word of the current instruction's extern. */
static LLVMValueRef load_import(struct translate *t)
{
	LLVMValueRef offset =
		module_number(t->m, 8 * (int64_t)module_import(t->m, (uint32_t)t->insn->imm));
	LLVMValueRef at = LLVMBuildGEP2(t->b, t->m->i8, t->m->imports, &offset, 1, "");
	LLVMValueRef value = LLVMBuildLoad2(t->b, t->m->i64, at, "");
	LLVMSetAlignment(value, 8);
	return value;
}

LLVMValueRef translate_convert(struct module *m, LLVMValueRef value, struct verifier_value type)
{
	if (type.size_bytes == 0 || type.size_bytes >= 8)
		return value;
	LLVMTypeRef narrow = LLVMIntTypeInContext(m->context, type.size_bytes * 8u);
	value = LLVMBuildTrunc(m->builder, value, narrow, "");
	return type.is_signed ? LLVMBuildSExt(m->builder, value, m->i64, "")
			      : LLVMBuildZExt(m->builder, value, m->i64, "");
}

static bool is_size(uint8_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

struct err *translate_host_call(struct translate *t)
{
	const struct verifier_extern *e = NULL;
	LLVMTypeRef types[5];
	LLVMValueRef args[5];
	TRY(find_extern(t, true, &e));
	if (e->symbol.size == 0)
		return translate_runtime_call(t, e);
	if (e->args_count > ARRAY_SIZE(args))
		return translate_refuse(t, ERR_INTERNAL, "more than five arguments");
	for (unsigned i = 0; i < e->args_count; i++) {
		if (!is_size(e->args[i].size_bytes))
			return translate_refuse(t, ERR_INTERNAL, "an argument of an odd size");
		types[i] = t->m->i64;
		args[i] = translate_convert(t->m, translate_read(t, BPF_REG_1 + i), e->args[i]);
	}
	LLVMTypeRef type = LLVMFunctionType(t->m->i64, types, e->args_count, false);
	LLVMValueRef callee = LLVMBuildIntToPtr(t->b, load_import(t), t->m->ptr, "");
	LLVMValueRef result = LLVMBuildCall2(t->b, type, callee, args, e->args_count, "");
	translate_write(t, BPF_REG_0,
			is_size(e->result.size_bytes) ? translate_convert(t->m, result, e->result)
						      : module_number(t->m, 0));
	return NULL;
}

struct err *translate_host_variable(struct translate *t, LLVMValueRef *out)
{
	const struct verifier_extern *e = NULL;
	TRY(find_extern(t, false, &e));
	*out = load_import(t);
	return NULL;
}

bool translate_calls_host(const struct jit_program *p)
{
	for (uint32_t i = 0; i < p->insns_count; i += insn_slots(&p->insns[i])) {
		const struct bpf_insn *insn = &p->insns[i];
		if (insn_kind(insn) == INSN_CALL_KFUNC && (!p->facts || p->facts[i].reached) &&
		    p->externs && (uint32_t)insn->imm < p->externs_count &&
		    p->externs[insn->imm].symbol.size)
			return true;
	}
	return false;
}
