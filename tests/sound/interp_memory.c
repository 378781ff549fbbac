/*
 * Objects, and the instructions that reach into them (RFC 9669, 5).
 */
#include "tests/sound/interp_part.h"

/* ---- objects ---- */
uint32_t interp_object(struct interp *i, enum interp_place place, void *data, uint64_t size)
{
	if (i->objects_count == INTERP_OBJECTS) {
		i->result.is_open = true;
		interp_stop(i, INTERP_FINE, "too many objects for this interpreter");
		return UINT32_MAX;
	}
	i->objects[i->objects_count] = (struct interp_object){.place = (uint8_t)place,
							      .is_alive = true,
							      .size = size,
							      .data = data};
	return i->objects_count++;
}

static bool check_init(struct interp *i, const struct interp_frame *f, uint64_t from, uint64_t size)
{
	for (uint64_t n = from; n < from + size; n++) {
		if (f->slots[n / 8].kind != INTERP_NONE)
			return interp_stop(i, INTERP_LEAK,
					   "a pointer at r10-%lu is read as a number",
					   (unsigned long)(INTERP_FRAME - n));
		if (!f->init[n])
			return interp_stop(i, INTERP_UNINIT, "stack at r10-%lu was not written",
					   (unsigned long)(INTERP_FRAME - n));
	}
	return true;
}

/* Frames use no more than was proved. */
static bool check_depth(struct interp *i, struct interp_frame *f, uint64_t at)
{
	uint64_t all = 0;
	if (INTERP_FRAME - at <= f->deepest)
		return true;
	f->deepest = (uint32_t)(INTERP_FRAME - at);
	for (uint32_t n = 0; n < i->frames_count; n++)
		all += i->frames[n].deepest;
	return !i->stack_limit || all <= i->stack_limit ||
	       interp_stop(i, INTERP_FACT, "%lu bytes of stack are used, but %u were proved",
			   (unsigned long)all, i->stack_limit);
}

uint8_t *interp_memory(struct interp *i, const struct interp_value *p, int64_t offset,
		       uint64_t size, bool is_store, bool must_init)
{
	if (p->kind != INTERP_POINTER) {
		interp_stop(i, INTERP_NO_POINTER, "memory at a %s",
			    p->kind == INTERP_NUMBER ? "number" : "thing that is no pointer");
		return NULL;
	}
	struct interp_object *o = &i->objects[p->object];
	int64_t at = (int64_t)p->bits + offset;
	if (!o->is_alive || at < 0 || size > o->size || (uint64_t)at > o->size - size) {
		interp_stop(i, INTERP_BOUNDS, "%lu bytes at %ld of an object (kind %u) of %lu%s",
			    (unsigned long)size, (long)at, o->place, (unsigned long)o->size,
			    o->is_alive ? "" : " that is gone");
		return NULL;
	}
	if (is_store && o->is_constant) {
		interp_stop(i, INTERP_READ_ONLY, "a store to constant memory");
		return NULL;
	}
	if (!interp_lock_access(i, o, at, size) ||
	    !interp_host_access(i, o, (uint64_t)at, size, is_store))
		return NULL;
	if (o->is_stale)
		i->result.is_open = true;
	if (o->place == INTERP_STACK && size && !check_depth(i, o->frame, (uint64_t)at))
		return NULL;
	if (must_init && o->place == INTERP_STACK && !check_init(i, o->frame, (uint64_t)at, size))
		return NULL;
	return o->data + at;
}

void interp_wrote(struct interp *i, const struct interp_value *p, int64_t offset, uint64_t size)
{
	struct interp_object *o = &i->objects[p->object];
	uint64_t at = p->bits + (uint64_t)offset;
	if (o->place != INTERP_STACK)
		return;
	for (uint64_t n = at; n < at + size; n++) {
		if (o->frame->slots[n / 8].kind == INTERP_DYNPTR)
			interp_dynptr_end(i, o->frame->slots[n / 8].bits);
		if (o->frame->slots[n / 8].kind != INTERP_NONE) { /* what is left of a pointer */
			memset(&o->frame->init[n & ~UINT64_C(7)], 0, 8);
			o->frame->slots[n / 8].kind = INTERP_NONE;
		}
		o->frame->init[n] = true;
	}
}

