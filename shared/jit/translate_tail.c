/*
 * Tail calls. The targets are constants of the object, so a tail call is a switch over the index, of which each case
 * is a jump: LLVM's `musttail`, which gives up the frame before. All functions have one type and convention, and
 * pass all arguments in registers, so this always works, and no chain of programs takes more of the host's stack
 * than its largest member.
 *
 * How many tail calls were made travels as the second argument, which means nothing to an entry (entries get r1
 * alone):
 *
 *	bpf.2(ctx, count, 0, 0, 0)
 *		if (count < 33) switch (index) { case 0: return bpf.4(ctx, count + 1, 0, 0, 0); … }
 *		…what follows
 *
 * Neither source nor target is inlined: the jump would become a call then, and frames would add up.
 */
#include "shared/bpf/helper.h"
#include "shared/bpf/map_kind.h"
#include "shared/jit/translate.h"

static void put_jump(struct translate *t, LLVMValueRef target, LLVMValueRef count)
{
	LLVMValueRef zero = module_number(t->m, 0);
	LLVMValueRef args[5] = {translate_read(t, BPF_REG_1),
				LLVMBuildAdd(t->b, count, module_number(t->m, 1), ""), zero, zero,
				zero};
	LLVMValueRef call = LLVMBuildCall2(t->b, t->m->function_type, target, args, 5, "");
	LLVMSetInstructionCallConv(call, LLVMFastCallConv);
	LLVMSetTailCallKind(call, LLVMTailCallKindMustTail);
	LLVMBuildRet(t->b, call);
}

static struct err *put_case(struct translate *t, LLVMValueRef choice, LLVMValueRef count,
			    const struct object_slot *slot)
{
	if (slot->index >= t->m->program->functions_count)
		return translate_refuse(t, ERR_INTERNAL, "a tail call of what is no function");
	LLVMValueRef target = module_function(t->m, slot->index);
	TRY_MEMORY(target);
	module_keep_apart(t->m, target);
	LLVMBasicBlockRef block = LLVMAppendBasicBlockInContext(t->m->context, t->fn, "");
	LLVMAddCase(choice, LLVMConstInt(t->m->i32, slot->slot, false), block);
	LLVMPositionBuilderAtEnd(t->b, block);
	put_jump(t, target, count);
	return NULL;
}

struct err *translate_tail(struct translate *t)
{
	const struct jit_program *p = t->m->program;
	if (t->fact->map >= p->maps_count || p->maps[t->fact->map].kind != MAP_KIND_PROG_ARRAY)
		return translate_refuse(t, ERR_UNSUPPORTED,
					"a tail call of which no fact tells the map");
	const struct object_map *map = &p->maps[t->fact->map];
	LLVMBasicBlockRef pick = LLVMAppendBasicBlockInContext(t->m->context, t->fn, "");
	LLVMBasicBlockRef on = LLVMAppendBasicBlockInContext(t->m->context, t->fn, "");
	LLVMValueRef count = LLVMGetParam(t->fn, 1);
	LLVMValueRef most = module_number(t->m, HELPER_MAX_TAIL_CALLS);
	LLVMBuildCondBr(t->b, LLVMBuildICmp(t->b, LLVMIntULT, count, most, ""), pick, on);
	LLVMPositionBuilderAtEnd(t->b, pick);
	LLVMValueRef index = LLVMBuildTrunc(t->b, translate_read(t, BPF_REG_3), t->m->i32, "");
	LLVMValueRef choice = LLVMBuildSwitch(t->b, index, on, map->slots_count);
	module_keep_apart(t->m, t->fn);
	for (uint32_t i = 0; i < map->slots_count; i++)
		TRY(put_case(t, choice, count, &map->slots[i]));
	LLVMPositionBuilderAtEnd(t->b, on);
	translate_write(t, BPF_REG_0, module_number(t->m, 0)); /* r0 is unreadable */
	return NULL;
}
