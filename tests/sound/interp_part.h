/*
 * interp_part - what interp*.c share: the steps of each kind of instruction, memory, calls; and what a part
 * with models of helpers is.
 */
#pragma once

#include "tests/sound/interp.h"

#include "shared/bpf/helper.h"
#include "shared/bpf/map_kind.h"

#include <errno.h>
#include <stddef.h>

/* ---- parts ---- */

/* A helper call that is being made. */
struct interp_call {
	struct interp *i;
	const struct helper *helper;
	const struct interp_model *model;
	struct interp_value args[5];
	struct interp_map_state *map;
	uint32_t map_index;
	uint8_t *memory[5]; /* what pointer arguments point to */
	uint64_t size;
	struct interp_value r0;
	int32_t extern_index; /* of a function of the host */
	bool is_entered;      /* a callback runs; r0 comes when it is done */
};

#define INTERP_KIND(name) (UINT64_C(1) << MAP_KIND_##name)

struct interp_model {
	uint32_t id;	/* of the helper */
	uint64_t kinds; /* of maps that it takes (INTERP_KIND); 0: arrays and hashes */
	/* The arguments are checked. Sets k->r0, or notes a trap and gives false. */
	bool (*run)(struct interp_call *k);
};

struct interp_part {
	const struct interp_model *models;
	size_t count;
	void (*reset)(struct interp *i); /* NULL, or: a run is prepared, maps are empty */
};

#define PART(name) extern const struct interp_part interp_part_##name;
#include "tests/sound/interp_part.tbl.h"
#undef PART

/* ---- interp.c ---- */

/* Notes a trap; gives false. */
bool interp_stop(struct interp *i, enum interp_trap trap, const char *format, ...) PRINTF(3, 4);

/* Metered code may end the run here: whether nothing would be lost. (interp_call.c) */
bool interp_may_end(struct interp *i);

static inline struct interp_frame *interp_top(struct interp *i)
{
	return &i->frames[i->frames_count - 1];
}

static inline struct interp_value *interp_reg(struct interp *i, unsigned reg)
{
	return &interp_top(i)->regs[reg];
}

static inline struct interp_value interp_number(uint64_t bits)
{
	return (struct interp_value){bits, 0, INTERP_NUMBER};
}

static inline uint64_t interp_sign_extend(uint64_t value, unsigned bits)
{
	return bits == 64 ? value : (uint64_t)((int64_t)(value << (64 - bits)) >> (64 - bits));
}

static inline bool interp_is_place(const struct interp_value *v)
{
	return v->kind != INTERP_NUMBER;
}

static inline bool interp_readable(struct interp *i, unsigned reg)
{
	if (interp_reg(i, reg)->kind != INTERP_NONE)
		return true;
	return interp_stop(i, INTERP_UNINIT, "r%u holds nothing", reg);
}

static inline bool interp_writable(struct interp *i, unsigned reg)
{
	return reg != 10 || interp_stop(i, INTERP_READ_ONLY, "r10 is written");
}

/* ---- interp_memory.c ---- */

/* A new object, or UINT32_MAX with the run stopped as open. */
uint32_t interp_object(struct interp *i, enum interp_place place, void *data, uint64_t size);
/* The object's bytes behind `p`, or NULL with a trap noted. `must_init`: all bytes are to be written. */
uint8_t *interp_memory(struct interp *i, const struct interp_value *p, int64_t offset,
		       uint64_t size, bool is_store, bool must_init);
/* Marks bytes as written numbers. */
void interp_wrote(struct interp *i, const struct interp_value *p, int64_t offset, uint64_t size);
bool interp_step_load(struct interp *i, const struct bpf_insn *insn);
bool interp_step_store(struct interp *i, const struct bpf_insn *insn);
bool interp_step_atomic(struct interp *i, const struct bpf_insn *insn);

/* ---- interp_number.c ---- */
bool interp_step_alu(struct interp *i, const struct bpf_insn *insn);
bool interp_step_end(struct interp *i, const struct bpf_insn *insn);
bool interp_step_jump(struct interp *i, const struct bpf_insn *insn);

/* ---- interp_call.c ---- */
bool interp_push(struct interp *i, uint32_t return_to);
bool interp_step_local(struct interp *i, const struct bpf_insn *insn);
bool interp_step_exit(struct interp *i, const struct bpf_insn *insn);
/* The current instruction calls a helper that calls back: begins the first round, if there is one. */
bool interp_enter(struct interp *i, const struct interp_round *round);

/* ---- interp_helper.c ---- */
bool interp_call(struct interp *i, const struct bpf_insn *insn);
/* The call gives a number. */
bool interp_returns(struct interp_call *k, int64_t value);

/* ---- interp_ring.c ---- */
/* Room for a record that nobody holds yet; NULL where there is none. */
struct interp_record *interp_take_record(struct interp_call *k, uint64_t size);

/* ---- interp_dynptr.c ---- */
/* Argument `n` points to a dynptr, to a place for one; else NULL, false, with a trap noted. */
struct interp_dynptr *interp_dynptr_at(struct interp_call *k, unsigned n);
bool interp_dynptr_place(struct interp_call *k, unsigned n);
/* One half of it was written over: what it handed out is gone. */
void interp_dynptr_end(struct interp *i, uint64_t index);

/* ---- interp_iter.c ---- */
bool interp_step_kfunc(struct interp *i, const struct bpf_insn *insn);
/* The top frame ends: no iterator in it is left. */
bool interp_iters_gone(struct interp *i);

/* ---- interp_map.c ---- */
bool interp_is_constant(const struct object_map *m);
/* The element's value as an object: a pointer in `out`; false with the run stopped. */
bool interp_element_pointer(struct interp *i, const struct interp_map_state *m,
			    struct interp_element *e, struct interp_value *out);

/* ---- interp_extension.c ---- */
/* The role may touch these bytes of an object, which holds them. */
bool interp_host_access(struct interp *i, const struct interp_object *o, uint64_t at, uint64_t size,
			bool is_store);
/* A load gives an argument of the entry, or follows a pointer in a struct: `out`, of kind NONE where the run is
 * stopped. Else false. */
bool interp_host_load(struct interp *i, const struct interp_value *p, int64_t offset, unsigned size,
		      struct interp_value *out);
/* A function of the host has run. */
void interp_host_changed(struct interp *i);
bool interp_host_leave(struct interp *i, uint64_t r0);
bool interp_host_may_write(const struct interp *i, bool is_argument);
bool interp_host_has_effects(const struct interp *i);

/* ---- interp_extern.c ---- */
bool interp_step_extern(struct interp *i, const struct bpf_insn *insn);
bool interp_host_variable(struct interp *i, int32_t index, struct interp_value *out);
/* Nothing that was acquired is held, but the first `from` things. */
bool interp_host_released(struct interp *i, uint32_t from);

/* ---- interp_lock.c ---- */
/* `size` bytes at `at` of the object are no spin lock's. */
bool interp_lock_access(struct interp *i, const struct interp_object *o, int64_t at, uint64_t size);
bool interp_lock_argument(struct interp_call *k, unsigned n);
/* No lock is held where `what` happens. */
bool interp_lock_free(struct interp *i, const char *what);
