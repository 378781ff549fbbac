/*
 * kfunc - functions of the runtime that programs call by name, from one table (kfunc.tbl.h): an extern that is
 * no function of the host is looked up here. Roles grant them as they grant helpers.
 */
#pragma once

#include "shared/base/near.h"
#include "shared/base/str.h"

#define KFUNC_MAX_ARGS 3u

enum kfunc_arg {
	KFUNC_ARG_NONE,	    /* the argument does not exist */
	KFUNC_ARG_INT,	    /* a number of 4 bytes */
	KFUNC_ARG_ITER_NEW, /* a place for a number iterator on the stack, which the function fills */
	KFUNC_ARG_ITER,	    /* a number iterator */
};

enum kfunc_id {
#define KFUNC(name, result, count, a1, a2, a3) KFUNC_##name,
#include "shared/bpf/kfunc.tbl.h"
#undef KFUNC
};

struct kfunc {
	enum kfunc_id id;
	const char *name;     /* "bpf_iter_num_new" */
	const char *function; /* "rt_iter_num_new", in the runtime */
	uint8_t result_bytes; /* of what it returns; 0: nothing */
	bool is_result_signed;
	uint8_t args_count;
	enum kfunc_arg args[KFUNC_MAX_ARGS];
};

extern const struct kfunc kfuncs[];
extern const size_t kfuncs_count;

/* Borrowed from the table, or NULL. */
const struct kfunc *kfunc_find(struct str name);

/* Bytes of argument `i` (below args_count) as a C value. */
uint8_t kfunc_arg_bytes(const struct kfunc *k, unsigned i);
