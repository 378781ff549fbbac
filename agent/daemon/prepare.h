/*
 * prepare - from a program's bytes to a policy that can be instantiated: host BTF, compile child, image
 * cache.
 */
#pragma once

#include "agent/cache/cache.h"
#include "agent/daemon/policy.h"

#define PREPARE_TIMEOUT_MS 30000

struct prepare_input {
	struct str name;	    /* of the policy */
	struct bytes object;	    /* ELF */
	struct str spec_text, role; /* no text: what the host binary declares */
	const char *host_binary; /* whose BTF narrows the role: in it, or found by its build id */
};

/*
 *   compiler  the path of eim-compile
 *   cache     images are looked up and kept there; NULL: none
 *   fails     as compile_run() and policy_create()
 */
MUST_CHECK struct err *prepare_policy(const char *compiler, const struct cache *cache,
				      const struct prepare_input *input, struct policy **out);

/* The path of eim-compile: beside this program. Owned by the caller (mem_free). */
MUST_CHECK struct err *prepare_find_compiler(char **out);
