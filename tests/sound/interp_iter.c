/*
 * Number iterators: a slot of a frame that names a row of interp->iters. Each number that is handed out is an object of
 * its own, which dies when the next one comes; an iterator has to be destroyed before its frame ends.
 */
#include "tests/sound/interp_part.h"

#include "shared/bpf/kfunc.h"

#define MAX_LOOPS (1 << 23)

static struct interp_value *slot_at(struct interp *i)
{
	const struct interp_value *p = interp_reg(i, 1);
	if (p->kind == INTERP_POINTER && i->objects[p->object].place == INTERP_STACK &&
	    i->objects[p->object].is_alive && p->bits % 8 == 0 && p->bits <= INTERP_FRAME - 8)
		return &i->objects[p->object].frame->slots[p->bits / 8];
	interp_stop(i, INTERP_ARGUMENT, "r1 is no place for an iterator");
	return NULL;
}

static struct interp_iter *iter_at(struct interp *i)
{
	const struct interp_value *s = slot_at(i);
	if (!s)
		return NULL;
	if (s->kind == INTERP_ITERATOR && i->iters[s->bits].is_alive)
		return &i->iters[s->bits];
	interp_stop(i, INTERP_ARGUMENT, "r1 leads to no iterator");
	return NULL;
}

static bool make(struct interp *i, struct interp_value *r0)
{
	struct interp_value place = *interp_reg(i, 1), *slot = slot_at(i);
	int64_t start = (int32_t)interp_reg(i, 2)->bits, end = (int32_t)interp_reg(i, 3)->bits;
	if (!slot || !interp_memory(i, &place, 0, 8, true, false))
		return false;
	if (slot->kind == INTERP_ITERATOR && i->iters[slot->bits].is_alive)
		return interp_stop(i, INTERP_UNRELEASED, "an iterator is made over another");
	if (i->iters_count == INTERP_ITERS) {
		i->result.is_open = true;
		return interp_stop(i, INTERP_FINE, "too many iterators for this interpreter");
	}
	bool is_wrong = end<start, is_long = end - start> MAX_LOOPS;
	interp_wrote(i, &place, 0, 8);
	*slot = (struct interp_value){i->iters_count, 0, INTERP_ITERATOR};
	i->iters[i->iters_count++] = (struct interp_iter){.next = start,
							  .end = is_wrong || is_long ? start : end,
							  .frame = place.object,
							  .is_alive = true};
	*r0 = interp_number((uint64_t)(is_wrong ? -EINVAL : is_long ? -E2BIG : 0));
	return true;
}

static void end_number(struct interp *i, struct interp_iter *it)
{
	if (it->object)
		i->objects[it->object - 1].is_alive = false;
	it->object = 0;
}

static bool go_on(struct interp *i, struct interp_value *r0)
{
	struct interp_iter *it = iter_at(i);
	if (!it)
		return false;
	end_number(i, it);
	*r0 = interp_number(0);
	if (it->next >= it->end)
		return true;
	it->number = (int32_t)it->next++;
	uint32_t object = interp_object(i, INTERP_COUNTED, &it->number, sizeof it->number);
	if (object == UINT32_MAX)
		return false;
	i->objects[object].is_constant = true;
	it->object = object + 1;
	*r0 = (struct interp_value){0, object, INTERP_POINTER};
	return true;
}

static bool destroy(struct interp *i, struct interp_value *r0)
{
	struct interp_iter *it = iter_at(i);
	struct interp_value place = *interp_reg(i, 1);
	(void)r0;
	if (!it)
		return false;
	end_number(i, it);
	it->is_alive = false;
	interp_wrote(i, &place, 0, 8);
	memset(&i->objects[place.object].frame->init[place.bits], 0, 8);
	return true;
}

static bool check_argument(struct interp *i, const struct kfunc *k, unsigned n)
{
	static const struct verifier_insn_fact nothing = {0};
	const struct verifier_insn_fact *f = i->facts ? &i->facts[i->at] : &nothing;
	const struct interp_value *v = interp_reg(i, n + 1);
	if (!interp_readable(i, n + 1))
		return false;
	if (k->args[n] == KFUNC_ARG_INT && v->kind != INTERP_NUMBER)
		return interp_stop(i, INTERP_LEAK, "argument %u is no number", n + 1);
	if ((f->arg_on_stack & 1u << n) &&
	    (v->kind != INTERP_POINTER || v->object != interp_top(i)->object ||
	     (int64_t)v->bits - INTERP_FRAME != f->arg_stack_offset[n]))
		return interp_stop(i, INTERP_FACT, "argument %u is said to be at r10%d", n + 1,
				   f->arg_stack_offset[n]);
	if (f->arg_const[n] && (v->kind != INTERP_NUMBER || (int64_t)v->bits != f->arg_value[n]))
		return interp_stop(i, INTERP_FACT, "argument %u is said to be %ld", n + 1,
				   (long)f->arg_value[n]);
	return true;
}

static bool (*const runs[])(struct interp *i, struct interp_value *r0) = {
	[KFUNC_iter_num_new] = make,
	[KFUNC_iter_num_next] = go_on,
	[KFUNC_iter_num_destroy] = destroy,
};

bool interp_step_kfunc(struct interp *i, const struct bpf_insn *insn)
{
	uint32_t count;
	const struct object_extern *externs = object_externs(i->object, &count);
	const struct kfunc *k =
		(uint32_t)insn->imm < count ? kfunc_find(externs[insn->imm].name) : NULL;
	struct interp_value r0 = {.kind = INTERP_NONE};
	if (!k)
		return interp_stop(i, INTERP_BAD_INSN, "a call of nothing");
	if (!interp_lock_free(i, k->name))
		return false;
	for (unsigned n = 0; n < k->args_count; n++)
		if (!check_argument(i, k, n))
			return false;
	if (!runs[k->id](i, &r0))
		return false;
	memset(interp_reg(i, 0), 0, 6 * sizeof r0);
	*interp_reg(i, 0) = r0;
	return true;
}

bool interp_iters_gone(struct interp *i)
{
	for (uint32_t n = 0; n < i->iters_count; n++)
		if (i->iters[n].is_alive && i->iters[n].frame == interp_top(i)->object)
			return interp_stop(i, INTERP_UNRELEASED, "iterator %u is not destroyed", n);
	return true;
}

static void reset(struct interp *i)
{
	i->iters_count = 0;
}

const struct interp_part interp_part_iter = {NULL, 0, reset};
