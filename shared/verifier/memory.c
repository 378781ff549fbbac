/*
 * Which bytes an access may touch, and whether it may.
 *
 * An object is a range of bytes [low, high) around the place that offset 0 means: the top of a frame
 * (-512 … 0), the start of a context, value or record (0 … size). An access is allowed when every
 * offset that its pointer may have keeps it inside.
 *
 * [I1] Nothing is read or written unless memory_check() has said yes to a span that holds it.
 * [I2] Pointers' offsets stay within ±ALU_MAX_OFFSET, so no sum here overflows.
 */
#include "shared/verifier/memory.h"

#include "shared/verifier/fact.h"
#include "shared/verifier/global.h"
#include "shared/verifier/host.h"
#include "shared/verifier/iter.h"
#include "shared/verifier/limit.h"
#include "shared/verifier/lock.h"
#include "shared/verifier/state_object.h"
#include "shared/verifier/uses.h"
#include "shared/verifier/words.h"

struct bounds {
	int64_t low, high;
};

static struct bounds bounds_of(const struct check *c, const struct state_reg *r)
{
	switch ((enum state_kind)r->kind) {
	case STATE_STACK:
		return (struct bounds){-STATE_FRAME_SIZE, 0};
	case STATE_CTX:
		return (struct bounds){0, c->ctx->size_bytes};
	case STATE_KEY:
		return (struct bounds){0, check_map_shape(c, r)->key_size};
	case STATE_VALUE:
	case STATE_VALUE_OR_NULL:
		return (struct bounds){0, check_map_shape(c, r)->value_size};
	case STATE_RECORD:
	case STATE_RECORD_OR_NULL:
	case STATE_SLICE:
	case STATE_SLICE_OR_NULL:
	case STATE_INTEGER:
	case STATE_INTEGER_OR_NULL:
	case STATE_PARAM:
	case STATE_PARAM_OR_NULL:
	case STATE_CONST_PARAM:
	case STATE_CONST_PARAM_OR_NULL:
		return (struct bounds){0, r->size};
	case STATE_NONE:
	case STATE_SCALAR:
	case STATE_MAP:
	case STATE_INNER_MAP:
	case STATE_INNER_MAP_OR_NULL:
	case STATE_FUNCTION:
	case STATE_DYNPTR:
	case STATE_DYNPTR_RECORD:
	case STATE_ITERATOR:
	case STATE_HOST_STRUCT: /* host.c */
	case STATE_HOST_STRUCT_OR_NULL:
	case STATE_HOST_MEM:
	case STATE_HOST_MEM_OR_NULL:
	case STATE_HOST_VAR:
	case STATE_HANDLE:
	case STATE_HANDLE_OR_NULL:
		break;
	}
	return (struct bounds){0, 0};
}

/* ---- may it be used like that at all? ---- */

static struct err *reject_kind(struct check *c, const struct memory_access *a)
{
	if (state_flags(&a->pointer) & STATE_IS_NULL)
		return check_reject(c, VERIFIER_NULL_POINTER,
				    "compare it with 0 first: if (!p) return 0;",
				    "%s may be null here: it is %s", a->subject,
				    words_of(c, &a->pointer));
	if (a->pointer.kind == STATE_SCALAR)
		return check_reject(c, VERIFIER_NO_POINTER,
				    "copy memory of the host: bpf_probe_read_user(&local, "
				    "sizeof(local), address)",
				    "%s is %s, not a pointer that the program may follow",
				    a->subject, words_of(c, &a->pointer));
	return check_reject(c, VERIFIER_NO_POINTER, NULL, "%s is %s, which is no memory to %s",
			    a->subject, words_of(c, &a->pointer),
			    a->use == MEMORY_READ ? "read" : "write");
}

static bool is_constant_map(const struct object_map *m)
{
	return m->role == OBJECT_MAP_RODATA || (m->flags & BPF_F_RDONLY_PROG);
}

