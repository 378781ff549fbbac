/*
 * Programs written as instructions, for tests: functions one after the other, each an entry unless it is
 * begun with assemble_local().
 */
#pragma once

#include "tests/unit/shared/jit/load.h"

#include "shared/jit/program.h"

#define INSN(c, d, s, o, i)                      \
	((struct bpf_insn){.code = (uint8_t)(c), \
			   .dst_reg = (d),       \
			   .src_reg = (s),       \
			   .off = (int16_t)(o),  \
			   .imm = (int32_t)(i)})
#define ALU64_K(op, d, i)      INSN(BPF_ALU64 | (op) | BPF_K, d, 0, 0, i)
#define ALU64_X(op, d, s)      INSN(BPF_ALU64 | (op) | BPF_X, d, s, 0, 0)
#define MOV_K(d, i)	       ALU64_K(BPF_MOV, d, i)
#define MOV_X(d, s)	       ALU64_X(BPF_MOV, d, s)
#define LOAD(size, d, s, o)    INSN(BPF_LDX | BPF_MEM | (size), d, s, o, 0)
#define STORE(size, d, s, o)   INSN(BPF_STX | BPF_MEM | (size), d, s, o, 0)
#define STORE_K(size, d, o, i) INSN(BPF_ST | BPF_MEM | (size), d, 0, o, i)
#define JUMP_K(op, d, i, o)    INSN(BPF_JMP | (op) | BPF_K, d, 0, o, i)
#define CALL(id)	       INSN(BPF_JMP | BPF_CALL, 0, 0, 0, id)
#define CALL_LOCAL(offset)     INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, offset)
#define EXIT		       INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define LD_IMM64(d, s, low, high) \
	INSN(BPF_LD | BPF_IMM | BPF_DW, d, s, 0, low), INSN(0, 0, 0, 0, high)
#define LD_MAP(d, index)	   LD_IMM64(d, BPF_PSEUDO_MAP_FD, index, 0)
#define LD_VALUE(d, index, offset) LD_IMM64(d, BPF_PSEUDO_MAP_VALUE, index, offset)

#define ASSEMBLE_INSNS 8192

struct assemble {
	struct bpf_insn insns[ASSEMBLE_INSNS];
	struct object_function functions[IMAGE_MAX_ENTRIES + 8];
	struct verifier_entry entries[IMAGE_MAX_ENTRIES];
	struct object_map maps[8];
	uint32_t insns_count, functions_count, entries_count, maps_count;
};

static inline void assemble_local(struct assemble *a, const struct bpf_insn *insns, size_t count)
{
	struct object_function *f = &a->functions[a->functions_count++];
	assert_true(a->insns_count + count <= ASSEMBLE_INSNS);
	*f = (struct object_function){.name = STR("f"),
				      .section = STR("uprobe/x"),
				      .first = a->insns_count,
				      .count = (uint32_t)count};
	memcpy(&a->insns[a->insns_count], insns, count * sizeof(*insns));
	a->insns_count += (uint32_t)count;
}

static inline void assemble_entry(struct assemble *a, const struct bpf_insn *insns, size_t count)
{
	assemble_local(a, insns, count);
	assert_true(a->entries_count < IMAGE_MAX_ENTRIES);
	a->entries[a->entries_count++].function = &a->functions[a->functions_count - 1];
}

#define ASSEMBLE(a, ...)                                          \
	assemble_entry(a, (const struct bpf_insn[]){__VA_ARGS__}, \
		       sizeof((const struct bpf_insn[]){__VA_ARGS__}) / sizeof(struct bpf_insn))
#define ASSEMBLE_LOCAL(a, ...)                                    \
	assemble_local(a, (const struct bpf_insn[]){__VA_ARGS__}, \
		       sizeof((const struct bpf_insn[]){__VA_ARGS__}) / sizeof(struct bpf_insn))

static inline uint32_t assemble_map(struct assemble *a, struct object_map map)
{
	map.name = STR("m");
	a->maps[a->maps_count] = map;
	return a->maps_count++;
}

static inline struct jit_program assemble_program(const struct assemble *a,
						  const struct verifier_insn_fact *facts)
{
	return (struct jit_program){.insns = a->insns,
				    .maps = a->maps,
				    .functions = a->functions,
				    .entries = a->entries,
				    .facts = facts,
				    .insns_count = a->insns_count,
				    .maps_count = a->maps_count,
				    .functions_count = a->functions_count,
				    .entries_count = a->entries_count,
				    .object_digest = STR("o"),
				    .role_digest = STR("r")};
}

static inline struct err *assemble_compile(const struct assemble *a,
					   const struct verifier_insn_fact *facts,
					   struct image **out)
{
	struct jit_program p = assemble_program(a, facts);
	TRY(jit_init(NULL));
	return jit_compile_program(&p, out);
}

static inline struct load assemble_load(const struct assemble *a,
					const struct verifier_insn_fact *facts)
{
	struct image *image = NULL;
	assert_ok(assemble_compile(a, facts, &image));
	return load_image(image);
}
