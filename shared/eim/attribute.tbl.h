/*
 * Attributes of roles: ATTRIBUTE(name, kind, initial, meaning)
 *   name     as documents write it, and the member of struct role_attributes
 *   kind     FLAG (bool), U32, U64: the member's type
 *   initial  what a role has that does not set it
 *
 * To add one: a row here, a member in role.h, its enforcement in shared/verifier, a test.
 */
ATTRIBUTE(max_memory, U32, 512, "bytes of stack over all frames")
ATTRIBUTE(max_map_memory, U64, 64u << 20, "bytes of all maps together")
ATTRIBUTE(max_instructions, U64, 1000000, "instructions per event in the worst case")
ATTRIBUTE(metered, FLAG, false, "instructions are counted at run time instead of proved")
ATTRIBUTE(allow_memory_write, FLAG, false, "memory of the host may be written")
ATTRIBUTE(always_const, FLAG, true, "pointers from the entry's arguments are const")
ATTRIBUTE(may_have_side_effect, FLAG, false, "host functions with side effects may be called")
ATTRIBUTE(skip_verification, FLAG, false, "programs run unverified: refused")
