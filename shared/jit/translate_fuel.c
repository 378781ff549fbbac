/*
 * Counting. The counter is not memory that everybody shares, which would cost five cycles in each round of
 * a loop, but a value: an argument and a second result of each function, so that it is a register.
 *
 *	{r0, fuel} f(r1, r2, r3, r4, r5, fuel)
 *
 *	jump back	fuel -= charge; if (fuel < 0) return {0, fuel}; goto target
 *	call		{r0, fuel} = g(…, fuel); if (fuel < 0) return {0, fuel}
 *	callback	the helper gets {ctx, fuel} in memory as ctx; a round takes the counter from there, puts it
 *			back, and stops the rounds where it is negative
 *	tail call	fuel -= total of the target; if (fuel < 0) return {0, fuel}; goto target
 *	lock		where it is not to be had: fuel = -1; return {0, fuel}
 *	entry		fuel = max_instructions - total; …; if (fuel < 0) count the end, and return 0
 *
 * [I1] A charge is taken before what it is for is executed, so with fuel.h's promise no more than
 *      max_instructions are executed, at any time.
 * [I2] A negative counter only ever leads to returns: no instruction of the program follows.
 * [I3] Charges and counters are at most FUEL_MAX: a difference of two does not overflow.
 * [I4] An entry that was proved to end never ends early, though it shares functions with metered ones: its
 *      counter is more than it can ever be charged.
 */
#include "shared/jit/translate_fuel.h"

#include "shared/jit/image.h"

/* Functions hand a counter on. */
static bool is_counted(const struct module *m)
{
	return m->may_end;
}

/* … and take charges from it. Else it is only negative or not. */
static bool is_charged(const struct module *m)
{
	return m->program->fuel > 0;
}

LLVMTypeRef translate_fuel_type(struct module *m)
{
	LLVMTypeRef args[] = {m->i64, m->i64, m->i64, m->i64, m->i64, m->i64};
	LLVMTypeRef both[] = {m->i64, m->i64};
	if (!is_counted(m))
		return LLVMFunctionType(m->i64, args, 5, false);
	return LLVMFunctionType(LLVMStructTypeInContext(m->context, both, 2, false), args, 6,
				false);
}

static LLVMValueRef both_of(struct module *m, LLVMValueRef value, LLVMValueRef fuel)
{
	LLVMTypeRef fields[] = {m->i64, m->i64};
	LLVMValueRef both = LLVMGetPoison(LLVMStructTypeInContext(m->context, fields, 2, false));
	both = LLVMBuildInsertValue(m->builder, both, value, 0, "");
	return LLVMBuildInsertValue(m->builder, both, fuel, 1, "");
}

static LLVMValueRef is_empty(struct module *m, LLVMValueRef fuel)
{
	return LLVMBuildICmp(m->builder, LLVMIntSLT, fuel, module_number(m, 0), "");
}

static LLVMBasicBlockRef new_block(struct module *m, LLVMValueRef fn)
{
	return LLVMAppendBasicBlockInContext(m->context, fn, "");
}

static LLVMValueRef read_fuel(struct translate *t)
{
	return LLVMBuildLoad2(t->b, t->m->i64, t->fuel, "fuel");
}

/* The second number of the pair that helpers hand to callbacks. */
static LLVMValueRef lent_fuel(struct module *m, LLVMValueRef lent)
{
	LLVMValueRef at = module_number(m, 8);
	return LLVMBuildGEP2(m->builder, m->i8, lent, &at, 1, "");
}

/* ---- in a function ---- */

void translate_fuel_begin(struct translate *t)
{
	if (!is_counted(t->m))
		return;
	t->fuel = LLVMBuildAlloca(t->b, t->m->i64, "fuel");
	t->lent = LLVMBuildAlloca(t->b, LLVMArrayType2(t->m->i64, 2), "lent");
	LLVMBuildStore(t->b, LLVMGetParam(t->fn, 5), t->fuel);
}

void translate_fuel_return(struct translate *t, LLVMValueRef value)
{
	LLVMBuildRet(t->b, is_counted(t->m) ? both_of(t->m, value, read_fuel(t)) : value);
}

/* Where there is nothing left the function returns: the builder goes on where there is. */
static void stop_if_empty(struct translate *t, LLVMBasicBlockRef further)
{
	LLVMBasicBlockRef stop = new_block(t->m, t->fn);
	LLVMBuildCondBr(t->b, is_empty(t->m, read_fuel(t)), stop, further);
	LLVMPositionBuilderAtEnd(t->b, stop);
	translate_fuel_return(t, module_number(t->m, 0)); /* [I2] */
	LLVMPositionBuilderAtEnd(t->b, further);
}

