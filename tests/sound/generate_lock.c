/*
 * Spin locks in elements: taken, what they protect used, given back; now and then not quite so.
 */
#include "tests/sound/generate_part.h"

static void set_up(struct generate_program *p)
{
	p->maps[GENERATE_MAP_LOCKED].lock_end = 12;
	p->maps[GENERATE_MAP_LOCKED_HASH].lock_end = 4;
}

/* r1 = the lock of the element at r10-248 */
static void put_lock_call(struct writer *w, uint32_t lock_end, uint32_t id)
{
	put_load(w, 1, 10, -248);
	if (lock_end - 4 + chance(w, 2) > 0)
		put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0,
			    (int)lock_end - 4 + 4 * (int)chance(w, 1)));
	put_call(w, id);
}

/* What the lock protects, beside it. */
static void put_protected(struct writer *w, const struct object_map *m)
{
	unsigned reg = 2 + below(w, 4);
	uint32_t from = chance(w, 97) ? m->lock_end : m->lock_end - 1 - below(w, 4);
	put_load(w, reg, 10, -248);
	put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, from));
	generate_uses(w, reg, m->value_size - from);
}

static void put_locked(struct writer *w)
{
	unsigned map = chance(w, 60) ? GENERATE_MAP_LOCKED : GENERATE_MAP_LOCKED_HASH;
	const struct object_map *m = &w->p->maps[map];
	put(w, INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -64, below(w, 4)));
	w->slots |= 1u << 7;
	put_stack(w, 2, -64);
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, map, 0);
	put_call(w, BPF_FUNC_map_lookup_elem);
	uint16_t numbers = w->numbers & GENERATE_KEPT;
	uint32_t at = w->count;
	put(w, INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0));
	put_store(w, 10, -248, 0);
	if (!chance(w, 2))
		put_lock_call(w, m->lock_end, BPF_FUNC_spin_lock);
	put_protected(w, m);
	if (chance(w, 10)) { /* mostly something that may not be */
		uint16_t slots = w->slots;
		bool has_buffer = w->has_buffer;
		generate_block(w, 1);
		w->slots &= slots;
		w->has_buffer = has_buffer;
	}
	if (chance(w, 40))
		put_protected(w, m);
	if (!chance(w, 2))
		put_lock_call(w, m->lock_end, BPF_FUNC_spin_unlock);
	land(w, at);
	w->numbers = numbers;
}

static const struct generate_statement statements[] = {
	{4, true, put_locked},
};

const struct generate_part generate_part_lock = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
	.set_up = set_up,
};
