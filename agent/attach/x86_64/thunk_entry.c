/*
 * The part of a thunk that runs an extension in place of the function. Its frame, from rsp upwards; the
 * program gets a pointer to it:
 *
 *	0     the arguments rdi, rsi, rdx, rcx, r8, r9, of which those that are read are stored
 *	48    IMAGE_CTX_NO_RESULT: 0 before the call; not 0 after it: the function runs itself
 *	56    THUNK_MARK: an address in this thunk, while a program is in a function of the host
 *	64    rax, rdi, r11, rbx, rdx                as they were at the site
 *	104   8 bytes that keep the frame a multiple of 16 away from an entry's rsp; the result
 *
 * With a result the frame is dropped and `ret` goes back to the function's caller; without one all is
 * as it was, and the displaced instructions come next. Programs are preserve_most, so all other registers
 * are kept by them, the host's functions that they call included. Flags are dead at an entry.
 *
 * Vector registers no convention keeps. Yet a compiler that knows a function's whole code may keep things in
 * those that it does not use (GCC's -fipa-ra), unless it was told that the function may be replaced, as eim.h
 * tells it. So where the function is another one and the program calls the host, all of them are saved.
 */
#include "agent/attach/x86_64/thunk_emit.h"

#include <cpuid.h>

#define FRAME_RAX    64u
#define FRAME_RDI    72u
#define FRAME_R11    80u
#define FRAME_RBX    88u
#define FRAME_RDX    96u
#define FRAME_RESULT 104u
#define FRAME_BYTES  120u
_Static_assert(FRAME_BYTES % 16 == 8, "aligned at a function's entry");
_Static_assert(THUNK_MARK == IMAGE_CTX_NO_RESULT + 8 && THUNK_MARK + 8 == FRAME_RAX, "the frame");

/* XSAVE: x87, SSE, AVX and AVX-512, in its standard form. */
#define VECTORS	       0xe7u
#define VECTORS_BYTES  2816u
#define VECTORS_HEADER 512u /* 64 bytes, zeros before the first XSAVE */

static const uint8_t arguments[IMAGE_CTX_ARGS] = {RDI, RSI, RDX, RCX, R8, R9};

bool thunk_can_keep_vectors(void)
{
	unsigned a = 0, b = 0, c = 0, d = 0;
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return false;
	for (unsigned component = 2; component < 8; component++)
		if ((VECTORS >> component & 1) &&
		    __get_cpuid_count(0xd, component, &a, &b, &c, &d) && a && b + a > VECTORS_BYTES)
			return false;
	return true;
}

static void save(struct emit *e, const struct thunk_call *call)
{
	move_stack(e, -FRAME_BYTES);
	store(e, RAX, FRAME_RAX);
	store(e, RDI, FRAME_RDI);
	store(e, R11, FRAME_R11);
	for (unsigned i = 0; i < IMAGE_CTX_ARGS; i++)
		if (call->ctx_reads >> i & 1)
			store(e, arguments[i], 8 * i);
	store_value(e, 0, IMAGE_CTX_NO_RESULT);
	if (!(call->flags & THUNK_CALLS_HOST))
		return;
	EMIT(e, 0x48, 0x8d, 0x05, 0, 0, 0, 0); /* lea rax, [rip] */
	store(e, RAX, THUNK_MARK);
}

/* mov eax, VECTORS; xor edx, edx; xsave64 or xrstor64 [rsp] */
static void move_vectors(struct emit *e, uint8_t operation)
{
	EMIT(e, 0xb8);
	emit_u32(e, VECTORS);
	EMIT(e, 0x31, 0xd2, 0x48, 0x0f, 0xae, operation, 0x24);
}

/* From here on the frame is at rbx. */
static void save_vectors(struct emit *e)
{
	store(e, RBX, FRAME_RBX);
	store(e, RDX, FRAME_RDX);
	EMIT(e, 0x48, 0x89, 0xe3); /* mov rbx, rsp */
	move_stack(e, -VECTORS_BYTES);
	EMIT(e, 0x48, 0x83, 0xe4, 0xc0); /* and rsp, -64 */
	for (unsigned at = 0; at < 64; at += 8)
		store_value(e, 0, VECTORS_HEADER + at);
	move_vectors(e, 0x24);
}

static void restore_vectors(struct emit *e)
{
	EMIT(e, 0x48, 0x89, 0x43, (uint8_t)FRAME_RESULT); /* mov [rbx + result], rax */
	move_vectors(e, 0x2c);				  /* /5 */
	EMIT(e, 0x48, 0x89, 0xdc);			  /* mov rsp, rbx */
	load(e, RAX, FRAME_RESULT);
	load(e, RDX, FRAME_RDX);
	load(e, RBX, FRAME_RBX);
}

void thunk_put_entry(struct emit *e, const struct thunk_call *call, size_t *pointer_at)
{
	bool keeps_vectors = call->flags & THUNK_KEEPS_VECTORS;
	save(e, call);
	if (keeps_vectors)
		save_vectors(e);
	emit_call(e, call, keeps_vectors ? RBX : RSP, pointer_at);
	if (keeps_vectors)
		restore_vectors(e);
	load(e, R11, FRAME_R11);
	load(e, RDI, FRAME_RDI);
	EMIT(e, 0x48, 0x83, 0x7c, 0x24, IMAGE_CTX_NO_RESULT, 0); /* cmp qword [rsp + …], 0 */
	EMIT(e, 0x75, 9);					 /* jne over 9 bytes */
	move_stack(e, FRAME_BYTES);				 /* 8 bytes */
	EMIT(e, 0xc3);						 /* ret */
	load(e, RAX, FRAME_RAX);
	move_stack(e, FRAME_BYTES);
}
