/*
 * check - one analysis at work: what every part of the verifier shares, and how it says no.
 *
 * A rejection travels up as an error of code REJECTED, so TRY works; the finding itself is in the
 * verdict by then, and verifier_run() turns the error into that verdict.
 */
#pragma once

#include "shared/bpf/fuel.h"
#include "shared/verifier/ctx.h"
#include "shared/verifier/flow.h"
#include "shared/verifier/tree.h"
#include "shared/verifier/verdict.h"

/* How loops without a proved end are taken: meter.h. */
struct meter {
	uint32_t rounds;    /* of a loop that are walked exactly; 0: every loop has to end */
	bool is_needed;	    /* the code has to count: something was not proved to end in time */
	uint64_t max_steps; /* of the current attempt, over all entries */
	uint32_t walks;	    /* of callbacks, so far */
	struct fuel fuel;   /* of roles that meter */
};

struct check {
	const struct object *object;
	const struct role *role;
	struct verifier_limits limits;
	const struct bpf_insn *insns;
	const struct object_map *maps;
	const struct object_function *functions;
	uint32_t maps_count, functions_count;
	struct flow flow;
	struct tree tree;
	struct verdict *verdict;      /* being made */
	struct state *state;	      /* of the current path */
	struct tree_node *node;	      /* its last checkpoint */
	uint32_t insn;		      /* where it is */
	uint32_t next_id;	      /* for state_reg.id */
	uint32_t entry;		      /* index of the function that is verified */
	const struct ctx_layout *ctx; /* what it gets */
	struct meter meter;
	uint64_t ctx_reads;
	const struct role_entry *host; /* an extension entry's: whose place it takes; else NULL */
	struct ctx_layout host_ctx;    /* … and its arguments, … */
	struct state_reg host_args[STATE_SIZES]; /* … as they are loaded */
	bool is_short;	 /* memory was, for a text: the verdict would not be whole */
	uint32_t *depth; /* by function: bytes of stack that a frame of it uses */
	uint64_t *calls; /* functions_count × functions_count bits: who calls whom, as seen */
};

/*
 * The program is rejected, at the current instruction.
 *   hint  the nearest thing that would be allowed, or NULL; copied
 */
MUST_CHECK NEVER_NULL struct err *check_reject(struct check *c, enum verifier_rule rule,
					       const char *hint, const char *format, ...)
	PRINTF(4, 5);

/* A formatted text that lives as long as the verdict; where memory is short, "", and the run fails in the
 * end. */
const char *check_text(struct check *c, const char *format, ...) PRINTF(2, 3);

/* ---- registers of the current frame ---- */
struct state_reg *check_reg(struct check *c, unsigned reg);

/* fails UNINIT_REGISTER */
MUST_CHECK struct err *check_readable(struct check *c, unsigned reg);
/* fails FRAME_POINTER */
MUST_CHECK struct err *check_writable(struct check *c, unsigned reg);

uint32_t check_new_id(struct check *c);

/* ---- numbers that matter (tree.h) ---- */

/* The value of `r` decides something: where it came from must be compared when states are. */
void check_precise(struct check *c, const struct state_reg *r);

/* `r` now also comes from what `from` came from. */
void check_depend(struct check *c, struct state_reg *r, const struct state_reg *from);

/* Every scalar with r's id (not 0) is the same number: it learns what is known of `r`. */
void check_share(struct check *c, const struct state_reg *r);

/* Slots of a frame are read. */
void check_read(struct check *c, unsigned frame, uint64_t slots);

/* Slots of a frame are written: callbacks are told from what they write below their own. */
void check_written(struct check *c, unsigned frame, uint64_t slots);

/* ---- stack ---- */

/* Function `caller` calls `callee`: their frames lie on each other. */
void check_calls(struct check *c, uint32_t caller, uint32_t callee);

/* The current path uses the frame down to `offset`.
 * fails STACK_LIMIT where the frames now use more than the role allows */
MUST_CHECK struct err *check_depth(struct check *c, unsigned frame, int64_t offset);
