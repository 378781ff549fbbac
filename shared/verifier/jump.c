/*
 * Comparisons.
 *
 * [I1] A way that is not explored is impossible; then both compared numbers are precise, since another
 *      number could have gone there.
 * [I2] What a comparison teaches of one number depends on the other: each takes over the other's origins.
 * [I3] Two pointers into memory of the host compare as their offsets do: then both offsets are narrowed.
 */
#include "shared/verifier/jump.h"

#include "shared/verifier/alu.h"
#include "shared/verifier/host.h"
#include "shared/verifier/limit.h"
#include "shared/verifier/refine.h"
#include "shared/verifier/words.h"

struct sides {
	struct state_reg a, b; /* copies */
	bool is64;
	unsigned op;
};

static struct sides sides_of(struct check *c, const struct bpf_insn *insn)
{
	struct sides s = {.is64 = BPF_CLASS(insn->code) == BPF_JMP, .op = BPF_OP(insn->code)};
	s.a = *check_reg(c, insn->dst_reg);
	s.b = BPF_SRC(insn->code) == BPF_X
		      ? *check_reg(c, insn->src_reg)
		      : state_scalar(range_const((uint64_t)(int64_t)insn->imm));
	return s;
}

/* Both are the same number, by name: the comparison teaches nothing, but its outcome may be known. */
static bool is_self(const struct sides *s)
{
	return s->a.kind == STATE_SCALAR && s->b.kind == STATE_SCALAR && s->a.id != 0 &&
	       s->a.id == s->b.id;
}

static bool is_equality(unsigned op)
{
	return op == BPF_JEQ || op == BPF_JNE;
}

/* A pointer against the constant 0. */
static bool is_null_check(const struct sides *s)
{
	return s->is64 && is_equality(s->op) && state_is_pointer(&s->a) &&
	       s->b.kind == STATE_SCALAR && range_is(&s->b.range, 0);
}

static void numbers_ways(const struct sides *s, struct jump_ways *out)
{
	struct range a = s->a.range, b = s->b.range, a2 = a, b2 = b;
	out->may_take = refine_jump(s->op, s->is64, true, &a, &b);
	out->may_pass = refine_jump(s->op, s->is64, false, &a2, &b2);
}

static void null_ways(const struct sides *s, struct jump_ways *out)
{
	bool is_eq = s->op == BPF_JEQ;
	*out = (struct jump_ways){true, true};
	if (host_is(&s->a) && s->a.range.full.smin < 0)
		return; /* where that is, the host alone knows */
	if (!(state_flags(&s->a) & STATE_IS_NULL))
		*out = (struct jump_ways){!is_eq, is_eq}; /* never null */
}

/* Without a sign, addresses compare as offsets do where none of them can lie below the object: it may lie so
 * low that what is before it wraps. */
static bool is_ordered(const struct sides *s)
{
	bool is_signed =
		s->op == BPF_JSLT || s->op == BPF_JSLE || s->op == BPF_JSGT || s->op == BPF_JSGE;
	return is_signed || is_equality(s->op) ||
	       (s->a.range.full.smin >= 0 && s->b.range.full.smin >= 0);
}

/* The same for memory of the host, where a comparison teaches of both offsets. */
static bool refine_offsets(const struct sides *s, bool taken, struct range *a, struct range *b)
{
	const struct range bias = range_const((uint64_t)2 * HOST_MAX_OFFSET);
	*a = range_alu(BPF_ADD, true, false, &s->a.range, &bias);
	*b = range_alu(BPF_ADD, true, false, &s->b.range, &bias);
	if (!refine_jump(s->op, true, taken, a, b))
		return false;
	*a = range_alu(BPF_SUB, true, false, a, &bias);
	*b = range_alu(BPF_SUB, true, false, b, &bias);
	return true;
}

/* Two places in one object compare as their offsets do: decided where both are known, else open. */
static void offsets_ways(const struct sides *s, struct jump_ways *out)
{
	const struct range bias = range_const(2 * ALU_MAX_OFFSET); /* then no offset is negative */
	struct sides places = *s;
	*out = (struct jump_ways){true, true};
	if (host_is(&s->a) && !is_ordered(s))
		return;
	if (host_is(&s->a)) {
		struct range a, b;
		out->may_take = refine_offsets(s, true, &a, &b);
		out->may_pass = refine_offsets(s, false, &a, &b);
		return;
	}
	if (!range_is_const(&s->a.range) || !range_is_const(&s->b.range))
		return;
	places.a.range = range_alu(BPF_ADD, true, false, &s->a.range, &bias);
	places.b.range = range_alu(BPF_ADD, true, false, &s->b.range, &bias);
	numbers_ways(&places, out);
}

