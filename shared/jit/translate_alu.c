/*
 * Arithmetic (RFC 9669, 4.1 and 4.2). What C and LLVM leave open, eBPF defines: division by zero gives
 * 0, modulo by zero leaves the dividend, the most negative number by −1 gives itself and rest 0, shift
 * counts are masked. Results of 32-bit operations are zero-extended.
 */
#include "shared/jit/translate.h"

struct operands {
	LLVMValueRef left, right;
	LLVMTypeRef type;
	unsigned bits;
};

typedef LLVMValueRef operation(struct translate *t, struct operands o);

#define SIMPLE(name, build)                                              \
	static LLVMValueRef name(struct translate *t, struct operands o) \
	{                                                                \
		return build(t->b, o.left, o.right, "");                 \
	}
SIMPLE(op_add, LLVMBuildAdd)
SIMPLE(op_sub, LLVMBuildSub)
SIMPLE(op_mul, LLVMBuildMul)
SIMPLE(op_or, LLVMBuildOr)
SIMPLE(op_and, LLVMBuildAnd)
SIMPLE(op_xor, LLVMBuildXor)
#undef SIMPLE

static LLVMValueRef masked(struct translate *t, struct operands o)
{
	return LLVMBuildAnd(t->b, o.right, LLVMConstInt(o.type, o.bits - 1, false), "");
}

static LLVMValueRef op_lsh(struct translate *t, struct operands o)
{
	return LLVMBuildShl(t->b, o.left, masked(t, o), "");
}

static LLVMValueRef op_rsh(struct translate *t, struct operands o)
{
	return LLVMBuildLShr(t->b, o.left, masked(t, o), "");
}

static LLVMValueRef op_arsh(struct translate *t, struct operands o)
{
	return LLVMBuildAShr(t->b, o.left, masked(t, o), "");
}

static LLVMValueRef op_neg(struct translate *t, struct operands o)
{
	return LLVMBuildNeg(t->b, o.left, "");
}

static LLVMValueRef op_mov(struct translate *t, struct operands o)
{
	if (t->insn->off == 0)
		return o.right;
	LLVMTypeRef narrow = LLVMIntTypeInContext(t->m->context, (unsigned)t->insn->off);
	return LLVMBuildSExt(t->b, LLVMBuildTrunc(t->b, o.right, narrow, ""), o.type, "");
}

/* ---- division: a divisor that the instruction does not like is replaced by 1, and its result by what
 * eBPF says ---- */
static LLVMValueRef is_equal(struct translate *t, LLVMValueRef value, long long number)
{
	LLVMValueRef other = LLVMConstInt(LLVMTypeOf(value), (unsigned long long)number, true);
	return LLVMBuildICmp(t->b, LLVMIntEQ, value, other, "");
}

static LLVMValueRef choose(struct translate *t, LLVMValueRef which, LLVMValueRef yes,
			   LLVMValueRef no)
{
	return LLVMBuildSelect(t->b, which, yes, no, "");
}

static LLVMValueRef unsigned_division(struct translate *t, struct operands o, bool rest)
{
	LLVMValueRef zero = is_equal(t, o.right, 0);
	LLVMValueRef divisor = choose(t, zero, LLVMConstInt(o.type, 1, false), o.right);
	LLVMValueRef result = rest ? LLVMBuildURem(t->b, o.left, divisor, "")
				   : LLVMBuildUDiv(t->b, o.left, divisor, "");
	return choose(t, zero, rest ? o.left : LLVMConstNull(o.type), result);
}

static LLVMValueRef signed_division(struct translate *t, struct operands o, bool rest)
{
	LLVMValueRef zero = is_equal(t, o.right, 0), minus = is_equal(t, o.right, -1);
	LLVMValueRef special = LLVMBuildOr(t->b, zero, minus, "");
	LLVMValueRef divisor = choose(t, special, LLVMConstInt(o.type, 1, false), o.right);
	LLVMValueRef null = LLVMConstNull(o.type);
	if (rest)
		return choose(t, zero, o.left,
			      choose(t, minus, null, LLVMBuildSRem(t->b, o.left, divisor, "")));
	return choose(t, zero, null,
		      choose(t, minus, LLVMBuildNeg(t->b, o.left, ""),
			     LLVMBuildSDiv(t->b, o.left, divisor, "")));
}

static LLVMValueRef op_div(struct translate *t, struct operands o)
{
	return t->insn->off ? signed_division(t, o, false) : unsigned_division(t, o, false);
}

static LLVMValueRef op_mod(struct translate *t, struct operands o)
{
	return t->insn->off ? signed_division(t, o, true) : unsigned_division(t, o, true);
}

static operation *const operations[16] = {
	[BPF_ADD >> 4] = op_add,   [BPF_SUB >> 4] = op_sub, [BPF_MUL >> 4] = op_mul,
	[BPF_DIV >> 4] = op_div,   [BPF_OR >> 4] = op_or,   [BPF_AND >> 4] = op_and,
	[BPF_LSH >> 4] = op_lsh,   [BPF_RSH >> 4] = op_rsh, [BPF_NEG >> 4] = op_neg,
	[BPF_MOD >> 4] = op_mod,   [BPF_XOR >> 4] = op_xor, [BPF_MOV >> 4] = op_mov,
	[BPF_ARSH >> 4] = op_arsh,
};

static void write_wide(struct translate *t, LLVMValueRef value)
{
	if (LLVMTypeOf(value) != t->m->i64)
		value = LLVMBuildZExt(t->b, value, t->m->i64, "");
	translate_write(t, t->insn->dst_reg, value);
}

struct err *translate_alu(struct translate *t)
{
	bool is_64 = BPF_CLASS(t->insn->code) == BPF_ALU64;
	struct operands o = {.left = translate_read(t, t->insn->dst_reg),
			     .right = translate_source(t, is_64),
			     .type = is_64 ? t->m->i64 : t->m->i32,
			     .bits = is_64 ? 64 : 32};
	if (t->insn->dst_reg == BPF_REG_10)
		return translate_refuse(t, ERR_INTERNAL, "r10 is read-only");
	if (!is_64)
		o.left = LLVMBuildTrunc(t->b, o.left, o.type, "");
	write_wide(t, operations[BPF_OP(t->insn->code) >> 4](t, o));
	return NULL;
}

static LLVMValueRef swap(struct translate *t, LLVMValueRef value, LLVMTypeRef type)
{
	unsigned id = LLVMLookupIntrinsicID("llvm.bswap", strlen("llvm.bswap"));
	LLVMValueRef fn = LLVMGetIntrinsicDeclaration(t->m->module, id, &type, 1);
	LLVMTypeRef signature = LLVMIntrinsicGetType(t->m->context, id, &type, 1);
	return LLVMBuildCall2(t->b, signature, fn, &value, 1, "");
}

/* To big endian and bswap turn the bytes around; to little endian only cuts. */
struct err *translate_end(struct translate *t)
{
	LLVMTypeRef type = LLVMIntTypeInContext(t->m->context, (unsigned)t->insn->imm);
	LLVMValueRef value = translate_read(t, t->insn->dst_reg);
	bool swaps = BPF_CLASS(t->insn->code) == BPF_ALU64 || BPF_SRC(t->insn->code) == BPF_TO_BE;
	if (t->insn->dst_reg == BPF_REG_10)
		return translate_refuse(t, ERR_INTERNAL, "r10 is read-only");
	if (type != t->m->i64)
		value = LLVMBuildTrunc(t->b, value, type, "");
	write_wide(t, swaps ? swap(t, value, type) : value);
	return NULL;
}
