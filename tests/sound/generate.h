/*
 * generate - programs from a seed: the same seed gives the same program, on every machine.
 *
 * Programs are written statement by statement from a grammar that knows which registers hold numbers,
 * so that most of them are nearly right, with limits that are sometimes off by one. A mutation changes
 * an instruction or two of a program.
 *
 * All programs have the same maps (generate_map.tbl.h); GENERATE_MAP_* are their indexes.
 */
#pragma once

#include "shared/bpf/object_load.h"

#define GENERATE_INSNS	   768
#define GENERATE_FUNCTIONS 10
#define GENERATE_EXTERNS   32

enum generate_map {
#define MAP(name, ...) GENERATE_MAP_##name,
#include "tests/sound/generate_map.tbl.h"
#undef MAP
	GENERATE_MAPS,
};

/* FUNCs of the types that global functions have (judge_btf.c). */
#define GENERATE_TYPE_CHANGE 9
#define GENERATE_TYPE_LOOK   11

/* Functions of the runtime that are called by name, behind what is the host's (world.tbl.h). */
enum generate_extern {
	GENERATE_ITER_DESTROY = GENERATE_EXTERNS - 3,
	GENERATE_ITER_NEW,
	GENERATE_ITER_NEXT,
};

struct generate_program {
	struct object object; /* its parts are the arrays below */
	struct bpf_insn insns[GENERATE_INSNS];
	struct object_function functions[GENERATE_FUNCTIONS];
	struct object_map maps[GENERATE_MAPS];
	struct object_slot slots[2]; /* of GENERATE_MAP_PROGRAMS */
	struct object_extern externs[GENERATE_EXTERNS];
	uint32_t extension; /* 1 + which entry of the host (world.h) it is for; 0: a uprobe */
};

/* xorshift64* */
struct generate_random {
	uint64_t state;
};

uint64_t generate_next(struct generate_random *r);
/* 0 … count - 1 */
uint32_t generate_below(struct generate_random *r, uint32_t count);
/* A number that is often at an edge of something. */
uint64_t generate_number(struct generate_random *r);

/* `seed` is any number. `out` may not be copied but by generate_copy(). */
void generate_program(uint64_t seed, struct generate_program *out);
void generate_copy(const struct generate_program *from, struct generate_program *out);

/* Changes one to three instructions. */
void generate_mutate(struct generate_random *r, struct generate_program *p);

/* Turns instruction `insn` into a no-op (goto +0), for making a program smaller. */
void generate_blank(struct generate_program *p, uint32_t insn);

/* Appends the program as text. */
void generate_print(const struct generate_program *p, struct buf *out);
