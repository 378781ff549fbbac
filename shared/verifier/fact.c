/*
 * Facts. The compiler trusts them, so each is the meet over all visits, and a number that becomes a
 * fact is marked precise: a state may then only be pruned when it has that number too.
 *
 * [I1] A fact that is set holds on every execution of an accepted program.
 */
#include "shared/verifier/fact.h"

static struct verifier_insn_fact *current(struct check *c)
{
	return &c->verdict->facts[c->insn];
}

#define UNTOLD UINT8_MAX /* a base: no visit has told it yet */

void fact_reach(struct check *c)
{
	struct verifier_insn_fact *f = current(c);
	if (f->reached)
		return;
	f->reached = true;
	f->base = UNTOLD;
}

void fact_finish(struct verdict *v)
{
	for (uint32_t i = 0; i < v->insns_count; i++)
		if (v->facts[i].base == UNTOLD)
			v->facts[i].base = VERIFIER_BASE_OTHER;
}

static uint8_t base_of(const struct check *c, const struct state_reg *r)
{
	if (r->kind == STATE_STACK && r->frame + 1u != c->state->frames_count)
		return VERIFIER_BASE_OTHER; /* another frame's */
	return state_kinds[r->kind].base;
}

void fact_access(struct check *c, const struct state_reg *pointer, int32_t offset)
{
	struct verifier_insn_fact *f = current(c);
	uint8_t base = base_of(c, pointer);
	bool is_fixed = base != VERIFIER_BASE_OTHER && range_is_const(&pointer->range);
	int32_t at = (int32_t)pointer->range.bits.value + offset;
	if (f->base == UNTOLD) {
		f->base = base;
		f->has_offset = is_fixed;
		f->offset = is_fixed ? at : 0;
		return;
	}
	if (f->base != base)
		f->base = VERIFIER_BASE_OTHER;
	if (!is_fixed || f->base == VERIFIER_BASE_OTHER || f->offset != at)
		f->has_offset = false;
	if (!f->has_offset)
		f->offset = 0;
}

static void merge_map(struct verifier_insn_fact *f, bool is_first, const struct state_reg *r)
{
	bool is_inner = r->kind == STATE_INNER_MAP;
	if (is_first) {
		f->map = r->map;
		f->is_inner = is_inner;
	} else if (f->map != r->map || f->is_inner != is_inner) {
		f->map = VERIFIER_MIXED;
		f->is_inner = false;
	}
}

static void merge_stack(struct check *c, struct verifier_insn_fact *f, bool is_first, unsigned i,
			const struct state_reg *r)
{
	bool is_here = base_of(c, r) == VERIFIER_BASE_STACK && range_is_const(&r->range) &&
		       r->range.full.smin >= -STATE_FRAME_SIZE && r->range.full.smax <= 0;
	int16_t at = is_here ? (int16_t)r->range.bits.value : 0;
	uint8_t bit = (uint8_t)(1u << i);
	if (is_first)
		f->arg_stack_offset[i] = at;
	if (!is_here || f->arg_stack_offset[i] != at)
		f->arg_on_stack &= (uint8_t)~bit;
	if (!(f->arg_on_stack & bit))
		f->arg_stack_offset[i] = 0;
}

static void merge_const(struct check *c, struct verifier_insn_fact *f, bool is_first, unsigned i,
			const struct state_reg *r)
{
	bool is_const = r->kind == STATE_SCALAR && range_is_const(&r->range);
	int64_t value = is_const ? (int64_t)r->range.bits.value : 0;
	if (is_first) {
		f->arg_const[i] = is_const;
		f->arg_value[i] = value;
	} else if (!is_const || f->arg_value[i] != value) {
		f->arg_const[i] = false;
		f->arg_value[i] = 0;
	}
	if (f->arg_const[i])
		check_precise(c, r); /* [I1] */
}

bool fact_callback(struct check *c, uint32_t function)
{
	struct verifier_insn_fact *f = current(c);
	if (f->base == UNTOLD)
		f->callback = function;
	return f->callback == function;
}

void fact_call(struct check *c, const struct helper *h)
{
	struct verifier_insn_fact *f = current(c);
	bool is_first = f->base == UNTOLD;
	f->base = VERIFIER_BASE_OTHER;
	if (is_first) {
		f->arg_on_stack = 0x1f;
		f->map = VERIFIER_MIXED;
	}
	for (unsigned i = 0; i < 5; i++) {
		const struct state_reg *r = check_reg(c, i + 1);
		if (h->args[i] == HELPER_ARG_NONE) {
			f->arg_on_stack &= (uint8_t) ~(1u << i);
			continue;
		}
		if (h->args[i] == HELPER_ARG_MAP)
			merge_map(f, is_first, r);
		merge_stack(c, f, is_first, i, r);
		merge_const(c, f, is_first, i, r);
	}
}

void fact_runtime(struct check *c, unsigned args)
{
	struct verifier_insn_fact *f = current(c);
	bool is_first = f->base == UNTOLD;
	f->base = VERIFIER_BASE_OTHER;
	if (is_first)
		f->arg_on_stack = (uint8_t)((1u << args) - 1);
	for (unsigned i = 0; i < args; i++) {
		merge_stack(c, f, is_first, i, check_reg(c, i + 1));
		merge_const(c, f, is_first, i, check_reg(c, i + 1));
	}
}
