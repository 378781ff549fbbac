/*
 * plan - desired × actual → steps. Pure: data in, data out.
 *
 * What is wanted is a list of policies, each with a revision and the executable whose processes carry it.
 * What is there is a list of processes and, for each, what it carries or failed to carry. A step brings one
 * process one change nearer. Taking out comes before putting in, so that a new revision follows the old
 * one, and what failed is tried again only when its revision changes.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/base/str.h"

struct plan_policy {
	struct str name, revision, exe;
	bool is_ready; /* compiled: may be instantiated */
};

struct plan_process {
	struct str exe;
	uint32_t first, count; /* its rows in the carried list */
};

struct plan_carried {
	struct str policy, revision;
	bool is_active; /* false: it failed, nothing is in the process */
};

enum plan_action {
	PLAN_REMOVE,	  /* deinstantiate: carried[row] of the process */
	PLAN_FORGET,	  /* drop the row of a failure that no longer matters */
	PLAN_INSTANTIATE, /* policies[policy] into the process */
};

struct plan_step {
	enum plan_action action;
	uint32_t process;
	uint32_t row;	 /* REMOVE, FORGET: index into carried */
	uint32_t policy; /* INSTANTIATE: index into policies */
};

struct plan_input {
	const struct plan_policy *policies;
	const struct plan_process *processes;
	const struct plan_carried *carried;
	uint32_t policies_count, processes_count;
};

/*
 *   out, count  owned by the caller (mem_free); removals first, then forgets, then instantiations, each
 *               in the order of the processes
 *   fails       NO_MEMORY
 */
MUST_CHECK struct err *plan_make(const struct plan_input *input, struct plan_step **out,
				 uint32_t *count);
