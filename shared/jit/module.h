/*
 * module - one LLVM module: the runtime's bitcode, what the translator adds, and the machine it is for.
 * Inside shared/jit.
 */
#pragma once

#include "shared/jit/program.h"
#include "shared/runtime/rt.h"

#include <llvm-c/Core.h>
#include <llvm-c/TargetMachine.h>

struct module {
	const struct jit_program *program;
	LLVMContextRef context;
	LLVMModuleRef module;
	LLVMTargetMachineRef machine;
	LLVMBuilderRef builder;
	LLVMTypeRef i1, i8, i16, i32, i64, ptr;
	LLVMTypeRef function_type; /* i64(i64, i64, i64, i64, i64, ptr): r1 … r5, the run */
	LLVMValueRef private_page; /* what the image's layout will fix */
	LLVMValueRef maps[OBJECT_MAX_MAPS]; /* base of a map file, or a constant's first byte */
	bool map_is_used[OBJECT_MAX_MAPS];  /* … and is to be in the image */
	LLVMValueRef *functions;	    /* of each local function that is reached, or NULL */
	uint32_t *queue, queue_count; /* reached functions in order, some not yet translated */
	uint32_t needs;		      /* IMAGE_NEEDS_* */
	bool may_end;		      /* runs may end before their exit (translate_end.c) */
	char message[256];	      /* of LLVM's first complaint, "" where there is none */
};

/* fails INTERNAL; `m` is to be given to module_fini() in any case. */
MUST_CHECK struct err *module_init(struct module *m, const struct jit_program *program);
void module_fini(struct module *m);
#define OWNED_MODULE __attribute__((cleanup(module_fini)))

/* The symbol that the linker places: a map file's start. NULL index is the private page. */
#define MODULE_MAP_SYMBOL     "eim_map_%u"
#define MODULE_PRIVATE_SYMBOL "eim_private"
#define MODULE_ENTRY_SYMBOL   "eim_entry_%u"

/* Map `index` as an address: its file's start (declared maps, .data, .bss), or a constant (.rodata). */
LLVMValueRef module_map(struct module *m, uint32_t index);

LLVMValueRef module_number(const struct module *m, int64_t value);

/* Local function `index`, declared, and put in the queue where it was not yet; NULL: out of memory. */
LLVMValueRef module_function(struct module *m, uint32_t index);

/* It is never inlined. */
void module_keep_apart(const struct module *m, LLVMValueRef fn);

/* A function of the runtime's bitcode, or NULL. */
LLVMValueRef module_runtime(const struct module *m, const char *name);

/* Gives all functions the same target, hides all but the entries, checks, and optimises. */
MUST_CHECK struct err *module_optimise(struct module *m);

/* The ELF object, to be disposed of by LLVMDisposeMemoryBuffer(). */
MUST_CHECK struct err *module_emit(struct module *m, LLVMMemoryBufferRef *out);
