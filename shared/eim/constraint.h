/*
 * constraint - the constraint language: parsed once into a small tree, printed and evaluated from it.
 *
 *	constraint = terms { ("or" | "||") terms }
 *	terms      = term { ("and" | "&&" | ",") term }
 *	term       = sum relation sum | NAME "." predicate
 *	relation   = "≥" ">=" "≤" "<=" "≠" "!=" "=" "==" "<" ">"
 *	predicate  = "non_null" | "null_terminated" | "readable(" sum ")" | "writable(" sum ")"
 *	sum        = atom { ("+" | "-") atom }
 *	atom       = integer | "value" | "return" | NAME | "sizeof(" NAME ")"
 *
 * "a and b or c" is (a and b) or c: of its *alternatives*, which "or" parts, one must hold, with all of its
 * terms. A sum may begin with "-". On a type, a bare predicate ("non_null") speaks of `value`; `value` and
 * `return` may stand where NAME does before a predicate. What does not parse is prose: kept as
 * text, reported by lint as not enforced.
 */
#pragma once

#include "shared/base/arena.h"
#include "shared/base/buf.h"

#define CONSTRAINT_MAX_TERMS 16
#define CONSTRAINT_MAX_ATOMS 8

enum constraint_relation {
	CONSTRAINT_EQ,
	CONSTRAINT_NE,
	CONSTRAINT_LT,
	CONSTRAINT_LE,
	CONSTRAINT_GT,
	CONSTRAINT_GE,
	CONSTRAINT_NON_NULL,
	CONSTRAINT_NULL_TERMINATED,
	CONSTRAINT_READABLE,
	CONSTRAINT_WRITABLE,
};

enum constraint_atom_kind {
	CONSTRAINT_INTEGER,
	CONSTRAINT_NAME,
	CONSTRAINT_RETURN,
	CONSTRAINT_VALUE,
	CONSTRAINT_SIZEOF
};

struct constraint_atom {
	enum constraint_atom_kind kind;
	bool negative;	 /* the atom is subtracted */
	int64_t integer; /* INTEGER: the magnitude, at most 2^63, and that only where negative */
	struct str name; /* NAME, SIZEOF */
};

struct constraint_sum {
	struct constraint_atom atoms[CONSTRAINT_MAX_ATOMS];
	size_t count;
};

struct constraint_term {
	bool is_or; /* "or" stands before it: it begins another alternative */
	enum constraint_relation relation;
	struct constraint_sum left;  /* predicates: the one name */
	struct constraint_sum right; /* relations and readable/writable */
};

struct constraint {
	struct str text; /* as written */
	bool is_prose;	 /* nothing is enforced; `terms` is empty */
	bool is_default; /* nobody wrote it: what role.h asks where nothing is said */
	const struct constraint_term *terms; /* the alternatives', one after the other */
	size_t count;
};

/*
 * Parses `text` into `a`. Text that is no constraint becomes prose: not an error.
 *   fails  NO_MEMORY; INVALID past the limits above
 */
MUST_CHECK struct err *constraint_parse(struct str text, struct arena *a, struct constraint *out);

/* The alternatives in their order: sets *from and *to to the terms of the one that begins at *to (0 at first);
 * false behind the last. */
bool constraint_next(const struct constraint *c, size_t *from, size_t *to);

/* Whether there is more than one alternative. */
bool constraint_has_choice(const struct constraint *c);

/* `c` anew, all of it in `a`. fails: NO_MEMORY */
MUST_CHECK struct err *constraint_copy(const struct constraint *c, struct arena *a,
				       struct constraint *out);

/* Appends the canonical text: parse(print(c)) equals c. */
void constraint_print(const struct constraint *c, struct buf *out);

/* True where a term speaks of `return`: it holds after the call and not before. A constraint with a choice
 * holds after the call as a whole where any of its terms does. */
bool constraint_term_is_post(const struct constraint_term *term);

/* True where any of its terms does. */
bool constraint_is_post(const struct constraint *c);

/*
 * Evaluates over known numbers: `value_of(context, atom, &out)` gives an atom's value, false where it
 * is unknown. Result: 1 holds, 0 does not, -1 unknown. Predicates ask `value_of` for the pointer
 * (non_null) and are else unknown; so is prose. Sums wrap as int64_t.
 */
int constraint_eval(const struct constraint *c,
		    bool (*value_of)(void *context, const struct constraint_atom *atom,
				     int64_t *out),
		    void *context);
