/*
 * lint - the codes of spec_lint()'s findings, from one table (lint.tbl.h).
 */
#pragma once

#include "shared/eim/spec.h"

enum lint_code {
	LINT_NONE,
#define LINT(name, code, severity, meaning) LINT_##name,
#include "shared/eim/lint.tbl.h"
#undef LINT
	LINT_COUNT
};

struct lint_row {
	const char *code;
	enum spec_severity severity;
	const char *meaning;
};

/* By enum lint_code; row LINT_NONE is empty. */
extern const struct lint_row lint_table[LINT_COUNT];
