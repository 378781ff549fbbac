/*
 * translate - one eBPF function to LLVM, instruction by instruction. Inside shared/jit.
 *
 * Registers are variables of the function that LLVM's optimiser turns into values; the frame is one
 * array, which it takes apart where all accesses are known.
 */
#pragma once

#include "shared/jit/module.h"

struct translate {
	struct module *m;
	const struct object_function *function;
	LLVMBuilderRef b;
	LLVMValueRef fn, registers[10], frame;
	LLVMValueRef run, round; /* translate_end.c */
	int32_t frame_bytes;
	LLVMBasicBlockRef *blocks; /* of each instruction that something jumps to, else NULL */
	uint32_t at;		   /* index of the current instruction in the program */
	const struct bpf_insn *insn;
	const struct verifier_insn_fact *fact;
};

/* Fills the body of local function `index`. fails INTERNAL: what no verifier accepts; UNSUPPORTED. */
MUST_CHECK struct err *translate_function(struct module *m, uint32_t index);

/* An error about the current instruction. */
MUST_CHECK struct err *translate_refuse(const struct translate *t, enum err_code code,
					const char *what);

LLVMValueRef translate_read(struct translate *t, unsigned reg); /* r0 … r10 */
void translate_write(struct translate *t, unsigned reg, LLVMValueRef value);

/* A pointer to `offset` bytes from the frame's top (negative). */
LLVMValueRef translate_frame(struct translate *t, int32_t offset);

/* One per class of instructions; each may end the block. */
MUST_CHECK struct err *translate_alu(struct translate *t);    /* translate_alu.c */
MUST_CHECK struct err *translate_end(struct translate *t);    /* translate_alu.c */
MUST_CHECK struct err *translate_load(struct translate *t);   /* translate_memory.c */
MUST_CHECK struct err *translate_store(struct translate *t);  /* translate_memory.c */
MUST_CHECK struct err *translate_atomic(struct translate *t); /* translate_memory.c */
MUST_CHECK struct err *translate_helper(struct translate *t); /* translate_call.c */

/*
 * Local function `index` as the runtime calls it back: rt_loop_callback, or with a map (else
 * VERIFIER_MIXED) rt_element_callback. fails NO_MEMORY, INTERNAL
 */
MUST_CHECK struct err *translate_callback(struct translate *t, uint32_t index, uint32_t map,
					  LLVMValueRef *out); /* translate_callback.c */

/* bpf_tail_call(). fails UNSUPPORTED where its map is not known */
MUST_CHECK struct err *translate_tail(struct translate *t); /* translate_tail.c */

/* Whether some instruction has local function `index` as its constant. */
bool translate_is_constant(const struct jit_program *p, uint32_t index); /* translate_callback.c */

/*
 * Runs that end before their exit (translate_end.c). All do nothing where m->may_end is false.
 */

/* Makes what the function needs for it; at its beginning. */
void translate_end_begin(struct translate *t);
/* The run ends here where `fails` (i1) holds. */
void translate_end_if(struct translate *t, LLVMValueRef fails);
/* The function ends where the run was ended in what it has called just now. */
void translate_end_after_call(struct translate *t);
/* What a helper hands to a callback in the place of its context `ctx` (i64): both, and the run. */
LLVMValueRef translate_end_pack(struct translate *t, LLVMValueRef ctx);
/* In a callback: the context and the run in `packed`; where nothing was packed, itself and null. */
void translate_end_unpack(struct translate *t, LLVMValueRef packed, LLVMValueRef *ctx,
			  LLVMValueRef *run);
/* In a callback: what it returns, or 1 where the run has ended, so that the helper stops. */
LLVMValueRef translate_end_result(struct translate *t, LLVMValueRef run, LLVMValueRef result);
/* In entry `n`, in front of the call of its function: the run. */
LLVMValueRef translate_end_start(struct module *m);
/* … and behind it: counts a run that was ended, and says so to a host that waits for a result. */
void translate_end_count(struct module *m, LLVMValueRef run, LLVMValueRef ctx, bool has_result);

/* The second operand: a register, or the sign-extended immediate; truncated for 32-bit operations. */
LLVMValueRef translate_source(struct translate *t, bool is_64);
