/*
 * Loops over ranges: bounds that are known, checked or anything, numbers that become indexes, pointers to numbers that
 * outlive their round, iterators that are forgotten.
 */
#include "tests/sound/generate_part.h"

#define KEPT_NUMBER (-264)

static int place_of(const struct writer *w)
{
	return -488 - 8 * (int)(w->depth % 4);
}

static void put_extern(struct writer *w, enum generate_extern which)
{
	put(w, INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, which));
	w->numbers &= GENERATE_KEPT;
}

/* A bound of the range in `reg`. */
static void put_bound(struct writer *w, unsigned reg, int32_t low, uint32_t count)
{
	if (chance(w, 70)) {
		put_set(w, reg, low + (int32_t)below(w, count));
		return;
	}
	put_mov(w, reg, 7 + below(w, 3));
	if (chance(w, 60))
		put(w, INSN((chance(w, 50) ? BPF_ALU : BPF_ALU64) | BPF_AND | BPF_K, reg, 0, 0,
			    count - 1));
}

static void put_new(struct writer *w, int place, uint32_t most)
{
	put_bound(w, 2, chance(w, 80) ? 0 : -3, 4);
	put_bound(w, 3, chance(w, 95) ? 1 : (1 << 23) - 2, most);
	put_stack(w, 1, place);
	put_extern(w, GENERATE_ITER_NEW);
	is_number(w, 0);
}

/* The number is an index of the buffer. */
static void put_index(struct writer *w)
{
	unsigned size = below(w, 4);
	put(w, INSN(BPF_LDX | BPF_MEM | BPF_W, 1, 0, 0, 0));
	if (chance(w, 30)) {
		is_number(w, 1);
		return;
	}
	if (chance(w, 30))
		put(w, INSN(BPF_ALU64 | BPF_LSH | BPF_K, 1, 0, 0, below(w, 4)));
	put_stack(w, 2, GENERATE_BUFFER);
	put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_X, 2, 1, 0, 0));
	generate_use(w, 2, -(int)below(w, 3) * (int)chance(w, 5), size);
}

static void put_range(struct writer *w)
{
	uint16_t numbers, slots = w->slots;
	int place = place_of(w);
	uint32_t out, left = 0, most = chance(w, 60) ? 8 : 64;
	if (w->depth > 2)
		return;
	generate_fill(w);
	numbers = w->numbers & GENERATE_KEPT;
	bool keeps = chance(w, 10);
	put_new(w, place, most);
	if (keeps)
		put(w, INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, KEPT_NUMBER, 0));
	w->numbers = numbers;
	uint32_t start = w->count;
	if (keeps && chance(w, 10)) { /* of the round before */
		put_load(w, 1, 10, KEPT_NUMBER);
		put(w, INSN(BPF_LDX | BPF_MEM | BPF_W, 1, 1, 0, 0));
	}
	put_stack(w, 1, place);
	put_extern(w, GENERATE_ITER_NEXT);
	out = w->count;
	if (!chance(w, 1))
		put(w, INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0));
	else
		out = 0;
	if (keeps)
		put_store(w, 10, KEPT_NUMBER, 0);
	put_index(w);
	if (chance(w, 2))
		put(w, INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, place + 4 * (int)below(w, 2), 1));
	if (chance(w, 30))
		left = generate_condition(w);
	if (chance(w, 50))
		generate_block(w, 2);
	if (chance(w, 5)) {
		put_stack(w, 1, place);
		put_extern(w, GENERATE_ITER_NEXT);
	}
	put(w, INSN(BPF_JMP | BPF_JA, 0, 0, (int)start - (int)w->count - 1, 0));
	if (out)
		land(w, out);
	if (left)
		land(w, left);
	if (!chance(w, 2)) {
		put_stack(w, 1, place);
		put_extern(w, GENERATE_ITER_DESTROY);
	}
	w->numbers = numbers;
	w->slots = slots;
}

/* Numbers one by one, without a loop; the pointer of one is used when another came. */
static void put_steps(struct writer *w)
{
	uint16_t numbers = w->numbers & GENERATE_KEPT;
	int place = place_of(w);
	put_new(w, place, 4);
	for (uint32_t count = 1 + below(w, 4); count--;) {
		put_stack(w, 1, place);
		put_extern(w, GENERATE_ITER_NEXT);
		uint32_t at = w->count;
		put(w, INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0));
		put(w, INSN(BPF_LDX | BPF_MEM | BPF_W, 7 + below(w, 3), 0, 0, 0));
		if (chance(w, 5)) {
			put_stack(w, 1, place);
			put_extern(w, chance(w, 50) ? GENERATE_ITER_NEXT : GENERATE_ITER_DESTROY);
		}
		land(w, at);
	}
	if (chance(w, 98)) {
		put_stack(w, 1, place);
		put_extern(w, GENERATE_ITER_DESTROY);
	}
	w->numbers = numbers;
}

static const struct generate_statement statements[] = {
	{3, true, put_range},
	{1, false, put_steps},
};

static void set_up(struct generate_program *p)
{
	static const struct object_extern externs[GENERATE_EXTERNS] = {
		[GENERATE_ITER_DESTROY] = {.name = STR("bpf_iter_num_destroy"),
					   .is_function = true},
		[GENERATE_ITER_NEW] = {.name = STR("bpf_iter_num_new"), .is_function = true},
		[GENERATE_ITER_NEXT] = {.name = STR("bpf_iter_num_next"), .is_function = true},
	};
	for (uint32_t n = GENERATE_ITER_DESTROY; n < GENERATE_EXTERNS; n++)
		p->externs[n] = externs[n];
}

const struct generate_part generate_part_iter = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
	.set_up = set_up,
};