static struct err *check_use(struct check *c, const struct memory_access *a)
{
	static const uint16_t needs[] = {[MEMORY_READ] = STATE_IS_MEMORY,
					 [MEMORY_WRITE] = STATE_IS_STORE,
					 [MEMORY_ATOMIC] = STATE_IS_ATOMIC};
	uint16_t flags = state_flags(&a->pointer);
	if (!(flags & STATE_IS_MEMORY))
		return reject_kind(c, a);
	if (a->use == MEMORY_ATOMIC &&
	    (flags & (STATE_IS_STORE | STATE_IS_ATOMIC)) == STATE_IS_STORE)
		return check_reject(c, VERIFIER_MISALIGNED,
				    "read and write it without atomic operations",
				    "%s is %s: how it is aligned is not known, so no atomic "
				    "operation works there",
				    a->subject, words_of(c, &a->pointer));
	if (!(flags & needs[a->use]))
		return check_reject(c, VERIFIER_READ_ONLY,
				    "copy the value to a local variable and change that",
				    "%s is %s, which is read-only", a->subject,
				    words_of(c, &a->pointer));
	if (a->pointer.kind == STATE_VALUE && a->use != MEMORY_READ &&
	    is_constant_map(check_map_shape(c, &a->pointer)))
		return check_reject(c, VERIFIER_READ_ONLY, "declare the variable without const",
				    "%s points into %.*s, which is constant", a->subject,
				    STR_FMT(c->maps[a->pointer.map].name));
	return NULL;
}

/* ---- does it stay inside? ---- */

static struct err *reject_bounds(struct check *c, const struct memory_access *a, struct bounds b,
				 struct memory_span s)
{
	const char *hint = "check the index before it is used: if (i >= MAX) return 0;";
	if (range_is_const(&a->pointer.range))
		hint = check_text(c, "only the bytes at offsets %lld to %lld belong to it",
				  (long long)b.low, (long long)b.high - 1);
	if (a->pointer.kind == STATE_STACK && s.from < b.low && s.to <= b.high &&
	    range_is_const(&a->pointer.range))
		return check_reject(c, VERIFIER_STACK_LIMIT,
				    "use smaller local variables, or keep large ones in a map",
				    "%s reaches %lld bytes down the stack, but a frame has %d",
				    a->subject, (long long)-s.from, STATE_FRAME_SIZE);
	int64_t last = s.to - (int64_t)a->size_bytes;
	const char *place = s.from == last ? check_text(c, "offset %lld", (long long)s.from)
					   : check_text(c, "an offset from %lld to %lld",
							(long long)s.from, (long long)last);
	return check_reject(
		c, VERIFIER_OUT_OF_BOUNDS, hint,
		"%s: %llu byte%s at %s may lie outside of the %lld bytes there (it is %s)",
		a->subject, (unsigned long long)a->size_bytes, a->size_bytes == 1 ? "" : "s", place,
		(long long)(b.high - b.low), words_of(c, &a->pointer));
}

static struct err *check_context(struct check *c, const struct memory_access *a)
{
	if (!range_is_const(&a->pointer.range))
		return check_reject(c, VERIFIER_OUT_OF_BOUNDS,
				    "name the register: PT_REGS_PARM1(ctx)",
				    "the context is read at an offset that is not constant");
	uint32_t offset = (uint32_t)((int64_t)a->pointer.range.bits.value + a->offset);
	const char *wrong = c->ctx->check_read(offset, (unsigned)a->size_bytes);
	if (wrong)
		return check_reject(c, VERIFIER_MISALIGNED,
				    "read the whole register, and take the part from that",
				    "%llu byte%s read at offset %u of %s: %s",
				    (unsigned long long)a->size_bytes,
				    a->size_bytes == 1 ? " is" : "s are", offset, c->ctx->name,
				    wrong);
	c->ctx_reads |= UINT64_C(1) << offset / 8;
	return NULL;
}

static struct err *check_aligned(struct check *c, const struct memory_access *a)
{
	struct tnum at = tnum_add(a->pointer.range.bits, tnum_const((uint64_t)(int64_t)a->offset));
	global_aligned(c, &a->pointer, (uint8_t)a->size_bytes); /* its callers see to the rest */
	if (((at.value | at.mask) & (a->size_bytes - 1)) == 0)
		return NULL;
	return check_reject(c, VERIFIER_MISALIGNED, "align the variable to its own size",
			    "an atomic operation of %llu bytes is not at a multiple of %llu (%s is "
			    "%s)",
			    (unsigned long long)a->size_bytes, (unsigned long long)a->size_bytes,
			    a->subject, words_of(c, &a->pointer));
}

