/*
 * generate_part - what generate*.c share: the writer of a program, and what a part is.
 *
 * A writer keeps, while it writes, what each register holds on all paths so far (nothing, a number, the
 * context) and which slots of the stack are written. A statement picks among those; what happens under
 * a branch only adds nothing: after a branch the registers are those that both ways have.
 *
 *	r6 is the context and stays so; r7 … r9 are numbers throughout; r0 … r5 come and go
 *	slots 0 … 7 (r10-8 … r10-64) are for numbers and spills, slots 8 … 15 are a buffer
 *	below: r10-136 … r10-192 counters of loops, r10-200 … r10-232 records by depth, r10-240 … r10-320 for parts,
 *	r10-336 … r10-400 dynptrs by depth, r10-408 … r10-440 what is held of the host, r10-448 … r10-480 pointers of it,
 *	r10-488 … r10-512 iterators by depth
 *
 * In local functions and callbacks r6 is a buffer of the caller (GENERATE_BUFFER_BYTES).
 */
#pragma once

#include "tests/sound/generate.h"
#include "tests/sound/world.h"

#include "shared/bpf/helper.h"
#include "shared/bpf/map_kind.h"

#define INSN(c, d, s, o, i)                              \
	((struct bpf_insn){.code = (uint8_t)(c),         \
			   .dst_reg = (uint8_t)((d)&15), \
			   .src_reg = (uint8_t)((s)&15), \
			   .off = (int16_t)(o),          \
			   .imm = (int32_t)(i)})

#define GENERATE_MAX_DEPTH    3
#define GENERATE_BUFFER	      (-128) /* … -65 */
#define GENERATE_BUFFER_BYTES 64
#define GENERATE_REFERENCES   32
#define GENERATE_KEPT	      0x3c0u /* registers that calls leave alone */

struct writer;

/* A kind of function that a program may have. One function of it is written for all places that refer
 * to it at that time. */
struct generate_kind {
	const char *name;
	/* From the first instruction on; r6 … r9 are to be set. the return follows. */
	void (*write)(struct writer *w, const struct generate_kind *kind);
	uint32_t value; /* `write` knows what it means */
	uint32_t type;	/* of a global function: GENERATE_TYPE_*; else 0 */
	bool is_entry;	/* no instruction refers to it: it is an entry of its own */
};

/* An instruction that names a function which is not yet written: a call, or a constant. */
struct generate_reference {
	uint32_t insn;
	const struct generate_kind *kind;
};

struct writer {
	struct generate_random random;
	struct generate_program *p;
	uint32_t count, functions; /* instructions and functions begun */
	struct generate_reference references[GENERATE_REFERENCES];
	uint32_t references_count, references_done;
	uint32_t weights; /* of all statements */
	uint16_t numbers; /* registers that hold numbers */
	uint16_t slots;	  /* numbers among slots 0 … 7 */
	bool has_buffer, has_ctx;
	bool is_slice; /* what is used now may lie anywhere: few atomic operations */
	unsigned depth;
};

struct generate_statement {
	uint32_t weight;
	bool nests; /* it writes statements: not too deep */
	void (*write)(struct writer *w);
};

struct generate_part {
	const struct generate_statement *statements;
	size_t count;
	void (*set_up)(struct generate_program *p); /* NULL, or: once per program, maps are set */
	bool is_for_extensions;			    /* only */
};

#define PART(name) extern const struct generate_part generate_part_##name;
#include "tests/sound/generate_part.tbl.h"
#undef PART

/* ---- generate.c ---- */
void generate_statement(struct writer *w);
void generate_block(struct writer *w, uint32_t most);
/* May a reference to a function of that kind be made? */
bool generate_may_refer(const struct writer *w, const struct generate_kind *kind);
/* The next instruction written is one; entries: one is to be written. */
void generate_refer(struct writer *w, const struct generate_kind *kind);
/* r6 is the context, r7 … r9 are numbers of it. */
void generate_prologue(struct writer *w);

/* ---- generate_extension.c ---- */
/* The offset of a word of the context that is a number. */
int generate_word(struct writer *w);
/* r0 becomes what the entry promises, most of the time. */
void generate_result(struct writer *w);

