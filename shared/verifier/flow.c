/*
 * The shape of the code, function by function: kinds, then targets, then liveness backwards.
 *
 * [I1] After flow_init() without a fault: from each instruction of a function, `next` and `target` are
 *      starts of instructions of the same function, where the kind uses them.
 * [I2] `live` misses no register that some path reads: where the fixed point is not reached in
 *      LIVENESS_ROUNDS sweeps, all are live.
 */
#include "shared/verifier/flow.h"

#include "shared/base/mem.h"
#include "shared/bpf/fuel.h"

#define LIVENESS_ROUNDS 64
#define ALL_LIVE	0x7ff
#define CALL_WRITES	0x03f /* r0 … r5 */
#define BIT(reg)	(uint16_t)(1u << (reg))

static bool fault_at(struct flow_fault *fault, enum verifier_rule rule, uint32_t insn,
		     const char *message)
{
	*fault = (struct flow_fault){rule, insn, message};
	return false;
}

static bool is_imm64_tail(const struct bpf_insn *i)
{
	return i->code == 0 && i->dst_reg == 0 && i->src_reg == 0 && i->off == 0;
}

/* Kinds and where instructions start, of function `index`. */
static bool classify(struct flow *f, const struct bpf_insn *insns, const struct object_function *fn,
		     uint32_t index, struct flow_fault *fault)
{
	uint32_t end = fn->first + fn->count;
	if (fn->count == 0 || end < fn->first || end > f->count)
		return fault_at(fault, VERIFIER_BAD_JUMP, MIN(fn->first, f->count - 1),
				"the function has no instructions");
	for (uint32_t i = fn->first, next; i < end; i = next) {
		struct flow_insn *at = &f->insns[i];
		at->kind = (uint8_t)insn_kind(&insns[i]);
		at->is_start = true;
		at->function = index;
		at->next = next = i + insn_slots(&insns[i]);
		if (at->kind == INSN_INVALID)
			return fault_at(fault, VERIFIER_BAD_INSN, i,
					"this is no instruction of the eBPF instruction set");
		if (next > end || (next == i + 2 && !is_imm64_tail(&insns[i + 1])))
			return fault_at(
				fault, VERIFIER_BAD_INSN, i,
				"the 64-bit constant's second half is missing or malformed");
		if (next == i + 2)
			f->insns[i + 1].function = index;
	}
	return true;
}

static bool find_function(const struct object *object, uint32_t first, uint32_t *index)
{
	uint32_t count;
	const struct object_function *fns = object_functions(object, &count);
	for (uint32_t i = 0; i < count; i++) {
		if (fns[i].first == first) {
			*index = i;
			return true;
		}
	}
	return false;
}

static bool jump_target(struct flow *f, const struct bpf_insn *insn, uint32_t i,
			struct flow_fault *fault)
{
	int64_t target = (int64_t)i + 1 + insn_jump_offset(insn);
	if (target < 0 || target >= f->count || !f->insns[target].is_start ||
	    f->insns[target].function != f->insns[i].function)
		return fault_at(
			fault, VERIFIER_BAD_JUMP, i,
			"the jump leads out of its function, or into the middle of an instruction");
	f->insns[i].target = (uint32_t)target;
	f->insns[target].is_join = true;
	f->insns[target].is_head |= fuel_is_back(i, (uint32_t)target);
	return true;
}

static bool call_target(struct flow *f, const struct object *object, const struct bpf_insn *insn,
			uint32_t i, struct flow_fault *fault)
{
	int64_t target = (int64_t)i + 1 + insn->imm;
	if (target < 0 || target >= f->count ||
	    !find_function(object, (uint32_t)target, &f->insns[i].target))
		return fault_at(fault, VERIFIER_BAD_JUMP, i,
				"the call does not lead to the beginning of a function");
	return true;
}

static bool connect(struct flow *f, const struct object *object, const struct bpf_insn *insns,
		    const struct object_function *fn, struct flow_fault *fault)
{
	uint32_t end = fn->first + fn->count;
	for (uint32_t i = fn->first; i < end; i = f->insns[i].next) {
		struct flow_insn *at = &f->insns[i];
		bool jumps =
			at->kind == INSN_GOTO || at->kind == INSN_JUMP || at->kind == INSN_MAY_GOTO;
		if (jumps && !jump_target(f, &insns[i], i, fault))
			return false;
		if (at->kind == INSN_CALL_LOCAL && !call_target(f, object, &insns[i], i, fault))
			return false;
		if (at->next == end && at->kind != INSN_GOTO && at->kind != INSN_EXIT)
			return fault_at(fault, VERIFIER_BAD_JUMP, i,
					"the function may run past its end: a path has no return "
					"(the last instruction is neither exit nor goto)");
	}
	return true;
}

