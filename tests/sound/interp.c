/*
 * Registers, memory, arithmetic, jumps (RFC 9669, 4 and 5).
 *
 * [I1] A pointer is never a number: what turns one into the other is a trap.
 * [I2] Every step either goes on, ends the run, or notes exactly one trap.
 */
#include "tests/sound/interp.h"

#include <stdio.h>

static const char *const trap_texts[] = {
	[INTERP_FINE] = "fine",
	[INTERP_BAD_INSN] = "bad-instruction",
	[INTERP_UNINIT] = "uninitialized",
	[INTERP_BOUNDS] = "out-of-bounds",
	[INTERP_NO_POINTER] = "not-a-pointer",
	[INTERP_READ_ONLY] = "read-only",
	[INTERP_ALIGNMENT] = "misaligned",
	[INTERP_ARITHMETIC] = "bad-arithmetic",
	[INTERP_LEAK] = "pointer-leak",
	[INTERP_GRANT] = "not-granted",
	[INTERP_ARGUMENT] = "bad-argument",
	[INTERP_UNRELEASED] = "unreleased",
	[INTERP_DEPTH] = "call-depth",
	[INTERP_TOO_LONG] = "too-long",
	[INTERP_FACT] = "wrong-fact",
};

const char *interp_trap_text(enum interp_trap trap)
{
	return trap_texts[trap];
}

bool interp_stop(struct interp *i, enum interp_trap trap, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	i->result.trap = trap;
	i->result.insn = i->at;
	vsnprintf(i->result.message, sizeof i->result.message, format, args);
	va_end(args);
	return false;
}

static struct interp_frame *top(struct interp *i)
{
	return &i->frames[i->frames_count - 1];
}

struct interp_value *interp_reg(struct interp *i, unsigned reg)
{
	return &top(i)->regs[reg];
}

static struct interp_value number(uint64_t bits)
{
	return (struct interp_value){bits, 0, INTERP_NUMBER};
}

static bool readable(struct interp *i, unsigned reg)
{
	if (interp_reg(i, reg)->kind != INTERP_NONE)
		return true;
	return interp_stop(i, INTERP_UNINIT, "r%u holds nothing", reg);
}

static bool writable(struct interp *i, unsigned reg)
{
	return reg != 10 || interp_stop(i, INTERP_READ_ONLY, "r10 is written");
}

/* ---- objects ---- */
uint32_t interp_object(struct interp *i, enum interp_place place, void *data, uint32_t size)
{
	if (i->objects_count == INTERP_OBJECTS) {
		i->result.is_open = true;
		interp_stop(i, INTERP_FINE, "too many objects for this interpreter");
		return UINT32_MAX;
	}
	i->objects[i->objects_count] = (struct interp_object){.place = (uint8_t)place,
							      .is_alive = true,
							      .size = size,
							      .data = data};
	return i->objects_count++;
}

static bool check_init(struct interp *i, const struct interp_frame *f, uint64_t from, uint64_t size)
{
	for (uint64_t n = from; n < from + size; n++) {
		if (f->slots[n / 8].kind != INTERP_NONE)
			return interp_stop(i, INTERP_LEAK,
					   "a pointer at r10-%lu is read as a number",
					   (unsigned long)(INTERP_FRAME - n));
		if (!f->init[n])
			return interp_stop(i, INTERP_UNINIT, "stack at r10-%lu was not written",
					   (unsigned long)(INTERP_FRAME - n));
	}
	return true;
}

uint8_t *interp_memory(struct interp *i, const struct interp_value *p, int64_t offset,
		       uint64_t size, bool is_store, bool must_init)
{
	if (p->kind != INTERP_POINTER) {
		interp_stop(i, INTERP_NO_POINTER, "memory at a %s",
			    p->kind == INTERP_NUMBER ? "number" : "thing that is no pointer");
		return NULL;
	}
	struct interp_object *o = &i->objects[p->object];
	int64_t at = (int64_t)p->bits + offset;
	if (!o->is_alive || at < 0 || size > o->size || (uint64_t)at > o->size - size) {
		interp_stop(i, INTERP_BOUNDS, "%lu bytes at %ld of an object (kind %u) of %u%s",
			    (unsigned long)size, (long)at, o->place, o->size,
			    o->is_alive ? "" : " that is gone");
		return NULL;
	}
	if (is_store && o->is_constant) {
		interp_stop(i, INTERP_READ_ONLY, "a store to constant memory");
		return NULL;
	}
	if (o->is_stale)
		i->result.is_open = true;
	if (must_init && o->place == INTERP_STACK && !check_init(i, o->frame, (uint64_t)at, size))
		return NULL;
	return o->data + at;
}

