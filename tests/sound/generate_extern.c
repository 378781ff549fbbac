/*
 * Calls of the host's functions: memory of the program and of the host is handed on, files and connections are
 * opened, kept on the stack while something else happens, used and closed, now and then twice or never.
 */
#include "tests/sound/generate_part.h"

static void put_host(struct writer *w, enum world_extern function)
{
	put(w, INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, function));
	w->numbers &= GENERATE_KEPT;
}

static void put_skip(struct writer *w, uint32_t *at, unsigned class, unsigned op, unsigned reg,
		     int32_t imm)
{
	*at = w->count;
	put(w, INSN(class | op | BPF_K, reg, 0, 0, imm));
}

/* ---- numbers ---- */
static void put_number(struct writer *w)
{
	for (unsigned reg = 1; reg <= 3; reg++) {
		put_mov(w, reg, chance(w, 1) ? 6 : any_number(w));
		is_number(w, reg);
	}
	put_host(w, WORLD_number);
	is_number(w, 0);
}

static void put_pick(struct writer *w)
{
	uint32_t skips[2];
	bool is_signed = chance(w, 30);
	put_mov(w, 1, 7 + below(w, 3));
	if (is_signed)
		put_skip(w, &skips[1], BPF_JMP32, BPF_JSLT, 1, -(int)chance(w, 4));
	put_skip(w, &skips[0], chance(w, 90) ? BPF_JMP32 : BPF_JMP, is_signed ? BPF_JSGT : BPF_JGT,
		 1, chance(w, 95) ? 9 : 10);
	put_host(w, WORLD_pick);
	put_mov(w, 7, 0);
	land_all(w, skips, is_signed ? 2 : 1);
}

static void put_ready(struct writer *w)
{
	put_mov(w, 1, 7 + below(w, 3));
	if (chance(w, 97))
		put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, 1, 0, 0, chance(w, 97) ? 1 : 3));
	put_host(w, WORLD_ready);
	put_mov(w, 7, 0); /* an index that is not checked */
	put_stack(w, 1, GENERATE_BUFFER);
	if (w->has_buffer && chance(w, 50)) {
		put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_X, 1, 7, 0, 0));
		generate_use(w, 1, GENERATE_BUFFER_BYTES - (chance(w, 95) ? 2 : 1), 0);
	}
}

/* What it returns, by its constraint, is an index. */
static void put_bound(struct writer *w)
{
	generate_fill(w);
	put_host(w, WORLD_bound);
	put_mov(w, 7, 0);
	put_stack(w, 1, GENERATE_BUFFER);
	put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_X, 1, 7, 0, 0));
	generate_use(w, 1, 0, chance(w, 95) ? 0 : 3);
	if (chance(w, 3))
		generate_use(w, 1, 33, 0);
}

static void put_notify(struct writer *w)
{
	if (!chance(w, 30))
		return;
	put_mov(w, 1, any_number(w));
	put_host(w, WORLD_notify);
}

/* ---- memory ---- */

/* r1: some memory, r2: how much of it; `room`: its bytes. */
static void put_own_memory(struct writer *w, bool writes)
{
	uint32_t way = below(w, 8), room = 64 + chance(w, 4), past = below(w, 40);
	if (way == 0) {
		put_imm64(w, 1, BPF_PSEUDO_MAP_VALUE,
			  writes && chance(w, 95) ? GENERATE_MAP_DATA : GENERATE_MAP_RODATA, 0);
		room = writes ? 32 : 16;
		past = 0;
	} else if (!w->has_ctx && way == 1) {
		put_mov(w, 1, 6);
		past = 0;
	} else {
		if (!writes || chance(w, 50))
			generate_fill(w);
		put_stack(w, 1, GENERATE_BUFFER + (int)past);
	}
	if (chance(w, 60)) {
		put_set(w, 2, (int32_t)below(w, room - past + 1));
		return;
	}
	put_mov(w, 2, 7 + below(w, 3));
	put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, chance(w, 96) ? 15 : 63));
}

struct size {
	uint8_t entry, pointer, size;
	bool is_signed, is_writable;
};

static const struct size sizes[] = {
	{WORLD_ON_DATA, 8, 16, true, false},   {WORLD_ON_DATA, 24, 32, false, true},
	{WORLD_ON_TEXT, 24, 16, false, false}, {WORLD_ON_COPY, 0, 8, false, true},
	{WORLD_ON_COPY, 16, 24, false, false}, {WORLD_ON_LONG, 0, 8, true, false},
};

