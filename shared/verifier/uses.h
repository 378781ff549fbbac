/*
 * uses - what an entry may do, noted while its paths are walked: for people and programs that read
 * verdicts. Nothing here decides anything.
 */
#pragma once

#include "shared/verifier/check.h"

/* A new entry or global function: nothing is noted. */
void uses_start(struct check *c);

/* The current instruction was found right: what it calls, and the variables that it names. */
void uses_insn(struct check *c);

/* Memory of map `map` is read or written. */
void uses_map(struct check *c, uint32_t map, bool is_write);

/* Helper `h` works on map `map`. */
void uses_map_by(struct check *c, uint32_t map, const struct helper *h);

/* Memory of the host at `path` ("r.uri") is read or written. Past USES_MAX_HOST paths: not noted. */
#define USES_MAX_HOST 256u
void uses_host(struct check *c, struct str path, bool is_write);

/* What a called function does is done here too. */
void uses_add(struct check *c, const struct verifier_uses *more);
