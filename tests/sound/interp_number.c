/*
 * Arithmetic, comparisons and jumps (RFC 9669, 4).
 *
 * [I1] A pointer is never a number: what turns one into the other is a trap.
 */
#include "tests/sound/interp_part.h"

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
	uint64_t sa = interp_sign_extend(a, bits), sb = interp_sign_extend(b, bits);
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
	return insn->off ? interp_sign_extend(b, (unsigned)insn->off) : b; /* mov, movsx */
}

static bool is_handle(const struct interp_value *v)
{
	return v->kind == INTERP_MAP || v->kind == INTERP_FUNCTION || v->kind == INTERP_HANDLE;
}

static bool move_pointer(struct interp *i, const struct bpf_insn *insn, struct interp_value *dst,
			 const struct interp_value *src)
{
	unsigned op = BPF_OP(insn->code);
	if (BPF_CLASS(insn->code) != BPF_ALU64 || (op != BPF_ADD && op != BPF_SUB) ||
	    is_handle(dst) || is_handle(src))
		return interp_stop(i, INTERP_ARITHMETIC, "arithmetic on a pointer");
	if (interp_is_place(dst) && interp_is_place(src)) {
		if (op != BPF_SUB || dst->object != src->object)
			return interp_stop(i, INTERP_LEAK, "the distance of two objects");
		*dst = interp_number(dst->bits - src->bits);
		return true;
	}
	if (interp_is_place(src)) {
		if (op != BPF_ADD)
			return interp_stop(i, INTERP_ARITHMETIC, "a number minus a pointer");
		*dst = (struct interp_value){dst->bits + src->bits, src->object, src->kind};
		return true;
	}
	dst->bits = op == BPF_ADD ? dst->bits + src->bits : dst->bits - src->bits;
	return true;
}

bool interp_step_alu(struct interp *i, const struct bpf_insn *insn)
{
	unsigned op = BPF_OP(insn->code), bits = BPF_CLASS(insn->code) == BPF_ALU64 ? 64 : 32;
	bool is_reg = BPF_SRC(insn->code) == BPF_X && op != BPF_NEG;
	if (!interp_writable(i, insn->dst_reg) || (is_reg && !interp_readable(i, insn->src_reg)) ||
	    (op != BPF_MOV && !interp_readable(i, insn->dst_reg)))
		return false;
	struct interp_value src = is_reg ? *interp_reg(i, insn->src_reg)
					 : interp_number((uint64_t)(int64_t)insn->imm);
	struct interp_value *dst = interp_reg(i, insn->dst_reg);
	if (op == BPF_MOV && interp_is_place(&src)) {
		if (bits == 32 || insn->off)
			return interp_stop(i, INTERP_LEAK, "a part of a pointer is moved");
		*dst = src;
		return true;
	}
	if (op != BPF_MOV && (interp_is_place(dst) || interp_is_place(&src)))
		return move_pointer(i, insn, dst, &src);
	uint64_t mask = bits == 64 ? UINT64_MAX : UINT32_MAX;
	uint64_t a = op == BPF_MOV ? 0 : dst->bits;
	*dst = interp_number(compute(insn, a & mask, src.bits & mask, bits) & mask);
	return true;
}

bool interp_step_end(struct interp *i, const struct bpf_insn *insn)
{
	if (!interp_writable(i, insn->dst_reg) || !interp_readable(i, insn->dst_reg))
		return false;
	struct interp_value *dst = interp_reg(i, insn->dst_reg);
	if (interp_is_place(dst))
		return interp_stop(i, INTERP_ARITHMETIC, "the bytes of a pointer are swapped");
	bool swaps = BPF_CLASS(insn->code) == BPF_ALU64 || BPF_SRC(insn->code) == BPF_TO_BE;
	unsigned bytes = (unsigned)insn->imm / 8;
	uint64_t out = 0;
	for (unsigned n = 0; n < bytes; n++) {
		uint64_t byte = dst->bits >> (8 * n) & 0xff;
		out |= byte << 8 * (swaps ? bytes - 1 - n : n);
	}
	*dst = interp_number(out);
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

/* Where the object lies: memory of the host where it really does, as programs may find out. */
static uint64_t base_of(const struct interp *i, const struct interp_value *v)
{
	const struct interp_object *o = &i->objects[v->object];
	bool is_host = v->kind == INTERP_POINTER && o->place == INTERP_HOST;
	return is_host ? (uint64_t)(uintptr_t)o->data : SOMEWHERE;
}

static bool pointers_jump(struct interp *i, const struct bpf_insn *insn,
			  const struct interp_value *a, const struct interp_value *b, bool *taken)
{
	unsigned op = BPF_OP(insn->code);
	bool is_equality = op == BPF_JEQ || op == BPF_JNE;
	if (BPF_CLASS(insn->code) == BPF_JMP && interp_is_place(a) && !interp_is_place(b) &&
	    b->bits == 0 && is_equality) {
		bool is_null = a->kind == INTERP_POINTER && base_of(i, a) + a->bits == 0;
		*taken = is_null == (op == BPF_JEQ);
		return true;
	}
	if (BPF_CLASS(insn->code) != BPF_JMP || op == BPF_JSET || a->kind != INTERP_POINTER ||
	    b->kind != INTERP_POINTER || a->object != b->object)
		return interp_stop(i, INTERP_LEAK, "a comparison shows where a pointer lies");
	uint64_t x = a->bits + base_of(i, a), y = b->bits + base_of(i, b);
	*taken = compare(op, x, y, (int64_t)x, (int64_t)y);
	return true;
}

bool interp_step_jump(struct interp *i, const struct bpf_insn *insn)
{
	bool is_reg = BPF_SRC(insn->code) == BPF_X, taken = false;
	if (!interp_readable(i, insn->dst_reg) || (is_reg && !interp_readable(i, insn->src_reg)))
		return false;
	struct interp_value a = *interp_reg(i, insn->dst_reg);
	struct interp_value b = is_reg ? *interp_reg(i, insn->src_reg)
				       : interp_number((uint64_t)(int64_t)insn->imm);
	if (interp_is_place(&a) || interp_is_place(&b)) {
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
