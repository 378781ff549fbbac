/*
 * cover - what accepted programs hold and what of it was executed: each form of each instruction of the
 * instruction set (RFC 9669 with version 4), each helper. What is never reached is judged by nobody.
 *
 * Memory:  plain numbers; two can be added, so that processes side by side sum up.
 */
#pragma once

#include "shared/base/buf.h"
#include "shared/bpf/insn.h"

#define COVER_FORMS   4096 /* opcode and variant */
#define COVER_HELPERS 256

struct cover_count {
	uint64_t programs, executed;
};

struct cover {
	struct cover_count forms[COVER_FORMS], helpers[COVER_HELPERS];
};

/* An accepted program; visits[n] says how often instruction n was executed. */
void cover_note(struct cover *c, const struct bpf_insn *insns, uint32_t count,
		const uint32_t *visits);

void cover_add(struct cover *to, const struct cover *c);

/* Appends a line per form and helper, and what was never executed. */
void cover_print(const struct cover *c, struct buf *out);
