/*
 * role_internal - what the files of role share: role.c (which functions), role_host.c (signatures against
 * BTF), role_access.c (entries, access to their arguments), role_constraint.c (what holds before and after a call), role_print.c (text and digest).
 */
#pragma once

#include "shared/eim/inherit.h"
#include "shared/eim/role.h"

struct role_builder {
	const struct spec *spec;
	const struct btf *host; /* or NULL */
	struct role *role;	/* under construction */
	struct inherit inherit;
	struct arena scratch; /* until the role is built */
};

/* Constraints of one function while they are gathered, in the builder's scratch arena. */
struct role_constraints {
	struct constraint *pre, *post;
	const struct spec_place **pre_at, **post_at; /* one per constraint; NULL: nobody wrote it */
	size_t pre_count, post_count, pre_capacity, post_capacity;
};

/* ---- role_host.c ---- */

/* fails REJECTED: the declared signature is not that of f->btf_id; one finding per difference */
MUST_CHECK struct err *role_check_signature(const struct role_builder *b,
					    const struct spec_function *declared,
					    const struct role_function *f);

/* fails REJECTED: a parameter is const in the document only: what the function writes, it does not grant */
MUST_CHECK struct err *role_check_const(const struct role_builder *b,
					const struct spec_function *declared,
					const struct role_function *f);

/* Parameters and result of f->btf_id, as the host's BTF has them. */
MUST_CHECK struct err *role_take_host_params(struct role_builder *b, struct role_function *f);

/* Parameters and result as declared. */
MUST_CHECK struct err *role_take_params(struct role_builder *b,
					const struct spec_function *declared,
					struct role_function *f);

/* The host's globals that the document speaks of. fails REJECTED: of another type than in BTF */
MUST_CHECK struct err *role_take_variables(struct role_builder *b);

/* ---- role_access.c ---- */

/* The role's entries and access lists.
 *   fails  INVALID, REJECTED: all that does not fit the host's types */
MUST_CHECK struct err *role_take_entries(struct role_builder *b);

/* ---- role_argument.c ---- */

/* Whether a value of BTF type `id` may not be written: const, or an array of that. */
bool role_is_const(const struct btf *btf, uint32_t id);

/* What the arguments and the result of `entry` are, with its constraints known. `proto`: in the host's BTF,
 * NULL where it has none. */
MUST_CHECK struct err *role_take_arguments(struct role_builder *b, const struct btf_type *proto,
					   struct role_entry *entry);

/* ---- role_place.c ---- */

/* Places and fields that the access lists come to, with the entries and lists known. */
MUST_CHECK struct err *role_take_places(struct role_builder *b);

/* ---- role_constraint.c ---- */

/* The constraints of the declaration and of its parameters' and result's types.
 *   fails  INVALID: a type that is its own base */
MUST_CHECK struct err *role_add_declared(struct role_builder *b,
					 const struct spec_function *declared,
					 const struct role_function *f,
					 struct role_constraints *list);

/* Those terms of the capability's constraints that speak of what `f` has. */
MUST_CHECK struct err *role_add_capability(struct role_builder *b,
					   const struct spec_capability *capability,
					   const struct role_function *f,
					   struct role_constraints *list);

/* One that nobody wrote; borrowed. */
MUST_CHECK struct err *role_add_default(struct role_builder *b, struct role_constraints *list,
					const struct constraint *c);

/* Copies the list into the role. */
MUST_CHECK struct err *role_keep_constraints(struct role_builder *b,
					     const struct role_constraints *list,
					     struct role_function *f);

/* Whether all names in `term` are parameters among `params`. */
bool role_term_fits(const struct constraint_term *term, const struct spec_param *params,
		    size_t count);

/* ---- role_contradiction.c ---- */

/* fails INVALID: conditions that no call meets together; names both, with their places */
MUST_CHECK struct err *role_check_contradictions(const struct role_builder *b,
						 const struct role_function *f,
						 const struct role_constraints *list);

/* ---- role_other.c ---- */

/* The role's `others`, with its functions known. */
MUST_CHECK struct err *role_take_others(struct role_builder *b);

/* ---- role_call.c ---- */

/* What a call of the host's function f->btf_id takes: f->args, f->result, f->refusal, and constraints on
 * pointers that `list` says nothing of. */
MUST_CHECK struct err *role_take_call(struct role_builder *b, struct role_function *f,
				      struct role_constraints *list);

/* Whether a parameter of that name, behind a pointer to bytes, says how many there are. */
bool role_is_size_name(struct str name);

/* ---- role_print.c ---- */
MUST_CHECK struct err *role_digest(struct role *role);
