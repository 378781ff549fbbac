/*
 * verdict - how a verdict is made (what callers see of it is in verifier.h).
 */
#pragma once

#include "shared/base/arena.h"
#include "shared/verifier/verifier.h"

#define VERDICT_MAX_BYTES ((size_t)32 << 20)

struct verdict {
	struct arena arena;
	const struct object *object; /* borrowed */
	const struct role *role;     /* borrowed */
	bool is_rejected;
	struct verifier_finding finding;
	struct verifier_insn_fact *facts;
	struct verifier_entry *entries;
	const struct helper **helpers;
	struct verifier_extern *externs;
	uint32_t insns_count, entries_count, helpers_count, externs_count;
	uint64_t steps;
};

/* An accepting verdict with nothing in it. fails NO_MEMORY */
MUST_CHECK struct err *verdict_create(const struct object *object, const struct role *role,
				      struct verdict **out);

/* Notes that the program calls `h`. */
void verdict_add_helper(struct verdict *v, const struct helper *h);
