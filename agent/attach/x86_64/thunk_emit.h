/*
 * thunk_emit - the instructions that thunks are made of. For thunk.c and thunk_entry.c.
 */
#pragma once

#include "agent/attach/thunk.h"
#include "agent/attach/x86_64/emit.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* mov [rsp + at], reg */
static inline void store(struct emit *e, unsigned reg, uint32_t at)
{
	EMIT(e, (uint8_t)(0x48 | reg >> 3 << 2), 0x89, (uint8_t)(0x84 | (reg & 7) << 3), 0x24);
	emit_u32(e, at);
}

/* mov reg, [rsp + at] */
static inline void load(struct emit *e, unsigned reg, uint32_t at)
{
	EMIT(e, (uint8_t)(0x48 | reg >> 3 << 2), 0x8b, (uint8_t)(0x84 | (reg & 7) << 3), 0x24);
	emit_u32(e, at);
}

/* mov qword [rsp + at], value (sign-extended) */
static inline void store_value(struct emit *e, int32_t value, uint32_t at)
{
	EMIT(e, 0x48, 0xc7, 0x84, 0x24);
	emit_u32(e, at);
	emit_u32(e, (uint32_t)value);
}

/* lea rsp, [rsp + by] */
static inline void move_stack(struct emit *e, uint32_t by)
{
	EMIT(e, 0x48, 0x8d, 0xa4, 0x24);
	emit_u32(e, by);
}

/*
 * Counts, and calls the program whose context's address is in `ctx`. Far entries are called through a
 * pointer; `pointer_at` is where its distance stands, for later.
 */
static inline void emit_call(struct emit *e, const struct thunk_call *call, unsigned ctx,
			     size_t *pointer_at)
{
	EMIT(e, 0xf0, 0x48, 0x83, 0x05); /* lock add qword [rip + counter], 1 */
	emit_relative(e, call->counter, 1);
	EMIT(e, 1);
	EMIT(e, 0x48, 0x89, (uint8_t)(0xc7 | ctx << 3)); /* mov rdi, ctx */
	*pointer_at = 0;
	if (emit_reaches(emit_here(e) + 5, call->entry)) {
		EMIT(e, 0xe8);
		emit_relative(e, call->entry, 0);
		return;
	}
	EMIT(e, 0xff, 0x15); /* call [rip + pointer] */
	*pointer_at = e->size;
	emit_u32(e, 0);
}

/* ---- thunk_entry.c ---- */
void thunk_put_entry(struct emit *e, const struct thunk_call *call, size_t *pointer_at);
