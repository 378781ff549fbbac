/*
 * Functions of the program: calls, callbacks, returns.
 */
#include "tests/sound/interp_part.h"

/* ---- functions ---- */
bool interp_push(struct interp *i, uint32_t return_to)
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
	f->deepest = 0;
	f->round = (struct interp_round){0};
	f->regs[10] = (struct interp_value){INTERP_FRAME, object, INTERP_POINTER};
	i->objects[object].frame = f;
	i->frames_count++;
	return true;
}

bool interp_step_local(struct interp *i, const struct bpf_insn *insn)
{
	struct interp_frame *caller = interp_top(i);
	if (!interp_push(i, i->at + 1))
		return false;
	memcpy(&interp_top(i)->regs[1], &caller->regs[1], 5 * sizeof caller->regs[0]);
	memset(&caller->regs[0], 0, 6 * sizeof caller->regs[0]);
	i->next = (uint32_t)((int64_t)i->at + 1 + insn->imm);
	return true;
}

/* ---- functions that are called back ---- */
static bool check_released(struct interp *i, uint32_t records, uint32_t held)
{
	for (uint32_t n = records; n < i->records_count; n++)
		if (i->records[n].is_busy)
			return interp_stop(i, INTERP_UNRELEASED, "record %u is still held", n);
	return interp_host_released(i, held);
}

bool interp_may_end(struct interp *i)
{
	return !i->is_metered || check_released(i, 0, 0);
}

static bool begin_round(struct interp *i, struct interp_round *round, uint32_t return_to)
{
	if (!round->caller->find(i, round)) {
		*interp_reg(i, 0) = interp_number(round->called);
		i->next = return_to;
		return true;
	}
	if (!interp_may_end(i) || !interp_push(i, return_to))
		return false;
	round->called++;
	i->next = round->first;
	if (!round->caller->set_args(i, round))
		return false;
	interp_top(i)->round = *round;
	return true;
}

bool interp_enter(struct interp *i, const struct interp_round *round)
{
	struct interp_round first = *round;
	memset(interp_reg(i, 0), 0, 6 * sizeof(struct interp_value));
	return begin_round(i, &first, i->at + 1);
}

static bool leave_round(struct interp *i)
{
	struct interp_frame *f = interp_top(i);
	struct interp_round round = f->round;
	struct interp_value r0 = f->regs[0];
	if (!interp_readable(i, 0))
		return false;
	if (r0.kind != INTERP_NUMBER)
		return interp_stop(i, INTERP_LEAK, "a callback returns a pointer");
	if (!interp_lock_free(i, "a callback ends") ||
	    !check_released(i, round.records, round.held))
		return false;
	i->objects[f->object].is_alive = false;
	i->frames_count--;
	if (r0.bits == 0)
		return begin_round(i, &round, f->return_to);
	*interp_reg(i, 0) = interp_number(round.called);
	i->next = f->return_to;
	return true;
}

static bool leave(struct interp *i)
{
	const struct interp_value *r0 = interp_reg(i, 0);
	if (!interp_readable(i, 0))
		return false;
	if (r0->kind != INTERP_NUMBER)
		return interp_stop(i, INTERP_LEAK, "the entry returns a pointer");
	if (!interp_lock_free(i, "the entry ends") || !check_released(i, 0, 0) ||
	    !interp_host_leave(i, r0->bits))
		return false;
	i->result.r0 = r0->bits;
	i->next = UINT32_MAX;
	return true;
}

bool interp_step_exit(struct interp *i, const struct bpf_insn *insn)
{
	(void)insn;
	if (!interp_iters_gone(i))
		return false;
	if (i->frames_count == 1)
		return leave(i);
	if (interp_top(i)->round.caller)
		return leave_round(i);
	struct interp_frame *f = interp_top(i);
	i->objects[f->object].is_alive = false;
	f[-1].regs[0] = f->regs[0];
	i->next = f->return_to;
	i->frames_count--;
	return true;
}