/* ---- facts ---- */
static bool check_base(struct interp *i, const struct interp_value *p, int32_t offset)
{
	static const uint8_t bases[] = {
		[INTERP_STACK] = VERIFIER_BASE_STACK,
		[INTERP_CONTEXT] = VERIFIER_BASE_CTX,
		[INTERP_ELEMENT_OF] = VERIFIER_BASE_MAP_VALUE,
		[INTERP_RING] = VERIFIER_BASE_OTHER,
		[INTERP_KEY] = VERIFIER_BASE_OTHER,
		[INTERP_SLICE] = VERIFIER_BASE_OTHER,
		[INTERP_COUNTED] = VERIFIER_BASE_OTHER,
		[INTERP_HOST] = VERIFIER_BASE_OTHER,
	};
	if (!i->facts || p->kind != INTERP_POINTER)
		return true;
	const struct verifier_insn_fact *f = &i->facts[i->at];
	const struct interp_object *o = &i->objects[p->object];
	int64_t at = (int64_t)p->bits + offset - (o->place == INTERP_STACK ? INTERP_FRAME : 0);
	if (f->base == VERIFIER_BASE_OTHER)
		return true;
	if (f->base != bases[o->place] || (o->place == INTERP_STACK && o->frame != interp_top(i)))
		return interp_stop(i, INTERP_FACT, "the access is said to go to base %u", f->base);
	if (f->has_offset && f->offset != at)
		return interp_stop(i, INTERP_FACT, "the access is said to be at %d, but is at %ld",
				   f->offset, (long)at);
	return true;
}

/* ---- loads and stores ---- */
static uint64_t get(const uint8_t *from, unsigned size)
{
	uint64_t value = 0;
	memcpy(&value, from, size); /* little endian, as eBPF here */
	return value;
}

static bool check_context(struct interp *i, const struct interp_value *p, int64_t offset,
			  unsigned size)
{
	uint64_t at = p->bits + (uint64_t)offset;
	if (i->objects[p->object].place != INTERP_CONTEXT)
		return true;
	if (at % 8 != 0 || (size < 4 && !i->world))
		return interp_stop(i, INTERP_ALIGNMENT, "%u bytes at %lu of the context", size,
				   (unsigned long)at);
	i->result.ctx_reads |= UINT64_C(1) << at / 8;
	return true;
}

/* The pointer that is kept there, or NULL. */
static struct interp_value *kept(struct interp *i, const struct interp_value *p, int64_t offset,
				 unsigned size)
{
	struct interp_object *o = &i->objects[p->object];
	uint64_t at = p->bits + (uint64_t)offset;
	if (p->kind != INTERP_POINTER || !o->is_alive || o->place != INTERP_STACK || size != 8 ||
	    at % 8 != 0 || at > INTERP_FRAME - 8)
		return NULL;
	return &o->frame->slots[at / 8];
}

bool interp_step_load(struct interp *i, const struct bpf_insn *insn)
{
	unsigned size = insn_size_bytes(insn);
	bool is_signed = BPF_MODE(insn->code) == INSN_MEMSX;
	if (!interp_readable(i, insn->src_reg) || !interp_writable(i, insn->dst_reg))
		return false;
	struct interp_value p = *interp_reg(i, insn->src_reg);
	struct interp_value *slot = kept(i, &p, insn->off, size);
	if (!check_base(i, &p, insn->off))
		return false;
	if (slot && slot->kind != INTERP_NONE && slot->kind != INTERP_DYNPTR &&
	    slot->kind != INTERP_ITERATOR) {
		*interp_reg(i, insn->dst_reg) = *slot;
		return true;
	}
	struct interp_value led;
	if (!is_signed && interp_host_load(i, &p, insn->off, size, &led)) {
		*interp_reg(i, insn->dst_reg) = led;
		return led.kind != INTERP_NONE;
	}
	const uint8_t *from = interp_memory(i, &p, insn->off, size, false, true);
	if (!from || !check_context(i, &p, insn->off, size))
		return false;
	uint64_t value = get(from, size);
	*interp_reg(i, insn->dst_reg) =
		interp_number(is_signed ? interp_sign_extend(value, size * 8) : value);
	return true;
}

