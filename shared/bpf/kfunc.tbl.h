/*
 * Functions of the runtime that programs name, as the kernel's own are named (extern … __ksym), where helpers
 * have numbers: KFUNC(NAME, result, parameters, arguments …)
 *
 *   NAME        bpf_NAME for programs and roles, rt_NAME in the runtime
 *   result      bytes of the C type in r0, below 0: signed; 0: nothing
 *   parameters  how many
 *   arguments   KFUNC_ARG_*: what the verifier asks for (iter.c)
 *
 * To add one: a row here, the function in shared/runtime/rt_*.c, what it does in the verifier (iter.c), a .case that
 * calls it and one that abuses it.
 */
KFUNC(iter_num_new, -4, 3, ITER_NEW, INT, INT)
KFUNC(iter_num_next, 8, 1, ITER, NONE, NONE)
KFUNC(iter_num_destroy, 0, 1, ITER, NONE, NONE)
