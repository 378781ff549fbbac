/*
 * One set of attributes goes on every function, those of the bitcode included: LLVM inlines only between
 * functions for the same target, and a single one with vector registers would break the host, since
 * thunks save none. "no-builtins" keeps the optimiser from making calls of memset and memcpy out
 * of loops: there is no libc in an image.
 */
#include "shared/base/mem.h"
#include "shared/jit/module.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/BitReader.h>
#include <llvm-c/Linker.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include <stdio.h>

extern const char jit_bitcode[], jit_bitcode_end[];

#define TRIPLE "x86_64-unknown-linux-gnu"
#define PASSES "globaldce,default<O2>"

/* ---- life ---- */
static void note_diagnostic(LLVMDiagnosticInfoRef info, void *context)
{
	struct module *m = context;
	if (LLVMGetDiagInfoSeverity(info) != LLVMDSError || m->message[0])
		return;
	char *text = LLVMGetDiagInfoDescription(info);
	snprintf(m->message, sizeof(m->message), "%s", text);
	LLVMDisposeMessage(text);
}

static struct err *make_machine(struct module *m)
{
	LLVMTargetRef target;
	char *message = NULL;
	if (LLVMGetTargetFromTriple(TRIPLE, &target, &message)) {
		struct err *e = err_new(ERR_INTERNAL, "LLVM has no x86-64 target: %s", message);
		LLVMDisposeMessage(message);
		return e;
	}
	m->machine =
		LLVMCreateTargetMachine(target, TRIPLE, jit_target()->cpu, jit_target()->features,
					LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelSmall);
	return m->machine ? NULL : err_new(ERR_INTERNAL, "LLVM makes no target machine");
}

static struct err *load_runtime(struct module *m)
{
	LLVMMemoryBufferRef buffer =
		LLVMCreateMemoryBufferWithMemoryRange(jit_bitcode,
						      (size_t)(jit_bitcode_end - jit_bitcode),
						      "runtime", 0);
	bool failed = LLVMParseBitcodeInContext2(m->context, buffer, &m->module);
	LLVMDisposeMemoryBuffer(buffer);
	if (failed) {
		m->module = NULL;
		return err_new(ERR_INTERNAL, "the runtime's bitcode: %s", m->message);
	}
	LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(m->machine);
	LLVMSetModuleDataLayout(m->module, layout);
	LLVMDisposeTargetData(layout);
	LLVMSetTarget(m->module, TRIPLE);
	return NULL;
}

static void make_types(struct module *m)
{
	m->i1 = LLVMInt1TypeInContext(m->context);
	m->i8 = LLVMInt8TypeInContext(m->context);
	m->i16 = LLVMInt16TypeInContext(m->context);
	m->i32 = LLVMInt32TypeInContext(m->context);
	m->i64 = LLVMInt64TypeInContext(m->context);
	m->ptr = LLVMPointerTypeInContext(m->context, 0);
	LLVMTypeRef args[] = {m->i64, m->i64, m->i64, m->i64, m->i64, m->ptr};
	m->function_type = LLVMFunctionType(m->i64, args, 6, false);
}

/* A symbol that the linker places, reached rip-relative because nobody can preempt a hidden one. */
static LLVMValueRef add_symbol(struct module *m, const char *name)
{
	LLVMValueRef symbol = LLVMAddGlobal(m->module, m->i8, name);
	LLVMSetLinkage(symbol, LLVMExternalLinkage);
	LLVMSetVisibility(symbol, LLVMHiddenVisibility);
	LLVMSetAlignment(symbol, RT_PAGE);
	return symbol;
}

static bool calls_what_ends(const struct jit_program *p)
{
	for (uint32_t i = 0; i < p->insns_count; i += insn_slots(&p->insns[i]))
		if (insn_kind(&p->insns[i]) == INSN_CALL_HELPER &&
		    p->insns[i].imm == BPF_FUNC_spin_lock)
			return true;
	return false;
}

struct err *module_init(struct module *m, const struct jit_program *program)
{
	*m = (struct module){.program = program};
	m->functions = mem_zalloc_array(program->functions_count, sizeof(m->functions[0]));
	m->queue = mem_zalloc_array(program->functions_count, sizeof(m->queue[0]));
	TRY_MEMORY(m->functions);
	TRY_MEMORY(m->queue);
	m->context = LLVMContextCreate();
	LLVMContextSetDiagnosticHandler(m->context, note_diagnostic, m);
	m->builder = LLVMCreateBuilderInContext(m->context);
	make_types(m);
	TRY(make_machine(m));
	TRY(load_runtime(m));
	m->private_page = add_symbol(m, MODULE_PRIVATE_SYMBOL);
	m->may_end = calls_what_ends(program);
	return NULL;
}

void module_fini(struct module *m)
{
	mem_free(m->functions);
	mem_free(m->queue);
	if (m->builder)
		LLVMDisposeBuilder(m->builder);
	if (m->module)
		LLVMDisposeModule(m->module);
	if (m->machine)
		LLVMDisposeTargetMachine(m->machine);
	if (m->context)
		LLVMContextDispose(m->context);
	*m = (struct module){0};
}

/* ---- what the translator asks for ---- */
LLVMValueRef module_number(const struct module *m, int64_t value)
{
	return LLVMConstInt(m->i64, (unsigned long long)value, true);
}

