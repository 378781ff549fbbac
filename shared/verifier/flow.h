/*
 * flow - what the shape of the code says before any path is walked: every instruction is valid, every
 * jump and call stays where it may go, where paths meet, and which registers are still needed.
 *
 * Memory:  one allocation, owned.
 * Threads: immutable after flow_init.
 */
#pragma once

#include "shared/bpf/object.h"
#include "shared/verifier/verifier.h"

#define FLOW_NO_FUNCTION UINT32_MAX

struct flow_insn {
	uint8_t kind;	   /* enum insn_kind */
	bool is_start;	   /* not the second slot of ld_imm64 */
	bool is_join;	   /* a jump leads here */
	bool is_head;	   /* … from here or from behind: a loop may begin here */
	uint16_t live;	   /* bit n: register n may be read before it is written, from here on */
	uint32_t function; /* index into object_functions(), or FLOW_NO_FUNCTION */
	uint32_t next;	   /* the instruction behind it; of GOTO and JUMP also: */
	uint32_t target;   /* … where it leads; CALL_LOCAL: the function's index */
};

struct flow {
	struct flow_insn *insns; /* one for each of object_insns() */
	uint32_t count;
};

/* What is wrong with the shape. `message` is NULL where nothing is. */
struct flow_fault {
	enum verifier_rule rule;
	uint32_t insn;
	const char *message; /* static */
};

/* fails NO_MEMORY. A fault is the caller's to report; `out` is then for flow_fini() only. */
MUST_CHECK struct err *flow_init(const struct object *object, struct flow *out,
				 struct flow_fault *fault);
void flow_fini(struct flow *f);
