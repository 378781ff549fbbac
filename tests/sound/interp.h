/*
 * interp - a checking interpreter of eBPF: what RFC 9669 says, and where every value came from.
 *
 * It shares nothing with the verifier and the compiler but the instruction and helper tables, so that it
 * can be their judge. Each value is a number, a map, or a pointer with the object it points into and an
 * offset; each byte of stack knows whether it was written. What an accepted program may not do is a trap.
 *
 * Memory:  one struct interp is large; it is reused for many runs (interp_reset).
 * Limits:  INTERP_OBJECTS objects and INTERP_RECORDS records per run; past them the run is `is_open`
 *          and stops.
 */
#pragma once

#include "tests/sound/world.h"

#include "shared/bpf/object.h"
#include "shared/verifier/verifier.h"

#define INTERP_FRAMES  8
#define INTERP_FRAME   512
#define INTERP_OBJECTS 4096
#define INTERP_RECORDS 512
#define INTERP_ENTRIES 64u /* elements of one map, at the most */
#define INTERP_ELEMENT 64  /* bytes of a key or a value */
#define INTERP_DYNPTRS 1024
#define INTERP_ITERS   256
#define INTERP_MAPS    32
#define INTERP_RECORD  512 /* bytes of a record */
#define INTERP_CTX     168
#define INTERP_HELD    64
#define INTERP_INSNS   1024 /* of which executions are counted */

enum interp_trap {
	INTERP_FINE,
	INTERP_BAD_INSN,
	INTERP_UNINIT,	   /* a register or stack byte is read before it was written */
	INTERP_BOUNDS,	   /* outside of the object, or the object is gone */
	INTERP_NO_POINTER, /* a number is followed */
	INTERP_READ_ONLY,
	INTERP_ALIGNMENT,
	INTERP_ARITHMETIC, /* an operation on a pointer that makes nonsense of it */
	INTERP_LEAK,	   /* a pointer becomes visible as a number */
	INTERP_GRANT,	   /* a helper that the role does not grant */
	INTERP_ARGUMENT,
	INTERP_UNRELEASED,
	INTERP_DEPTH,
	INTERP_LOCK,	 /* a spin lock is held where none may be, or its bytes are touched */
	INTERP_TOO_LONG, /* more instructions than allowed */
	INTERP_FACT,	 /* what the verifier told the compiler is not so */
};

enum interp_kind {
	INTERP_NONE,
	INTERP_NUMBER,
	INTERP_POINTER,
	INTERP_MAP,
	INTERP_FUNCTION,
	INTERP_ITERATOR, /* in slots only: number `bits` of the iterators */
	INTERP_HANDLE,	 /* of the host: its address `bits`, made by function `object` of it */
	INTERP_DYNPTR,	 /* in slots only: half `object` of dynptr number `bits` */
};

struct interp_value {
	uint64_t
		bits; /* the number; the offset from the object's start; the map's index; the function's
			* first instruction */
	uint32_t object;
	uint8_t kind;
};

enum interp_place {
	INTERP_STACK,
	INTERP_CONTEXT,
	INTERP_ELEMENT_OF,
	INTERP_RING,
	INTERP_KEY,
	INTERP_SLICE,
	INTERP_COUNTED, /* an iterator's number */
	INTERP_HOST,
};

struct interp_object {
	uint8_t place;
	bool is_alive, is_constant;
	bool is_stale; /* an element that was deleted or replaced since */
	/* HOST: a struct of which rights are kept by byte, as `part` of the way (enum world_place); it is reached by
	 * a pointer that the host may change; text that ends with a NUL */
	bool is_struct, is_child, is_text;
	uint8_t part;
	uint64_t size;
	uint8_t *data;
	struct interp_frame *frame; /* STACK */
	uint32_t map;		    /* ELEMENT_OF */
	uint32_t record;	    /* RING; SLICE: the dynptr */
};

struct interp;
struct interp_round;

/* A helper that calls back. */
struct interp_caller {
	/* Is there one more round? round->called says how many there were. */
	bool (*find)(struct interp *i, struct interp_round *round);
	/* Fills r1 … of the new frame; false with the run stopped. */
	bool (*set_args)(struct interp *i, const struct interp_round *round);
};

/* A function that is called back. */
struct interp_round {
	const struct interp_caller *caller; /* NULL: the frame is no callback's */
	uint32_t first;			    /* its first instruction */
	uint32_t records, held;		    /* that there were before */
	uint32_t map;
	uint64_t index, called, count;
	struct interp_value ctx;
};

