/*
 * The loop over instructions, and the small ones. The rest by subject: interp_memory.c, interp_number.c,
 * interp_call.c; what helpers do: interp_helper.c and the parts (interp_part.tbl.h).
 *
 * [I1] Every step either goes on, ends the run, or notes exactly one trap.
 */
#include "shared/bpf/kfunc.h"
#include "tests/sound/interp_part.h"

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
	[INTERP_LOCK] = "spin-lock",
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

static bool step_imm64(struct interp *i, const struct bpf_insn *insn)
{
	struct interp_value *dst = interp_reg(i, insn->dst_reg);
	if (!interp_writable(i, insn->dst_reg))
		return false;
	*dst = interp_number(insn_imm64(insn));
	if (insn->src_reg == BPF_PSEUDO_MAP_FD) {
		*dst = (struct interp_value){(uint32_t)insn->imm, 0, INTERP_MAP};
	} else if (insn->src_reg == BPF_PSEUDO_MAP_VALUE) {
		struct interp_element *e = &i->maps[insn->imm].elements[0];
		*dst = (struct interp_value){(uint32_t)insn[1].imm, e->object - 1, INTERP_POINTER};
	} else if (insn->src_reg == BPF_PSEUDO_FUNC) {
		*dst = (struct interp_value){(uint32_t)insn->imm, 0, INTERP_FUNCTION};
	} else if (insn->src_reg == BPF_PSEUDO_BTF_ID) {
		return interp_host_variable(i, insn->imm, dst);
	} else if (insn->src_reg != 0) {
		return interp_stop(i, INTERP_BAD_INSN, "an unknown kind of constant");
	}
	return true;
}

static bool step_goto(struct interp *i, const struct bpf_insn *insn)
{
	i->next = (uint32_t)((int64_t)i->at + 1 + insn_jump_offset(insn));
	return true;
}

/* When it jumps is not modelled, only that it may. */
static bool step_may_goto(struct interp *i, const struct bpf_insn *insn)
{
	i->result.is_open = true;
	if (i->result.count * 2 >= i->limit || (i->seed + i->result.count) % 64 == 0)
		return step_goto(i, insn);
	return true;
}

static bool step_invalid(struct interp *i, const struct bpf_insn *insn)
{
	return interp_stop(i, INTERP_BAD_INSN, "opcode %#x", insn->code);
}

/* ---- the loop ---- */
/* A function of the runtime, or else of the host. */
static bool step_by_name(struct interp *i, const struct bpf_insn *insn)
{
	uint32_t count;
	const struct object_extern *externs = object_externs(i->object, &count);
	if ((uint32_t)insn->imm < count && kfunc_find(externs[insn->imm].name))
		return interp_step_kfunc(i, insn);
	return interp_step_extern(i, insn);
}

static bool (*const steps[])(struct interp *i, const struct bpf_insn *insn) = {
	[INSN_INVALID] = step_invalid,
	[INSN_ALU] = interp_step_alu,
	[INSN_END] = interp_step_end,
	[INSN_LD_IMM64] = step_imm64,
	[INSN_LOAD] = interp_step_load,
	[INSN_STORE] = interp_step_store,
	[INSN_ATOMIC_OP] = interp_step_atomic,
	[INSN_JUMP] = interp_step_jump,
	[INSN_GOTO] = step_goto,
	[INSN_MAY_GOTO] = step_may_goto,
	[INSN_CALL_HELPER] = interp_call,
	[INSN_CALL_LOCAL] = interp_step_local,
	[INSN_CALL_KFUNC] = step_by_name,
	[INSN_EXIT] = interp_step_exit,
};

static const struct interp_part *const parts[] = {
#define PART(name) &interp_part_##name,
#include "tests/sound/interp_part.tbl.h"
#undef PART
};

void interp_reset(struct interp *i, const struct object *object)
{
	i->object = object;
	i->insns = object_insns(object, &i->insns_count);
	i->objects_count = i->records_count = i->frames_count = 0;
	for (size_t n = 0; n < ARRAY_SIZE(parts); n++)
		if (parts[n]->reset)
			parts[n]->reset(i);
}

static bool step(struct interp *i)
{
	if (i->at >= i->insns_count)
		return interp_stop(i, INTERP_BAD_INSN, "execution leaves the code");
	const struct bpf_insn *insn = &i->insns[i->at];
	if (i->facts && !i->facts[i->at].reached)
		return interp_stop(i, INTERP_FACT, "the instruction is said to be dead");
	if (i->result.count == i->limit && i->is_metered) {
		i->result.has_ended = true;
		i->next = UINT32_MAX;
		return true;
	}
	if (i->result.count == i->limit)
		return interp_stop(i, INTERP_TOO_LONG, "the proved worst case is %lu",
				   (unsigned long)i->limit);
	i->result.count++;
	if (i->at < INTERP_INSNS)
		i->visits[i->at]++;
	i->next = i->at + insn_slots(insn);
	enum insn_kind kind = insn_kind(insn);
	if (!steps[kind](i, insn))
		return false;
	bool jumps = kind == INSN_JUMP || kind == INSN_GOTO || kind == INSN_MAY_GOTO;
	return !jumps || i->next > i->at || interp_may_end(i);
}

void interp_run(struct interp *i, const struct object_function *entry)
{
	i->result = (struct interp_result){0};
	i->frames_count = 0;
	uint32_t size = i->world ? 8 * world_entries[i->entry].params : INTERP_CTX;
	uint32_t ctx = interp_object(i, INTERP_CONTEXT, i->ctx, size);
	if (ctx == UINT32_MAX || !interp_push(i, UINT32_MAX))
		return;
	i->objects[ctx].is_constant = true;
	*interp_reg(i, 1) = (struct interp_value){0, ctx, INTERP_POINTER};
	i->at = entry->first;
	while (step(i) && i->next != UINT32_MAX)
		i->at = i->next;
}