/* r1, r2: memory of the host with its size, or a part of it; 1 where `skip` is to be landed. */
static unsigned put_host_memory(struct writer *w, bool writes, uint32_t *skips)
{
	const struct size *s = &sizes[below(w, ARRAY_SIZE(sizes))];
	unsigned count = 0;
	while (s->entry != w->p->extension - 1 ||
	       (s->is_writable != writes && writes && !chance(w, 5)))
		s = &sizes[below(w, ARRAY_SIZE(sizes))];
	put_load(w, 1, 6, s->pointer);
	put(w,
	    INSN(BPF_LDX | BPF_MEM | (s->size == 32 || s->entry == WORLD_ON_LONG ? BPF_DW : BPF_W),
		 2, 6, s->size, 0));
	if (s->is_signed || chance(w, 20))
		put_skip(w, &skips[count++], chance(w, 90) ? BPF_JMP32 : BPF_JMP, BPF_JSLT, 2,
			 (int32_t)below(w, 3) - (int)chance(w, 10));
	if (chance(w, 30)) {
		unsigned k = 1 + below(w, 8);
		put_skip(w, &skips[count++], BPF_JMP, chance(w, 70) ? BPF_JSLT : BPF_JLT, 2,
			 (int32_t)k);
		put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, k));
		put(w, INSN(BPF_ALU64 | BPF_SUB | BPF_K, 2, 0, 0, chance(w, 90) ? k : k - 1));
	} else if (chance(w, 40)) {
		put_skip(w, &skips[count++], BPF_JMP, BPF_JGT, 2, (int32_t)below(w, 64));
	} else if (chance(w, 30)) {
		put_mov(w, 3, 7 + below(w, 3));
		put(w, INSN(BPF_ALU64 | BPF_AND | BPF_K, 3, 0, 0, 31));
		put_skip(w, &skips[count++], BPF_JMP, 0, 3, 0);
		w->p->insns[w->count - 1] =
			INSN(BPF_JMP | (chance(w, 50) ? BPF_JSGT : BPF_JGT) | BPF_X, 3, 2, 0, 0);
		put_mov(w, 2, 3);
	}
	return count;
}

static unsigned put_any_memory(struct writer *w, bool writes, uint32_t *skips)
{
	bool has = w->p->extension - 1 != WORLD_ON_LONG || !writes;
	has &= w->p->extension - 1 != WORLD_ON_TEXT || !writes;
	if (w->has_ctx && has && chance(w, writes ? 25 : 45))
		return put_host_memory(w, writes, skips);
	put_own_memory(w, writes);
	return 0;
}

static void put_look(struct writer *w)
{
	uint32_t skips[4];
	unsigned count = put_any_memory(w, false, skips);
	put_host(w, WORLD_look);
	put_mov(w, 7, 0);
	land_all(w, skips, count);
}

static void put_fill(struct writer *w)
{
	uint32_t skips[5];
	unsigned count = put_any_memory(w, true, skips);
	put_mov(w, 8, 2);
	put_host(w, WORLD_fill);
	if (chance(w, 60) && w->has_buffer) { /* what was filled is looked at */
		put_skip(w, &skips[count++], chance(w, 50) ? BPF_JMP : BPF_JMP32, BPF_JSLE, 0,
			 (int32_t)below(w, 2) - 1 + chance(w, 50));
		put_stack(w, 1, GENERATE_BUFFER);
		put_load(w, 9, 1, 8 * (int)below(w, 8));
		if (chance(w, 30)) {
			put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_X, 1, 0, 0, 0));
			generate_use(w, 1, -1, 0);
		}
	}
	land_all(w, skips, count);
}

static void put_either(struct writer *w)
{
	uint32_t skips[5];
	unsigned count = put_any_memory(w, false, skips);
	bool is_set = chance(w, 50);
	if (chance(w, 20)) /* more than there is: only without looking */
		put_set(w, 2, 4096);
	if (is_set)
		put_set(w, 3, (int32_t)below(w, 2));
	else
		put_mov(w, 3, 7 + below(w, 3));
	if (!is_set && chance(w, 50))
		put_skip(w, &skips[count++], chance(w, 80) ? BPF_JMP32 : BPF_JMP, BPF_JNE, 3, 0);
	put_host(w, WORLD_either);
	put_mov(w, 9, 0);
	land_all(w, skips, count);
}

static void put_stat(struct writer *w)
{
	if (chance(w, 95))
		generate_fill(w);
	put_stack(w, 1, GENERATE_BUFFER + (int)below(w, chance(w, 95) ? 49 : 60));
	put_host(w, WORLD_stat);
	if (w->has_buffer)
		put_load(w, 7, 10, GENERATE_BUFFER + 8 * (int)below(w, 8));
}

/* ---- files ---- */
static int place_of(const struct writer *w)
{
	return -408 - 8 * (int)w->depth;
}

