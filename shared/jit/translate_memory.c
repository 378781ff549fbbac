/*
 * Loads, stores and atomic operations. Where the verifier knows that an address is in the frame, and
 * where, it becomes an element of the frame's array, which the optimiser then keeps in registers; any
 * other address is a number.
 *
 * Atomic operations without a result are relaxed, as the kernel has them; those that fetch are
 * sequentially consistent. Their operands are naturally aligned (the verifier sees to it).
 */
#include "shared/jit/translate.h"

static LLVMTypeRef type_of(const struct translate *t, unsigned size_bytes)
{
	return LLVMIntTypeInContext(t->m->context, size_bytes * 8);
}

static LLVMValueRef somewhere(struct translate *t, unsigned reg)
{
	LLVMValueRef at =
		LLVMBuildAdd(t->b, translate_read(t, reg), module_number(t->m, t->insn->off), "");
	return LLVMBuildIntToPtr(t->b, at, t->m->ptr, "");
}

static struct err *address(struct translate *t, unsigned reg, LLVMValueRef *out)
{
	int64_t offset = t->insn->off, size = insn_size_bytes(t->insn);
	bool known = reg == BPF_REG_10;
	if (t->fact->base == VERIFIER_BASE_STACK && t->fact->has_offset) {
		known = true;
		offset = t->fact->offset;
	}
	if (known && (offset < -t->frame_bytes || offset + size > 0))
		return translate_refuse(t, ERR_INTERNAL, "an access outside of the frame");
	*out = known ? translate_frame(t, (int32_t)offset) : somewhere(t, reg);
	return NULL;
}

struct err *translate_load(struct translate *t)
{
	LLVMValueRef from;
	TRY(address(t, t->insn->src_reg, &from));
	if (t->insn->dst_reg == BPF_REG_10)
		return translate_refuse(t, ERR_INTERNAL, "r10 is read-only");
	LLVMTypeRef type = type_of(t, insn_size_bytes(t->insn));
	LLVMValueRef value = LLVMBuildLoad2(t->b, type, from, "");
	LLVMSetAlignment(value, 1);
	if (type != t->m->i64)
		value = BPF_MODE(t->insn->code) == INSN_MEMSX
				? LLVMBuildSExt(t->b, value, t->m->i64, "")
				: LLVMBuildZExt(t->b, value, t->m->i64, "");
	translate_write(t, t->insn->dst_reg, value);
	return NULL;
}

static LLVMValueRef narrow(struct translate *t, LLVMValueRef value)
{
	LLVMTypeRef type = type_of(t, insn_size_bytes(t->insn));
	return type == t->m->i64 ? value : LLVMBuildTrunc(t->b, value, type, "");
}

struct err *translate_store(struct translate *t)
{
	LLVMValueRef to;
	LLVMValueRef value = BPF_CLASS(t->insn->code) == BPF_ST
				     ? module_number(t->m, t->insn->imm)
				     : translate_read(t, t->insn->src_reg);
	TRY(address(t, t->insn->dst_reg, &to));
	LLVMSetAlignment(LLVMBuildStore(t->b, narrow(t, value), to), 1);
	return NULL;
}

/* ---- atomic ---- */
static struct err *read_modify_write(struct translate *t, LLVMValueRef at, LLVMValueRef *old)
{
	static const LLVMAtomicRMWBinOp operations[16] = {
		[BPF_ADD >> 4] = LLVMAtomicRMWBinOpAdd,
		[BPF_OR >> 4] = LLVMAtomicRMWBinOpOr,
		[BPF_AND >> 4] = LLVMAtomicRMWBinOpAnd,
		[BPF_XOR >> 4] = LLVMAtomicRMWBinOpXor,
		[(BPF_XCHG & 0xf0) >> 4] = LLVMAtomicRMWBinOpXchg,
	};
	bool fetches = t->insn->imm & BPF_FETCH;
	LLVMValueRef value = narrow(t, translate_read(t, t->insn->src_reg));
	*old = LLVMBuildAtomicRMW(t->b, operations[(t->insn->imm & 0xf0) >> 4], at, value,
				  fetches ? LLVMAtomicOrderingSequentiallyConsistent
					  : LLVMAtomicOrderingMonotonic,
				  false);
	return NULL;
}

static LLVMValueRef compare_exchange(struct translate *t, LLVMValueRef at)
{
	LLVMValueRef expected = narrow(t, translate_read(t, BPF_REG_0));
	LLVMValueRef value = narrow(t, translate_read(t, t->insn->src_reg));
	LLVMValueRef pair = LLVMBuildAtomicCmpXchg(t->b, at, expected, value,
						   LLVMAtomicOrderingSequentiallyConsistent,
						   LLVMAtomicOrderingSequentiallyConsistent, false);
	return LLVMBuildExtractValue(t->b, pair, 0, "");
}

struct err *translate_atomic(struct translate *t)
{
	LLVMValueRef at, old = NULL;
	bool exchange = t->insn->imm == BPF_CMPXCHG;
	TRY(address(t, t->insn->dst_reg, &at));
	if (exchange)
		old = compare_exchange(t, at);
	else
		TRY(read_modify_write(t, at, &old));
	if (!(t->insn->imm & BPF_FETCH))
		return NULL;
	unsigned to = exchange ? BPF_REG_0 : t->insn->src_reg;
	if (to == BPF_REG_10)
		return translate_refuse(t, ERR_INTERNAL, "r10 is read-only");
	if (LLVMTypeOf(old) != t->m->i64)
		old = LLVMBuildZExt(t->b, old, t->m->i64, "");
	translate_write(t, to, old);
	return NULL;
}