void interp_wrote(struct interp *i, const struct interp_value *p, int64_t offset, uint64_t size)
{
	struct interp_object *o = &i->objects[p->object];
	uint64_t at = p->bits + (uint64_t)offset;
	if (o->place != INTERP_STACK)
		return;
	for (uint64_t n = at; n < at + size; n++) {
		if (o->frame->slots[n / 8].kind != INTERP_NONE) { /* what is left of a pointer */
			memset(&o->frame->init[n & ~UINT64_C(7)], 0, 8);
			o->frame->slots[n / 8].kind = INTERP_NONE;
		}
		o->frame->init[n] = true;
	}
}

/* ---- facts ---- */
static bool check_base(struct interp *i, const struct interp_value *p, int32_t offset)
{
	static const uint8_t bases[] = {
		[INTERP_STACK] = VERIFIER_BASE_STACK,
		[INTERP_CONTEXT] = VERIFIER_BASE_CTX,
		[INTERP_ELEMENT_OF] = VERIFIER_BASE_MAP_VALUE,
		[INTERP_RING] = VERIFIER_BASE_OTHER,
	};
	if (!i->facts || p->kind != INTERP_POINTER)
		return true;
	const struct verifier_insn_fact *f = &i->facts[i->at];
	const struct interp_object *o = &i->objects[p->object];
	int64_t at = (int64_t)p->bits + offset - (o->place == INTERP_STACK ? INTERP_FRAME : 0);
	if (f->base == VERIFIER_BASE_OTHER)
		return true;
	if (f->base != bases[o->place] || (o->place == INTERP_STACK && o->frame != top(i)))
		return interp_stop(i, INTERP_FACT, "the access is said to go to base %u", f->base);
	if (f->has_offset && f->offset != at)
		return interp_stop(i, INTERP_FACT, "the access is said to be at %d, but is at %ld",
				   f->offset, (long)at);
	return true;
}

/* ---- loads and stores ---- */
static uint64_t get(const uint8_t *from, unsigned size)
{
	uint64_t value = 0;
	memcpy(&value, from, size); /* little endian, as eBPF here */
	return value;
}

static uint64_t sign_extend(uint64_t value, unsigned bits)
{
	return bits == 64 ? value : (uint64_t)((int64_t)(value << (64 - bits)) >> (64 - bits));
}

static bool check_context(struct interp *i, const struct interp_value *p, int64_t offset,
			  unsigned size)
{
	uint64_t at = p->bits + (uint64_t)offset;
	if (i->objects[p->object].place != INTERP_CONTEXT)
		return true;
	if (at % 8 != 0 || size < 4)
		return interp_stop(i, INTERP_ALIGNMENT, "%u bytes at %lu of the context", size,
				   (unsigned long)at);
	i->result.ctx_reads |= UINT64_C(1) << at / 8;
	return true;
}

/* The pointer that is kept there, or NULL. */
static struct interp_value *kept(struct interp *i, const struct interp_value *p, int64_t offset,
				 unsigned size)
{
	struct interp_object *o = &i->objects[p->object];
	uint64_t at = p->bits + (uint64_t)offset;
	if (p->kind != INTERP_POINTER || !o->is_alive || o->place != INTERP_STACK || size != 8 ||
	    at % 8 != 0 || at > INTERP_FRAME - 8)
		return NULL;
	return &o->frame->slots[at / 8];
}

static bool step_load(struct interp *i, const struct bpf_insn *insn)
{
	unsigned size = insn_size_bytes(insn);
	bool is_signed = BPF_MODE(insn->code) == INSN_MEMSX;
	if (!readable(i, insn->src_reg) || !writable(i, insn->dst_reg))
		return false;
	struct interp_value p = *interp_reg(i, insn->src_reg);
	struct interp_value *slot = kept(i, &p, insn->off, size);
	if (!check_base(i, &p, insn->off))
		return false;
	if (slot && slot->kind != INTERP_NONE) {
		*interp_reg(i, insn->dst_reg) = *slot;
		return true;
	}
	const uint8_t *from = interp_memory(i, &p, insn->off, size, false, true);
	if (!from || !check_context(i, &p, insn->off, size))
		return false;
	uint64_t value = get(from, size);
	*interp_reg(i, insn->dst_reg) = number(is_signed ? sign_extend(value, size * 8) : value);
	return true;
}