static struct err *reject_comparison(struct check *c, const struct sides *s)
{
	const struct state_reg *p = state_is_pointer(&s->a) ? &s->a : &s->b;
	if (state_flags(p) & STATE_IS_NULL)
		return check_reject(c, VERIFIER_NULL_POINTER,
				    "compare it with 0 first: if (!p) return 0;",
				    "%s is compared with %s before it was compared with 0",
				    words_of(c, p), words_of(c, p == &s->a ? &s->b : &s->a));
	return check_reject(c, VERIFIER_POINTER_LEAK,
			    "compare pointers with 0, or with pointers into the same object",
			    "comparing %s with %s would show where the first one lies",
			    words_of(c, p), words_of(c, p == &s->a ? &s->b : &s->a));
}

struct err *jump_ways(struct check *c, const struct bpf_insn *insn, struct jump_ways *out)
{
	TRY(check_readable(c, insn->dst_reg));
	if (BPF_SRC(insn->code) == BPF_X)
		TRY(check_readable(c, insn->src_reg));
	struct sides s = sides_of(c, insn);
	bool a = state_is_pointer(&s.a), b = state_is_pointer(&s.b);
	if (!a && !b) {
		numbers_ways(&s, out);
		if (out->may_take != out->may_pass) { /* [I1] */
			check_precise(c, &s.a);
			check_precise(c, &s.b);
		}
	} else if (is_null_check(&s)) {
		null_ways(&s, out);
		check_precise(c, &s.b); /* it is 0: that decides */
	} else if (a && b && s.is64 && s.op != BPF_JSET && alu_is_same_object(c, &s.a, &s.b)) {
		offsets_ways(&s, out);
	} else {
		return reject_comparison(c, &s);
	}
	return NULL;
}

/* ---- what a comparison teaches of sizes ---- */

struct order { /* of the first side to the second, where the jump is taken */
	bool is_known, is_swapped, is_equal;
	uint8_t strict;
	bool is_signed;
};

static const struct order orders[16] = {
	[BPF_JEQ >> 4] = {.is_known = true, .is_equal = true},
	[BPF_JLT >> 4] = {.is_known = true, .strict = 1},
	[BPF_JLE >> 4] = {.is_known = true},
	[BPF_JGT >> 4] = {.is_known = true, .is_swapped = true, .strict = 1},
	[BPF_JGE >> 4] = {.is_known = true, .is_swapped = true},
	[BPF_JSLT >> 4] = {.is_known = true, .strict = 1, .is_signed = true},
	[BPF_JSLE >> 4] = {.is_known = true, .is_signed = true},
	[BPF_JSGT >> 4] = {.is_known = true, .is_swapped = true, .strict = 1, .is_signed = true},
	[BPF_JSGE >> 4] = {.is_known = true, .is_swapped = true, .is_signed = true},
};

static struct order order_of(unsigned op, bool taken)
{
	struct order o = orders[op >> 4];
	if (op == BPF_JNE)
		return taken ? (struct order){0} : orders[BPF_JEQ >> 4];
	if (taken || !o.is_known)
		return o;
	if (o.is_equal)
		return (struct order){0};
	o.is_swapped = !o.is_swapped; /* not a < b: b <= a */
	o.strict = !o.strict;
	return o;
}

/* However they are read. */
static void learn_equal(struct check *c, struct state_reg *to, const struct state_reg *from,
			bool is64)
{
	limit_learn(c, to, from, is64 ? LIMIT_S64 : LIMIT_S32, 0);
	if (!state_is_pointer(to))
		limit_learn(c, to, from, is64 ? LIMIT_U64 : LIMIT_U32, 0);
}

/* One side is now known to be below the other: it has the other's limits. `b` is NULL where it is a constant. */
static void learn_order(struct check *c, const struct sides *s, bool taken, struct state_reg *a,
			struct state_reg *b)
{
	struct order o = order_of(s->op, taken);
	struct state_reg constant = s->b, *other = b ? b : &constant;
	enum limit_form form = s->is64 ? (o.is_signed ? LIMIT_S64 : LIMIT_U64)
				       : (o.is_signed ? LIMIT_S32 : LIMIT_U32);
	if (state_is_pointer(a))
		form = LIMIT_S64; /* offsets */
	if (o.is_equal) {
		learn_equal(c, a, other, s->is64);
		learn_equal(c, other, a, s->is64);
	} else if (o.is_known && o.is_swapped) {
		limit_learn(c, other, a, form, o.strict);
	} else if (o.is_known) {
		limit_learn(c, a, other, form, o.strict);
	}
	limit_raise(c, a);
	limit_raise(c, other);
}

