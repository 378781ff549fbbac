/*
 * Functions of the program that helpers call back. The runtime calls by C's convention and with C's
 * types, so between it and the function stands a small one:
 *
 *	loop.2(index, ctx)		return f(index, ctx, 0, 0, 0)
 *	element.2.1(key, value, ctx)	return f(map 1, key, value, ctx, 0)
 *
 * The helper is inlined where it is called, the small function is a constant there, and the optimiser
 * puts all three together.
 */
#include "shared/jit/translate.h"

#include <stdio.h>

static LLVMValueRef as_number(struct translate *t, LLVMValueRef value)
{
	return LLVMTypeOf(value) == t->m->ptr ? LLVMBuildPtrToInt(t->b, value, t->m->i64, "")
					      : value;
}

/* The callback's arguments: a map's number first where there is one, then what `fn` gets, then zeros. */
static void fill(struct translate *t, LLVMValueRef callee, uint32_t map, LLVMValueRef fn)
{
	LLVMValueRef args[6], run;
	unsigned count = 0;
	LLVMBasicBlockRef back = LLVMGetInsertBlock(t->b);
	LLVMPositionBuilderAtEnd(t->b, LLVMAppendBasicBlockInContext(t->m->context, fn, ""));
	if (map != VERIFIER_MIXED)
		args[count++] = module_number(t->m, (int64_t)map + 1); /* as map_itself() has it */
	for (unsigned i = 0; i < LLVMCountParams(fn); i++)
		args[count++] = as_number(t, LLVMGetParam(fn, i));
	translate_end_unpack(t, args[count - 1], &args[count - 1], &run);
	while (count < ARRAY_SIZE(args) - 1)
		args[count++] = module_number(t->m, 0);
	args[count] = run;
	LLVMValueRef call = LLVMBuildCall2(t->b, t->m->function_type, callee, args, 6, "");
	LLVMSetInstructionCallConv(call, LLVMFastCallConv);
	LLVMBuildRet(t->b, translate_end_result(t, run, call));
	LLVMPositionBuilderAtEnd(t->b, back);
}

bool translate_is_constant(const struct jit_program *p, uint32_t index)
{
	for (uint32_t i = 0; i < p->insns_count; i += insn_slots(&p->insns[i]))
		if (insn_kind(&p->insns[i]) == INSN_LD_IMM64 &&
		    p->insns[i].src_reg == BPF_PSEUDO_FUNC &&
		    (uint32_t)p->insns[i].imm == p->functions[index].first)
			return true;
	return false;
}

struct err *translate_callback(struct translate *t, uint32_t index, uint32_t map, LLVMValueRef *out)
{
	LLVMTypeRef element[] = {t->m->ptr, t->m->ptr, t->m->ptr}, loop[] = {t->m->i64, t->m->ptr};
	bool is_loop = map == VERIFIER_MIXED;
	char name[64];
	if (index >= t->m->program->functions_count)
		return translate_refuse(t, ERR_INTERNAL, "it is not known who is called back");
	LLVMTypeRef type =
		LLVMFunctionType(t->m->i64, is_loop ? loop : element, is_loop ? 2 : 3, false);
	if (is_loop)
		snprintf(name, sizeof(name), "loop.%u", index);
	else
		snprintf(name, sizeof(name), "element.%u.%u", index, map);
	*out = LLVMGetNamedFunction(t->m->module, name);
	if (*out && LLVMGlobalGetValueType(*out) == type) /* and not one that a program calls so */
		return NULL;
	LLVMValueRef callee = module_function(t->m, index);
	TRY_MEMORY(callee);
	*out = LLVMAddFunction(t->m->module, name, type);
	LLVMSetLinkage(*out, LLVMInternalLinkage);
	fill(t, callee, map, *out);
	return NULL;
}