static bool store_kept(struct interp *i, const struct interp_value *p, const struct bpf_insn *insn)
{
	struct interp_value *slot = kept(i, p, insn->off, insn_size_bytes(insn));
	if (!slot)
		return interp_stop(i, INTERP_LEAK, "a pointer is stored where it becomes a number");
	interp_wrote(i, p, insn->off, 8);
	*slot = *interp_reg(i, insn->src_reg);
	return true;
}

static bool step_store(struct interp *i, const struct bpf_insn *insn)
{
	unsigned size = insn_size_bytes(insn);
	bool is_reg = BPF_CLASS(insn->code) == BPF_STX;
	if (!readable(i, insn->dst_reg) || (is_reg && !readable(i, insn->src_reg)))
		return false;
	struct interp_value p = *interp_reg(i, insn->dst_reg);
	uint8_t *to = interp_memory(i, &p, insn->off, size, true, false);
	if (!to || !check_base(i, &p, insn->off))
		return false;
	if (is_reg && interp_reg(i, insn->src_reg)->kind != INTERP_NUMBER)
		return store_kept(i, &p, insn);
	uint64_t value = is_reg ? interp_reg(i, insn->src_reg)->bits : (uint64_t)(int64_t)insn->imm;
	memcpy(to, &value, size);
	interp_wrote(i, &p, insn->off, size);
	return true;
}

static uint64_t atomic_result(int32_t op, uint64_t old, uint64_t by)
{
	switch (op & 0xf0) {
	case BPF_ADD:
		return old + by;
	case BPF_OR:
		return old | by;
	case BPF_AND:
		return old & by;
	case BPF_XOR:
		return old ^ by;
	}
	return by; /* xchg, cmpxchg */
}

static bool step_atomic(struct interp *i, const struct bpf_insn *insn)
{
	unsigned size = insn_size_bytes(insn);
	bool compares = insn->imm == BPF_CMPXCHG;
	if (!readable(i, insn->dst_reg) || !readable(i, insn->src_reg) ||
	    (compares && !readable(i, 0)))
		return false;
	struct interp_value p = *interp_reg(i, insn->dst_reg);
	struct interp_value *by = interp_reg(i, insn->src_reg), *r0 = interp_reg(i, 0);
	if (by->kind != INTERP_NUMBER || (compares && r0->kind != INTERP_NUMBER))
		return interp_stop(i, INTERP_LEAK, "a pointer in an atomic operation");
	uint8_t *to = interp_memory(i, &p, insn->off, size, true, true);
	if (!to || !check_base(i, &p, insn->off))
		return false;
	if ((p.bits + (uint64_t)insn->off) % size != 0)
		return interp_stop(i, INTERP_ALIGNMENT, "an atomic operation is not aligned");
	uint64_t old = get(to, size), mask = size == 8 ? UINT64_MAX : UINT32_MAX;
	uint64_t new = atomic_result(insn->imm, old, by->bits);
	if (!compares || old == (r0->bits & mask))
		memcpy(to, &new, size);
	interp_wrote(i, &p, insn->off, size);
	if (insn->imm & BPF_FETCH)
		*(compares ? r0 : by) = number(old);
	return true;
}

/* ---- arithmetic ---- */
static uint64_t divide(uint64_t a, uint64_t b, bool is_signed, bool is_rest)
{
	if (b == 0)
		return is_rest ? a : 0;
	if (!is_signed)
		return is_rest ? a % b : a / b;
	if (b == UINT64_MAX)
		return is_rest ? 0 : 0 - a;
	return (uint64_t)(is_rest ? (int64_t)a % (int64_t)b : (int64_t)a / (int64_t)b);
}

/* 32-bit operands come zero-extended, and for signed division sign-extended; the caller truncates. */
static uint64_t compute(const struct bpf_insn *insn, uint64_t a, uint64_t b, unsigned bits)
{
	bool is_signed = insn->off == 1;
	uint64_t sa = sign_extend(a, bits), sb = sign_extend(b, bits);
	unsigned shift = (unsigned)b & (bits - 1);
	switch (BPF_OP(insn->code)) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return is_signed ? divide(sa, sb, true, false) : divide(a, b, false, false);
	case BPF_MOD:
		return is_signed ? divide(sa, sb, true, true) : divide(a, b, false, true);
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << shift;
	case BPF_RSH:
		return a >> shift;
	case BPF_ARSH:
		return (uint64_t)((int64_t)sa >> shift);
	case BPF_NEG:
		return 0 - a;
	}
	return insn->off ? sign_extend(b, (unsigned)insn->off) : b; /* mov, movsx */
}