static void note_map(struct check *c, const struct memory_access *a)
{
	if (a->use != MEMORY_WRITE)
		uses_map(c, a->pointer.map, false);
	if (a->use != MEMORY_READ)
		uses_map(c, a->pointer.map, true);
}

/* A write over an object ends it: not one that has to be released, nor one of a callback's caller, which other
 * rounds may still find there. */
static struct err *check_objects(struct check *c, const struct memory_access *a,
				 struct memory_span s)
{
	const struct state_reg *r = state_object_touched(c->state, a->pointer.frame, (int)s.from,
							 (unsigned)(s.to - s.from));
	if (!r || a->use == MEMORY_READ)
		return NULL;
	if (state_object_is_held(c->state, r))
		return check_reject(
			c, VERIFIER_UNRELEASED, "release it first, or write elsewhere",
			"%s: a %s on the stack would be overwritten before it is released",
			a->subject, state_kinds[r->kind].words);
	if (a->pointer.frame < state_callback(c->state))
		return check_reject(c, VERIFIER_READ_ONLY,
				    "let the callback use it, or use a variable of its own",
				    "%s: the callback would write over a %s of its caller",
				    a->subject, state_kinds[r->kind].words);
	return NULL;
}

struct err *memory_check(struct check *c, const struct memory_access *a, struct memory_span *out)
{
	if (host_is(&a->pointer)) {
		TRY(host_check(c, a, out));
		return a->use == MEMORY_ATOMIC ? check_aligned(c, a) : NULL;
	}
	TRY(check_use(c, a));
	struct bounds b = bounds_of(c, &a->pointer);
	struct memory_span s = {a->pointer.range.full.smin + a->offset,
				a->pointer.range.full.smax + a->offset + (int64_t)a->size_bytes};
	if (s.from < b.low || s.to > b.high || a->size_bytes > INT32_MAX)
		return reject_bounds(c, a, b, s);
	if (a->pointer.kind == STATE_CTX)
		TRY(check_context(c, a));
	if (a->pointer.kind == STATE_VALUE || a->pointer.kind == STATE_KEY)
		note_map(c, a);
	if (a->pointer.kind == STATE_VALUE)
		TRY(lock_check_access(c, a->subject, &a->pointer, s.from, s.to));
	if (a->use == MEMORY_ATOMIC)
		TRY(check_aligned(c, a));
	if (a->pointer.kind == STATE_STACK) {
		TRY(check_depth(c, a->pointer.frame, s.from));
		TRY(check_objects(c, a, s));
	}
	*out = s;
	return NULL;
}

bool memory_is_writable(const struct check *c, const struct state_reg *r)
{
	if (host_is(r))
		return host_is_writable(c, r);
	return (state_flags(r) & STATE_IS_STORE) &&
	       !(r->kind == STATE_VALUE && is_constant_map(&c->maps[r->map]));
}

uint64_t memory_left(const struct check *c, const struct state_reg *r)
{
	if (host_is(r))
		return host_left(c, r);
	if (!(state_flags(r) & STATE_IS_MEMORY) || r->kind == STATE_CTX)
		return 0;
	struct bounds b = bounds_of(c, r);
	if (r->kind == STATE_VALUE)
		b.high = lock_bound(c, r, b.high);
	if (r->range.full.smin < b.low || r->range.full.smax > b.high)
		return 0;
	return (uint64_t)(b.high - r->range.full.smax);
}

struct bytes memory_constant(const struct check *c, const struct state_reg *r)
{
	if (r->kind != STATE_VALUE || c->maps[r->map].role != OBJECT_MAP_RODATA ||
	    !range_is_const(&r->range))
		return (struct bytes){0};
	struct bytes all = c->maps[r->map].initial;
	int64_t at = (int64_t)r->range.bits.value;
	if (at < 0 || (uint64_t)at > all.size)
		return (struct bytes){0};
	return (struct bytes){all.data + at, all.size - (size_t)at};
}

/* ---- the stack's content ---- */

static int first_unwritten(const struct state_frame *f, struct memory_span s)
{
	bool is_pointer;
	int at = (int)s.from;
	while (at < s.to && state_is_readable(f, at, 1, &is_pointer))
		at++;
	return at;
}

