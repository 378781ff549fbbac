/*
 * Maps and global data.
 */
#include "tests/sound/generate_part.h"

static unsigned any_map(struct writer *w)
{
	static const uint8_t maps[] = {GENERATE_MAP_ARRAY, GENERATE_MAP_HASH, GENERATE_MAP_SMALL,
				       GENERATE_MAP_ODD};
	return maps[below(w, ARRAY_SIZE(maps))];
}

/* r1 = map, r2 = key in slot 7 */
static void put_key(struct writer *w, unsigned map)
{
	if (chance(w, 60))
		put(w, INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -64, below(w, 5)));
	else {
		unsigned reg = 7 + below(w, 3);
		put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, reg, 0, 0, 3));
		put(w, INSN(BPF_STX | BPF_MEM | BPF_DW, 10, reg, -64, 0));
	}
	w->slots |= 1u << 7;
	put_stack(w, 2, -64);
	put_imm64(w, 1, BPF_PSEUDO_MAP_FD, map, 0);
	w->numbers &= (uint16_t)~6u;
}

/* The pointer is kept before it is checked; what comes back is checked or used. */
static unsigned keep(struct writer *w)
{
	unsigned slot = below(w, 7), reg = 1 + below(w, 5);
	int at = -8 * (int)(slot + 1);
	if (!chance(w, 20))
		return 0;
	w->slots &= (uint16_t) ~(1u << slot);
	put_store(w, 10, at, 0);
	put_load(w, reg, 10, at);
	is_no_number(w, reg);
	return reg;
}

static void put_lookup(struct writer *w)
{
	unsigned map = any_map(w);
	put_key(w, map);
	put_call(w, BPF_FUNC_map_lookup_elem);
	unsigned kept = keep(w);
	uint32_t at = w->count;
	uint16_t numbers = w->numbers;
	bool checks = !chance(w, 2);
	if (checks)
		put(w, INSN(BPF_JMP | (chance(w, 98) ? BPF_JEQ : BPF_JNE) | BPF_K,
			    chance(w, 50) ? kept : 0, 0, 0, 0));
	generate_uses(w, chance(w, 50) ? kept : 0, w->p->maps[map].value_size);
	if (checks)
		land(w, at);
	w->numbers &= numbers & GENERATE_KEPT;
}

static void put_update(struct writer *w)
{
	unsigned map = any_map(w);
	generate_fill(w);
	put_key(w, map);
	if (chance(w, 30)) {
		put_call(w, BPF_FUNC_map_delete_elem);
	} else {
		put_stack(w, 3, GENERATE_BUFFER + 8 * (int)below(w, 6));
		put_set(w, 4, chance(w, 90) ? (int32_t)below(w, 3) : any_imm(w));
		put_call(w, BPF_FUNC_map_update_elem);
	}
	is_number(w, 0);
}

static void put_global(struct writer *w)
{
	static const uint8_t maps[] = {GENERATE_MAP_RODATA, GENERATE_MAP_DATA, GENERATE_MAP_BSS,
				       GENERATE_MAP_DATA, GENERATE_MAP_BSS};
	unsigned map = maps[below(w, ARRAY_SIZE(maps))], reg = 1 + below(w, 5);
	uint32_t at = chance(w, 70) ? 0 : below(w, w->p->maps[map].value_size);
	put_imm64(w, reg, BPF_PSEUDO_MAP_VALUE, map, at);
	if (map == GENERATE_MAP_RODATA && !chance(w, 3)) {
		put(w, INSN(BPF_LDX | BPF_MEM | BPF_B, reg, reg, below(w, 16 - at), 0));
		is_number(w, reg);
		return;
	}
	w->is_slice = at % 8 != 0;
	generate_uses(w, reg, w->p->maps[map].value_size - at);
	w->is_slice = false;
}

static const uint8_t rodata[16] = "abc\0\1\2\3\377hello\0\0";
static const uint8_t data[32] = {1, 2, 3, 4, [16] = 200, 255, [31] = 7};

static void set_up(struct generate_program *p)
{
	p->maps[GENERATE_MAP_RODATA].initial = bytes_of(rodata, sizeof rodata);
	p->maps[GENERATE_MAP_DATA].initial = bytes_of(data, sizeof data);
}

static const struct generate_statement statements[] = {
	{9, false, put_lookup},
	{4, false, put_update},
	{6, false, put_global},
};

const struct generate_part generate_part_map = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
	.set_up = set_up,
};