static bool store_kept(struct interp *i, const struct interp_value *p, const struct bpf_insn *insn)
{
	struct interp_value *slot = kept(i, p, insn->off, insn_size_bytes(insn));
	if (!slot)
		return interp_stop(i, INTERP_LEAK, "a pointer is stored where it becomes a number");
	interp_wrote(i, p, insn->off, 8);
	*slot = *interp_reg(i, insn->src_reg);
	return true;
}

bool interp_step_store(struct interp *i, const struct bpf_insn *insn)
{
	unsigned size = insn_size_bytes(insn);
	bool is_reg = BPF_CLASS(insn->code) == BPF_STX;
	if (!interp_readable(i, insn->dst_reg) || (is_reg && !interp_readable(i, insn->src_reg)))
		return false;
	struct interp_value p = *interp_reg(i, insn->dst_reg);
	uint8_t *to = interp_memory(i, &p, insn->off, size, true, false);
	if (!to || !check_base(i, &p, insn->off))
		return false;
	if (is_reg && interp_reg(i, insn->src_reg)->kind != INTERP_NUMBER)
		return store_kept(i, &p, insn);
	uint64_t value = is_reg ? interp_reg(i, insn->src_reg)->bits : (uint64_t)(int64_t)insn->imm;
	memcpy(to, &value, size);
	interp_wrote(i, &p, insn->off, size);
	return true;
}

static uint64_t atomic_result(int32_t op, uint64_t old, uint64_t by)
{
	switch (op & 0xf0) {
	case BPF_ADD:
		return old + by;
	case BPF_OR:
		return old | by;
	case BPF_AND:
		return old & by;
	case BPF_XOR:
		return old ^ by;
	}
	return by; /* xchg, cmpxchg */
}

bool interp_step_atomic(struct interp *i, const struct bpf_insn *insn)
{
	unsigned size = insn_size_bytes(insn);
	bool compares = insn->imm == BPF_CMPXCHG;
	if (!interp_readable(i, insn->dst_reg) || !interp_readable(i, insn->src_reg) ||
	    (compares && !interp_readable(i, 0)))
		return false;
	struct interp_value p = *interp_reg(i, insn->dst_reg);
	struct interp_value *by = interp_reg(i, insn->src_reg), *r0 = interp_reg(i, 0);
	if (by->kind != INTERP_NUMBER || (compares && r0->kind != INTERP_NUMBER))
		return interp_stop(i, INTERP_LEAK, "a pointer in an atomic operation");
	uint8_t *to = interp_memory(i, &p, insn->off, size, true, true);
	if (!to || !check_base(i, &p, insn->off))
		return false;
	if ((p.bits + (uint64_t)insn->off) % size != 0)
		return interp_stop(i, INTERP_ALIGNMENT, "an atomic operation is not aligned");
	uint64_t old = get(to, size), mask = size == 8 ? UINT64_MAX : UINT32_MAX;
	uint64_t new = atomic_result(insn->imm, old, by->bits);
	if (!compares || old == (r0->bits & mask))
		memcpy(to, &new, size);
	interp_wrote(i, &p, insn->off, size);
	if (insn->imm & BPF_FETCH)
		*(compares ? r0 : by) = interp_number(old);
	return true;
}
