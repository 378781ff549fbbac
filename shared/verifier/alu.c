/*
 * Arithmetic on registers.
 *
 * [I1] A pointer's offset has bounds within ±ALU_MAX_OFFSET, always; into memory of the host whose size an
 *      argument says, within ±HOST_MAX_OFFSET.
 * [I2] A number that moves a pointer is precise: what is reachable through the pointer depends on it.
 * [I3] No operation turns a pointer into a number, except the distance of two in the same object.
 */
#include "shared/verifier/alu.h"

#include "shared/verifier/host.h"
#include "shared/verifier/limit.h"
#include "shared/verifier/words.h"

static bool is64(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_ALU64;
}

bool alu_is_same_object(const struct check *c, const struct state_reg *a, const struct state_reg *b)
{
	bool is_host_memory = state_kinds[a->kind].not_null == STATE_HOST_MEM;
	uint8_t kind = is_host_memory ? state_kinds[b->kind].not_null : b->kind;
	if ((is_host_memory ? STATE_HOST_MEM : a->kind) != kind || a->map != b->map ||
	    a->id != b->id)
		return false;
	switch ((enum state_kind)a->kind) {
	case STATE_STACK:
		return a->frame == b->frame;
	case STATE_CTX:
	case STATE_RECORD:
	case STATE_SLICE:
	case STATE_PARAM: /* an id names one parameter */
	case STATE_CONST_PARAM:
	case STATE_HOST_STRUCT:
	case STATE_HOST_MEM:
	case STATE_HOST_MEM_OR_NULL:
	case STATE_HOST_VAR:
		return true;
	case STATE_VALUE: /* an id names one element; globals have but one */
		return a->id != 0 || c->maps[a->map].role != OBJECT_MAP_DECLARED;
	case STATE_NONE:
	case STATE_SCALAR:
	case STATE_MAP:
	case STATE_INNER_MAP:
	case STATE_INNER_MAP_OR_NULL:
	case STATE_FUNCTION:
	case STATE_KEY:
	case STATE_VALUE_OR_NULL:
	case STATE_RECORD_OR_NULL:
	case STATE_DYNPTR:
	case STATE_DYNPTR_RECORD:
	case STATE_ITERATOR:
	case STATE_INTEGER:
	case STATE_INTEGER_OR_NULL:
	case STATE_SLICE_OR_NULL:
	case STATE_PARAM_OR_NULL:
	case STATE_CONST_PARAM_OR_NULL:
	case STATE_HOST_STRUCT_OR_NULL:
	case STATE_HANDLE:
	case STATE_HANDLE_OR_NULL:
		return false;
	}
	return false;
}

/* ---- pointers ---- */

static struct err *reject_arithmetic(struct check *c, const struct bpf_insn *insn)
{
	const struct state_reg *r = check_reg(c, insn->dst_reg);
	unsigned reg = insn->dst_reg;
	if (!state_is_pointer(r)) {
		reg = insn->src_reg;
		r = check_reg(c, reg);
	}
	return check_reject(
		c, VERIFIER_BAD_POINTER_ARITHMETIC,
		"only a 64-bit sum or difference with a number keeps a pointer usable",
		"r%u is %s: after this operation nothing would be known of where it points", reg,
		words_of(c, r));
}

static struct err *check_movable(struct check *c, unsigned reg, const struct state_reg *p)
{
	if (state_flags(p) & STATE_IS_OFFSET)
		return NULL;
	if (state_flags(p) & STATE_IS_NULL)
		return check_reject(c, VERIFIER_NULL_POINTER,
				    "compare it with 0 before adding to it",
				    "r%u is %s: nothing can be added to it yet", reg,
				    words_of(c, p));
	return check_reject(c, VERIFIER_BAD_POINTER_ARITHMETIC, NULL,
			    "r%u is %s: nothing can be added to that", reg, words_of(c, p));
}

static int64_t max_offset(const struct state_reg *p)
{
	return state_kinds[p->kind].not_null == STATE_HOST_MEM ? HOST_MAX_OFFSET : ALU_MAX_OFFSET;
}

static struct err *check_offset(struct check *c, unsigned reg, const struct state_reg *p,
				const struct state_reg *number)
{
	if (p->range.full.smin >= -max_offset(p) && p->range.full.smax <= max_offset(p))
		return NULL;
	return check_reject(c, VERIFIER_BAD_POINTER_ARITHMETIC,
			    "check the number against its limit before it is added: "
			    "if (i >= MAX) return 0;",
			    "%s is added to the %s in r%u: the result could point anywhere",
			    words_of(c, number), state_kinds[p->kind].words, reg);
}

/* … of the host, whose size an argument says. */
static void move_in_memory(const struct state_reg *pointer, const struct state_reg *number,
			   bool is_sum, struct state_reg *result)
{
	struct state_reg from = *pointer;
	int64_t by = (int64_t)number->range.bits.value;
	result->link = 0;
	if (range_is_const(&number->range))
		limit_add_constant(&from, is_sum ? by : -by, true, result);
	limit_move(&from, number, is_sum, result);
}

