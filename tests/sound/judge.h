/*
 * judge - does an accepted program behave as the verifier says, and does compiled code behave as the
 * instruction set says? One program, many inputs.
 *
 * Memory:  a judge is large and reused; judge_init() once per process.
 * Threads: none.
 */
#pragma once

#include "tests/sound/cover.h"
#include "tests/sound/generate.h"
#include "tests/sound/interp.h"

#include "shared/eim/role.h"

#define JUDGE_ROLES  4
#define JUDGE_INPUTS 6

/* Plain numbers: processes side by side add theirs up. */
struct judge_figures {
	uint64_t programs, accepted, runs, open_runs, compiled, compiled_runs, executed, findings;
	uint64_t metered, ended,
		early; /* accepted entries; runs that used all up; and that were ended before */
	uint64_t rules[64];				   /* rejections, by rule */
	uint64_t host_accesses, host_calls[WORLD_EXTERNS]; /* of extensions, when they ran */
	uint64_t extensions, extensions_accepted, extension_runs, extension_rules[64];
	struct cover cover;
};

struct judge {
	struct spec *spec;
	struct btf *types; /* of generated programs */
	struct role *roles[JUDGE_ROLES];
	uint64_t granted[JUDGE_ROLES][4];
	struct bytes host; /* a page between two that are not there */
	struct interp *interp;
	struct btf *host_types;
	struct world world; /* where extensions run */
	unsigned role;	    /* what is judged is run under this one */
	uint64_t pid_tgid;
	struct judge_figures figures;
};

/* What is wrong with one program. */
struct judge_finding {
	enum interp_trap trap; /* FINE: the compiled code differs, or the compiler failed */
	uint64_t input;
	char message[512];
};

MUST_CHECK struct err *judge_init(struct judge *j);
void judge_fini(struct judge *j);

/*
 * Verifies `p`, and where it is accepted runs it; `seed` makes the inputs.
 *   compiles  whether it is compiled as well
 *   accepted  whether the verifier did
 *   finding   written where there is one
 *   returns   false where there is a finding
 */
bool judge_program(struct judge *j, const struct generate_program *p, uint64_t seed, bool compiles,
		   bool *accepted, struct judge_finding *finding);

/* Blanks instructions of `p` as long as the same finding remains. */
void judge_minimise(struct judge *j, struct generate_program *p, uint64_t seed, bool compiles,
		    struct judge_finding *finding);

/*
 * The program of `seed`, and mutations of it while they are accepted. Every `every`-th accepted
 * one is compiled; 0: none.
 *   report   what was found, for people
 *   returns  how many findings
 */
uint32_t judge_seed(struct judge *j, uint64_t seed, uint32_t every, struct buf *report);

/* ---- judge_role.c ---- */
/* Bit n of granted[n / 64] is set where the role grants helper n. */
void judge_grants(const struct role *role, uint64_t granted[4]);
/* Appends the specification that has all roles. */
void judge_document(struct buf *out);

/* ---- judge_host.c ---- */
/* The types of the host that extensions are put into; owned by the caller. */
MUST_CHECK struct err *judge_host_types(struct btf **out);
/* Appends what the specification says of it, but roles and capabilities. */
void judge_host_document(struct buf *out);
/* The host's functions, as a list of names; and the access list of a role, without its braces. */
const char *judge_host_functions(void);
void judge_host_access(unsigned role, struct buf *out);

/* ---- judge_btf.c ---- */
/* The types that generated programs have; owned by the caller. */
MUST_CHECK struct err *judge_types(struct btf **out);

/* ---- judge_figures.c ---- */
void judge_add(struct judge_figures *to, const struct judge_figures *f);

/* Appends a few lines, and a line per rule that rejected something; `is_long`: also rules that never
 * did, and what was reached (cover.h). */
void judge_print(const struct judge_figures *f, bool is_long, struct buf *out);
