/*
 * refine - what a conditional jump teaches about the two numbers that it compares.
 * Threads: values only.
 */
#pragma once

#include "shared/verifier/range.h"

/*
 * Narrows *a and *b to the values for which "a op b" (BPF_JEQ … BPF_JSLE, on all 64 bits or the low 32)
 * is `holds`. False where there are none: the jump never goes that way.
 * The two must not be the same number: for "x op x" ask with copies and use neither.
 */
bool refine_jump(unsigned op, bool is64, bool holds, struct range *a, struct range *b);
