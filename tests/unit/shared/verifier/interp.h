/*
 * interp - runs a program on numbers, and checks at every step what the verifier has promised: that
 * registers and stack were written before they are read, that every access lies inside of an object,
 * and that each fact, the worst case and the stack's depth hold.
 */
#pragma once

#include "shared/verifier/verifier.h"

#include <string.h>

#define INTERP_FRAMES 8
#define INTERP_CELLS  32 /* bytes of the one global section */
#define INTERP_CTX    168

struct interp_frame {
	uint64_t regs[11];
	uint16_t known; /* registers that hold something */
	uint8_t stack[512], written[512];
	uint32_t return_to;
};

struct interp {
	const struct object *object;
	const struct verifier_insn_fact *facts;
	const struct verifier_entry *entry;
	const struct bpf_insn *insns;
	uint8_t ctx[INTERP_CTX], cells[INTERP_CELLS];
	uint64_t seed, count;
	uint32_t at, depth[INTERP_FRAMES];
	int frames;
	struct interp_frame frame[INTERP_FRAMES];
	const char *wrong; /* what broke, or NULL */
};

/* Objects lie far from each other, at addresses that fit no small number. */
#define INTERP_CTX_AT	UINT64_C(0x600000000000)
#define INTERP_CELLS_AT UINT64_C(0x610000000000)
#define INTERP_STACK_AT UINT64_C(0x7f0000000000) /* frame n: + n << 20; r10 is 512 further */