static bool is_place(const struct interp_value *v)
{
	return v->kind != INTERP_NUMBER;
}

static bool is_handle(const struct interp_value *v)
{
	return v->kind == INTERP_MAP || v->kind == INTERP_FUNCTION;
}

static bool move_pointer(struct interp *i, const struct bpf_insn *insn, struct interp_value *dst,
			 const struct interp_value *src)
{
	unsigned op = BPF_OP(insn->code);
	if (BPF_CLASS(insn->code) != BPF_ALU64 || (op != BPF_ADD && op != BPF_SUB) ||
	    is_handle(dst) || is_handle(src))
		return interp_stop(i, INTERP_ARITHMETIC, "arithmetic on a pointer");
	if (is_place(dst) && is_place(src)) {
		if (op != BPF_SUB || dst->object != src->object)
			return interp_stop(i, INTERP_LEAK, "the distance of two objects");
		*dst = number(dst->bits - src->bits);
		return true;
	}
	if (is_place(src)) {
		if (op != BPF_ADD)
			return interp_stop(i, INTERP_ARITHMETIC, "a number minus a pointer");
		*dst = (struct interp_value){dst->bits + src->bits, src->object, src->kind};
		return true;
	}
	dst->bits = op == BPF_ADD ? dst->bits + src->bits : dst->bits - src->bits;
	return true;
}

static bool step_alu(struct interp *i, const struct bpf_insn *insn)
{
	unsigned op = BPF_OP(insn->code), bits = BPF_CLASS(insn->code) == BPF_ALU64 ? 64 : 32;
	bool is_reg = BPF_SRC(insn->code) == BPF_X && op != BPF_NEG;
	if (!writable(i, insn->dst_reg) || (is_reg && !readable(i, insn->src_reg)) ||
	    (op != BPF_MOV && !readable(i, insn->dst_reg)))
		return false;
	struct interp_value src =
		is_reg ? *interp_reg(i, insn->src_reg) : number((uint64_t)(int64_t)insn->imm);
	struct interp_value *dst = interp_reg(i, insn->dst_reg);
	if (op == BPF_MOV && is_place(&src)) {
		if (bits == 32 || insn->off)
			return interp_stop(i, INTERP_LEAK, "a part of a pointer is moved");
		*dst = src;
		return true;
	}
	if (op != BPF_MOV && (is_place(dst) || is_place(&src)))
		return move_pointer(i, insn, dst, &src);
	uint64_t mask = bits == 64 ? UINT64_MAX : UINT32_MAX;
	uint64_t a = op == BPF_MOV ? 0 : dst->bits;
	*dst = number(compute(insn, a & mask, src.bits & mask, bits) & mask);
	return true;
}

static bool step_end(struct interp *i, const struct bpf_insn *insn)
{
	if (!writable(i, insn->dst_reg) || !readable(i, insn->dst_reg))
		return false;
	struct interp_value *dst = interp_reg(i, insn->dst_reg);
	if (is_place(dst))
		return interp_stop(i, INTERP_ARITHMETIC, "the bytes of a pointer are swapped");
	bool swaps = BPF_CLASS(insn->code) == BPF_ALU64 || BPF_SRC(insn->code) == BPF_TO_BE;
	unsigned bytes = (unsigned)insn->imm / 8;
	uint64_t out = 0;
	for (unsigned n = 0; n < bytes; n++) {
		uint64_t byte = dst->bits >> (8 * n) & 0xff;
		out |= byte << 8 * (swaps ? bytes - 1 - n : n);
	}
	*dst = number(out);
	return true;
}

static bool step_imm64(struct interp *i, const struct bpf_insn *insn)
{
	struct interp_value *dst = interp_reg(i, insn->dst_reg);
	if (!writable(i, insn->dst_reg))
		return false;
	*dst = number(insn_imm64(insn));
	if (insn->src_reg == BPF_PSEUDO_MAP_FD) {
		*dst = (struct interp_value){(uint32_t)insn->imm, 0, INTERP_MAP};
	} else if (insn->src_reg == BPF_PSEUDO_MAP_VALUE) {
		struct interp_element *e = &i->maps[insn->imm].elements[0];
		*dst = (struct interp_value){(uint32_t)insn[1].imm, e->object - 1, INTERP_POINTER};
	} else if (insn->src_reg == BPF_PSEUDO_FUNC) {
		*dst = (struct interp_value){(uint32_t)insn->imm, 0, INTERP_FUNCTION};
	} else if (insn->src_reg != 0) {
		return interp_stop(i, INTERP_BAD_INSN, "an unknown kind of constant");
	}
	return true;
}