/* pointer ± number, or number + pointer */
static struct err *move_pointer(struct check *c, const struct bpf_insn *insn,
				const struct state_reg *src)
{
	unsigned op = BPF_OP(insn->code);
	struct state_reg *dst = check_reg(c, insn->dst_reg);
	bool is_left = state_is_pointer(dst);
	struct state_reg number = is_left ? *src : *dst, result = is_left ? *dst : *src;
	unsigned reg = is_left ? insn->dst_reg : insn->src_reg;
	if (!is64(insn) || !(op == BPF_ADD || (op == BPF_SUB && is_left)))
		return reject_arithmetic(c, insn);
	TRY(check_movable(c, reg, &result));
	check_precise(c, &number); /* [I2] */
	struct state_reg by = number;
	if (by.range.full.smin < -max_offset(&result) || by.range.full.smax > max_offset(&result))
		by.range = range_unknown(); /* … which check_offset() refuses */
	result.range = range_alu(op, true, false, &result.range, &by.range);
	TRY(check_offset(c, reg, &result, &number)); /* [I1] */
	if (state_kinds[result.kind].not_null == STATE_HOST_MEM)
		move_in_memory(is_left ? dst : src, &number, op == BPF_ADD, &result);
	*dst = result;
	return NULL;
}

/* The distance of two pointers into the same object. */
static struct err *distance(struct check *c, const struct bpf_insn *insn,
			    const struct state_reg *src)
{
	struct state_reg *dst = check_reg(c, insn->dst_reg);
	if (!is64(insn) || BPF_OP(insn->code) != BPF_SUB)
		return reject_arithmetic(c, insn);
	if (!alu_is_same_object(c, dst, src))
		return check_reject(c, VERIFIER_POINTER_LEAK,
				    "subtract only pointers into the same object",
				    "the distance of %s and %s would show where they lie",
				    words_of(c, dst), words_of(c, src));
	struct state_reg result =
		state_scalar(range_alu(BPF_SUB, true, false, &dst->range, &src->range));
	limit_distance(dst, src, &result);
	*dst = result;
	return NULL;
}

/* ---- numbers ---- */

/* A number and a constant: the sum stays in the number's family. */
static void link_sum(const struct bpf_insn *insn, const struct state_reg *dst,
		     const struct state_reg *src, struct state_reg *result)
{
	unsigned op = BPF_OP(insn->code);
	int64_t by = (int64_t)src->range.bits.value;
	result->link = 0;
	if (!range_is_const(&src->range) || (op != BPF_ADD && op != BPF_SUB))
		return;
	if (!is64(insn))
		by = (int32_t)by;
	limit_add_constant(dst, op == BPF_ADD ? by : -by, is64(insn), result);
}

static void compute(struct check *c, const struct bpf_insn *insn, const struct state_reg *src)
{
	struct state_reg *dst = check_reg(c, insn->dst_reg), result = *dst;
	struct range zero = range_const(0);
	if (BPF_OP(insn->code) == BPF_NEG) {
		result.range = range_alu(BPF_SUB, is64(insn), false, &zero, &dst->range);
		memset(result.limits, 0, sizeof result.limits);
		result.link = 0;
	} else {
		result.range = range_alu(BPF_OP(insn->code), is64(insn), insn->off == 1,
					 &dst->range, &src->range);
		check_depend(c, &result, src);
		limit_alu(BPF_OP(insn->code), is64(insn), insn->off == 1, dst, src, &result);
		link_sum(insn, dst, src, &result);
	}
	result.id = 0;
	result.ref = result.ref_bytes = 0;
	*dst = result;
}

/* Both names of one number are linked, so that a check of one teaches about the other. */
static void link_copy(struct check *c, struct state_reg *from)
{
	if (from->kind == STATE_SCALAR && from->id == 0 && !range_is_const(&from->range))
		from->id = check_new_id(c);
	limit_link(c, from);
}

static struct err *move(struct check *c, const struct bpf_insn *insn, struct state_reg *src)
{
	struct state_reg result;
	unsigned bytes = insn->off ? (unsigned)insn->off / 8 : is64(insn) ? 8 : 4;
	if (bytes < 8 && state_is_pointer(src))
		return check_reject(c, VERIFIER_POINTER_LEAK, "keep pointers in 64-bit variables",
				    "a part of %s would be seen as a number", words_of(c, src));
	if (BPF_SRC(insn->code) == BPF_X)
		link_copy(c, src);
	result = *src;
	if (src->kind == STATE_SCALAR) {
		if (insn->off)
			result.range = range_sign_extend(&src->range, bytes);
		if (!is64(insn))
			result.range = range_zero_extend(&result.range, 4);
		if (insn->off || !range_equal(&result.range, &src->range))
			result.id = result.link = 0;
		limit_cut(src, bytes, insn->off != 0, &result);
		if (insn->off && !is64(insn)) /* cut twice */
			memset(result.limits, 0, sizeof result.limits);
		state_cut(&result, bytes);
	}
	*check_reg(c, insn->dst_reg) = result;
	return NULL;
}