static uint64_t interp_random(struct interp *p)
{
	uint64_t z = (p->seed += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static bool interp_fail(struct interp *p, const char *why)
{
	p->wrong = why;
	return false;
}

static struct interp_frame *interp_top(struct interp *p)
{
	return &p->frame[p->frames - 1];
}

static bool interp_read(struct interp *p, unsigned reg, uint64_t *out)
{
	if (!(interp_top(p)->known & 1u << reg))
		return interp_fail(p, "a register was not written");
	*out = interp_top(p)->regs[reg];
	return true;
}

static void interp_write(struct interp *p, unsigned reg, uint64_t value)
{
	interp_top(p)->regs[reg] = value;
	interp_top(p)->known |= (uint16_t)(1u << reg);
}

/* ---- memory ---- */

struct interp_place {
	uint8_t *bytes, *written; /* written: stack only */
	enum verifier_base base;  /* as seen from the current frame */
	int64_t offset;		  /* from the object's start; stack: from the top */
	bool is_constant;
};

static bool interp_find(struct interp *p, uint64_t address, unsigned size, struct interp_place *out)
{
	if (address >= INTERP_CTX_AT && address + size <= INTERP_CTX_AT + INTERP_CTX) {
		int64_t at = (int64_t)(address - INTERP_CTX_AT);
		*out = (struct interp_place){p->ctx + at, NULL, VERIFIER_BASE_CTX, at, true};
		return true;
	}
	if (address >= INTERP_CELLS_AT && address + size <= INTERP_CELLS_AT + INTERP_CELLS) {
		int64_t at = (int64_t)(address - INTERP_CELLS_AT);
		*out = (struct interp_place){p->cells + at, NULL, VERIFIER_BASE_MAP_VALUE, at,
					     false};
		return true;
	}
	for (int i = 0; i < p->frames; i++) {
		uint64_t base = INTERP_STACK_AT + ((uint64_t)i << 20);
		if (address < base || address + size > base + 512)
			continue;
		int64_t at = (int64_t)(address - base);
		bool is_top = i == p->frames - 1;
		*out = (struct interp_place){p->frame[i].stack + at, p->frame[i].written + at,
					     is_top ? VERIFIER_BASE_STACK : VERIFIER_BASE_OTHER,
					     at - 512, false};
		if (512 - at > p->depth[i])
			p->depth[i] = (uint32_t)(512 - at);
		return true;
	}
	return interp_fail(p, "an access outside of all objects");
}

static bool interp_check_fact(struct interp *p, const struct interp_place *place)
{
	const struct verifier_insn_fact *f = &p->facts[p->at];
	if (f->base != VERIFIER_BASE_OTHER && f->base != place->base)
		return interp_fail(p, "a fact names another object");
	if (f->has_offset && f->offset != place->offset)
		return interp_fail(p, "a fact names another offset");
	return true;
}

static bool interp_locate(struct interp *p, unsigned reg, const struct bpf_insn *insn,
			  struct interp_place *out)
{
	uint64_t base;
	return interp_read(p, reg, &base) &&
	       interp_find(p, base + (uint64_t)(int64_t)insn->off, insn_size_bytes(insn), out) &&
	       interp_check_fact(p, out);
}

static bool interp_get(struct interp *p, const struct interp_place *place, unsigned size,
		       uint64_t *out)
{
	*out = 0;
	for (unsigned i = 0; place->written && i < size; i++)
		if (!place->written[i])
			return interp_fail(p, "stack was not written");
	if (place->base == VERIFIER_BASE_CTX && !(p->entry->ctx_reads >> place->offset / 8 & 1))
		return interp_fail(p, "a read of the context is not noted");
	memcpy(out, place->bytes, size);
	return true;
}

static bool interp_put(struct interp *p, const struct interp_place *place, unsigned size,
		       uint64_t value)
{
	if (place->is_constant)
		return interp_fail(p, "a store to constant memory");
	memcpy(place->bytes, &value, size);
	if (place->written)
		memset(place->written, 1, size);
	return true;
}

static bool interp_load(struct interp *p, const struct bpf_insn *insn)
{
	struct interp_place place;
	unsigned size = insn_size_bytes(insn), up = 64 - 8 * size;
	uint64_t value;
	if (!interp_locate(p, insn->src_reg, insn, &place) || !interp_get(p, &place, size, &value))
		return false;
	if (BPF_MODE(insn->code) == INSN_MEMSX)
		value = (uint64_t)((int64_t)(value << up) >> up);
	interp_write(p, insn->dst_reg, value);
	return true;
}

static bool interp_store(struct interp *p, const struct bpf_insn *insn)
{
	struct interp_place place;
	uint64_t value = (uint64_t)(int64_t)insn->imm;
	if (BPF_CLASS(insn->code) == BPF_STX && !interp_read(p, insn->src_reg, &value))
		return false;
	return interp_locate(p, insn->dst_reg, insn, &place) &&
	       interp_put(p, &place, insn_size_bytes(insn), value);
}

static bool interp_atomic(struct interp *p, const struct bpf_insn *insn)
{
	struct interp_place place;
	unsigned size = insn_size_bytes(insn), op = insn->imm & 0xf0;
	uint64_t value, old, r0 = 0, mask = size == 8 ? UINT64_MAX : UINT32_MAX;
	if (!interp_read(p, insn->src_reg, &value) ||
	    !interp_locate(p, insn->dst_reg, insn, &place) || !interp_get(p, &place, size, &old))
		return false;
	if (insn->imm == BPF_CMPXCHG && !interp_read(p, 0, &r0))
		return false;
	if (place.offset % (int64_t)size != 0)
		return interp_fail(p, "an atomic operation that is not aligned");
	uint64_t result = insn->imm == BPF_CMPXCHG ? ((r0 & mask) == old ? value : old)
			  : insn->imm == BPF_XCHG  ? value
			  : op == BPF_ADD	   ? old + value
			  : op == BPF_OR	   ? old | value
			  : op == BPF_AND	   ? old & value
						   : old ^ value;
	if (insn->imm & BPF_FETCH)
		interp_write(p, insn->imm == BPF_CMPXCHG ? 0 : insn->src_reg, old);
	return interp_put(p, &place, size, result);
}

/* ---- numbers ---- */

static uint64_t interp_eval(unsigned op, unsigned width, bool is_signed, uint64_t a, uint64_t b)
{
	unsigned up = 64 - width;
	int64_t sa = (int64_t)(a << up) >> up, sb = (int64_t)(b << up) >> up;
	a = a << up >> up;
	b = b << up >> up;
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		if (is_signed)
			return sb == 0 ? 0 : sb == -1 ? 0 - a : (uint64_t)(sa / sb);
		return b ? a / b : 0;
	case BPF_MOD:
		if (is_signed)
			return sb == 0 ? a : sb == -1 ? 0 : (uint64_t)(sa % sb);
		return b ? a % b : a;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << b % width;
	case BPF_RSH:
		return a >> b % width;
	case BPF_ARSH:
		return (uint64_t)(sa >> b % width);
	case BPF_NEG:
		return 0 - a;
	}
	return 0;
}

static bool interp_alu(struct interp *p, const struct bpf_insn *insn)
{
	unsigned op = BPF_OP(insn->code), width = BPF_CLASS(insn->code) == BPF_ALU64 ? 64 : 32;
	uint64_t a = 0, b = (uint64_t)(int64_t)insn->imm;
	if (op != BPF_MOV && !interp_read(p, insn->dst_reg, &a))
		return false;
	if (BPF_SRC(insn->code) == BPF_X && op != BPF_NEG && !interp_read(p, insn->src_reg, &b))
		return false;
	uint64_t result = b;
	if (op == BPF_MOV && insn->off)
		result = (uint64_t)((int64_t)(b << (64 - insn->off)) >> (64 - insn->off));
	else if (op != BPF_MOV)
		result = interp_eval(op, width, insn->off == 1, a, b);
	interp_write(p, insn->dst_reg, width == 64 ? result : (uint32_t)result);
	return true;
}

static bool interp_end(struct interp *p, const struct bpf_insn *insn)
{
	uint64_t a;
	unsigned up = 64 - (unsigned)insn->imm;
	if (!interp_read(p, insn->dst_reg, &a))
		return false;
	bool swaps = BPF_CLASS(insn->code) == BPF_ALU64 || BPF_SRC(insn->code) == BPF_TO_BE;
	interp_write(p, insn->dst_reg, swaps ? __builtin_bswap64(a) >> up : a << up >> up);
	return true;
}

static bool interp_jump(struct interp *p, const struct bpf_insn *insn, uint32_t *next)
{
	uint64_t a, b = (uint64_t)(int64_t)insn->imm;
	if (!interp_read(p, insn->dst_reg, &a) ||
	    (BPF_SRC(insn->code) == BPF_X && !interp_read(p, insn->src_reg, &b)))
		return false;
	bool is64 = BPF_CLASS(insn->code) == BPF_JMP, taken = false;
	int64_t sa = is64 ? (int64_t)a : (int32_t)a, sb = is64 ? (int64_t)b : (int32_t)b;
	a = is64 ? a : (uint32_t)a;
	b = is64 ? b : (uint32_t)b;
	switch (BPF_OP(insn->code)) {
	case BPF_JEQ:
		taken = a == b;
		break;
	case BPF_JNE:
		taken = a != b;
		break;
	case BPF_JGT:
		taken = a > b;
		break;
	case BPF_JGE:
		taken = a >= b;
		break;
	case BPF_JLT:
		taken = a < b;
		break;
	case BPF_JLE:
		taken = a <= b;
		break;
	case BPF_JSGT:
		taken = sa > sb;
		break;
	case BPF_JSGE:
		taken = sa >= sb;
		break;
	case BPF_JSLT:
		taken = sa < sb;
		break;
	case BPF_JSLE:
		taken = sa <= sb;
		break;
	case BPF_JSET:
		taken = a & b;
		break;
	}
	if (taken)
		*next = p->at + 1 + (uint32_t)insn_jump_offset(insn);
	return true;
}

/* ---- calls ---- */

/* What a helper does to memory is that it writes `size` random bytes. */
static bool interp_fill(struct interp *p, uint64_t address, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++) {
		struct interp_place place;
		if (!interp_find(p, address + i, 1, &place) ||
		    !interp_put(p, &place, 1, interp_random(p)))
			return false;
	}
	return true;
}

