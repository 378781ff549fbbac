/*
 * Rules: RULE(NAME, code, meaning). The codes are stable: clients and .case files match on them. The meaning
 * ends the sentence "a program is rejected because …"; VERDICTS.md has it, with two programs for each rule.
 */
RULE(BAD_INSN, "bad-instruction",
     "the instruction is not in the eBPF instruction set, or its reserved fields are in use")
RULE(BAD_JUMP, "bad-jump", "a jump or call leaves its function, or execution runs past its end")
RULE(UNINIT_REGISTER, "uninitialized-register",
     "a register is read that nothing was written to, or that a call has used up")
RULE(UNINIT_STACK, "uninitialized-stack",
     "stack bytes are read before anything was written to them")
RULE(FRAME_POINTER, "frame-pointer-write",
     "r10, which points to the top of the function's stack, is written")
RULE(BAD_POINTER_ARITHMETIC, "bad-pointer-arithmetic",
     "an operation on a pointer leaves nothing known of where it points")
RULE(POINTER_LEAK, "pointer-leak", "a pointer would become visible as a number")
RULE(NULL_POINTER, "possible-null", "a pointer that may be null is used without a check")
RULE(NO_POINTER, "not-a-pointer",
     "memory is accessed through something that is not a pointer to it")
RULE(OUT_OF_BOUNDS, "out-of-bounds", "an access may lie outside of its object")
RULE(MISALIGNED, "misaligned", "an access is not at a multiple of the size that it has to be at")
RULE(READ_ONLY, "read-only", "a store goes to memory that this program may only read")
RULE(STACK_LIMIT, "stack-limit", "the stack of all frames is larger than max_memory allows")
RULE(INSN_LIMIT, "instruction-limit",
     "the worst case executes more instructions than max_instructions allows")
RULE(ENDLESS_LOOP, "endless-loop", "a loop makes no progress that ends it")
RULE(CALL_DEPTH, "call-depth", "calls nest deeper than 8 frames")
RULE(UNKNOWN_HELPER, "unknown-helper", "it calls a helper that the runtime does not have")
RULE(CALL_NOT_GRANTED, "call-not-granted", "no capability of the role includes the called function")
RULE(BAD_ARGUMENT, "bad-argument", "an argument is not what the called function asks for")
RULE(CONSTRAINT, "constraint-not-proved", "a pre-condition of the called function is not proved")
RULE(BAD_MAP_USE, "bad-map-use", "a helper is called for a map of a kind that it does not work on")
RULE(UNRELEASED, "unreleased-reference", "something acquired is not released on every path")
RULE(SPIN_LOCK, "spin-lock",
     "a spin lock is not given back on every path, or what must not happens while it is held, or "
     "its bytes are accessed")
RULE(BAD_RETURN, "bad-return",
     "an entry returns no number, or a function returns a pointer to its own stack")
RULE(ATTRIBUTE, "attribute", "an attribute of the role forbids what a called function does")
RULE(MAP_MEMORY, "map-memory", "the maps need more memory than max_map_memory allows")
RULE(UNSUPPORTED, "unsupported", "it uses what this version does not run")
RULE(TOO_COMPLEX, "too-complex", "the analysis reached its own limit before an answer")
