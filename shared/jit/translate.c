/*
 * The control flow of a function, and the instructions that are about it. Instructions that no path
 * reaches (a verifier's fact) become a return: they cost nothing, and should the fact be wrong,
 * control does not run into whatever lies behind.
 */
#include "shared/base/mem.h"
#include "shared/jit/translate.h"

static const struct verifier_insn_fact nothing_known = {.reached = true,
							.map = VERIFIER_MIXED,
							.callback = VERIFIER_MIXED};

struct err *translate_refuse(const struct translate *t, enum err_code code, const char *what)
{
	return err_new(code, "%.*s, instruction %u: %s", STR_FMT(t->function->name),
		       t->at - t->function->first, what);
}

/* ---- registers and frame ---- */
LLVMValueRef translate_frame(struct translate *t, int32_t offset)
{
	LLVMValueRef from_start = module_number(t->m, t->frame_bytes + offset);
	return LLVMBuildGEP2(t->b, t->m->i8, t->frame, &from_start, 1, "");
}

LLVMValueRef translate_read(struct translate *t, unsigned reg)
{
	if (reg == BPF_REG_10)
		return LLVMBuildPtrToInt(t->b, translate_frame(t, 0), t->m->i64, "");
	return LLVMBuildLoad2(t->b, t->m->i64, t->registers[reg], "");
}

void translate_write(struct translate *t, unsigned reg, LLVMValueRef value)
{
	LLVMBuildStore(t->b, value, t->registers[reg]);
}

LLVMValueRef translate_source(struct translate *t, bool is_64)
{
	LLVMValueRef value = BPF_SRC(t->insn->code) == BPF_X ? translate_read(t, t->insn->src_reg)
							     : module_number(t->m, t->insn->imm);
	return is_64 ? value : LLVMBuildTrunc(t->b, value, t->m->i32, "");
}

/* ---- blocks ---- */

/* The block at `offset` instructions after the next one, or NULL where that is outside. */
static LLVMBasicBlockRef block_at(struct translate *t, int64_t offset)
{
	int64_t index = (int64_t)(t->at - t->function->first) + 1 + offset;
	if (index < 0 || index >= t->function->count)
		return NULL;
	if (!t->blocks[index])
		t->blocks[index] = LLVMAppendBasicBlockInContext(t->m->context, t->fn, "");
	return t->blocks[index];
}

static bool is_open(struct translate *t)
{
	return !LLVMGetBasicBlockTerminator(LLVMGetInsertBlock(t->b));
}

static struct err *translate_goto(struct translate *t)
{
	LLVMBasicBlockRef to = block_at(t, insn_jump_offset(t->insn));
	if (!to)
		return translate_refuse(t, ERR_INTERNAL, "a jump leaves the function");
	LLVMBuildBr(t->b, to);
	return NULL;
}

static LLVMValueRef condition(struct translate *t)
{
	static const LLVMIntPredicate predicates[16] = {
		[BPF_JEQ >> 4] = LLVMIntEQ,   [BPF_JNE >> 4] = LLVMIntNE,
		[BPF_JGT >> 4] = LLVMIntUGT,  [BPF_JGE >> 4] = LLVMIntUGE,
		[BPF_JLT >> 4] = LLVMIntULT,  [BPF_JLE >> 4] = LLVMIntULE,
		[BPF_JSGT >> 4] = LLVMIntSGT, [BPF_JSGE >> 4] = LLVMIntSGE,
		[BPF_JSLT >> 4] = LLVMIntSLT, [BPF_JSLE >> 4] = LLVMIntSLE,
		[BPF_JSET >> 4] = LLVMIntNE,
	};
	bool is_64 = BPF_CLASS(t->insn->code) == BPF_JMP;
	LLVMTypeRef type = is_64 ? t->m->i64 : t->m->i32;
	LLVMValueRef left = translate_read(t, t->insn->dst_reg);
	LLVMValueRef right = translate_source(t, is_64);
	if (!is_64)
		left = LLVMBuildTrunc(t->b, left, type, "");
	if (BPF_OP(t->insn->code) == BPF_JSET) {
		left = LLVMBuildAnd(t->b, left, right, "");
		right = LLVMConstNull(type);
	}
	return LLVMBuildICmp(t->b, predicates[BPF_OP(t->insn->code) >> 4], left, right, "");
}

static struct err *translate_jump(struct translate *t)
{
	LLVMBasicBlockRef yes = block_at(t, t->insn->off), no = block_at(t, 0);
	if (!yes || !no)
		return translate_refuse(t, ERR_INTERNAL, "a jump leaves the function");
	LLVMBuildCondBr(t->b, condition(t), yes, no);
	return NULL;
}

static struct err *translate_exit(struct translate *t)
{
	LLVMBuildRet(t->b, translate_read(t, BPF_REG_0));
	return NULL;
}