/* ---- instructions ---- */

struct err *alu_step(struct check *c, const struct bpf_insn *insn)
{
	unsigned op = BPF_OP(insn->code);
	struct state_reg immediate = state_scalar(range_const((uint64_t)(int64_t)insn->imm));
	struct state_reg *src = &immediate, *dst = check_reg(c, insn->dst_reg);
	TRY(check_writable(c, insn->dst_reg));
	if (BPF_SRC(insn->code) == BPF_X && op != BPF_NEG) {
		TRY(check_readable(c, insn->src_reg));
		src = check_reg(c, insn->src_reg);
	}
	if (op == BPF_MOV)
		return move(c, insn, src);
	TRY(check_readable(c, insn->dst_reg));
	if (op == BPF_NEG && state_is_pointer(dst))
		return reject_arithmetic(c, insn);
	if (state_is_pointer(dst) && state_is_pointer(src))
		return distance(c, insn, src);
	if (state_is_pointer(dst) || state_is_pointer(src))
		return move_pointer(c, insn, src);
	compute(c, insn, src);
	return NULL;
}

struct err *alu_swap(struct check *c, const struct bpf_insn *insn)
{
	TRY(check_writable(c, insn->dst_reg));
	TRY(check_readable(c, insn->dst_reg));
	struct state_reg *dst = check_reg(c, insn->dst_reg);
	if (state_is_pointer(dst))
		return reject_arithmetic(c, insn);
	bool swaps = is64(insn) || BPF_SRC(insn->code) == BPF_TO_BE;
	dst->range = swaps ? range_swap(&dst->range, (unsigned)insn->imm)
			   : range_zero_extend(&dst->range, (unsigned)insn->imm / 8);
	dst->id = dst->link = 0;
	memset(dst->limits, 0, sizeof dst->limits);
	state_cut(dst, swaps ? 0 : (unsigned)insn->imm / 8);
	return NULL;
}

/* ---- 64-bit constants ---- */

static struct err *constant_map(struct check *c, const struct bpf_insn *insn, struct state_reg *out)
{
	if (insn->imm < 0 || (uint32_t)insn->imm >= c->maps_count || insn[1].imm != 0)
		return check_reject(c, VERIFIER_BAD_INSN, NULL, "there is no map %d", insn->imm);
	*out = (struct state_reg){.kind = STATE_MAP,
				  .map = (uint32_t)insn->imm,
				  .range = range_const(0)};
	return NULL;
}

static struct err *constant_function(struct check *c, const struct bpf_insn *insn,
				     struct state_reg *out)
{
	for (uint32_t i = 0; i < c->functions_count; i++) {
		if (insn->imm < 0 || c->functions[i].first != (uint32_t)insn->imm || insn[1].imm)
			continue;
		*out = (struct state_reg){.kind = STATE_FUNCTION,
					  .map = i,
					  .range = range_const(0)};
		return NULL;
	}
	return check_reject(c, VERIFIER_BAD_INSN, NULL, "no function begins at instruction %d",
			    insn->imm);
}

static struct err *constant_global(struct check *c, const struct bpf_insn *insn,
				   struct state_reg *out)
{
	if (insn->imm < 0 || (uint32_t)insn->imm >= c->maps_count ||
	    c->maps[insn->imm].role == OBJECT_MAP_DECLARED || insn[1].imm < 0 ||
	    (uint32_t)insn[1].imm > c->maps[insn->imm].value_size)
		return check_reject(c, VERIFIER_BAD_INSN, NULL,
				    "there is no global variable at byte %d of map %d", insn[1].imm,
				    insn->imm);
	*out = (struct state_reg){.kind = STATE_VALUE,
				  .map = (uint32_t)insn->imm,
				  .range = range_const((uint32_t)insn[1].imm)};
	return NULL;
}

struct err *alu_constant(struct check *c, const struct bpf_insn *insn)
{
	struct state_reg value = state_scalar(range_const(insn_imm64(insn)));
	TRY(check_writable(c, insn->dst_reg));
	if (insn->src_reg == BPF_PSEUDO_MAP_FD)
		TRY(constant_map(c, insn, &value));
	else if (insn->src_reg == BPF_PSEUDO_MAP_VALUE)
		TRY(constant_global(c, insn, &value));
	else if (insn->src_reg == BPF_PSEUDO_FUNC)
		TRY(constant_function(c, insn, &value));
	else if (insn->src_reg == BPF_PSEUDO_BTF_ID)
		TRY(host_variable(c, insn, &value));
	else if (insn->src_reg != 0)
		return check_reject(c, VERIFIER_UNSUPPORTED, NULL,
				    "this kind of 64-bit constant (%u) is not supported",
				    insn->src_reg);
	*check_reg(c, insn->dst_reg) = value;
	return NULL;
}