/* ---- jumps ---- */
static bool compare(unsigned op, uint64_t a, uint64_t b, int64_t sa, int64_t sb)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	case BPF_JSET:
		return (a & b) != 0;
	case BPF_JSGT:
		return sa > sb;
	case BPF_JSGE:
		return sa >= sb;
	case BPF_JSLT:
		return sa < sb;
	}
	return sa <= sb;
}

#define SOMEWHERE (UINT64_C(1) << 40) /* addresses are positive */

static bool pointers_jump(struct interp *i, const struct bpf_insn *insn,
			  const struct interp_value *a, const struct interp_value *b, bool *taken)
{
	unsigned op = BPF_OP(insn->code);
	bool is_equality = op == BPF_JEQ || op == BPF_JNE;
	if (BPF_CLASS(insn->code) == BPF_JMP && is_place(a) && !is_place(b) && b->bits == 0 &&
	    is_equality) {
		*taken = op == BPF_JNE;
		return true;
	}
	if (BPF_CLASS(insn->code) != BPF_JMP || op == BPF_JSET || a->kind != INTERP_POINTER ||
	    b->kind != INTERP_POINTER || a->object != b->object)
		return interp_stop(i, INTERP_LEAK, "a comparison shows where a pointer lies");
	uint64_t x = a->bits + SOMEWHERE, y = b->bits + SOMEWHERE;
	*taken = compare(op, x, y, (int64_t)x, (int64_t)y);
	return true;
}

static bool step_jump(struct interp *i, const struct bpf_insn *insn)
{
	bool is_reg = BPF_SRC(insn->code) == BPF_X, taken = false;
	if (!readable(i, insn->dst_reg) || (is_reg && !readable(i, insn->src_reg)))
		return false;
	struct interp_value a = *interp_reg(i, insn->dst_reg);
	struct interp_value b =
		is_reg ? *interp_reg(i, insn->src_reg) : number((uint64_t)(int64_t)insn->imm);
	if (is_place(&a) || is_place(&b)) {
		if (!pointers_jump(i, insn, &a, &b, &taken))
			return false;
	} else if (BPF_CLASS(insn->code) == BPF_JMP) {
		taken = compare(BPF_OP(insn->code), a.bits, b.bits, (int64_t)a.bits,
				(int64_t)b.bits);
	} else {
		taken = compare(BPF_OP(insn->code), (uint32_t)a.bits, (uint32_t)b.bits,
				(int32_t)a.bits, (int32_t)b.bits);
	}
	if (taken)
		i->next = (uint32_t)((int64_t)i->at + 1 + insn->off);
	return true;
}

static bool step_goto(struct interp *i, const struct bpf_insn *insn)
{
	i->next = (uint32_t)((int64_t)i->at + 1 + insn_jump_offset(insn));
	return true;
}

/* ---- functions ---- */
static bool push(struct interp *i, uint32_t return_to)
{
	if (i->frames_count == INTERP_FRAMES)
		return interp_stop(i, INTERP_DEPTH, "more than %d frames", INTERP_FRAMES);
	struct interp_frame *f = &i->frames[i->frames_count];
	uint32_t object = interp_object(i, INTERP_STACK, f->bytes, INTERP_FRAME);
	if (object == UINT32_MAX)
		return false;
	memset(f->regs, 0, sizeof f->regs);
	memset(f->slots, 0, sizeof f->slots);
	memset(f->init, 0, sizeof f->init);
	f->object = object;
	f->return_to = return_to;
	f->round = (struct interp_round){0};
	f->regs[10] = (struct interp_value){INTERP_FRAME, object, INTERP_POINTER};
	i->objects[object].frame = f;
	i->frames_count++;
	return true;
}

static bool step_local(struct interp *i, const struct bpf_insn *insn)
{
	struct interp_frame *caller = top(i);
	if (!push(i, i->at + 1))
		return false;
	memcpy(&top(i)->regs[1], &caller->regs[1], 5 * sizeof caller->regs[0]);
	memset(&caller->regs[0], 0, 6 * sizeof caller->regs[0]);
	i->next = (uint32_t)((int64_t)i->at + 1 + insn->imm);
	return true;
}