/* ---- constants and calls ---- */
static struct err *map_index(const struct translate *t, uint32_t *out)
{
	uint32_t index = (uint32_t)t->insn->imm;
	if (index >= t->m->program->maps_count || index >= OBJECT_MAX_MAPS)
		return translate_refuse(t, ERR_INTERNAL, "no such map");
	*out = index;
	return NULL;
}

static struct err *global_data(struct translate *t, LLVMValueRef *out)
{
	uint32_t index = 0, offset = (uint32_t)t->insn[1].imm;
	TRY(map_index(t, &index));
	const struct object_map *map = &t->m->program->maps[index];
	if (offset > map->value_size)
		return translate_refuse(t, ERR_INTERNAL, "an offset outside of its section");
	LLVMValueRef base = module_map(t->m, index);
	LLVMValueRef at =
		module_number(t->m,
			      map->role == OBJECT_MAP_RODATA ? offset : RT_PAGE + (int64_t)offset);
	*out = LLVMBuildPtrToInt(t->b, LLVMBuildGEP2(t->b, t->m->i8, base, &at, 1, ""), t->m->i64,
				 "");
	return NULL;
}

/* A map as a register holds it: its number, and not 0. Only helper calls look at it. */
static struct err *map_itself(struct translate *t, LLVMValueRef *out)
{
	uint32_t index = 0;
	TRY(map_index(t, &index));
	*out = module_number(t->m, (int64_t)index + 1);
	return NULL;
}

static struct err *find_function(const struct translate *t, int64_t first, uint32_t *out)
{
	const struct jit_program *p = t->m->program;
	for (uint32_t i = 0; i < p->functions_count; i++)
		if (p->functions[i].first == first) {
			*out = i;
			return NULL;
		}
	return translate_refuse(t, ERR_INTERNAL, "a call of what is no function");
}

/* A function as a register holds it, likewise: whom a helper calls back is a fact, not a number. */
static struct err *function_itself(struct translate *t, LLVMValueRef *out)
{
	uint32_t index = 0;
	TRY(find_function(t, t->insn->imm, &index));
	*out = module_number(t->m, (int64_t)index + 1);
	return NULL;
}

static struct err *translate_ld_imm64(struct translate *t)
{
	LLVMValueRef value = module_number(t->m, (int64_t)insn_imm64(t->insn));
	if (t->at + 1 >= t->function->first + t->function->count)
		return translate_refuse(t, ERR_INTERNAL, "half an instruction");
	if (t->insn->src_reg == BPF_PSEUDO_MAP_FD)
		TRY(map_itself(t, &value));
	else if (t->insn->src_reg == BPF_PSEUDO_MAP_VALUE)
		TRY(global_data(t, &value));
	else if (t->insn->src_reg == BPF_PSEUDO_FUNC)
		TRY(function_itself(t, &value));
	else if (t->insn->src_reg != 0)
		return translate_refuse(t, ERR_UNSUPPORTED, "this kind of constant");
	translate_write(t, t->insn->dst_reg, value);
	return NULL;
}

static struct err *translate_local(struct translate *t)
{
	LLVMValueRef args[6];
	uint32_t index = 0;
	TRY(find_function(t, (int64_t)t->at + 1 + t->insn->imm, &index));
	LLVMValueRef callee = module_function(t->m, index);
	TRY_MEMORY(callee);
	for (unsigned i = 0; i < 5; i++)
		args[i] = translate_read(t, BPF_REG_1 + i);
	args[5] = LLVMGetParam(t->fn, 5);
	LLVMValueRef call = LLVMBuildCall2(t->b, t->m->function_type, callee, args, 6, "");
	LLVMSetInstructionCallConv(call, LLVMFastCallConv);
	translate_end_after_call(t);
	translate_write(t, BPF_REG_0, call);
	return NULL;
}

static struct err *translate_invalid(struct translate *t)
{
	return translate_refuse(t, ERR_INTERNAL, "no instruction of eBPF");
}

static struct err *translate_kfunc(struct translate *t)
{
	return translate_refuse(t, ERR_UNSUPPORTED, "calls of kernel functions are not supported");
}

static struct err *(*const classes[])(struct translate *t) = {
	[INSN_INVALID] = translate_invalid,  [INSN_ALU] = translate_alu,
	[INSN_END] = translate_end,	     [INSN_LD_IMM64] = translate_ld_imm64,
	[INSN_LOAD] = translate_load,	     [INSN_STORE] = translate_store,
	[INSN_ATOMIC_OP] = translate_atomic, [INSN_JUMP] = translate_jump,
	[INSN_GOTO] = translate_goto,	     [INSN_CALL_HELPER] = translate_helper,
	[INSN_CALL_LOCAL] = translate_local, [INSN_CALL_KFUNC] = translate_kfunc,
	[INSN_EXIT] = translate_exit,
};

