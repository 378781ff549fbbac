/*
 * Helpers that call back.
 *
 *	bpf_loop(n, f, ctx, 0)			f(i, ctx)		i from 0 to n-1
 *	bpf_for_each_map_elem(m, f, ctx, 0)	f(m, key, value, ctx)	for each element
 *
 * A callback runs any number of times, also none, so one state has to stand for the beginning of each
 * round, and for what follows the last one: the state of the call, less all that a callback writes in
 * frames below its own. Which slots those are is found by walking the callback, again until no new one
 * is found (explore.c); the slots are finitely many.
 *
 * [I1] What a round finds in frames below is what the call found, or a number of the callback's in
 *      slots that callback_forget() was told of. Pointers are never stored there (memory.c).
 * [I2] References: a callback releases what it acquired, and nothing else; so each round begins with
 *      those of the call.
 */
#include "shared/verifier/callback.h"

#include "shared/verifier/host_call.h"
#include "shared/verifier/iter.h"
#include "shared/verifier/state_object.h"
#include "shared/verifier/words.h"

#define MAX_LOOPS (UINT64_C(1) << 23) /* more, and bpf_loop() refuses to begin */

/* ---- how often ---- */

static uint64_t loop_rounds(struct check *c, const struct state_reg args[5])
{
	struct range count = range_zero_extend(&args[0].range, 4);
	check_precise(c, &args[0]);
	return MIN(count.full.umax, MAX_LOOPS);
}

static uint64_t each_rounds(struct check *c, const struct state_reg args[5])
{
	return check_map_shape(c, &args[0])->max_entries;
}

/* ---- with what ---- */

static void loop_args(struct check *c, const struct callback *b, struct state_reg *regs)
{
	(void)c;
	regs[1] = state_scalar(range_unsigned(0, b->rounds - 1));
	regs[2] = b->args[2];
}

static void each_args(struct check *c, const struct callback *b, struct state_reg *regs)
{
	uint32_t map = b->args[0].map;
	regs[1] = b->args[0];
	regs[2] = (struct state_reg){.kind = STATE_KEY, .map = map, .range = range_const(0)};
	regs[3] = (struct state_reg){.kind = STATE_VALUE,
				     .map = map,
				     .id = check_new_id(c),
				     .range = range_const(0)};
	regs[4] = b->args[2];
}

static const struct caller {
	uint32_t helper;
	uint64_t (*rounds)(struct check *c, const struct state_reg args[5]);
	void (*set_args)(struct check *c, const struct callback *b, struct state_reg *regs);
} callers[] = {
	{BPF_FUNC_loop, loop_rounds, loop_args},
	{BPF_FUNC_for_each_map_elem, each_rounds, each_args},
};

static const struct caller *find_caller(uint32_t helper)
{
	size_t i = 0;
	while (i + 1 < ARRAY_SIZE(callers) && callers[i].helper != helper)
		i++;
	return &callers[i];
}

struct callback callback_of(struct check *c, uint32_t helper, const struct state_reg args[5])
{
	return (struct callback){helper, args, find_caller(helper)->rounds(c, args)};
}

/* ---- in and out ---- */

struct err *callback_enter(struct check *c, const struct callback *b)
{
	uint32_t callee = b->args[1].map, caller = state_top(c->state)->function;
	if (!state_push(c->state, callee, c->flow.insns[c->insn].next))
		return check_reject(c, VERIFIER_CALL_DEPTH,
				    "a callback cannot start itself; write a loop with a constant "
				    "bound inside",
				    "calls nest deeper than %d frames", STATE_FRAMES);
	c->frames_most = MAX(c->frames_most, c->state->frames_count);
	struct state_frame *f = state_top(c->state);
	f->is_callback = true;
	find_caller(b->helper)->set_args(c, b, f->regs);
	memset(&f[-1].regs[0], 0, 6 * sizeof f->regs[0]);
	check_calls(c, caller, callee);
	return NULL;
}

static struct err *reject_unreleased(struct check *c, uint32_t insn)
{
	const struct btf_line *line = object_line_at(c->object, insn);
	return check_reject(c, VERIFIER_UNRELEASED,
			    "call bpf_ringbuf_submit() or bpf_ringbuf_discard() in the callback",
			    "the record that the callback reserved at line %u (instruction %u) is "
			    "neither submitted nor discarded when it returns",
			    line ? line->line : 0, insn);
}

struct err *callback_leave(struct check *c)
{
	const struct state_reg *r0 = check_reg(c, 0);
	const struct state *s = c->state;
	uint32_t owner = state_callback(s);
	if (r0->kind != STATE_SCALAR)
		return check_reject(c, VERIFIER_BAD_RETURN,
				    "return 0 to go on with the next round, 1 to stop",
				    "the callback returns %s in r0, but must return a number",
				    words_of(c, r0));
	for (uint32_t i = 0; i < s->refs_count; i++)
		if (s->refs[i].owner == owner && s->refs[i].is_iterator)
			return iter_reject_undestroyed(c, &s->refs[i], "when the callback returns");
		else if (s->refs[i].owner == owner)
			return s->refs[i].by
				       ? host_call_reject_unreleased(c, &s->refs[i],
								     "when the callback returns")
				       : reject_unreleased(c, s->refs[i].insn);
	return NULL;
}

void callback_forget(struct state *s, const uint64_t written[STATE_FRAMES])
{
	for (uint32_t i = 0; i < s->frames_count; i++)
		for (uint64_t left = written[i]; left; left &= left - 1) {
			int offset = 8 * __builtin_ctzll(left) - STATE_FRAME_SIZE;
			state_object_overwrite(s, i, offset, 8);
			state_blur(&s->frames[i], offset, 8);
		}
}
