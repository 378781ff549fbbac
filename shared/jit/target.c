/*
 * The machine that code is made for: asked once, before a sandbox closes.
 *
 * Code in a host must not touch vector or x87 registers, which thunks do not save: all that needs them
 * is switched off, whatever the processor has, and so are the extra general registers of APX.
 */
#include "shared/jit/program.h"

#include <cpuid.h>
#include <llvm-c/Core.h>
#include <llvm-c/TargetMachine.h>
#include <stdio.h>

#define NEVER ",-sse,-mmx,-x87,-egpr,-push2pop2,-ppx,+soft-float"

/* The one state of this library: what jit_init() found out; constant afterwards. */
static struct jit_target chosen;

const struct jit_target *jit_target(void)
{
	return &chosen;
}

static bool ask_rdtscp(void)
{
	unsigned a = 0, b = 0, c = 0, d = 0;
	return __get_cpuid(0x80000001u, &a, &b, &c, &d) && (d & 1u << 27);
}

static bool set_text(char *out, size_t size, const char *text, const char *more)
{
	int length = snprintf(out, size, "%s%s", text, more);
	return length >= 0 && (size_t)length < size;
}

struct err *jit_init(const char *cpu)
{
	LLVMInitializeX86TargetInfo();
	LLVMInitializeX86Target();
	LLVMInitializeX86TargetMC();
	LLVMInitializeX86AsmPrinter();
	LLVMInitializeX86AsmParser(); /* for the runtime's inline assembly */
	char *name = LLVMGetHostCPUName(), *features = LLVMGetHostCPUFeatures();
	bool fits =
		cpu ? set_text(chosen.cpu, sizeof(chosen.cpu), cpu, "") &&
				set_text(chosen.features, sizeof(chosen.features), "", NEVER + 1)
		    : set_text(chosen.cpu, sizeof(chosen.cpu), name, "") &&
				set_text(chosen.features, sizeof(chosen.features), features, NEVER);
	LLVMDisposeMessage(name);
	LLVMDisposeMessage(features);
	chosen.has_rdtscp = ask_rdtscp();
	return fits ? NULL : err_new(ERR_INTERNAL, "the processor's name or features are too long");
}