struct err *memory_check_stack(struct check *c, const char *subject, unsigned frame,
			       struct memory_span s)
{
	struct state_frame *f = &c->state->frames[frame];
	unsigned size = (unsigned)(s.to - s.from);
	bool is_pointer = false;
	check_read(c, frame, state_slots((int)s.from, size));
	if (state_is_readable(f, (int)s.from, size, &is_pointer))
		return NULL;
	const struct state_reg *object = state_object_touched(c->state, frame, (int)s.from, size);
	if (object)
		return check_reject(c, VERIFIER_POINTER_LEAK,
				    "hand it to the helpers that work on it, and to no others",
				    "%s: the stack at r10%d holds a %s, which only calls may use",
				    subject, first_unwritten(f, s),
				    state_kinds[object->kind].words);
	if (is_pointer)
		return check_reject(c, VERIFIER_POINTER_LEAK,
				    "a pointer on the stack is read back whole, with 8 bytes",
				    "%s: the stack at r10%d holds a pointer, which would be seen "
				    "as a number",
				    subject, first_unwritten(f, s));
	return check_reject(
		c, VERIFIER_UNINIT_STACK,
		"clear the variable first, with the gaps between its members: "
		"struct event e = {};",
		"%s: of the %u bytes of stack at r10%+lld, byte %d (at r10%d) was not written "
		"on this path",
		subject, size, (long long)s.from, first_unwritten(f, s) - (int)s.from,
		first_unwritten(f, s));
}

void memory_written(struct check *c, const struct state_reg *pointer, uint64_t min, uint64_t max)
{
	if (pointer->kind != STATE_STACK || max == 0)
		return;
	struct state_frame *f = &c->state->frames[pointer->frame];
	int from = (int)pointer->range.full.smin, to = (int)pointer->range.full.smax;
	check_written(c, pointer->frame, state_slots(from, (unsigned)(to - from) + (unsigned)max));
	state_object_overwrite(c->state, pointer->frame, from,
			       (unsigned)(to - from) + (unsigned)max);
	state_blur(f, from, (unsigned)(to - from) + (unsigned)max);
	if (from == to)
		state_forget(f, from, (unsigned)min, true);
}

/* ---- loads ---- */

static struct state_reg extend(const struct state_reg *r, const struct bpf_insn *insn,
			       unsigned size)
{
	struct state_reg out = *r;
	bool is_signed = BPF_MODE(insn->code) == INSN_MEMSX;
	out.range =
		is_signed ? range_sign_extend(&r->range, size) : range_zero_extend(&r->range, size);
	if (is_signed || !range_equal(&out.range, &r->range))
		out.id = out.link = 0; /* not the same number any more */
	limit_cut(r, size, is_signed, &out);
	state_cut(&out, size);
	return out;
}

/* The number that `size` bytes at `at` of the slot are, if a kept one holds them all. */
static bool part_of_kept(const struct state_slot *s, unsigned at, unsigned size,
			 struct state_reg *out)
{
	if (s->size == 0 || state_is_opaque(&s->reg) || at < s->at || at + size > s->at + s->size)
		return false;
	*out = s->reg;
	if (at > s->at) {
		struct range shift = range_const(8 * (at - s->at));
		out->range = range_alu(BPF_RSH, true, false, &s->reg.range, &shift);
	}
	out->range = range_zero_extend(&out->range, size);
	if (!range_equal(&out->range, &s->reg.range))
		out->id = out->link = 0;
	limit_cut(&s->reg, size, false, out);
	if (at > s->at)
		memset(out->limits, 0, sizeof out->limits);
	state_cut(out, at > s->at ? 0 : size);
	return true;
}

static struct err *load_stack(struct check *c, const struct memory_access *a, struct memory_span s,
			      struct state_reg *out)
{
	unsigned frame = a->pointer.frame, size = (unsigned)a->size_bytes;
	unsigned place = (unsigned)(s.from + STATE_FRAME_SIZE);
	const struct state_slot *slot = &c->state->frames[frame].slots[place / 8];
	bool is_fixed = range_is_const(&a->pointer.range), is_in_slot = place % 8 + size <= 8;
	if (is_fixed && size == 8 && place % 8 == 0 && slot->size == 8 &&
	    state_is_pointer(&slot->reg)) {
		check_read(c, frame, UINT64_C(1) << place / 8);
		*out = slot->reg;
		return NULL;
	}
	if (is_fixed && is_in_slot && part_of_kept(slot, place % 8, size, out)) {
		check_read(c, frame, UINT64_C(1) << place / 8);
		return NULL;
	}
	TRY(memory_check_stack(c, a->subject, frame, s));
	*out = state_scalar(range_bytes(size));
	return NULL;
}