LLVMValueRef translate_fuel_call(struct translate *t, LLVMValueRef callee, LLVMValueRef args[6])
{
	unsigned count = is_counted(t->m) ? 6 : 5;
	if (count == 6)
		args[5] = read_fuel(t);
	LLVMValueRef call = LLVMBuildCall2(t->b, t->m->function_type, callee, args, count, "");
	LLVMSetInstructionCallConv(call, LLVMFastCallConv);
	if (count == 5)
		return call;
	LLVMBuildStore(t->b, LLVMBuildExtractValue(t->b, call, 1, ""), t->fuel);
	stop_if_empty(t, new_block(t->m, t->fn));
	return LLVMBuildExtractValue(t->b, call, 0, "");
}

LLVMBasicBlockRef translate_fuel_jump(struct translate *t, uint32_t to, LLVMBasicBlockRef block)
{
	if (!is_charged(t->m) || !fuel_is_back(t->at, to))
		return block;
	LLVMBasicBlockRef back = LLVMGetInsertBlock(t->b), charge = new_block(t->m, t->fn);
	LLVMPositionBuilderAtEnd(t->b, charge);
	int64_t cost = (int64_t)fuel_of_jump(&t->m->fuel, t->at, to);
	LLVMValueRef left = LLVMBuildSub(t->b, read_fuel(t), module_number(t->m, cost), "");
	LLVMBuildStore(t->b, left, t->fuel);
	stop_if_empty(t, block);
	LLVMPositionBuilderAtEnd(t->b, back);
	return charge;
}

LLVMValueRef translate_fuel_is_low(struct translate *t)
{
	int64_t low = (int64_t)(MIN(t->m->program->fuel, FUEL_MAX) / 4);
	if (!is_charged(t->m)) /* nothing runs out */
		return LLVMConstInt(t->m->i1, 0, false);
	return LLVMBuildICmp(t->b, LLVMIntSLT, read_fuel(t), module_number(t->m, low), "");
}

void translate_fuel_end_if(struct translate *t, LLVMValueRef condition)
{
	LLVMBasicBlockRef stop = new_block(t->m, t->fn), further = new_block(t->m, t->fn);
	LLVMBuildCondBr(t->b, condition, stop, further);
	LLVMPositionBuilderAtEnd(t->b, stop);
	if (is_counted(t->m))
		LLVMBuildStore(t->b, module_number(t->m, -1), t->fuel);
	translate_fuel_return(t, module_number(t->m, 0));
	LLVMPositionBuilderAtEnd(t->b, further);
}

void translate_fuel_tail(struct translate *t, uint32_t index, LLVMValueRef callee,
			 LLVMValueRef args[6])
{
	unsigned count = is_counted(t->m) ? 6 : 5;
	if (is_charged(t->m)) {
		int64_t cost = (int64_t)t->m->fuel.totals[index];
		LLVMValueRef left = LLVMBuildSub(t->b, read_fuel(t), module_number(t->m, cost), "");
		LLVMBuildStore(t->b, left, t->fuel);
		stop_if_empty(t, new_block(t->m, t->fn));
	}
	if (count == 6)
		args[5] = read_fuel(t);
	LLVMValueRef call = LLVMBuildCall2(t->b, t->m->function_type, callee, args, count, "");
	LLVMSetInstructionCallConv(call, LLVMFastCallConv);
	LLVMSetTailCallKind(call, LLVMTailCallKindMustTail);
	LLVMBuildRet(t->b, call);
}

/* ---- callbacks ---- */

LLVMValueRef translate_fuel_lend(struct translate *t, LLVMValueRef ctx)
{
	if (!is_counted(t->m))
		return ctx;
	LLVMBuildStore(t->b, ctx, t->lent);
	LLVMBuildStore(t->b, read_fuel(t), lent_fuel(t->m, t->lent));
	return t->lent;
}

void translate_fuel_take_back(struct translate *t)
{
	if (!is_counted(t->m))
		return;
	LLVMBuildStore(t->b, LLVMBuildLoad2(t->b, t->m->i64, lent_fuel(t->m, t->lent), ""),
		       t->fuel);
	stop_if_empty(t, new_block(t->m, t->fn));
}

/* Puts the counter back: whether the rounds are to stop. */
static LLVMValueRef put_back(struct module *m, LLVMValueRef lent, LLVMValueRef fuel)
{
	LLVMBuildStore(m->builder, fuel, lent_fuel(m, lent));
	return is_empty(m, fuel);
}

static int64_t cost_of_round(const struct module *m, uint32_t index)
{
	return is_charged(m) ? (int64_t)(m->fuel.totals[index] + FUEL_ROUND) : 0;
}

