/*
 * jit - an accepted program to an image, through LLVM's C API.
 *
 * eBPF functions become LLVM functions, helpers and map operations come from the runtime's bitcode and
 * are inlined with the map's sizes as constants; the module is optimised, emitted as an object, and
 * laid out as an image by a small linker of our own.
 * Threads: one call at a time per process. The caller confines the process (agent/compile).
 */
#pragma once

#include "shared/jit/image.h"
#include "shared/verifier/verifier.h"

/* Prepares LLVM: before a sandbox closes, since it asks the machine for its features. `cpu` NULL is
 * this machine's. */
MUST_CHECK struct err *jit_init(const char *cpu);

/*
 *   verdict  an accepted one, of `object` under `role`
 *   out      owned by the caller
 *   fails    INVALID    the verdict is a rejection
 *            TOO_LARGE  past a limit of image.h
 *            INTERNAL   LLVM refused the module, or emitted a relocation that cannot be fixed
 */
MUST_CHECK struct err *jit_compile(const struct object *object, const struct role *role,
				   const struct verdict *verdict, struct image **out);
