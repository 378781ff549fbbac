/*
 * Maps of maps: which map a program gets hold of is known only when it runs.
 */
#include "tests/sound/generate_part.h"

static const struct object_map inner_array = {.name = {"inner", 5},
					      .role = OBJECT_MAP_DECLARED,
					      .kind = MAP_KIND_ARRAY,
					      .key_size = 4,
					      .value_size = 16,
					      .max_entries = 4};
static const struct object_map inner_hash = {.name = {"inner", 5},
					     .role = OBJECT_MAP_DECLARED,
					     .kind = MAP_KIND_HASH,
					     .key_size = 4,
					     .value_size = 8,
					     .max_entries = 3};
static const struct object_slot arrays[] = {{0, GENERATE_MAP_INSIDE_A},
					    {1, GENERATE_MAP_INSIDE_B},
					    {3, GENERATE_MAP_INSIDE_A}};
static const struct object_slot hashes[] = {{0, GENERATE_MAP_INSIDE_C}, {2, GENERATE_MAP_INSIDE_D}};

static void set_up(struct generate_program *p)
{
	struct object_map *a = &p->maps[GENERATE_MAP_ARRAYS], *h = &p->maps[GENERATE_MAP_HASHES];
	a->inner = &inner_array;
	a->slots = arrays;
	a->slots_count = ARRAY_SIZE(arrays);
	h->inner = &inner_hash;
	h->slots = hashes;
	h->slots_count = ARRAY_SIZE(hashes);
}

/* r2 = a key, often one that is there */
static void put_key(struct writer *w)
{
	unsigned reg = 7 + below(w, 3);
	if (chance(w, 60)) {
		put(w, INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -64, below(w, 5)));
	} else {
		put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, reg, 0, 0, 3));
		put_store(w, 10, -64, reg);
	}
	w->slots |= 1u << 7;
	put_stack(w, 2, -64);
}

static uint32_t put_null_check(struct writer *w)
{
	put(w, INSN(BPF_JMP | (chance(w, 98) ? BPF_JEQ : BPF_JNE) | BPF_K, 0, 0, 0, 0));
	return w->count - 1;
}

/* r1 = the map inside, kept at r10-240 meanwhile */
static void put_use(struct writer *w, const struct object_map *inner)
{
	uint32_t way = below(w, 10), at;
	put_key(w);
	put_load(w, 1, 10, -240);
	if (way == 0) {
		put_call(w, BPF_FUNC_map_delete_elem);
		return;
	}
	if (way < 4) {
		put_stack(w, 3, GENERATE_BUFFER + 8 * (int)below(w, 6));
		put_set(w, 4, (int32_t)below(w, 3));
		put_call(w, BPF_FUNC_map_update_elem);
		return;
	}
	put_call(w, BPF_FUNC_map_lookup_elem);
	at = put_null_check(w);
	generate_uses(w, 0, inner->value_size);
	land(w, at);
}

static void put_inner(struct writer *w)
{
	unsigned map = chance(w, 50) ? GENERATE_MAP_ARRAYS : GENERATE_MAP_HASHES;
	generate_fill(w);
	put_key(w);
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, map, 0);
	put_call(w, chance(w, 99) ? BPF_FUNC_map_lookup_elem : BPF_FUNC_map_delete_elem);
	uint16_t numbers = w->numbers & GENERATE_KEPT, slots = w->slots;
	if (chance(w, 30))
		put_store(w, 10, -240, 0);
	uint32_t at = put_null_check(w);
	put_store(w, 10, -240, 0);
	for (uint32_t n = 1 + below(w, 2); n--;)
		put_use(w, w->p->maps[map].inner);
	land(w, at);
	w->numbers = numbers;
	w->slots &= slots;
}

/* The same place of the stack holds one map or another. */
static void put_either(struct writer *w)
{
	generate_fill(w);
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, GENERATE_MAP_INSIDE_A, 0);
	put_store(w, 10, -240, 1);
	uint32_t at = generate_condition(w);
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, chance(w, 95) ? GENERATE_MAP_INSIDE_B : GENERATE_MAP_ODD,
		  0);
	put_store(w, 10, -240, 1);
	land(w, at);
	w->numbers &= (uint16_t)~2u;
	uint16_t numbers = w->numbers & GENERATE_KEPT;
	put_use(w, &inner_array);
	w->numbers = numbers;
}

static const struct generate_statement statements[] = {
	{4, false, put_inner},
	{1, false, put_either},
};

const struct generate_part generate_part_inner = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
	.set_up = set_up,
};