static bool has_limit(const struct state_reg *r)
{
	return r->limits[0].of != 0;
}

struct acquired {
	struct check *c;
	struct state_reg from;
};

/* Copies of an acquired number, of another width, have the same low half. */
static void share_low(void *context, struct state_reg *r)
{
	struct acquired *a = context;
	struct range narrowed = r->range;
	if (r->kind != STATE_SCALAR || r->ref != a->from.ref || r->ref_bytes != 4 ||
	    !interval_meet(narrowed.low, a->from.range.low, &narrowed.low) ||
	    !range_settle(&narrowed) || range_equal(&narrowed, &r->range))
		return;
	r->range = narrowed;
	check_depend(a->c, r, &a->from); /* [I2] */
}

/* Whether anything was acquired may be known now. */
static void learn_acquired(struct check *c, const struct state_reg *r)
{
	const struct state_ref *ref = r->ref ? state_find_ref(c->state, r->ref) : NULL;
	struct acquired a = {c, *r};
	if (!ref)
		return;
	state_each(c->state, share_low, &a);
	struct range value = range_sign_extend(&r->range, ref->bytes);
	if (!ref->is_signed || value.full.smax >= 0)
		return;
	check_precise(c, r);
	state_drop_ref(c->state, ref->id);
}

static void learn(struct check *c, unsigned reg, const struct state_reg *old,
		  const struct range *range, const struct state_reg *other)
{
	struct state_reg *r = check_reg(c, reg);
	if (range_equal(range, &old->range))
		return;
	r->range = *range;
	check_depend(c, r, other); /* [I2] */
	check_share(c, r);
	learn_acquired(c, r);
}

static void learn_limits(struct check *c, const struct bpf_insn *insn, const struct sides *s,
			 bool taken)
{
	if (!has_limit(&s->a) && !has_limit(&s->b))
		return;
	struct state_reg *a = check_reg(c, insn->dst_reg);
	struct state_reg *b = BPF_SRC(insn->code) == BPF_X ? check_reg(c, insn->src_reg) : NULL;
	learn_order(c, s, taken, a, b);
	check_share(c, a);
	limit_share(c, a);
	if (b) {
		check_share(c, b);
		limit_share(c, b);
	}
}

/* Of two places in the same memory of the host. */
static void learn_offsets(struct check *c, const struct bpf_insn *insn, const struct sides *s,
			  bool taken)
{
	struct range a, b;
	if (!host_is(&s->a) || !host_is(&s->b) || !is_ordered(s) ||
	    !refine_offsets(s, taken, &a, &b))
		return;
	check_reg(c, insn->dst_reg)->range = a;
	check_reg(c, insn->src_reg)->range = b;
	learn_order(c, s, taken, check_reg(c, insn->dst_reg), check_reg(c, insn->src_reg));
	limit_share(c, check_reg(c, insn->dst_reg));
	limit_share(c, check_reg(c, insn->src_reg));
}

void jump_go(struct check *c, const struct bpf_insn *insn, bool taken)
{
	struct sides s = sides_of(c, insn);
	if (is_null_check(&s) && (state_flags(&s.a) & STATE_IS_NULL)) {
		if (range_is(&s.a.range, 0))
			state_settle_null(c->state, s.a.id, taken == (s.op == BPF_JEQ));
		return;
	}
	if (is_self(&s) || (BPF_SRC(insn->code) == BPF_X && insn->src_reg == insn->dst_reg))
		return;
	if (state_is_pointer(&s.a) || state_is_pointer(&s.b)) {
		learn_offsets(c, insn, &s, taken);
		return;
	}
	struct range a = s.a.range, b = s.b.range;
	if (!refine_jump(s.op, s.is64, taken, &a, &b))
		return;
	learn(c, insn->dst_reg, &s.a, &a, &s.b);
	if (BPF_SRC(insn->code) == BPF_X)
		learn(c, insn->src_reg, &s.b, &b, &s.a);
	learn_limits(c, insn, &s, taken);
}