static LLVMValueRef add_constant(struct module *m, const struct object_map *map)
{
	LLVMValueRef bytes = LLVMConstStringInContext2(m->context, (const char *)map->initial.data,
						       map->initial.size, true);
	LLVMValueRef global = LLVMAddGlobal(m->module, LLVMTypeOf(bytes), "rodata");
	LLVMSetInitializer(global, bytes);
	LLVMSetGlobalConstant(global, true);
	LLVMSetLinkage(global, LLVMInternalLinkage);
	LLVMSetAlignment(global, 16);
	return global;
}

LLVMValueRef module_map(struct module *m, uint32_t index)
{
	const struct object_map *map = &m->program->maps[index];
	char name[32];
	if (m->maps[index])
		return m->maps[index];
	if (map->role == OBJECT_MAP_RODATA) {
		m->maps[index] = add_constant(m, map);
	} else {
		snprintf(name, sizeof(name), MODULE_MAP_SYMBOL, index);
		m->maps[index] = add_symbol(m, name);
		m->map_is_used[index] = true;
	}
	return m->maps[index];
}

LLVMValueRef module_function(struct module *m, uint32_t index)
{
	char name[32];
	if (m->functions[index])
		return m->functions[index];
	/* Not the name that the object gives: functions of our own are found by theirs, and a program
	 * must not be able to stand in for one. */
	snprintf(name, sizeof(name), "bpf.%u", index);
	m->functions[index] = LLVMAddFunction(m->module, name, m->function_type);
	LLVMSetLinkage(m->functions[index], LLVMInternalLinkage);
	LLVMSetFunctionCallConv(m->functions[index], LLVMFastCallConv);
	m->queue[m->queue_count++] = index;
	return m->functions[index];
}

LLVMValueRef module_runtime(const struct module *m, const char *name)
{
	return LLVMGetNamedFunction(m->module, name);
}

/* ---- attributes ---- */
static void set_text(const struct module *m, LLVMValueRef fn, const char *key, const char *value)
{
	LLVMAddAttributeAtIndex(fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
				LLVMCreateStringAttribute(m->context, key, (unsigned)strlen(key),
							  value, (unsigned)strlen(value)));
}

static void set_flag(const struct module *m, LLVMValueRef fn, const char *name)
{
	unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
	LLVMAddAttributeAtIndex(fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
				LLVMCreateEnumAttribute(m->context, kind, 0));
}

void module_keep_apart(const struct module *m, LLVMValueRef fn)
{
	set_flag(m, fn, "noinline");
}

static bool has_flag(LLVMValueRef fn, const char *name)
{
	unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
	return LLVMGetEnumAttributeAtIndex(fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
					   kind) != NULL;
}

/* Map operations are inlined into one small function per map (translate_call.c), where the map's
 * sizes are constants. */
static bool is_map_operation(const char *name)
{
	static const char *const prefixes[] = {
		"rt_map_", "rt_array_",		  "rt_hash_", "rt_ringbuf_", "rt_spin_",
		"rt_loop", "rt_for_each_map_elem"};
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static void finish_function(const struct module *m, LLVMValueRef fn)
{
	size_t length;
	const char *name = LLVMGetValueName2(fn, &length);
	set_text(m, fn, "target-cpu", jit_target()->cpu);
	set_text(m, fn, "target-features", jit_target()->features);
	set_text(m, fn, "tune-cpu", jit_target()->cpu);
	set_text(m, fn, "no-builtins", "");
	set_text(m, fn, "frame-pointer", "none");
	set_flag(m, fn, "nounwind");
	if (is_map_operation(name) && LLVMGetLinkage(fn) == LLVMExternalLinkage &&
	    !has_flag(fn, "noinline"))
		set_flag(m, fn, "alwaysinline");
	if (LLVMGetFunctionCallConv(fn) != LLVMPreserveMostCallConv)
		LLVMSetLinkage(fn, LLVMInternalLinkage);
}

static bool is_intrinsic(LLVMValueRef fn)
{
	return LLVMIsDeclaration(fn);
}

struct err *module_optimise(struct module *m)
{
	char *message = NULL;
	for (LLVMValueRef fn = LLVMGetFirstFunction(m->module); fn; fn = LLVMGetNextFunction(fn))
		if (!is_intrinsic(fn))
			finish_function(m, fn);
	if (LLVMVerifyModule(m->module, LLVMReturnStatusAction, &message)) {
		struct err *e =
			err_new(ERR_INTERNAL, "the translated module is wrong: %s", message);
		LLVMDisposeMessage(message);
		return e;
	}
	LLVMDisposeMessage(message);
	LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
	LLVMErrorRef failed = LLVMRunPasses(m->module, PASSES, m->machine, options);
	LLVMDisposePassBuilderOptions(options);
	if (failed) {
		char *text = LLVMGetErrorMessage(failed);
		struct err *e = err_new(ERR_INTERNAL, "LLVM's passes: %s", text);
		LLVMDisposeErrorMessage(text);
		return e;
	}
	return NULL;
}

struct err *module_emit(struct module *m, LLVMMemoryBufferRef *out)
{
	char *message = NULL;
	LLVMMemoryBufferRef object = NULL;
	if (LLVMTargetMachineEmitToMemoryBuffer(m->machine, m->module, LLVMObjectFile, &message,
						&object)) {
		struct err *e = err_new(ERR_INTERNAL, "LLVM emits no object: %s", message);
		LLVMDisposeMessage(message);
		return e;
	}
	if (m->message[0]) {
		LLVMDisposeMemoryBuffer(object);
		return err_new(ERR_INTERNAL, "LLVM: %s", m->message);
	}
	*out = object;
	return NULL;
}
