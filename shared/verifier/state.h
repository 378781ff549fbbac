/*
 * state - what is known at one point of one path: registers, stack slots, frames, references.
 *
 *	frame 1   r0 … r10   slots 0 … 63      a frame has 512 bytes; slot 63 is at r10-8
 *	frame 0   r0 … r10   slots 0 … 63
 *	references: what was acquired and must be released
 *
 * A *variable* is a register or a slot of a frame; it has a number (state_var_*). Each scalar carries
 * the variables of the last checkpoint that its value came from (`deps`): when a value turns out to
 * matter, those are marked precise (tree.h).
 *
 * Memory:  plain values; a state is large (about 60 KB) and there is one per analysis. What is kept
 *          are snapshots (snapshot.h).
 */
#pragma once

#include "shared/verifier/range.h"

#include <stddef.h>

#define STATE_FRAMES	 8
#define STATE_REGS	 11
#define STATE_SLOTS	 64
#define STATE_FRAME_SIZE 512
#define STATE_REFS	 16
#define STATE_DEPS	 4
#define STATE_LIMITS	 2
#define STATE_SIZES	 6 /* ROLE_MAX_ARGUMENTS */
#define STATE_PATH	 16
#define STATE_FRAME_VARS (STATE_REGS + STATE_SLOTS)
#define STATE_VARS	 (STATE_FRAMES * STATE_FRAME_VARS)
#define STATE_VAR_WORDS	 ((STATE_VARS + 63) / 64)

/* What a register holds: a row of kind.tbl.h. */
enum state_kind {
#define KIND(name, words, base, not_null, flags) STATE_##name,
#include "shared/verifier/kind.tbl.h"
#undef KIND
};

#define STATE_IS_POINTER 1u
#define STATE_IS_MEMORY	 2u  /* may be loaded from */
#define STATE_IS_STORE	 4u  /* … stored to */
#define STATE_IS_ATOMIC	 8u  /* … with atomic operations */
#define STATE_IS_OFFSET	 16u /* numbers may be added to it */
#define STATE_IS_NULL	 32u /* may be null */
#define STATE_IS_OBJECT \
	64u /* lies in slots of the stack only: calls make and use it, nothing loads it */
#define STATE_IS_PART \
	128u /* points into memory of the object whose id is `map`, and ends with it */

#define STATE_IS_HOST \
	256u /* memory of the host: host.h says what of it may be touched; what the host says of its
	      * size is true also where it may be null */

struct state_kind_row {
	const char *words; /* "pointer to the stack" */
	uint8_t base;	   /* enum verifier_base */
	uint8_t not_null;  /* what it is after a check against null */
	uint16_t flags;
};

extern const struct state_kind_row state_kinds[];

/* A number, or a pointer's offset, below the size of memory of the host (limit.h). */
struct state_limit {
	uint8_t of;   /* argument + 1 that says the size; 0: none */
	uint8_t form; /* enum limit_form */
	int32_t left;
};
struct role_function;

struct state_reg {
	uint8_t kind;
	uint8_t frame;		   /* STACK: whose; HANDLE…: 1 where what it leads to is const */
	uint16_t deps[STATE_DEPS]; /* variable + 1; 0 is none */
	uint32_t map; /* MAP, KEY, VALUE…: index into the object's maps, of a map of maps: some map
		       * inside of it; INNER_MAP…: of the map that it is in; FUNCTION: index into
		       * the functions; SLICE…: the id of its dynptr; PARAM…: which parameter of the
		       * global function; HOST_STRUCT…: index into the role's places; HOST_MEM…: …
		       * the entry's arguments; HOST_VAR: … the role's variables; HANDLE…: the host's
		       * BTF id of what it leads to */
	uint32_t id; /* equal ids: SCALAR the same number, VALUE… the same element, INNER_MAP… the
		      * same map, RECORD… the reference, DYNPTR… the object, HANDLE… the same one and
		      * perhaps a reference, HOST_… the same pointer; 0: none */
	uint32_t
		size; /* RECORD…, SLICE…, PARAM…, HOST_STRUCT…, HOST_VAR: bytes; HANDLE…: those of its
			* type, 0 where unknown */
	struct state_limit limits[STATE_LIMITS];
	/* SCALAR, HOST_MEM…: the number, or offset, is that of name `link` and `plus`, without a wrap: what is
	 * learnt of one of a family holds for all (limit_share()). 0: none but its own id */
	uint32_t link;
	int32_t plus;
	uint32_t
		ref; /* SCALAR: its low ref_bytes bytes are those of the number that was acquired as
			    * reference `ref`; 0: none */
	uint8_t ref_bytes;
	const struct role_function
		*maker; /* HANDLE…: the function that returned it; for messages */
	/* ITERATOR: iter.c has numbers of its own in map, size, plus, ref and frame. */
	struct range range; /* SCALAR: the number; pointers: the offset from the object's start */
};

/* Eight bytes of stack. A register that was stored whole is kept with what is known of it. */
struct state_slot {
	struct state_reg reg;
	uint8_t init;	  /* bit n: byte n was written */
	uint8_t at, size; /* where in the slot `reg` lies; size 0: nowhere */
};

