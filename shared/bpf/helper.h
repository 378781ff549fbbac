/*
 * helper - the helpers that the runtime has, from one table (helper.tbl.h). The verifier checks calls
 * by it, the JIT links `rt_NAME` from the runtime's bitcode, roles name helpers as "bpf_NAME".
 */
#pragma once

#include "shared/base/near.h"
#include "shared/base/str.h"

enum helper_arg {
	HELPER_ARG_NONE,      /* the argument does not exist */
	HELPER_ARG_ANYTHING,  /* any initialised register, pointers included */
	HELPER_ARG_SCALAR,    /* a number */
	HELPER_ARG_MAP,	      /* a map, from ld_imm64 */
	HELPER_ARG_MAP_KEY,   /* readable memory of the map's key size */
	HELPER_ARG_MAP_VALUE, /* readable memory of the map's value size */
	HELPER_ARG_MEM_IN,    /* readable memory; the next argument is its SIZE */
	HELPER_ARG_MEM_OUT, /* writable memory, need not be initialised; the next argument is its SIZE */
	HELPER_ARG_SIZE,	 /* bytes of the previous argument, > 0 */
	HELPER_ARG_SIZE_OR_ZERO, /* … or 0; the memory may then be null */
	HELPER_ARG_CONST_SIZE,	 /* a number known when verified: the size of the record */
	HELPER_ARG_RECORD,	 /* a ring-buffer record that this program has reserved */
	HELPER_ARG_CONST_STRING, /* a NUL-terminated string in .rodata */
	HELPER_ARG_CTX,		 /* the unchanged context */
	HELPER_ARG_CALLBACK,	 /* a function of the program, called by the helper */
	HELPER_ARG_SPIN_LOCK,	 /* the spin lock in a map's value */
	HELPER_ARG_CALLBACK_CTX, /* what that function gets: any initialised register */
	HELPER_ARG_CONST_LENGTH, /* a number known when verified: the size of the SLICE */
	HELPER_ARG_MEM_VALUE, /* writable memory of a map's value; the next argument is its SIZE */
	HELPER_ARG_DYNPTR_UNINIT, /* a place for a dynptr on the stack, which the helper fills */
	HELPER_ARG_DYNPTR,	  /* a dynptr */
	HELPER_ARG_DYNPTR_RECORD, /* … of a record, which the helper releases */
};

enum helper_return {
	HELPER_RETURN_VOID,    /* r0 is unreadable */
	HELPER_RETURN_INTEGER, /* a number */
	HELPER_RETURN_MAP_VALUE_OR_NULL,
	HELPER_RETURN_RECORD_OR_NULL, /* of the CONST_SIZE argument's size */
	HELPER_RETURN_SLICE_OR_NULL, /* memory of the DYNPTR, of the CONST_LENGTH argument's size */
};

#define HELPER_ACQUIRES	   1u  /* the result, or the dynptr made, must be released on every path */
#define HELPER_RELEASES	   2u  /* the RECORD or DYNPTR_RECORD argument is gone afterwards */
#define HELPER_READS_HOST  4u  /* reads memory of the host that no type vouches for */
#define HELPER_WRITES_HOST 8u  /* needs allow_memory_write */
#define HELPER_CALLS	   16u /* calls its CALLBACK any number of times, also none */
#define HELPER_TAIL_CALLS  32u /* may go on with another entry instead of coming back */

#define HELPER_MAX_TAIL_CALLS 33 /* that one run may make */

struct helper {
	uint32_t id;
	const char *name;     /* "bpf_map_lookup_elem" */
	const char *function; /* "rt_map_lookup_elem", in the runtime */
	enum helper_return returns;
	enum helper_arg args[5];
	uint32_t flags;
};

extern const struct helper helpers[];
extern const size_t helpers_count;

/* Borrowed from the table, or NULL. `name` is with or without "bpf_". */
const struct helper *helper_find(uint32_t id);
const struct helper *helper_find_name(struct str name);

/* The name of helper `id` of the kernel's ABI also where the runtime lacks it ("bpf_trace_printk"), or
 * NULL: for messages. */
const char *helper_known_name(uint32_t id);
