/*
 * state_object - what lies in slots of the stack and only calls may touch: dynptrs, number iterators. The slots of an object
 * hold registers of a kind with STATE_IS_OBJECT, each with the object's id and, as its range, its place in the
 * object (0, 8 …). Nothing loads them. Pointers that the object handed out (STATE_IS_PART) have its id as `map`,
 * and end with it. An object whose id is among the references is *held*: it must be released.
 *
 * To add a kind of object: a row in kind.tbl.h with STATE_IS_OBJECT, a helper argument that makes it and one that
 * uses it (call_dynptr.c has those of dynptrs, iter.c those of iterators). Stores, helpers' writes, pruning and callbacks know it then.
 */
#pragma once

#include "shared/verifier/state.h"

/* The first slot of the object that begins at `offset` from the frame's top, or NULL. */
const struct state_reg *state_object_at(const struct state *s, unsigned frame, int64_t offset);

/* Any object that these bytes touch, held ones first; NULL: none. */
const struct state_reg *state_object_touched(const struct state *s, unsigned frame, int offset,
					     unsigned size);

/* Whether it has to be released. */
bool state_object_is_held(const struct state *s, const struct state_reg *object);

/* Lays `object` (kind and id; the rest is up to the kind) in `slots` slots from `offset` on. What was there
 * ends first. */
void state_object_put(struct state *s, unsigned frame, int offset, unsigned slots,
		      struct state_reg object);

/* The object's slots become unwritten, and its parts unreadable, wherever they are. */
void state_object_end(struct state *s, uint32_t id);

/* Its parts alone become unreadable: what they point to is not what it was. */
void state_object_end_parts(struct state *s, uint32_t id);

/* All objects that a write of these bytes touches end. */
void state_object_overwrite(struct state *s, unsigned frame, int offset, unsigned size);

/* The last held object that lies in the top frame, or NULL: it would be lost with the frame. */
const struct state_reg *state_object_in_top(const struct state *s);
