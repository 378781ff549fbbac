/*
 * verifier - does this program keep to this role? Abstract interpretation over all paths of each
 * entry: pure, no I/O, no clock but a budget.
 *
 * Memory:  a verdict owns everything it hands out, apart from what it borrows from object and role,
 *          which must outlive it.
 * Threads: none of its own; separate calls may run side by side.
 * Limits:  struct verifier_limits.
 */
#pragma once

#include "shared/bpf/object.h"
#include "shared/eim/role.h"

struct verifier_limits {
	uint64_t max_steps;	 /* instructions looked at, over all paths; default 1,000,000 */
	size_t max_memory_bytes; /* of explored states; default 64 MiB */
	/* Registers and slots compared and copied; default 300,000,000 (about a second), 0: no limit. It is what
	 * keeps programs made to be compared a lot from taking long, the same on every machine. */
	uint64_t max_comparisons;
	/* Asked now and then; true ends the analysis. NULL: never. The verifier has no clock of its own:
	 * see clock_is_past(). */
	bool (*is_late)(void *context);
	void *context;
	uint32_t max_time_ms; /* what is_late() stands for, in the verdict's words */
};

#define VERIFIER_LIMITS_DEFAULT                                         \
	((struct verifier_limits){.max_steps = 1000000,                 \
				  .max_memory_bytes = (size_t)64 << 20, \
				  .max_comparisons = UINT64_C(300000000)})
#define VERIFIER_TIME_MS 2000 /* what command line and agent give it */

/* Rules have stable codes, listed with their meaning in rule.tbl.h. */
enum verifier_rule {
	VERIFIER_ACCEPTED,
#define RULE(name, text, meaning) VERIFIER_##name,
#include "shared/verifier/rule.tbl.h"
#undef RULE
};

/* "call-not-granted": a rule's code in JSON and in .case files; "accepted" for VERIFIER_ACCEPTED. */
const char *verifier_rule_text(enum verifier_rule rule);

/* What was known of one register. */
struct verifier_register {
	const char *name; /* "r2": static */
	const char
		*kind; /* "NUMBER", "STACK", "VALUE_OR_NULL", …: static, as kind.tbl.h has them */
	const char *text; /* as in the text */
};

/* A branch on the way. */
struct verifier_branch {
	uint32_t insn, times;	     /* one that went the same way round by round is one row */
	const struct btf_line *line; /* NULL where unknown */
	bool taken;
};

/* Why a program was rejected. */
struct verifier_finding {
	enum verifier_rule rule;
	struct str entry;	     /* the entry that was being verified */
	struct str function;	     /* the function that holds the instruction */
	uint32_t insn;		     /* index into object_insns() */
	const struct btf_line *line; /* NULL where unknown */
	const char *message;	     /* what is wrong, in one sentence */
	const char *hint;	     /* the nearest thing that would be allowed, or NULL */
	const char *registers;	     /* what was known, a line per register that matters, or NULL */
	const char *path;	     /* the branches that led there, or NULL */
	const struct verifier_register *register_rows; /* both once more, by parts */
	const struct verifier_branch *branches;
	uint32_t register_rows_count, branches_count;
	uint32_t branches_before; /* earlier ones, not shown */
};

/* Memory of the host that is reached through arguments and host variables. */
struct verifier_host_use {
	struct str path; /* "r.uri" */
	bool is_write;
};

/* What an entry, with all that it calls, may do. */
#define VERIFIER_USES_HELPERS 256u
struct verifier_uses {
	uint64_t helpers[VERIFIER_USES_HELPERS / 64]; /* bit n: row n of the helper table */
	uint64_t externs[OBJECT_MAX_EXTERNS / 64];    /* … of object_externs() */
	uint64_t maps_read, maps_written;	      /* … of object_maps() */
	const struct verifier_host_use *host;
	uint32_t host_count;
};
_Static_assert(OBJECT_MAX_MAPS <= 64, "a bit for each map");

/* What the analysis proved about one instruction: the JIT specialises by it. */
enum verifier_base {
	VERIFIER_BASE_OTHER,
	VERIFIER_BASE_STACK,
	VERIFIER_BASE_CTX,
	VERIFIER_BASE_MAP_VALUE
};

#define VERIFIER_MIXED UINT32_MAX

