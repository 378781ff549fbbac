/*
 * Tail calls. The targets are constants of the object, so a tail call is a switch over the index, of which each case
 * is a jump: LLVM's `musttail`, which gives up the frame before. All functions have one type and convention, and
 * pass all arguments in registers, so this always works, and no chain of programs takes more of the host's stack
 * than its largest member.
 *
 * How many tail calls were made travels as the second argument, which means nothing to an entry (entries get r1
 * alone):
 *
 *	bpf.2(ctx, count, 0, 0, 0, run)
 *		if (count < 33) switch (index) { case 0: return bpf.4(ctx, count + 1, 0, 0, 0, run); … }
 *		…what follows
 *
 * `run` lies in the frame of what called the first entry, so it outlives them all. Neither source nor target is inlined: the jump would become a call then, and frames would add up.
 */
#include "shared/bpf/helper.h"
#include "shared/bpf/map_kind.h"
#include "shared/jit/translate.h"

static void put_jump(struct translate *t, LLVMValueRef target, LLVMValueRef count)
{
	LLVMValueRef zero = module_number(t->m, 0);
	LLVMValueRef args[6] = {translate_read(t, BPF_REG_1),
				LLVMBuildAdd(t->b, count, module_number(t->m, 1), ""),
				zero,
				zero,
				zero,
				LLVMGetParam(t->fn, 5)};
	LLVMValueRef call = LLVMBuildCall2(t->b, t->m->function_type, target, args, 6, "");
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

static LLVMBasicBlockRef new_block(struct translate *t)
{
	return LLVMAppendBasicBlockInContext(t->m->context, t->fn, "");
}

/* The choice among the programs of one map; to `on` where there is none. */
static struct err *put_choice(struct translate *t, const struct object_map *map,
			      LLVMBasicBlockRef on)
{
	LLVMValueRef count = LLVMGetParam(t->fn, 1);
	LLVMValueRef index = LLVMBuildTrunc(t->b, translate_read(t, BPF_REG_3), t->m->i32, "");
	LLVMValueRef choice = LLVMBuildSwitch(t->b, index, on, map->slots_count);
	for (uint32_t i = 0; i < map->slots_count; i++)
		TRY(put_case(t, choice, count, &map->slots[i]));
	return NULL;
}

/* No fact says which map it is: r2 has its number + 1. */
static struct err *put_maps(struct translate *t, LLVMBasicBlockRef on)
{
	const struct jit_program *p = t->m->program;
	LLVMValueRef choice =
		LLVMBuildSwitch(t->b, translate_read(t, BPF_REG_2), on, p->maps_count);
	for (uint32_t i = 0; i < p->maps_count; i++) {
		if (p->maps[i].kind != MAP_KIND_PROG_ARRAY)
			continue;
		LLVMBasicBlockRef one = new_block(t);
		LLVMAddCase(choice, module_number(t->m, (int64_t)i + 1), one);
		LLVMPositionBuilderAtEnd(t->b, one);
		TRY(put_choice(t, &p->maps[i], on));
	}
	return NULL;
}

struct err *translate_tail(struct translate *t)
{
	const struct jit_program *p = t->m->program;
	LLVMBasicBlockRef pick = new_block(t), on = new_block(t);
	LLVMValueRef most = module_number(t->m, HELPER_MAX_TAIL_CALLS);
	LLVMValueRef may = LLVMBuildICmp(t->b, LLVMIntULT, LLVMGetParam(t->fn, 1), most, "");
	module_keep_apart(t->m, t->fn);
	LLVMBuildCondBr(t->b, may, pick, on);
	LLVMPositionBuilderAtEnd(t->b, pick);
	if (t->fact->map == VERIFIER_MIXED)
		TRY(put_maps(t, on));
	else if (t->fact->map < p->maps_count && p->maps[t->fact->map].kind == MAP_KIND_PROG_ARRAY)
		TRY(put_choice(t, &p->maps[t->fact->map], on));
	else
		return translate_refuse(t, ERR_INTERNAL, "a tail call's map does not fit");
	LLVMPositionBuilderAtEnd(t->b, on);
	translate_write(t, BPF_REG_0, module_number(t->m, 0)); /* r0 is unreadable */
	return NULL;
}
