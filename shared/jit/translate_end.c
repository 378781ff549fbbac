/*
 * Runs that end before their exit: where a lock is not to be had. Nothing is thrown: each function on the
 * way returns at once, to a caller that looks whether the run goes on.
 *
 *	entry		run = 0;  f(ctx, …, &run);  if (run < 0) count it
 *	  f		…  g(…, run);  if (*run < 0) return 0;  …
 *	    g		*run = -1;  return 0
 *
 * Between a helper that calls back and the callback stands the runtime, which knows of no run. So what it
 * hands on as the callback's context is a pair in the caller's frame: the true context, and the run.
 *
 * [I1] The verifier has seen to it that nothing is held where a run may end.
 * [I2] Whatever calls a function of the program looks at the run behind it, before anything else.
 */
#include "shared/jit/translate.h"

#include <stddef.h>

#define PAIR_BYTES 16 /* context, run */

static LLVMValueRef second_of(LLVMBuilderRef b, const struct module *m, LLVMValueRef pair)
{
	LLVMValueRef index = module_number(m, PAIR_BYTES / 2);
	return LLVMBuildGEP2(b, m->i8, pair, &index, 1, "");
}

static LLVMValueRef has_ended(LLVMBuilderRef b, const struct module *m, LLVMValueRef run)
{
	LLVMValueRef left = LLVMBuildLoad2(b, m->i64, run, "");
	return LLVMBuildICmp(b, LLVMIntSLT, left, module_number(m, 0), "");
}

/* ---- in functions ---- */
void translate_end_begin(struct translate *t)
{
	if (!t->m->may_end)
		return;
	t->run = LLVMGetParam(t->fn, 5);
	t->round = LLVMBuildAlloca(t->b, LLVMArrayType2(t->m->i8, PAIR_BYTES), "round");
	LLVMSetAlignment(t->round, 8);
}

static void leave_if(struct translate *t, LLVMValueRef condition, bool is_first)
{
	LLVMBasicBlockRef leave = LLVMAppendBasicBlockInContext(t->m->context, t->fn, "");
	LLVMBasicBlockRef stay = LLVMAppendBasicBlockInContext(t->m->context, t->fn, "");
	LLVMBuildCondBr(t->b, condition, leave, stay);
	LLVMPositionBuilderAtEnd(t->b, leave);
	if (is_first)
		LLVMBuildStore(t->b, module_number(t->m, -1), t->run);
	LLVMBuildRet(t->b, module_number(t->m, 0));
	LLVMPositionBuilderAtEnd(t->b, stay);
}

void translate_end_if(struct translate *t, LLVMValueRef fails)
{
	if (t->m->may_end)
		leave_if(t, fails, true);
}

void translate_end_after_call(struct translate *t)
{
	if (t->m->may_end)
		leave_if(t, has_ended(t->b, t->m, t->run), false);
}

/* ---- through helpers that call back ---- */
LLVMValueRef translate_end_pack(struct translate *t, LLVMValueRef ctx)
{
	if (!t->m->may_end)
		return ctx;
	LLVMBuildStore(t->b, ctx, t->round);
	LLVMBuildStore(t->b, t->run, second_of(t->b, t->m, t->round));
	return LLVMBuildPtrToInt(t->b, t->round, t->m->i64, "");
}

void translate_end_unpack(struct translate *t, LLVMValueRef packed, LLVMValueRef *ctx,
			  LLVMValueRef *run)
{
	*ctx = packed;
	*run = LLVMConstNull(t->m->ptr);
	if (!t->m->may_end)
		return;
	LLVMValueRef pair = LLVMBuildIntToPtr(t->b, packed, t->m->ptr, "");
	*ctx = LLVMBuildLoad2(t->b, t->m->i64, pair, "");
	*run = LLVMBuildLoad2(t->b, t->m->ptr, second_of(t->b, t->m, pair), "");
}

LLVMValueRef translate_end_result(struct translate *t, LLVMValueRef run, LLVMValueRef result)
{
	if (!t->m->may_end)
		return result;
	return LLVMBuildSelect(t->b, has_ended(t->b, t->m, run), module_number(t->m, 1), result,
			       "");
}

/* ---- in entries ---- */
LLVMValueRef translate_end_start(struct module *m)
{
	if (!m->may_end)
		return LLVMConstNull(m->ptr);
	LLVMValueRef run = LLVMBuildAlloca(m->builder, m->i64, "run");
	LLVMBuildStore(m->builder, module_number(m, 0), run);
	return run;
}

static void say_no_result(struct module *m, LLVMValueRef ctx)
{
	LLVMValueRef offset = module_number(m, IMAGE_CTX_NO_RESULT);
	LLVMBuildStore(m->builder, module_number(m, 1),
		       LLVMBuildGEP2(m->builder, m->i8, ctx, &offset, 1, ""));
}

void translate_end_count(struct module *m, LLVMValueRef run, LLVMValueRef ctx, bool has_result)
{
	if (!m->may_end)
		return;
	LLVMValueRef fn = LLVMGetBasicBlockParent(LLVMGetInsertBlock(m->builder));
	LLVMBasicBlockRef ended = LLVMAppendBasicBlockInContext(m->context, fn, "");
	LLVMBasicBlockRef end = LLVMAppendBasicBlockInContext(m->context, fn, "");
	LLVMBuildCondBr(m->builder, has_ended(m->builder, m, run), ended, end);
	LLVMPositionBuilderAtEnd(m->builder, ended);
	LLVMValueRef offset = module_number(m, offsetof(struct rt_private, ended));
	LLVMValueRef count = LLVMBuildGEP2(m->builder, m->i8, m->private_page, &offset, 1, "");
	LLVMBuildAtomicRMW(m->builder, LLVMAtomicRMWBinOpAdd, count, module_number(m, 1),
			   LLVMAtomicOrderingMonotonic, false);
	if (has_result)
		say_no_result(m, ctx);
	LLVMBuildBr(m->builder, end);
	LLVMPositionBuilderAtEnd(m->builder, end);
}