static void load_value(struct check *c, const struct memory_access *a, struct state_reg *out)
{
	struct state_reg place = a->pointer;
	struct range offset = range_const((uint64_t)(int64_t)a->offset);
	place.range = range_alu(BPF_ADD, true, false, &place.range, &offset);
	struct bytes known = memory_constant(c, &place);
	*out = state_scalar(range_bytes((unsigned)a->size_bytes));
	if (known.size < a->size_bytes)
		return;
	uint64_t value = 0;
	for (unsigned i = 0; i < a->size_bytes; i++)
		value |= (uint64_t)known.data[i] << (8 * i);
	out->range = range_const(value);
}

struct err *memory_load(struct check *c, const struct bpf_insn *insn)
{
	TRY(check_readable(c, insn->src_reg));
	TRY(check_writable(c, insn->dst_reg));
	struct memory_access a = {words_name(insn->src_reg),
				  *check_reg(c, insn->src_reg),
				  insn->off,
				  insn_size_bytes(insn),
				  MEMORY_READ,
				  NULL};
	struct memory_span span;
	struct state_reg value;
	TRY(memory_check(c, &a, &span));
	if (a.pointer.kind == STATE_STACK)
		TRY(load_stack(c, &a, span, &value));
	else if (host_is(&a.pointer))
		value = host_load(c, &a, &span, BPF_MODE(insn->code) == INSN_MEMSX);
	else if (a.pointer.kind == STATE_CTX && c->host)
		value = host_argument(c, (uint32_t)span.from, (unsigned)a.size_bytes);
	else if (a.pointer.kind == STATE_INTEGER)
		value = iter_load(c, &a.pointer, a.offset, (unsigned)a.size_bytes);
	else
		load_value(c, &a, &value);
	fact_access(c, &a.pointer, a.offset);
	if (state_is_pointer(&value) && BPF_MODE(insn->code) == INSN_MEMSX)
		return check_reject(c, VERIFIER_POINTER_LEAK,
				    "a pointer on the stack is read back whole, with 8 bytes",
				    "a pointer on the stack is read as a signed number");
	*check_reg(c, insn->dst_reg) =
		state_is_pointer(&value) ? value : extend(&value, insn, (unsigned)a.size_bytes);
	return NULL;
}

/* ---- stores ---- */

static struct err *store_pointer(struct check *c, const struct memory_access *a,
				 struct memory_span s, const struct state_reg *value)
{
	if (a->pointer.kind != STATE_STACK)
		return check_reject(c, VERIFIER_POINTER_LEAK, "store what it points to instead",
				    "%s would be stored where others can read it (%s is %s)",
				    words_of(c, value), a->subject, words_of(c, &a->pointer));
	if (!range_is_const(&a->pointer.range) || a->size_bytes != 8 || s.from % 8 != 0)
		return check_reject(
			c, VERIFIER_POINTER_LEAK,
			"pointers are kept whole, in 8 aligned bytes of stack", "%s",
			a->size_bytes == 8
				? "a pointer is stored on the stack at no fixed multiple of 8"
				: "only a part of a pointer is stored on the stack");
	if (a->pointer.frame < state_callback(c->state))
		return check_reject(c, VERIFIER_POINTER_LEAK,
				    "let the callback store numbers there, or keep the pointer in "
				    "a variable of its own",
				    "a callback stores %s in the stack of its caller, which may be "
				    "in use before and after it",
				    words_of(c, value));
	if (value->kind == STATE_STACK && value->frame > a->pointer.frame)
		return check_reject(
			c, VERIFIER_POINTER_LEAK, "let the caller pass the memory in",
			"a pointer to a function's own stack would outlive the function");
	return NULL;
}