struct state_frame {
	struct state_reg regs[STATE_REGS];
	struct state_slot slots[STATE_SLOTS];
	uint64_t used;	    /* bit n: slot n has bytes that were written */
	uint64_t written;   /* bit n: slot n was overwritten whole since the last checkpoint */
	uint64_t objects;   /* bit n: slot n holds a part of an object (state_object.h) */
	uint32_t function;  /* index into the object's functions */
	uint32_t return_to; /* the instruction after the call, in the caller */
	bool is_callback;   /* a helper calls it, with the frame below as caller */
};

struct state_ref {
	uint32_t id, insn; /* where it was acquired */
	uint32_t owner;	   /* state_callback() then: the callback that has to release it */
	/* What the host's function `by` acquired; NULL: a record. Of a number: its size in a register, 0: a
	 * pointer; where it is signed, less than 0 means that nothing was acquired. */
	const struct role_function *by;
	uint8_t bytes;
	bool is_signed;
	bool is_iterator; /* it owns nothing outside of the stack: where a run ends it is not missed */
};

/* The spin lock that is held: of one element; id 0: none. */
struct state_lock {
	uint32_t id, map; /* as the pointer to the element has them */
	uint32_t insn;	  /* where it was taken */
};

/* A conditional jump that could have gone both ways, and how this path went. */
struct state_decision {
	uint32_t insn;
	bool taken;
};

struct state {
	uint32_t frames_count, refs_count;
	uint64_t count;	    /* instructions executed on this path */
	uint32_t forks;	    /* decisions since the last checkpoint */
	uint32_t since;	    /* instructions since then */
	uint32_t decisions; /* in all; the last STATE_PATH of them are in `path` */
	uint32_t widened;   /* 1 + the instruction where this was last done (widen.h); 0: nowhere */
	struct state_decision path[STATE_PATH];
	struct state_lock lock;
	int64_t least[STATE_SIZES]; /* sizes of the host's memory are at least that; 0: not known */
	struct state_ref refs[STATE_REFS];
	struct state_frame frames[STATE_FRAMES];
};

static inline struct state_frame *state_top(struct state *s)
{
	return &s->frames[s->frames_count - 1];
}

static inline uint16_t state_flags(const struct state_reg *r)
{
	return state_kinds[r->kind].flags;
}

static inline bool state_is_pointer(const struct state_reg *r)
{
	return state_flags(r) & STATE_IS_POINTER;
}

/* Whether its bytes must never be seen as a number. */
static inline bool state_is_opaque(const struct state_reg *r)
{
	return state_flags(r) & (STATE_IS_POINTER | STATE_IS_OBJECT);
}

static inline unsigned state_var_reg(unsigned frame, unsigned reg)
{
	return frame * STATE_FRAME_VARS + reg;
}

static inline unsigned state_var_slot(unsigned frame, unsigned slot)
{
	return frame * STATE_FRAME_VARS + STATE_REGS + slot;
}

/* The frame of the innermost callback, which everything above it belongs to; 0 where there is none. */
uint32_t state_callback(const struct state *s);

struct state_reg state_scalar(struct range range);

/* Starts the next frame: nothing known but its r10. False where there are STATE_FRAMES already. */
bool state_push(struct state *s, uint32_t function, uint32_t return_to);

/* Calls `visit` for each register and each kept slot register that holds something. */
void state_each(struct state *s, void (*visit)(void *context, struct state_reg *r), void *context);

/* The element or record `id` (not 0) is, or is not, null: in every copy. A null record's reference ends. */
void state_settle_null(struct state *s, uint32_t id, bool is_null);

/* Only `bytes` bytes of number *r are left. */
static inline void state_cut(struct state_reg *r, unsigned bytes)
{
	if (r->ref_bytes > bytes)
		r->ref = r->ref_bytes = 0;
}

/* Reference `id`, or NULL where it is not held. */
struct state_ref *state_find_ref(struct state *s, uint32_t id);

/* Nothing was acquired as `id`: the reference ends, numbers stay. */
void state_drop_ref(struct state *s, uint32_t id);

/* Every copy of record or handle `id` becomes unreadable, numbers are only numbers then, and its reference ends. False where there was none. */
bool state_release(struct state *s, uint32_t id);

/* What is held and would be lost if the run ended here, or NULL. */
const struct state_ref *state_held(const struct state *s);

/* Whether the current callback, or the entry where there is none, holds `id`. */
bool state_owns(const struct state *s, uint32_t id);

/* False where there are STATE_REFS already. The new reference is the last one. */
bool state_acquire(struct state *s, uint32_t id, uint32_t insn);

/* The stack's slots as bytes: writes `size` bytes at `offset` (from the frame's top) as unknown numbers;
 * kept registers there are forgotten, and what remains of a pointer becomes unreadable. Objects there were
 * ended before (state_object_overwrite()). */
void state_forget(struct state_frame *f, int offset, unsigned size, bool initialised);

/* A write of numbers somewhere within these bytes: kept registers there are forgotten, what was not
 * initialised stays so. */
void state_blur(struct state_frame *f, int offset, unsigned size);

/* Whether all bytes were written, and none belongs to a kept pointer or to an object. */
bool state_is_readable(const struct state_frame *f, int offset, unsigned size, bool *is_pointer);

/* The slots that the bytes touch. */
uint64_t state_slots(int offset, unsigned size);