/* ---- generate_jump.c ---- */
/* A conditional jump on numbers; gives its place. */
uint32_t generate_condition(struct writer *w);

/* ---- generate_index.c ---- */
/* An index within 0 … limit, most of the time; `skips` jump to where it is not used: to be landed. */
unsigned generate_index(struct writer *w, uint32_t limit, uint32_t *skips, unsigned *skips_count);

/* ---- generate_memory.c ---- */
/* Something with `1 << size_index` bytes at `offset` behind `reg`. */
void generate_use(struct writer *w, unsigned reg, int offset, unsigned size_index);
/* Uses of an object of `bytes` bytes behind `reg` (r0 … r5), which is spoilt. */
void generate_uses(struct writer *w, unsigned reg, uint32_t bytes);
/* Writes the buffer where it is not yet written. */
void generate_fill(struct writer *w);

/* ---- generate_function.c ---- */
/* Calls back with the pointer that is kept at `at_stack`, to 8 bytes or more. */
void generate_hand_on(struct writer *w, int at_stack);

/* ---- small steps ---- */
static inline uint32_t below(struct writer *w, uint32_t count)
{
	return generate_below(&w->random, count);
}

static inline bool chance(struct writer *w, uint32_t percent)
{
	return below(w, 100) < percent;
}

static inline void put(struct writer *w, struct bpf_insn insn)
{
	if (w->count < GENERATE_INSNS)
		w->p->insns[w->count++] = insn;
}

static inline bool is_full(const struct writer *w)
{
	return w->count + 120 > GENERATE_INSNS;
}

static inline void put_imm64(struct writer *w, unsigned reg, unsigned kind, uint32_t low,
			     uint32_t high)
{
	put(w, INSN(BPF_LD | BPF_IMM | BPF_DW, reg, kind, 0, low));
	put(w, INSN(0, 0, 0, 0, high));
}

static inline void put_mov(struct writer *w, unsigned reg, unsigned from)
{
	put(w, INSN(BPF_ALU64 | BPF_MOV | BPF_X, reg, from, 0, 0));
}

static inline void put_set(struct writer *w, unsigned reg, int32_t value)
{
	put(w, INSN(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, value));
}

static inline void put_load(struct writer *w, unsigned reg, unsigned from, int offset)
{
	put(w, INSN(BPF_LDX | BPF_MEM | BPF_DW, reg, from, offset, 0));
}

static inline void put_store(struct writer *w, unsigned to, int offset, unsigned reg)
{
	put(w, INSN(BPF_STX | BPF_MEM | BPF_DW, to, reg, offset, 0));
}

static inline void put_stack(struct writer *w, unsigned reg, int offset)
{
	put_mov(w, reg, 10);
	put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, offset));
}

static inline void put_call(struct writer *w, uint32_t id)
{
	put(w, INSN(BPF_JMP | BPF_CALL, 0, 0, 0, id));
	w->numbers &= GENERATE_KEPT;
}

/* A register that holds a number; r7 … r9 always do. */
static inline unsigned any_number(struct writer *w)
{
	for (;;) {
		unsigned reg = below(w, 10);
		if (w->numbers >> reg & 1)
			return reg;
	}
}

/* One that may be written to. */
static inline unsigned any_target(struct writer *w)
{
	static const uint8_t targets[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 7, 8, 9};
	return targets[below(w, ARRAY_SIZE(targets))];
}

static inline int32_t any_imm(struct writer *w)
{
	return (int32_t)generate_number(&w->random);
}

static inline void is_number(struct writer *w, unsigned reg)
{
	w->numbers |= (uint16_t)(1u << reg);
}

static inline void is_no_number(struct writer *w, unsigned reg)
{
	w->numbers &= (uint16_t) ~(1u << reg);
}

/* Patches the jump at `at` to lead to the next instruction. */
static inline void land(struct writer *w, uint32_t at)
{
	w->p->insns[at].off = (int16_t)(w->count - at - 1);
}

static inline void land_all(struct writer *w, const uint32_t *skips, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		land(w, skips[n]);
}