static bool interp_check_args(struct interp *p, const struct helper *h)
{
	const struct verifier_insn_fact *f = &p->facts[p->at];
	uint64_t top = INTERP_STACK_AT + ((uint64_t)(p->frames - 1) << 20) + 512, value;
	for (unsigned i = 0; i < 5 && h->args[i] != HELPER_ARG_NONE; i++) {
		if (!interp_read(p, i + 1, &value))
			return false;
		if (f->arg_const[i] && (uint64_t)f->arg_value[i] != value)
			return interp_fail(p, "a fact names another argument");
		if ((f->arg_on_stack >> i & 1) &&
		    top + (uint64_t)(int64_t)f->arg_stack_offset[i] != value)
			return interp_fail(p, "a fact names another place of the stack");
	}
	return true;
}

static bool interp_helper(struct interp *p, const struct bpf_insn *insn)
{
	const struct helper *h = helper_find((uint32_t)insn->imm);
	const uint64_t *r = interp_top(p)->regs;
	if (!interp_check_args(p, h))
		return false;
	if (h->args[0] == HELPER_ARG_MEM_OUT && !interp_fill(p, r[1], r[2]))
		return false;
	interp_top(p)->known &= (uint16_t)~0x3f;
	interp_write(p, 0, interp_random(p) & 1 ? interp_random(p) : interp_random(p) % 16);
	return true;
}

