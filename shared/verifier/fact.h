/*
 * fact - what holds at an instruction on every path: merged visit by visit, over all entries.
 */
#pragma once

#include "shared/verifier/check.h"

/* The current instruction is executed. Called before the other two. */
void fact_reach(struct check *c);

/* It accesses what `pointer` points into, `offset` further on. */
void fact_access(struct check *c, const struct state_reg *pointer, int32_t offset);

/* It calls a helper; registers are as before the call. `args` are the helper's. */
void fact_call(struct check *c, const struct helper *h);

/* It calls a function of the runtime with that many arguments; registers are as before. */
void fact_runtime(struct check *c, unsigned args);

/* It calls a helper that calls `function` back. False where another path came with another one. Called
 * before fact_call(). */
bool fact_callback(struct check *c, uint32_t function);

/* All entries were walked: what no visit told becomes "nothing is known". */
void fact_finish(struct verdict *v);