struct interp_frame {
	struct interp_value regs[11];
	struct interp_value
		slots[INTERP_FRAME / 8]; /* kind POINTER or MAP: holds one; else bytes */
	uint8_t bytes[INTERP_FRAME];
	bool init[INTERP_FRAME];
	struct interp_round round;
	uint32_t object, return_to;
	uint32_t deepest; /* bytes from the top down that were used */
};

struct interp_element {
	bool is_used;
	uint32_t object, key_object; /* + 1; 0: none yet */
	uint8_t key[INTERP_ELEMENT];
	uint8_t value[INTERP_ELEMENT];
};

struct interp_map_state {
	const struct object_map *map;
	struct interp_element elements[INTERP_ENTRIES];
	/* Bytes of elements that were deleted or replaced while someone may point to them. */
	uint64_t taken; /* ring buffers: bytes reserved since the start */
};

struct interp_record {
	uint32_t map, size, object;
	bool is_busy, is_discarded;
	uint8_t data[INTERP_RECORD];
};

struct interp_dynptr {
	uint32_t object; /* what it is of; UINT32_MAX: nothing */
	uint32_t record; /* + 1; 0: it is of a value */
	uint32_t size;
	uint64_t offset;
};

struct interp_iter {
	int64_t next, end;
	int32_t number;	 /* what `object` holds */
	uint32_t object; /* of the number that was handed out last, + 1; 0: none */
	uint32_t frame;	 /* the object that it lies in */
	bool is_alive;
};

/* What a function of the host acquired. */
struct interp_held {
	uint64_t bits;
	uint8_t maker; /* enum world_extern */
	bool is_held;
};

struct interp_result {
	enum interp_trap trap;
	uint32_t insn;
	char message[160];
	uint64_t r0, count, ctx_reads;
	bool has_ended; /* metered: more instructions would have been too many */
	bool is_open;	/* the outcome depends on what is not modelled: clock, freed elements … */
};

struct interp {
	const struct object *object;
	const struct bpf_insn *insns;
	const struct verifier_insn_fact *facts; /* NULL: not checked */
	uint64_t granted[4];			/* bit n: helper n may be called */
	uint64_t limit;				/* instructions */
	uint32_t stack_limit;			/* bytes over all frames; 0: not checked */
	bool is_metered;			/* at `limit` the run ends, and is not wrong */
	bool is_wild; /* what helpers read of the host and the machine is made up */
	uint64_t pid_tgid;
	uint64_t seed;	   /* of what helpers make up */
	struct bytes host; /* memory of the host that probe_read* finds; all else is not there */
	uint8_t ctx[INTERP_CTX];
	uint32_t insns_count, maps_count, frames_count, objects_count, records_count, dynptrs_count,
		iters_count;
	struct interp_map_state maps[INTERP_MAPS];
	struct interp_object objects[INTERP_OBJECTS];
	struct interp_record records[INTERP_RECORDS];
	struct interp_dynptr dynptrs[INTERP_DYNPTRS];
	struct interp_iter iters[INTERP_ITERS];
	struct interp_frame frames[INTERP_FRAMES];
	struct interp_element stale[INTERP_OBJECTS]; /* content of stale objects */
	struct interp_result result;
	/* Extensions: the world is NULL for others. */
	struct world *world;
	enum world_entry entry;
	unsigned role;
	struct interp_value words[6]; /* the arguments */
	uint8_t rights[WORLD_PLACES][sizeof(struct world_request)];
	bool has_place[WORLD_PLACES];
	uint32_t variables[WORLD_EXTERNS - WORLD_counter]; /* objects */
	struct interp_held held[INTERP_HELD];
	uint32_t held_count;
	uint64_t host_accesses, host_calls[WORLD_EXTERNS]; /* uses of variables are calls, too */
	uint32_t at, next;
	uint32_t tail_calls;
	uint32_t locked;	       /* the object whose spin lock is held, + 1; 0: none */
	uint32_t visits[INTERP_INSNS]; /* executions of each instruction; never set to 0 here */
};

/* Empty maps (globals hold their initial content), no records. */
void interp_reset(struct interp *i, const struct object *object);

/* What runs is an extension, in that world, under row `role` of the roles. After interp_reset(). */
void interp_extension(struct interp *i, struct world *world, enum world_entry entry, unsigned role);

/* Runs the function; the answer is in i->result. */
void interp_run(struct interp *i, const struct object_function *entry);

/* The element with that key, or NULL. Arrays: the key is the index. */
struct interp_element *interp_find(struct interp *i, uint32_t map, const void *key);

/* As the helper, without a program: 0 or a negative errno value. */
int64_t interp_update(struct interp *i, uint32_t map, const void *key, const void *value,
		      uint64_t flags);

const char *interp_trap_text(enum interp_trap trap);
