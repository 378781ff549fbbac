/*
 * Displaced instructions at their new place, meaning the same:
 *
 *	[rip + x]         the distance is written anew
 *	jcc, jmp          their long forms; jmp through a pointer where 32 bits do not reach
 *	call              the original return address is pushed, then a jump: whoever looks at the stack
 *	                  (unwinder, debugger, garbage collector) sees what it would have seen
 *	all else          as it is
 * and a jump back behind the last one, unless nothing goes on there (a call returns to the original). No form changes a flag.
 */
#include "agent/attach/site.h"

#include "agent/attach/x86_64/decode.h"
#include "agent/attach/x86_64/emit.h"

#define MODRM_CALL (2u << 3)
#define MODRM_JUMP (4u << 3)
#define MODRM_REG  (7u << 3)

static void jump_to(struct emit *e, uint64_t target)
{
	if (emit_reaches(emit_here(e) + 5, target)) {
		EMIT(e, 0xe9);
		emit_relative(e, target, 0);
		return;
	}
	EMIT(e, 0xff, 0x25, 0, 0, 0, 0); /* jmp [rip + 0] */
	emit_u64(e, target);
}

static void push(struct emit *e, uint64_t value)
{
	EMIT(e, 0x68); /* push imm32, sign-extended */
	emit_u32(e, (uint32_t)value);
	if ((int64_t)value == (int32_t)value)
		return;
	EMIT(e, 0xc7, 0x44, 0x24, 0x04); /* mov dword [rsp + 4], imm32 */
	emit_u32(e, (uint32_t)(value >> 32));
}

/* The bytes of `insn`, with its distance to a rip-relative operand written anew. */
static size_t copy(struct emit *e, const struct decode_insn *insn, const uint8_t *bytes,
		   uint64_t old_end)
{
	size_t at = e->size;
	emit_bytes(e, bytes, insn->raw.length);
	if (!decode_rip_operand(insn) || e->is_full)
		return at;
	uint64_t target = old_end + (uint64_t)insn->raw.raw.disp.value;
	uint32_t distance = (uint32_t)(target - emit_here(e));
	e->is_far |= !emit_reaches(emit_here(e), target);
	memcpy(e->code + at + insn->raw.raw.disp.offset, &distance, sizeof(distance));
	return at;
}

/* call r/m: the same bytes are a jmp when the ModRM byte says /4 instead of /2. */
static void call_indirect(struct emit *e, const struct decode_insn *insn, const uint8_t *bytes,
			  uint64_t old_end)
{
	push(e, old_end);
	size_t at = copy(e, insn, bytes, old_end) + insn->raw.raw.modrm.offset;
	if (!e->is_full)
		e->code[at] = (uint8_t)((e->code[at] & ~MODRM_REG) | MODRM_JUMP);
}

static void relocate(struct emit *e, const struct decode_insn *insn, const uint8_t *bytes,
		     uint64_t old_end, uint64_t target)
{
	if (decode_is_call(insn) && insn->has_target) {
		push(e, old_end);
		jump_to(e, target);
	} else if (decode_is_call(insn)) {
		call_indirect(e, insn, bytes, old_end);
	} else if (decode_is_jump(insn) && insn->has_target) {
		jump_to(e, target);
	} else if (decode_is_branch(insn) && insn->has_target) {
		EMIT(e, 0x0f, (uint8_t)(0x80 | (insn->raw.opcode & 15)));
		emit_relative(e, target, 0);
	} else {
		copy(e, insn, bytes, old_end);
	}
}

struct err *site_relocate(struct site *s, uint64_t from, uint64_t to, uint8_t *out, size_t *size)
{
	struct emit e = {.code = out, .max = SITE_RELOCATED_MAX, .address = to};
	struct bytes window = {s->original, s->window};
	bool is_over = false;
	for (unsigned i = 0; i < s->insns_count; i++) {
		struct decode_insn insn;
		uint8_t offset = s->insns[i].offset;
		if (!decode_at(window, offset, &insn))
			return err_new(ERR_INTERNAL, "a planned instruction does not decode");
		s->insns[i].relocated_offset = (uint8_t)e.size;
		relocate(&e, &insn, s->original + offset, from + offset + insn.raw.length,
			 from + (uint64_t)insn.target);
		is_over = decode_is_end(&insn) || decode_is_call(&insn);
	}
	if (!is_over)
		jump_to(&e, from + s->window);
	if (e.is_full || e.is_far)
		return err_new(ERR_FAILED_PRECONDITION,
			       "an instruction at 0x%llx refers to something that is out of reach "
			       "from 0x%llx",
			       (unsigned long long)from, (unsigned long long)to);
	*size = e.size;
	return NULL;
}
