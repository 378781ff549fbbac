/*
 * Helpers that need no map.
 */
#include "tests/sound/generate_part.h"

static void put_simple(struct writer *w)
{
	static const uint8_t ids[] = {BPF_FUNC_get_current_pid_tgid, BPF_FUNC_get_current_pid_tgid,
				      BPF_FUNC_ktime_get_ns, BPF_FUNC_get_prandom_u32,
				      BPF_FUNC_get_smp_processor_id};
	put_call(w, ids[chance(w, 85) ? below(w, 2) : below(w, ARRAY_SIZE(ids))]);
	is_number(w, 0);
}

static void put_probe(struct writer *w)
{
	static const uint8_t ids[] = {BPF_FUNC_probe_read, BPF_FUNC_probe_read_user,
				      BPF_FUNC_probe_read_user_str, BPF_FUNC_probe_read_str};
	uint32_t skips[4];
	unsigned skips_count = 0;
	uint16_t numbers = w->numbers & GENERATE_KEPT;
	bool is_fixed = chance(w, 50);
	unsigned size =
		is_fixed ? 0 : generate_index(w, GENERATE_BUFFER_BYTES, skips, &skips_count);
	if (is_fixed)
		put_set(w, 2, (int32_t)(1 + below(w, GENERATE_BUFFER_BYTES)));
	else
		put_mov(w, 2, size);
	if (!is_fixed && chance(w, 80)) {
		skips[skips_count++] = w->count;
		put(w, INSN(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 0, 0));
	}
	if (w->has_ctx && chance(w, 80))
		put(w, INSN(BPF_LDX | BPF_MEM | BPF_DW, 3, 6, 8 * below(w, 21), 0));
	else
		put_mov(w, 3, 7 + below(w, 3));
	put_stack(w, 1, GENERATE_BUFFER);
	put_call(w, ids[below(w, ARRAY_SIZE(ids))]);
	if (is_fixed) {
		int at = (int)below(w, 8);
		put(w, INSN(BPF_LDX | BPF_MEM | BPF_B, 7, 10, GENERATE_BUFFER + at, 0));
	}
	for (unsigned n = 0; n < skips_count; n++)
		land(w, skips[n]);
	w->numbers = numbers;
}

static void put_strncmp(struct writer *w)
{
	generate_fill(w);
	put_stack(w, 1, GENERATE_BUFFER);
	put_set(w, 2, (int32_t)(1 + below(w, GENERATE_BUFFER_BYTES)));
	put_imm64(w, 3, BPF_PSEUDO_MAP_VALUE, GENERATE_MAP_RODATA, below(w, 4));
	put_call(w, BPF_FUNC_strncmp);
	is_number(w, 0);
}

static const struct generate_statement statements[] = {
	{2, false, put_simple},
	{3, false, put_probe},
	{1, false, put_strncmp},
};

const struct generate_part generate_part_helper = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
};
