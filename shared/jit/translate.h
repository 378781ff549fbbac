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
	LLVMValueRef fuel, lent; /* what is left; what callbacks get: translate_fuel.h */
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

/* A call of a function of the runtime by its name. fails INTERNAL */
MUST_CHECK struct err *
translate_runtime_call(struct translate *t, const struct verifier_extern *e); /* translate_call.c */

/* A call of a function of the host, or of the runtime; the address of a variable of it. fails INTERNAL */
MUST_CHECK struct err *translate_host_call(struct translate *t); /* translate_host.c */
MUST_CHECK struct err *translate_host_variable(struct translate *t,
					       LLVMValueRef *out); /* the same */

/* `value` as C's type has it: what lies above the type is cut off and filled again. No size: as it is. */
LLVMValueRef translate_convert(struct module *m, LLVMValueRef value,
			       struct verifier_value type); /* the same */

/* Whether code that is reached calls the host. */
bool translate_calls_host(const struct jit_program *p); /* translate_host.c */

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

/* The second operand: a register, or the sign-extended immediate; truncated for 32-bit operations. */
LLVMValueRef translate_source(struct translate *t, bool is_64);
