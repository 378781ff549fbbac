/*
 * yaml_scalar - what a plain scalar means (YAML 1.2, core schema), for reading and for printing.
 */
#pragma once

#include "shared/codec/node.h"

/* Sets kind, integer and real of `n` from n->text. What is neither null, bool, integer nor finite real
 * is TEXT, an integer that does not fit int64_t too. */
void yaml_scalar_resolve(struct node *n);