static void keep(struct state_frame *f, struct memory_span s, unsigned size,
		 struct state_reg *value)
{
	unsigned place = (unsigned)(s.from + STATE_FRAME_SIZE);
	state_forget(f, (int)s.from, size, true);
	if (place % 8 + size > 8)
		return;
	struct state_slot *slot = &f->slots[place / 8];
	slot->reg = *value;
	slot->at = (uint8_t)(place % 8);
	slot->size = (uint8_t)size;
	if (value->kind != STATE_SCALAR || size == 8)
		return;
	slot->reg.range = range_zero_extend(&value->range, size);
	limit_cut(value, size, false, &slot->reg);
	if (!range_equal(&slot->reg.range, &value->range))
		slot->reg.id = slot->reg.link = 0;
	state_cut(&slot->reg, size);
}

static void store_stack(struct check *c, const struct memory_access *a, struct memory_span s,
			struct state_reg *value)
{
	struct state_frame *f = &c->state->frames[a->pointer.frame];
	check_written(c, a->pointer.frame, state_slots((int)s.from, (unsigned)(s.to - s.from)));
	if (range_is_const(&a->pointer.range))
		keep(f, s, (unsigned)a->size_bytes, value);
	else
		state_blur(f, (int)s.from, (unsigned)(s.to - s.from));
}

/* The value that is stored; a register's number gets an id, so that its copy on the stack follows it. */
static struct err *stored_value(struct check *c, const struct bpf_insn *insn, struct state_reg *out)
{
	if (BPF_CLASS(insn->code) == BPF_ST) {
		*out = state_scalar(range_const((uint64_t)(int64_t)insn->imm));
		return NULL;
	}
	TRY(check_readable(c, insn->src_reg));
	struct state_reg *r = check_reg(c, insn->src_reg);
	if (r->kind == STATE_SCALAR && r->id == 0 && !range_is_const(&r->range))
		r->id = check_new_id(c);
	*out = *r;
	return NULL;
}

struct err *memory_store(struct check *c, const struct bpf_insn *insn)
{
	struct state_reg value;
	struct memory_span span;
	TRY(check_readable(c, insn->dst_reg));
	TRY(stored_value(c, insn, &value));
	struct memory_access a = {words_name(insn->dst_reg),
				  *check_reg(c, insn->dst_reg),
				  insn->off,
				  insn_size_bytes(insn),
				  MEMORY_WRITE,
				  NULL};
	TRY(memory_check(c, &a, &span));
	if (state_is_pointer(&value))
		TRY(store_pointer(c, &a, span, &value));
	fact_access(c, &a.pointer, a.offset);
	if (a.pointer.kind != STATE_STACK)
		return NULL;
	state_object_overwrite(c->state, a.pointer.frame, (int)span.from,
			       (unsigned)(span.to - span.from));
	TRY(stored_value(c, insn, &value)); /* it may have ended with the object */
	store_stack(c, &a, span, &value);
	return NULL;
}

/* ---- atomics ---- */

static struct err *atomic_operand(struct check *c, unsigned reg)
{
	TRY(check_readable(c, reg));
	if (check_reg(c, reg)->kind == STATE_SCALAR)
		return NULL;
	return check_reject(c, VERIFIER_POINTER_LEAK, NULL,
			    "r%u takes part in an atomic operation, but is %s, not a number", reg,
			    words_of(c, check_reg(c, reg)));
}

struct err *memory_atomic(struct check *c, const struct bpf_insn *insn)
{
	bool compares = insn->imm == BPF_CMPXCHG, fetches = insn->imm & BPF_FETCH;
	struct memory_span span;
	TRY(check_readable(c, insn->dst_reg));
	TRY(atomic_operand(c, insn->src_reg));
	if (compares)
		TRY(atomic_operand(c, 0));
	struct memory_access a = {words_name(insn->dst_reg),
				  *check_reg(c, insn->dst_reg),
				  insn->off,
				  insn_size_bytes(insn),
				  MEMORY_ATOMIC,
				  NULL};
	TRY(memory_check(c, &a, &span));
	if (a.pointer.kind == STATE_STACK) {
		TRY(memory_check_stack(c, a.subject, a.pointer.frame, span));
		check_written(c, a.pointer.frame,
			      state_slots((int)span.from, (unsigned)(span.to - span.from)));
		state_blur(&c->state->frames[a.pointer.frame], (int)span.from,
			   (unsigned)(span.to - span.from));
	}
	fact_access(c, &a.pointer, a.offset);
	if (fetches)
		*check_reg(c, compares ? 0 : insn->src_reg) =
			state_scalar(range_bytes((unsigned)a.size_bytes));
	return NULL;
}