static void interp_push(struct interp *p, uint32_t return_to)
{
	struct interp_frame *f = &p->frame[p->frames++];
	memset(f, 0, sizeof(*f));
	f->return_to = return_to;
	p->depth[p->frames - 1] = 0;
	interp_write(p, 10, INTERP_STACK_AT + ((uint64_t)(p->frames - 1) << 20) + 512);
}

static bool interp_local(struct interp *p, const struct bpf_insn *insn, uint32_t *next)
{
	struct interp_frame *caller = interp_top(p);
	if (p->frames == INTERP_FRAMES)
		return interp_fail(p, "calls that nest too deep");
	interp_push(p, p->at + 1);
	for (unsigned r = 1; r <= 5; r++)
		if (caller->known & 1u << r)
			interp_write(p, r, caller->regs[r]);
	caller->known &= (uint16_t)~0x3f;
	*next = p->at + 1 + (uint32_t)insn->imm;
	return true;
}

/* UINT32_MAX: the entry has returned. */
static bool interp_exit(struct interp *p, uint32_t *next)
{
	struct interp_frame *f = interp_top(p);
	*next = UINT32_MAX;
	if (p->frames == 1)
		return f->known & 1 || interp_fail(p, "the entry returns nothing");
	*next = f->return_to;
	p->frames--;
	if (f->known & 1)
		interp_write(p, 0, f->regs[0]);
	return true;
}

/* ---- all of it ---- */

static bool interp_step(struct interp *p, uint32_t *next)
{
	const struct bpf_insn *insn = &p->insns[p->at];
	*next = p->at + insn_slots(insn);
	switch (insn_kind(insn)) {
	case INSN_ALU:
		return interp_alu(p, insn);
	case INSN_END:
		return interp_end(p, insn);
	case INSN_LD_IMM64:
		interp_write(p, insn->dst_reg,
			     insn->src_reg ? INTERP_CELLS_AT + (uint32_t)insn[1].imm
					   : insn_imm64(insn));
		return true;
	case INSN_LOAD:
		return interp_load(p, insn);
	case INSN_STORE:
		return interp_store(p, insn);
	case INSN_ATOMIC_OP:
		return interp_atomic(p, insn);
	case INSN_JUMP:
		return interp_jump(p, insn, next);
	case INSN_GOTO:
		*next = p->at + 1 + (uint32_t)insn_jump_offset(insn);
		return true;
	case INSN_CALL_HELPER:
		return interp_helper(p, insn);
	case INSN_CALL_LOCAL:
		return interp_local(p, insn, next);
	case INSN_EXIT:
		return interp_exit(p, next);
	case INSN_CALL_KFUNC:
	case INSN_INVALID:
		break;
	}
	return interp_fail(p, "an instruction that cannot be run");
}

static bool interp_check_depth(struct interp *p)
{
	uint32_t all = 0;
	for (int i = 0; i < p->frames; i++)
		all += p->depth[i];
	return all <= p->entry->stack_bytes || interp_fail(p, "more stack than was proved");
}

/* Runs the entry with the context and the cells as they are set. False, with `wrong`, where a promise
 * is broken. */
static bool interp_run(struct interp *p)
{
	p->insns = object_insns(p->object, &(uint32_t){0});
	p->at = p->entry->function->first;
	p->frames = 0;
	p->count = 0;
	interp_push(p, UINT32_MAX);
	interp_write(p, 1, INTERP_CTX_AT);
	while (p->at != UINT32_MAX) {
		uint32_t next;
		if (!p->facts[p->at].reached)
			return interp_fail(p, "an instruction that no path was to reach");
		if (++p->count > p->entry->worst_insns)
			return interp_fail(p, "more instructions than the worst case");
		if (!interp_step(p, &next) || !interp_check_depth(p))
			return false;
		p->at = next;
	}
	return true;
}