static void put_name(struct writer *w)
{
	bool has_text = w->has_ctx && w->p->extension - 1 == WORLD_ON_TEXT;
	if (has_text && chance(w, 50))
		put_load(w, 1, 6, 0);
	else
		put_imm64(w, 1, BPF_PSEUDO_MAP_VALUE,
			  chance(w, 98) ? GENERATE_MAP_RODATA : GENERATE_MAP_DATA,
			  chance(w, 98) ? 0 : 15);
}

static void put_kept(struct writer *w, unsigned reg, int at, unsigned kept)
{
	if (kept)
		put_mov(w, reg, kept);
	else
		put_load(w, reg, 10, at);
	if (chance(w, 8)) /* another width of it */
		put(w, INSN(BPF_ALU | BPF_MOV | BPF_X, reg, reg, 0, 0));
	if (chance(w, 1))
		put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, 1));
}

static void put_seek(struct writer *w, int at, unsigned kept)
{
	put_kept(w, 1, at, kept);
	put_mov(w, 2, 7 + below(w, 3));
	put_host(w, WORLD_seek);
}

/* The check whether there is one, in one of its forms. */
static void put_file_check(struct writer *w, uint32_t *skip)
{
	static const struct {
		uint8_t class, op;
		int8_t imm;
	} forms[] = {{BPF_JMP, BPF_JSLT, 0},	{BPF_JMP32, BPF_JSLT, 0}, {BPF_JMP, BPF_JSLE, -1},
		     {BPF_JMP32, BPF_JSLE, -1}, {BPF_JMP32, BPF_JSLT, 0}, {BPF_JMP, BPF_JSLT, 0},
		     {BPF_JMP32, BPF_JSLT, -1}, {BPF_JMP, BPF_JSLE, 0}};
	uint32_t n = below(w, chance(w, 4) ? 8 : 6);
	put_skip(w, skip, forms[n].class, forms[n].op, 0, forms[n].imm);
}

static void put_file(struct writer *w)
{
	int at = place_of(w);
	uint16_t slots = w->slots;
	bool has_buffer = w->has_buffer, checks_late = chance(w, 10);
	unsigned kept = chance(w, 25) ? 8 : 0;
	uint32_t skip = 0;
	put_name(w);
	put_mov(w, 2, 7 + below(w, 3));
	put_host(w, WORLD_open);
	put_store(w, 10, at, 0);
	if (kept)
		put_mov(w, kept, 0);
	if (!checks_late)
		put_file_check(w, &skip);
	if (chance(w, 50) && !kept)
		generate_block(w, 2);
	if (checks_late) {
		put_kept(w, 0, at, kept);
		put_file_check(w, &skip);
	}
	if (chance(w, 60))
		put_seek(w, at, kept);
	if (chance(w, 97)) {
		put_kept(w, 1, at, kept);
		put_host(w, WORLD_close);
	}
	if (chance(w, 2))
		put_seek(w, at, kept);
	land(w, skip);
	w->numbers &= GENERATE_KEPT;
	w->slots &= slots;
	w->has_buffer = has_buffer;
}

/* ---- connections ---- */
static void put_send(struct writer *w, int at)
{
	uint32_t skips[4];
	unsigned count = put_any_memory(w, false, skips);
	put_mov(w, 3, 2);
	put_mov(w, 2, 1);
	put_load(w, 1, 10, at);
	put_host(w, WORLD_send);
	land_all(w, skips, count);
	w->numbers &= GENERATE_KEPT;
}

/* Called back with a connection: uses it, or ends it, which is not its to do. */
static void write_round(struct writer *w, const struct generate_kind *kind)
{
	(void)kind;
	put_mov(w, 6, 2);
	for (unsigned reg = 7; reg < 10; reg++)
		put_mov(w, reg, 1);
	w->has_ctx = false;
	generate_fill(w);
	put_mov(w, 1, 6);
	if (chance(w, 10)) {
		put_host(w, WORLD_disconnect);
	} else {
		put_stack(w, 2, GENERATE_BUFFER);
		put_set(w, 3, (int32_t)below(w, 65));
		put_host(w, WORLD_send);
	}
	put_stack(w, 6, GENERATE_BUFFER);
	generate_block(w, 2);
	put_set(w, 7, 0);
	put_set(w, 8, 0);
	put_set(w, 9, 0);
}

static const struct generate_kind round_of_connection = {.name = "send", .write = write_round};

static void put_connection_on(struct writer *w, int at)
{
	if (!generate_may_refer(w, &round_of_connection))
		return;
	put_set(w, 1, 1 + (int32_t)below(w, 3));
	generate_refer(w, &round_of_connection);
	put_imm64(w, 2, BPF_PSEUDO_FUNC, 0, 0);
	put_load(w, 3, 10, at);
	put_set(w, 4, 0);
	put_call(w, BPF_FUNC_loop);
}