/* ---- functions that are called back ---- */
static bool begin_round(struct interp *i, const struct interp_round *round, uint32_t return_to)
{
	if (!push(i, return_to))
		return false;
	top(i)->round = *round;
	*interp_reg(i, 1) = number(round->index);
	*interp_reg(i, 2) = round->ctx;
	i->next = round->first;
	return true;
}

bool interp_enter(struct interp *i, const struct interp_round *round)
{
	memset(interp_reg(i, 0), 0, 6 * sizeof(struct interp_value));
	return begin_round(i, round, i->at + 1);
}

static bool leave_round(struct interp *i)
{
	struct interp_frame *f = top(i);
	struct interp_round round = f->round;
	if (!readable(i, 0))
		return false;
	if (interp_reg(i, 0)->kind != INTERP_NUMBER)
		return interp_stop(i, INTERP_LEAK, "a callback returns a pointer");
	for (uint32_t n = round.records; n < i->records_count; n++)
		if (i->records[n].is_busy)
			return interp_stop(i, INTERP_UNRELEASED, "record %u is still held", n);
	bool is_last = f->regs[0].bits != 0 || ++round.index == round.count;
	uint64_t called = round.index + (f->regs[0].bits != 0);
	i->objects[f->object].is_alive = false;
	i->frames_count--;
	if (!is_last)
		return begin_round(i, &round, f->return_to);
	*interp_reg(i, 0) = number(called);
	i->next = f->return_to;
	return true;
}

static bool leave(struct interp *i)
{
	const struct interp_value *r0 = interp_reg(i, 0);
	if (!readable(i, 0))
		return false;
	if (r0->kind != INTERP_NUMBER)
		return interp_stop(i, INTERP_LEAK, "the entry returns a pointer");
	for (uint32_t n = 0; n < i->records_count; n++)
		if (i->records[n].is_busy)
			return interp_stop(i, INTERP_UNRELEASED, "record %u is still held", n);
	i->result.r0 = r0->bits;
	i->next = UINT32_MAX;
	return true;
}

static bool step_exit(struct interp *i, const struct bpf_insn *insn)
{
	(void)insn;
	if (i->frames_count == 1)
		return leave(i);
	if (top(i)->round.is_one)
		return leave_round(i);
	struct interp_frame *f = top(i);
	i->objects[f->object].is_alive = false;
	f[-1].regs[0] = f->regs[0];
	i->next = f->return_to;
	i->frames_count--;
	return true;
}

static bool step_invalid(struct interp *i, const struct bpf_insn *insn)
{
	return interp_stop(i, INTERP_BAD_INSN, "opcode %#x", insn->code);
}

/* ---- the loop ---- */
static bool (*const steps[])(struct interp *i, const struct bpf_insn *insn) = {
	[INSN_INVALID] = step_invalid,	[INSN_ALU] = step_alu,
	[INSN_END] = step_end,		[INSN_LD_IMM64] = step_imm64,
	[INSN_LOAD] = step_load,	[INSN_STORE] = step_store,
	[INSN_ATOMIC_OP] = step_atomic, [INSN_JUMP] = step_jump,
	[INSN_GOTO] = step_goto,	[INSN_CALL_HELPER] = interp_call,
	[INSN_CALL_LOCAL] = step_local, [INSN_CALL_KFUNC] = step_invalid,
	[INSN_EXIT] = step_exit,
};

static bool step(struct interp *i)
{
	if (i->at >= i->insns_count)
		return interp_stop(i, INTERP_BAD_INSN, "execution leaves the code");
	const struct bpf_insn *insn = &i->insns[i->at];
	if (i->facts && !i->facts[i->at].reached)
		return interp_stop(i, INTERP_FACT, "the instruction is said to be dead");
	if (i->result.count == i->limit)
		return interp_stop(i, INTERP_TOO_LONG, "the proved worst case is %lu",
				   (unsigned long)i->limit);
	i->result.count++;
	i->next = i->at + insn_slots(insn);
	return steps[insn_kind(insn)](i, insn);
}

void interp_run(struct interp *i, const struct object_function *entry)
{
	i->result = (struct interp_result){0};
	i->frames_count = 0;
	uint32_t ctx = interp_object(i, INTERP_CONTEXT, i->ctx, INTERP_CTX);
	if (ctx == UINT32_MAX || !push(i, UINT32_MAX))
		return;
	i->objects[ctx].is_constant = true;
	*interp_reg(i, 1) = (struct interp_value){0, ctx, INTERP_POINTER};
	i->at = entry->first;
	while (step(i) && i->next != UINT32_MAX)
		i->at = i->next;
}
