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

#define JUDGE_ROLES  3
#define JUDGE_INPUTS 6

/* Plain numbers: processes side by side add theirs up. */
struct judge_figures {
	uint64_t programs, accepted, runs, open_runs, compiled, compiled_runs, executed, findings;
	uint64_t rules[64]; /* rejections, by rule */
	struct cover cover;
};

struct judge {
	struct spec *spec;
	struct role *roles[JUDGE_ROLES];
	uint64_t granted[JUDGE_ROLES][4];
	struct bytes host; /* a page between two that are not there */
	struct interp *interp;
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

/* ---- judge_figures.c ---- */
void judge_add(struct judge_figures *to, const struct judge_figures *f);

/* Appends a few lines, and a line per rule that rejected something; `is_long`: also rules that never
 * did, and what was reached (cover.h). */
void judge_print(const struct judge_figures *f, bool is_long, struct buf *out);