struct verifier_insn_fact {
	bool reached; /* false on every path: dead code */
	uint8_t base; /* LOAD, STORE, ATOMIC: what the address points into, the same on all paths */
	bool has_offset; /* … and `offset` is from that object's start, on all paths (STACK: from the
			      * frame's top, so negative) */
	int32_t offset;
	uint32_t
		map; /* CALL_HELPER with a map argument: its index, VERIFIER_MIXED where paths differ */
	bool is_inner; /* … it is one of the maps inside of `map`, and which one is not known */
	uint32_t callback; /* CALL_HELPER with a CALLBACK argument: the function's index */
	/* CALL_HELPER: bit n is set where argument n+1 points into the current frame at
	 * arg_stack_offset[n] on all paths. */
	uint8_t arg_on_stack;
	int16_t arg_stack_offset[5];
	bool arg_const[5]; /* CALL_HELPER: the scalar is arg_value on all paths */
	int64_t arg_value[5];
};

struct verifier_entry {
	const struct object_function *function;
	const struct role_entry *host; /* SEC("eim/…"): the entry of the host; else NULL */
	uint64_t
		worst_insns; /* executed per event at the most: proved, or metered; tail calls included */
	bool is_metered;      /* the code has to count, and ends a run that wants more */
	uint64_t tail_insns;  /* of those, its own up to the last tail call; 0: it makes none */
	uint64_t tail_maps;   /* with the entries in these maps it may go on: bit n is map n */
	uint32_t stack_bytes; /* over all frames, of whoever it may go on with too */
	uint64_t ctx_reads;   /* bit n: bytes 8n … 8n+7 of the context may be read, likewise */
	struct verifier_uses uses;
};

/* How a C value lies in a register: the compiler truncates and extends it so. */
struct verifier_value {
	uint8_t size_bytes; /* 1, 2, 4, 8; 0: there is none */
	bool is_signed;
};

/* An extern that accepted code uses. Row n is about object_externs()[n]. */
struct verifier_extern {
	bool is_used;
	bool is_function;
	struct str
		symbol; /* of the host: what the agent looks up; empty: `name` is the runtime's */
	struct str name;
	uint8_t args_count;
	struct verifier_value args[5], result; /* functions */
};

#define VERIFIER_MAX_DATA ((size_t)32 << 10)

struct verdict;

/*
 * Verifies every entry of `object` under `role`.
 *   out    owned by the caller; accepted or not: verdict_finding() tells
 *   fails  NO_MEMORY, INTERNAL; a rejection is a verdict, not an error
 */
MUST_CHECK struct err *verifier_run(const struct object *object, const struct role *role,
				    struct verifier_limits limits, struct verdict **out);
void verdict_destroy(struct verdict *v);
OWN_DEFINE(verdict, struct verdict *, verdict_destroy)

/* NULL where the program is accepted. */
const struct verifier_finding *verdict_finding(const struct verdict *v);

/* Accepted programs: what was proved. One row per entry; one fact per instruction of the object. */
const struct verifier_entry *verdict_entries(const struct verdict *v, uint32_t *count);
const struct verifier_insn_fact *verdict_facts(const struct verdict *v);
/* Helpers that the program calls: borrowed rows of the helper table. */
const struct helper *const *verdict_helpers(const struct verdict *v, uint32_t *count);
/* One row per extern of the object. */
const struct verifier_extern *verdict_externs(const struct verdict *v, uint32_t *count);
/* How much work it was. */
uint64_t verdict_steps(const struct verdict *v);

/* Appends the verdict for people, several lines; and as JSON, one object:
 * {"verdict":"rejected","rule":…,"role":…,"entry":…,"function":…,"insn":…,"file":…,"line":…,"source":…,
 *  "message":…,"hint":…,"registers":[{"register":…,"kind":…,"text":…}],
 *  "path":[{"insn":…,"line":…,"source":…,"taken":…,"times":…}],"pathOmitted":…}
 * {"verdict":"accepted","role":…,"entries":[{"name":…,"worstInstructions":…,"metered":…,"stackBytes":…,
 *  "helpers":[…],"hostFunctions":[…],"runtimeFunctions":[…],"memory":{"mapsRead":[…],"mapsWritten":[…],
 *  "context":[{"from":…,"to":…}],"host":[{"path":…,"write":…}]}}],"helpers":[…],"hostFunctions":[…]}
 * VERDICTS.md says what each member is. */
void verdict_print(const struct verdict *v, struct buf *out);
void verdict_print_json(const struct verdict *v, struct buf *out);

/* The rejection as an error (owned by the caller): code REJECTED, path "file:line", the message, and
 * verdict_print()'s text as detail, the JSON as data (left out past VERIFIER_MAX_DATA). NULL where the program
 * is accepted. */
MUST_CHECK struct err *verdict_err(const struct verdict *v);
