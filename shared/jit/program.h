/*
 * program - what the compiler works on: the parts of an object and of a verdict, as plain arrays. Inside
 * shared/jit, and for its tests, which have no ELF object and no verifier.
 */
#pragma once

#include "shared/jit/jit.h"

struct jit_program {
	const struct bpf_insn *insns;
	const struct object_map *maps;
	const struct object_function *functions;
	const struct verifier_entry *entries;
	const struct verifier_insn_fact *facts; /* one per instruction; NULL: nothing is known */
	const struct verifier_extern *externs;	/* NULL: none */
	uint64_t
		fuel; /* instructions that an event may execute, counted in the code; 0: proved, not counted */
	uint32_t insns_count, maps_count, functions_count, entries_count, externs_count;
	struct str object_digest, role_digest;
	struct bytes btf;
};

/* As jit_compile(); all is borrowed for the call. */
MUST_CHECK struct err *jit_compile_program(const struct jit_program *program, struct image **out);

/* The machine that is compiled for, as jit_init() was told. */
struct jit_target {
	char cpu[64];
	char features[4096];
	bool has_rdtscp;
};
const struct jit_target *jit_target(void);