/* ---- liveness ---- */

static uint16_t helper_reads(const struct bpf_insn *insn)
{
	const struct helper *h = helper_find((uint32_t)insn->imm);
	uint16_t reads = 0;
	for (unsigned i = 0; i < 5; i++)
		if (!h || h->args[i] != HELPER_ARG_NONE)
			reads |= BIT(i + 1);
	return reads;
}

static bool reads_source(const struct bpf_insn *insn)
{
	return BPF_SRC(insn->code) == BPF_X;
}

/* The registers that the instruction reads, and those that it overwrites. */
static void uses(const struct bpf_insn *insn, enum insn_kind kind, uint16_t *reads,
		 uint16_t *writes)
{
	uint16_t dst = BIT(insn->dst_reg), src = BIT(insn->src_reg);
	*reads = *writes = 0;
	switch (kind) {
	case INSN_ALU:
		*writes = dst;
		*reads = (BPF_OP(insn->code) == BPF_MOV ? 0 : dst) |
			 (reads_source(insn) && BPF_OP(insn->code) != BPF_NEG ? src : 0);
		return;
	case INSN_END:
		*writes = *reads = dst;
		return;
	case INSN_LD_IMM64:
		*writes = dst;
		return;
	case INSN_LOAD:
		*writes = dst;
		*reads = src;
		return;
	case INSN_STORE:
		*reads = dst | (BPF_CLASS(insn->code) == BPF_STX ? src : 0);
		return;
	case INSN_ATOMIC_OP: /* what it fetches into is read as well: not worth a distinction */
		*reads = dst | src | (insn->imm == BPF_CMPXCHG ? BIT(0) : 0);
		return;
	case INSN_JUMP:
		*reads = dst | (reads_source(insn) ? src : 0);
		return;
	case INSN_CALL_HELPER:
		*reads = helper_reads(insn);
		*writes = CALL_WRITES;
		return;
	case INSN_CALL_LOCAL:
	case INSN_CALL_KFUNC:
		*reads = CALL_WRITES & (uint16_t)~BIT(0);
		*writes = CALL_WRITES;
		return;
	case INSN_EXIT:
		*reads = BIT(0);
		return;
	case INSN_GOTO:
	case INSN_MAY_GOTO:
	case INSN_INVALID:
		return;
	}
}

static uint16_t live_after(const struct flow *f, uint32_t i, uint32_t end)
{
	const struct flow_insn *at = &f->insns[i];
	uint16_t live = 0;
	if (at->kind == INSN_GOTO || at->kind == INSN_JUMP || at->kind == INSN_MAY_GOTO)
		live |= f->insns[at->target].live;
	if (at->kind != INSN_GOTO && at->kind != INSN_EXIT && at->next < end)
		live |= f->insns[at->next].live;
	return live;
}

static bool sweep(struct flow *f, const struct bpf_insn *insns, const struct object_function *fn)
{
	bool changed = false;
	uint32_t end = fn->first + fn->count;
	for (uint32_t i = end; i-- > fn->first;) {
		if (!f->insns[i].is_start)
			continue;
		uint16_t reads, writes;
		uses(&insns[i], f->insns[i].kind, &reads, &writes);
		uint16_t live = (uint16_t)((live_after(f, i, end) & ~writes) | reads);
		changed |= live != f->insns[i].live;
		f->insns[i].live = live;
	}
	return changed;
}

static void find_live(struct flow *f, const struct bpf_insn *insns,
		      const struct object_function *fn)
{
	for (int round = 0; round < LIVENESS_ROUNDS; round++)
		if (!sweep(f, insns, fn))
			return;
	for (uint32_t i = fn->first; i < fn->first + fn->count; i++)
		f->insns[i].live = ALL_LIVE; /* [I2] */
}

/* ---- all of it ---- */

struct err *flow_init(const struct object *object, struct flow *out, struct flow_fault *fault)
{
	uint32_t functions;
	const struct object_function *fns = object_functions(object, &functions);
	const struct bpf_insn *insns = object_insns(object, &out->count);
	*fault = (struct flow_fault){0};
	out->insns = mem_zalloc_array(out->count, sizeof *out->insns);
	TRY_MEMORY(out->insns);
	for (uint32_t i = 0; i < out->count; i++)
		out->insns[i].function = FLOW_NO_FUNCTION;
	for (uint32_t i = 0; i < functions; i++)
		if (!classify(out, insns, &fns[i], i, fault))
			return NULL;
	for (uint32_t i = 0; i < functions; i++) {
		if (!connect(out, object, insns, &fns[i], fault))
			return NULL;
		find_live(out, insns, &fns[i]);
	}
	return NULL;
}

void flow_fini(struct flow *f)
{
	mem_free(f->insns);
	*f = (struct flow){0};
}