/* ---- a function ---- */
static const struct verifier_insn_fact *fact_at(const struct module *m, uint32_t at)
{
	return m->program->facts ? &m->program->facts[at] : &nothing_known;
}

/*
 * Bytes for a frame: what the verifier proved that all frames together use, so each is large enough. The
 * optimiser removes what is known to be unused.
 */
static int32_t frame_bytes(const struct jit_program *p)
{
	uint32_t most = p->facts ? 8 : INSN_STACK_BYTES;
	for (uint32_t i = 0; p->facts && i < p->entries_count; i++)
		most = MAX(most, p->entries[i].stack_bytes);
	return (int32_t)(MIN(most, (uint32_t)INSN_STACK_BYTES) + 7) / 8 * 8;
}

static void make_frame(struct translate *t)
{
	LLVMTypeRef type = LLVMArrayType2(t->m->i8, (uint64_t)t->frame_bytes);
	t->frame = LLVMBuildAlloca(t->b, type, "frame");
	LLVMSetAlignment(t->frame, 8);
	for (unsigned i = 0; i < ARRAY_SIZE(t->registers); i++)
		t->registers[i] = LLVMBuildAlloca(t->b, t->m->i64, "");
	translate_end_begin(t);
	for (unsigned i = 0; i < ARRAY_SIZE(t->registers); i++)
		LLVMBuildStore(t->b,
			       i >= 1 && i <= 5 ? LLVMGetParam(t->fn, i - 1)
						: module_number(t->m, 0),
			       t->registers[i]);
}

/* Where something jumps to must be known before: a block that is open has to end there. */
static struct err *find_targets(struct translate *t)
{
	const struct object_function *f = t->function;
	const struct bpf_insn *insns = t->m->program->insns;
	for (t->at = f->first; t->at < f->first + f->count; t->at += insn_slots(&insns[t->at])) {
		const struct bpf_insn *insn = &insns[t->at];
		enum insn_kind kind = insn_kind(insn);
		if ((kind == INSN_JUMP || kind == INSN_GOTO) &&
		    !block_at(t, insn_jump_offset(insn)))
			return translate_refuse(t, ERR_INTERNAL, "a jump leaves the function");
		if (kind == INSN_JUMP && !block_at(t, 0))
			return translate_refuse(t, ERR_INTERNAL, "a jump leaves the function");
	}
	return NULL;
}

/* Goes on in the instruction's own block where it has one; false where nothing leads here. */
static bool begin_insn(struct translate *t)
{
	LLVMBasicBlockRef own = t->blocks[t->at - t->function->first];
	if (!own)
		return is_open(t);
	if (is_open(t))
		LLVMBuildBr(t->b, own);
	LLVMPositionBuilderAtEnd(t->b, own);
	return true;
}

static struct err *translate_insn(struct translate *t)
{
	if (!begin_insn(t))
		return NULL;
	if (!t->fact->reached) {
		LLVMBuildRet(t->b, module_number(t->m, 0));
		return NULL;
	}
	return classes[insn_kind(t->insn)](t);
}

static struct err *translate_body(struct translate *t)
{
	const struct object_function *f = t->function;
	for (t->at = f->first; t->at < f->first + f->count; t->at += insn_slots(t->insn)) {
		t->insn = &t->m->program->insns[t->at];
		t->fact = fact_at(t->m, t->at);
		TRY(translate_insn(t));
	}
	/* A jump into the middle of an ld_imm64, or no exit at the end. */
	for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(t->fn); b; b = LLVMGetNextBasicBlock(b))
		if (!LLVMGetBasicBlockTerminator(b))
			return err_new(ERR_INTERNAL, "%.*s: execution runs past the end",
				       STR_FMT(f->name));
	return NULL;
}

struct err *translate_function(struct module *m, uint32_t index)
{
	const struct object_function *f = &m->program->functions[index];
	if (f->count == 0 || f->first > m->program->insns_count ||
	    f->count > m->program->insns_count - f->first)
		return err_new(ERR_INTERNAL, "%.*s: no instructions", STR_FMT(f->name));
	OWNED(mem) void *blocks = mem_zalloc_array(f->count, sizeof(LLVMBasicBlockRef));
	TRY_MEMORY(blocks);
	struct translate t = {.m = m,
			      .function = f,
			      .b = m->builder,
			      .fn = m->functions[index],
			      .frame_bytes = frame_bytes(m->program),
			      .blocks = blocks};
	LLVMPositionBuilderAtEnd(t.b, LLVMAppendBasicBlockInContext(m->context, t.fn, ""));
	make_frame(&t);
	TRY(find_targets(&t));
	return translate_body(&t);
}