static void counted_round(struct translate *t, uint32_t index, LLVMValueRef callee,
			  LLVMValueRef args[6], unsigned ctx)
{
	struct module *m = t->m;
	LLVMValueRef fn = LLVMGetBasicBlockParent(LLVMGetInsertBlock(t->b));
	LLVMBasicBlockRef stop = new_block(m, fn), go = new_block(m, fn);
	LLVMValueRef lent = LLVMBuildIntToPtr(t->b, args[ctx], m->ptr, "");
	LLVMValueRef cost = module_number(m, cost_of_round(m, index));
	args[ctx] = LLVMBuildLoad2(t->b, m->i64, lent, "ctx");
	args[5] = LLVMBuildSub(t->b, LLVMBuildLoad2(t->b, m->i64, lent_fuel(m, lent), "fuel"), cost,
			       "");
	LLVMBuildCondBr(t->b, put_back(m, lent, args[5]), stop, go);
	LLVMPositionBuilderAtEnd(t->b, stop);
	LLVMBuildRet(t->b, module_number(m, 1));
	LLVMPositionBuilderAtEnd(t->b, go);
	LLVMValueRef both = LLVMBuildCall2(t->b, m->function_type, callee, args, 6, "");
	LLVMSetInstructionCallConv(both, LLVMFastCallConv);
	LLVMValueRef ends = put_back(m, lent, LLVMBuildExtractValue(t->b, both, 1, ""));
	LLVMBuildRet(t->b, LLVMBuildSelect(t->b, ends, module_number(m, 1),
					   LLVMBuildExtractValue(t->b, both, 0, ""), ""));
}

void translate_fuel_round(struct translate *t, uint32_t index, LLVMValueRef callee,
			  LLVMValueRef args[6], unsigned ctx)
{
	if (is_counted(t->m)) {
		counted_round(t, index, callee, args, ctx);
		return;
	}
	LLVMValueRef call = LLVMBuildCall2(t->b, t->m->function_type, callee, args, 5, "");
	LLVMSetInstructionCallConv(call, LLVMFastCallConv);
	LLVMBuildRet(t->b, call);
}

/* ---- entries ---- */

static struct err *first_fuel(const struct module *m, const struct verifier_entry *e, int64_t *out)
{
	*out = INT64_MAX; /* [I4] */
	if (!e->is_metered || !is_charged(m))
		return NULL;
	uint64_t max = MIN(m->program->fuel, FUEL_MAX);
	uint64_t total = m->fuel.totals[e->function - m->program->functions];
	if (total > max)
		return err_new(ERR_INTERNAL, "%.*s: more instructions than its role allows",
			       STR_FMT(e->function->name));
	*out = (int64_t)(max - total);
	return NULL;
}

/* The run ended early: it is counted, and an extension entry says that it has no result. */
static void note_end(struct module *m, const struct verifier_entry *e, LLVMValueRef ctx)
{
	LLVMValueRef at = module_number(m, (int64_t)offsetof(struct rt_private, ended));
	LLVMValueRef ended = LLVMBuildGEP2(m->builder, m->i8, m->private_page, &at, 1, "");
	LLVMBuildAtomicRMW(m->builder, LLVMAtomicRMWBinOpAdd, ended, module_number(m, 1),
			   LLVMAtomicOrderingMonotonic, false); /* a count, ordered with nothing */
	if (!e->function->kind || e->function->kind->kind != SECTION_EXTENSION)
		return;
	at = module_number(m, IMAGE_CTX_NO_RESULT);
	LLVMBuildStore(m->builder, module_number(m, 1),
		       LLVMBuildGEP2(m->builder, m->i8, ctx, &at, 1, ""));
}

/* The result, where the run did not end early: else 0, and the end is noted. */
static LLVMValueRef whole_or_ended(struct module *m, const struct verifier_entry *e,
				   LLVMValueRef both, LLVMValueRef ctx)
{
	LLVMValueRef fn = LLVMGetBasicBlockParent(LLVMGetInsertBlock(m->builder));
	LLVMBasicBlockRef early = new_block(m, fn), behind = new_block(m, fn);
	LLVMValueRef ends = is_empty(m, LLVMBuildExtractValue(m->builder, both, 1, ""));
	LLVMBuildCondBr(m->builder, ends, early, behind);
	LLVMPositionBuilderAtEnd(m->builder, early);
	note_end(m, e, ctx);
	LLVMBuildBr(m->builder, behind);
	LLVMPositionBuilderAtEnd(m->builder, behind);
	return LLVMBuildSelect(m->builder, ends, module_number(m, 0),
			       LLVMBuildExtractValue(m->builder, both, 0, ""), "");
}

struct err *translate_fuel_entry(struct module *m, uint32_t n, LLVMValueRef body, LLVMValueRef ctx,
				 LLVMValueRef *out)
{
	const struct verifier_entry *e = &m->program->entries[n];
	LLVMValueRef zero = module_number(m, 0);
	LLVMValueRef args[6] = {
		LLVMBuildPtrToInt(m->builder, ctx, m->i64, ""), zero, zero, zero, zero, zero};
	int64_t fuel = 0;
	if (is_counted(m))
		TRY(first_fuel(m, e, &fuel));
	args[5] = module_number(m, fuel);
	LLVMValueRef call =
		LLVMBuildCall2(m->builder, m->function_type, body, args, is_counted(m) ? 6 : 5, "");
	LLVMSetInstructionCallConv(call, LLVMFastCallConv);
	*out = is_counted(m) ? whole_or_ended(m, e, call, ctx) : call;
	return NULL;
}
