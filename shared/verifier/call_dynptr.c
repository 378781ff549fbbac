/*
 * Dynptrs as arguments. What a dynptr points to is known to the runtime alone, which checks every access; here it
 * matters where it lies, whether it has to be released, and which slices end with it.
 *
 * [I1] A dynptr is made in a frame that ends before any caller of a callback goes on: a callback that
 *      made one further down would make it any number of times.
 * [I2] One that was reserved is held from then on, also where the reservation fails.
 */
#include "shared/verifier/call_dynptr.h"

#include "shared/verifier/memory.h"
#include "shared/verifier/state_object.h"
#include "shared/verifier/words.h"

static struct err *reject(struct check *c, const char *subject, const struct state_reg *r,
			  const char *wanted)
{
	return check_reject(c, VERIFIER_BAD_ARGUMENT,
			    "declare it as a local variable: struct bpf_dynptr p;",
			    "%s is %s, but must be %s", subject, words_of(c, r), wanted);
}

struct err *call_dynptr_check_place(struct check *c, const char *subject, const struct state_reg *r)
{
	struct memory_access a = {.subject = subject,
				  .pointer = *r,
				  .size_bytes = 8 * CALL_DYNPTR_SLOTS,
				  .use = MEMORY_WRITE};
	struct memory_span span;
	if (r->kind != STATE_STACK || !range_is_const(&r->range) || r->range.bits.value % 8 != 0)
		return reject(c, subject, r,
			      "the place of a struct bpf_dynptr on the stack, at a multiple of 8");
	TRY(memory_check(c, &a, &span));
	if (r->frame >= state_callback(c->state))
		return NULL;
	return check_reject(
		c, VERIFIER_READ_ONLY, "use a struct bpf_dynptr of the callback's own",
		"%s: the callback would make a dynptr on the stack of its caller, in each "
		"round",
		subject); /* [I1] */
}

struct err *call_dynptr_check(struct check *c, const char *subject, const struct state_reg *r,
			      struct state_reg *out)
{
	const struct state_reg *found = NULL;
	if (r->kind == STATE_STACK && range_is_const(&r->range))
		found = state_object_at(c->state, r->frame, (int64_t)r->range.bits.value);
	if (!found || (found->kind != STATE_DYNPTR && found->kind != STATE_DYNPTR_RECORD))
		return reject(c, subject, r,
			      "a struct bpf_dynptr that a helper has filled on this path, and that "
			      "was not written over, submitted or discarded");
	int offset = (int)(int64_t)r->range.bits.value;
	check_read(c, r->frame, state_slots(offset, 8 * CALL_DYNPTR_SLOTS));
	*out = *found;
	return NULL;
}

struct err *call_dynptr_check_record(struct check *c, const char *subject,
				     const struct state_reg *r, struct state_reg *out)
{
	TRY(call_dynptr_check(c, subject, r, out));
	if (out->kind != STATE_DYNPTR_RECORD)
		return check_reject(c, VERIFIER_BAD_ARGUMENT,
				    "only what bpf_ringbuf_reserve_dynptr() filled is released",
				    "%s is a %s, but must be a %s", subject,
				    state_kinds[out->kind].words,
				    state_kinds[STATE_DYNPTR_RECORD].words);
	if (state_owns(c->state, out->id))
		return NULL;
	return check_reject(
		c, VERIFIER_BAD_ARGUMENT, "let the function that reserved it do that",
		"%s was not reserved by this callback, which may run any number of times", subject);
}

struct err *call_dynptr_make(struct check *c, const struct state_reg *place, bool is_record)
{
	int offset = (int)(int64_t)place->range.bits.value;
	struct state_reg made = {.kind = is_record ? STATE_DYNPTR_RECORD : STATE_DYNPTR,
				 .id = check_new_id(c)};
	check_written(c, place->frame, state_slots(offset, 8 * CALL_DYNPTR_SLOTS));
	state_object_put(c->state, place->frame, offset, CALL_DYNPTR_SLOTS, made);
	if (!is_record || state_acquire(c->state, made.id, c->insn)) /* [I2] */
		return NULL;
	return check_reject(c, VERIFIER_TOO_COMPLEX, "submit or discard records earlier",
			    "more than %d records are held at the same time", STATE_REFS);
}
