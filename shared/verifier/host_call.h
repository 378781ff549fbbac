/*
 * host_call - calls of functions of the host: what the role grants by name, called with arguments that the
 * host's BTF and the role's constraints describe (role.h), and what they return: numbers, handles, and things
 * that have to be released.
 */
#pragma once

#include "shared/verifier/check.h"

/*
 * A call of extern insn->imm, by name: a function of the host, or else one of the runtime (iter.h).
 *   fails CALL_NOT_GRANTED, UNKNOWN_HELPER, UNSUPPORTED, ATTRIBUTE: it may not be called, from here
 *         CONSTRAINT, BAD_ARGUMENT, POINTER_LEAK, NO_POINTER, NULL_POINTER, READ_ONLY, UNINIT_REGISTER and
 *         what memory_check() says: an argument is not what is asked for
 *         TOO_COMPLEX: too many things are held
 */
MUST_CHECK struct err *host_call(struct check *c, const struct bpf_insn *insn);

/* What follows may call functions of the host, any number of times: what such a call makes unknown is. */
void host_call_expect(struct check *c);

/* What was acquired as `ref` is not released; `where` ends the sentence: "when the entry returns". */
MUST_CHECK NEVER_NULL struct err *
host_call_reject_unreleased(struct check *c, const struct state_ref *ref, const char *where);