static void put_connection(struct writer *w)
{
	int at = place_of(w);
	uint16_t slots = w->slots;
	bool has_buffer = w->has_buffer;
	uint32_t skip = 0;
	put_mov(w, 1, any_number(w));
	put_host(w, WORLD_connect);
	bool checks = chance(w, 98);
	if (checks)
		put_skip(w, &skip, BPF_JMP, BPF_JEQ, 0, 0);
	put_store(w, 10, at, 0);
	if (chance(w, 40))
		generate_block(w, 2);
	if (chance(w, 60))
		put_send(w, at);
	if (chance(w, 15))
		put_connection_on(w, at);
	if (chance(w, 2)) {
		put_load(w, 1, 10, at);
		put_load(w, 7, 1, 0);
	}
	if (chance(w, 97)) {
		put_load(w, 1, 10, at);
		put_host(w, chance(w, 98) ? WORLD_disconnect : WORLD_rank);
	}
	if (chance(w, 2))
		put_send(w, at);
	if (checks)
		land(w, skip);
	w->numbers &= GENERATE_KEPT;
	w->slots &= slots;
	w->has_buffer = has_buffer;
}

/* A ticket: what a file is, but it is none. */
static void put_ticket(struct writer *w)
{
	int at = place_of(w);
	uint16_t slots = w->slots;
	bool has_buffer = w->has_buffer;
	uint32_t skip = 0;
	put_host(w, WORLD_accept);
	put_store(w, 10, at, 0);
	put_file_check(w, &skip);
	if (chance(w, 30))
		generate_block(w, 2);
	if (chance(w, 5))
		put_seek(w, at, 0);
	put_kept(w, 1, at, 0);
	put_host(w, chance(w, 95) ? WORLD_leave : WORLD_close);
	land(w, skip);
	w->numbers &= GENERATE_KEPT;
	w->slots &= slots;
	w->has_buffer = has_buffer;
}

/* ---- structs of the host ---- */
static void put_rank(struct writer *w)
{
	uint32_t skips[2];
	unsigned count = 0, entry = w->p->extension - 1;
	static const uint8_t words[] = {
		[WORLD_ON_DATA] = 0, [WORLD_ON_TEXT] = 8, [WORLD_ON_LONG] = 16};
	if (w->has_ctx && entry != WORLD_ON_COPY && chance(w, 60)) {
		put_load(w, 1, 6, words[entry]);
		if (entry != WORLD_ON_DATA)
			put_skip(w, &skips[count++], BPF_JMP, BPF_JEQ, 1, 0);
		put_load(w, 1, 1, chance(w, 80) ? 0 : 48);
	} else {
		put_host(w, WORLD_first);
		put_mov(w, 1, 0);
	}
	put_skip(w, &skips[count++], BPF_JMP, chance(w, 98) ? BPF_JEQ : BPF_JNE, 1, 0);
	if (chance(w, 3))
		put(w, INSN(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, 8));
	static const uint8_t others[] = {WORLD_bump, WORLD_bump, WORLD_disconnect};
	put_host(w, chance(w, 80) ? WORLD_rank : others[below(w, 3)]);
	if (w->p->insns[w->count - 1].imm != WORLD_disconnect)
		put_mov(w, 7, 0);
	land_all(w, skips, count);
}

static void put_update(struct writer *w)
{
	static const uint8_t words[] = {
		[WORLD_ON_DATA] = 0, [WORLD_ON_TEXT] = 8, [WORLD_ON_LONG] = 16};
	unsigned entry = w->p->extension - 1;
	uint32_t skip = 0;
	if (!w->has_ctx || entry == WORLD_ON_COPY || !chance(w, 30))
		return;
	put_load(w, 1, 6, words[entry]);
	put_skip(w, &skip, BPF_JMP, BPF_JEQ, 1, 0);
	put_host(w, WORLD_update);
	land(w, skip);
}

/* ---- statements ---- */
static void (*const calls[])(struct writer *w) = {
	put_number, put_pick, put_ready,  put_bound, put_notify, put_look, put_look,
	put_fill,   put_fill, put_either, put_stat,  put_rank,	 put_rank, put_update,
};

static void put_call_of_host(struct writer *w)
{
	uint16_t slots = w->slots;
	calls[below(w, ARRAY_SIZE(calls))](w);
	w->numbers &= GENERATE_KEPT;
	w->slots &= slots;
}

static const struct generate_statement statements[] = {
	{20, false, put_call_of_host},
	{7, true, put_file},
	{7, true, put_connection},
	{3, true, put_ticket},
};

const struct generate_part generate_part_extern = {
	.statements = statements,
	.count = ARRAY_SIZE(statements),
	.is_for_extensions = true,
};
