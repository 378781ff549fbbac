/*
 * translate_fuel - runs that may end before their exit: metered ones, by a counter whose charges are those of
 * shared/bpf/fuel.h, and those that do not get a lock. Inside shared/jit. Where m->may_end is false nothing
 * here adds any code.
 */
#pragma once

#include "shared/jit/translate.h"

/* The counter is a value that each function gets as its last argument, and gives back with its result. */
LLVMTypeRef translate_fuel_type(struct module *m);

/* The function's counter, in its first block. */
void translate_fuel_begin(struct translate *t);

/* Returns r0's `value`. */
void translate_fuel_return(struct translate *t, LLVMValueRef value);

/* Calls a function of the program with five arguments: its result. Where there is nothing left
 * afterwards the current function returns. */
LLVMValueRef translate_fuel_call(struct translate *t, LLVMValueRef callee, LLVMValueRef args[6]);

/* Where a jump from the current instruction to instruction `to` has to lead, if its block is `block`: there,
 * or to a block that charges a jump back. */
LLVMBasicBlockRef translate_fuel_jump(struct translate *t, uint32_t to, LLVMBasicBlockRef block);

/* The run ends here where `condition` (i1) holds. */
void translate_fuel_end_if(struct translate *t, LLVMValueRef condition);

/* A tail call of local function `index`, whose arguments are args[0 … 4]: the block ends with it. */
void translate_fuel_tail(struct translate *t, uint32_t index, LLVMValueRef callee,
			 LLVMValueRef args[6]);

/* Whether may_goto jumps: less than a quarter of what the role allows is left. */
LLVMValueRef translate_fuel_is_low(struct translate *t);

/* What a helper gets instead of a callback's `ctx`; and what is to be done after the helper's call. */
LLVMValueRef translate_fuel_lend(struct translate *t, LLVMValueRef ctx);
void translate_fuel_take_back(struct translate *t);

/*
 * The body of what the runtime calls back: args[0 … 4] are the callback's, and args[ctx] is what
 * translate_fuel_lend() gave. Builds the return.
 */
void translate_fuel_round(struct translate *t, uint32_t index, LLVMValueRef callee,
			  LLVMValueRef args[6], unsigned ctx);

/*
 * Calls `body` for entry `n` with its counter filled. A run that ends early is counted, gives 0, and an
 * extension entry says that it has no result.
 *   fails  INTERNAL: the entry wants more than it has before it begins
 */
MUST_CHECK struct err *translate_fuel_entry(struct module *m, uint32_t n, LLVMValueRef body,
					    LLVMValueRef ctx, LLVMValueRef *out);
